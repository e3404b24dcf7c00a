"""The tutorials run, and each notebook is its text."""

import re
from pathlib import Path

import pytest

jupytext = pytest.importorskip("jupytext", reason="tutorials are kept as text by jupytext")
nbclient = pytest.importorskip("nbclient", reason="tutorials are run by nbclient")

TUTORIALS = sorted((Path(__file__).parents[2] / "tutorials").glob("[0-9][0-9]_*.py"))
each = pytest.mark.parametrize("text", TUTORIALS, ids=lambda path: path.stem)


def test_there_are_tutorials_in_reading_order():
    assert TUTORIALS
    assert all(re.match(r"\d\d_[a-z_]+$", path.stem) for path in TUTORIALS)


@each
def test_the_notebook_is_its_text(text):
    one, other = jupytext.read(text), jupytext.read(text.with_suffix(".ipynb"))
    assert [(c.cell_type, c.source) for c in one.cells] == [(c.cell_type, c.source) for c in other.cells]


@each
def test_the_notebook_runs_and_carries_its_outputs(text):
    pytest.importorskip("matplotlib")
    pytest.importorskip("flint")
    committed = jupytext.read(text.with_suffix(".ipynb"))
    code = [cell for cell in committed.cells if cell.cell_type == "code"]
    outputs = [output for cell in code for output in cell.outputs]
    assert all(cell.execution_count for cell in code)
    assert len(outputs) > len(code) / 2
    assert not any(output.output_type == "error" for output in outputs)
    nbclient.NotebookClient(jupytext.read(text), timeout=300, kernel_name="python3").execute()  # its asserts are the tests
