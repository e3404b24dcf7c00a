"""The verbs that draw: animations, comparisons, drift."""

import json

import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from refopt.cli import main
from refopt.training import entrants, toy_race


def run(capsys, *words):
    status = main(list(words))
    told = capsys.readouterr()
    return status, told.out, told.err


def test_race_animates_walks(capsys, tmp_path):
    path = tmp_path / "race.html"
    words = ["race", "--animate", str(path), "--rules", "adam,sgd", "--on", "rosenbrock", "-n", "20", "--theme", "dark"]
    status, out, _ = run(capsys, *words)
    assert status == 0
    adam, _ = toy_race(entrants(["adam", "sgd"], "rosenbrock"), "rosenbrock", 20)
    assert ["adam", "0.3", f"{adam.losses[-1]:.2e}"] in [line.split() for line in out.splitlines()]
    assert f"Animation: {path}" in out
    assert "color-scheme: dark" in path.read_text(encoding="utf-8")
    status, out, _ = run(capsys, *words, "--json")
    document = json.loads(out)
    assert document["rules"][0] == {"name": "adam", "lr": 0.3, "loss": adam.losses[-1], "steps": 20}


def test_race_compares(capsys, tmp_path):
    words = ["race", "--compare", "--rules", "adam,sgd", "--epochs", "2", "--out", str(tmp_path)]
    status, out, _ = run(capsys, *words)
    assert status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["compare.png", "compare.svg", "race.png", "race.svg"]
    assert str(tmp_path / "compare.svg") in out


def test_compare_draws_the_drift(capsys, tmp_path):
    status, _, _ = run(capsys, "compare", "adam", "--frameworks", "torch,keras,optax", "--out", str(tmp_path / "new"))
    assert status == 0
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["drift.png", "drift.svg"]
    text = (tmp_path / "new" / "drift.svg").read_text(encoding="utf-8")
    assert "<!-- the same bits: optax -->" in text
    assert "<!-- keras -->" in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--animate", "race.png"], "no kind of animation"),
        (["--animate", "race.gif", "--on", "beal"], "unknown problem 'beal'; did you mean 'beale'"),
        (["--animate", "race.gif", "--on", "saddle"], "no learning rates are tuned for saddle; --on takes beale or rosenbrock"),
        (["--animate", "race.gif", "-n", "0"], "--steps must be at least 1"),
        (["--on", "beale"], "--on goes with --animate"),
        (["--animate", "race.gif", "--compare"], "--compare is of the race"),
        (["--animate", "race.gif", "--epochs", "3"], "--epochs is of the race"),
        (["--animate", "race.gif", "--tune"], "--tune is of the race"),
        (["--theme", "drak", "--epochs", "1", "--rules", "sgd"], "unknown theme 'drak'; did you mean 'dark'"),
    ],
)
def test_bad_words_are_one_line(capsys, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    status, _, err = run(capsys, "race", *words)
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.glob("*.*"))
