"""The conformance report: what it says of libraries that are known, and that the committed one is of these versions' making."""

import json
from pathlib import Path

import pytest
from conftest import import_peer

pytest.importorskip("flint", reason="a library's reading is proven on the spot")
pytest.importorskip("matplotlib")

from refopt.cli import main
from refopt.golden.conformance import VERDICTS, conformance, installed, table

FIGURES = Path(__file__).parents[2] / "figures"
pytestmark = pytest.mark.filterwarnings("ignore:This overload of add", "ignore:__array__ implementation")


@pytest.mark.parametrize(
    ("library", "rule", "verdict", "words"),
    [
        ("torch", "adam", "paper", ()),
        ("torch", "amsgrad", "dialect", ("correction=after_maximum",)),
        ("optax", "rprop", "defect", ("when=late",)),
        ("optax", "radam", "float32", ("threshold=5.0",)),
    ],
)
def test_what_is_known(library, rule, verdict, words):
    import_peer("jax") if library == "optax" else None
    import_peer(library)
    (found,) = conformance([library], [rule])
    assert found.verdict == verdict
    assert set(words) <= set(found.reading)
    assert found.version == installed()[library]
    assert verdict != "paper" or not found.flags
    assert f"| {library} | {rule} | {verdict} |" in table([found])


def test_the_command_writes_table_and_figure(capsys, tmp_path):
    import_peer("torch")
    words = ["conformance", "--framework", "torch", "--rule", "sgd", "--out", str(tmp_path)]
    assert main(words) == 0
    assert "torch    sgd   paper" in capsys.readouterr().out
    assert {path.name for path in tmp_path.iterdir()} == {f"conformance.{kind}" for kind in ("json", "md", "png", "svg")}
    assert main(["conformance", "--framework", "torhc"]) == 2
    assert "did you mean 'torch'" in capsys.readouterr().err
    assert main(["conformance", "--framework", "torch", "--rule", "adamm"]) == 2
    assert main(["conformance", "--framework", "torch", "--rule", "yogi", "--out", str(tmp_path)]) == 2
    assert "no library that is installed has yogi" in capsys.readouterr().err


def test_the_committed_report_is_whole():
    found = json.loads((FIGURES / "conformance.json").read_text(encoding="utf-8"))
    assert len({(one["framework"], one["rule"]) for one in found}) == len(found) >= 150
    assert {one["verdict"] for one in found} <= VERDICTS.keys() - {"stops", "unlike"}
    versions = {one["framework"]: one["version"] for one in found}
    if not installed().items() <= versions.items():
        pytest.skip("other versions are installed; refopt conformance --out figures makes the report again")
    assert {one["rule"]: one["verdict"] for one in found if one["framework"] == "torch"}["amsgrad"] == "dialect"
    assert (FIGURES / "conformance.svg").exists()
    assert all(f"{name} {version}" in (FIGURES / "conformance.md").read_text() for name, version in versions.items())
