"""Run every tutorial and write its notebook beside its text: ``python tutorials/build.py``.

The text (NN_name.py, in jupytext's percent format) is what one edits; the notebook carries the outputs, so that it can be read
where nothing runs. The same text gives the same notebook: no run times, no names of machines.
"""

import re
from pathlib import Path

import jupytext
from nbclient import NotebookClient

METADATA = {
    "jupytext": {"formats": "ipynb,py:percent"},
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
}


def build(text: Path) -> None:
    """Execute one tutorial and write its notebook."""
    notebook = jupytext.read(text)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02d}"
    NotebookClient(notebook, timeout=300, kernel_name="python3", record_timing=False).execute()
    notebook.metadata = METADATA
    jupytext.write(notebook, text.with_suffix(".ipynb"))


for path in sorted(Path(__file__).parent.glob("*.py")):
    if re.match(r"\d\d_", path.name):
        build(path)
        print(f"{path.stem}.ipynb: {path.with_suffix('.ipynb').stat().st_size / 1024:.0f} KiB")
