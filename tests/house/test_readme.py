"""Everything in the README runs."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

import refopt
from refopt.bench.updates import cases
from refopt.cli import build_parser, main
from refopt.cli.bench import BENCHES

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
TWO_COMMANDS = [
    "python3 -m venv .venv && .venv/bin/pip install -e '.[all]' && .venv/bin/refopt race",
    "python3 -m venv .venv && .venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest",
]


def test_the_two_commands_are_those_that_ci_runs():
    shell = [text.strip() for kind, text in BLOCKS if kind == "bash"]
    assert shell[:2] == TWO_COMMANDS
    ci = (ROOT / ".ci" / "run").read_text()
    for command in TWO_COMMANDS:
        assert command in ci


def test_it_shows_the_file_of_adam():
    source = (ROOT / "refopt" / "rules" / "adam.py").read_text(encoding="utf-8")
    code = source.split('"""', 2)[2].strip()
    assert [text.strip() for kind, text in BLOCKS if kind == "python" and "adam = Rule(" in text] == [code]


def test_the_examples_run(capsys, tmp_path, monkeypatch):
    pytest.importorskip("flint")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    scope = {}
    for kind, text in BLOCKS:
        if kind == "python" and "adam = Rule(" not in text:
            exec(compile(text, "README.md", "exec"), scope)
            if "moons(" in text:
                data = scope["data"]
                scope["moons"] = scope["net"].accuracy(scope["theta"], data.x_test, data.y_test)
    assert np.all(scope["proofs"][1]["m_hat"].ulps > 0)
    assert scope["moons"] >= 0.99
    assert refopt.fast.why_not(scope["mine"]) is None
    assert scope["found"]["adam"].paths.shape == (501, 3, 1000, 2)
    assert scope["found"]["sgd"].finite.mean(axis=1).tolist() == [1, 0, 0]
    assert {path.name for path in tmp_path.rglob("*.*")} >= {"walks.html", "steps.html", "landscape.svg"}
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:5]] == ["clip_by_global_norm", "l1", "adamw"]
    assert lines[2].endswith(" 13.0")  # 4·6² + 5² = 13²
    # torch: 1e-3 · 1e-8 / (1e-8 + 1e-8) = 5e-4; keras: the ε beside it is 31.6 times as large
    assert float(lines[0].split()[-1].strip("[]")) == pytest.approx(-5e-4, rel=1e-8)
    assert float(lines[1].split()[-1].strip("[]")) == pytest.approx(-1e-3 / (1 + 1000**0.5), rel=1e-8)


def test_the_commands_run(capsys, tmp_path, monkeypatch):
    pytest.importorskip("flint")
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    commands = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines() if line.startswith("refopt ")]
    assert len(commands) >= 5
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0, command
    assert (tmp_path / "refopt-out" / "race.png").exists()
    assert "test accuracy" in capsys.readouterr().out


def test_the_benches_that_it_names_are_there():
    """They are not run here: they take minutes, and what they print depends on the machine."""
    named = re.findall(r"`refopt (bench [^`]+)`", README)
    assert {words.split()[1] for words in named} == set(BENCHES)
    for words in named:
        options = build_parser().parse_args(shlex.split(words))
        if options.only is not None and options.what == "step":
            assert cases(options.only.split(","))


def test_what_it_says_of_schedules_is_true():
    from refopt.schedules.libraries import LIBRARIES

    words = {6: "six"}
    assert f"in the readings of {words[len(LIBRARIES)]} libraries" in README
    assert f"lists and draws all {len(refopt.schedules.names())}." in README
    assert f"| {sum(map(len, LIBRARIES.values()))} readings of schedules equal" in README
    torch_cosine = refopt.schedules.get("cosine", framework="torch", lr=0.1, steps=90)
    assert (torch_cosine(180), refopt.schedules.cosine(lr=0.1, steps=90)(180)) == (0.1, 0.0)


def test_the_numbers_of_compared_rules_are_true():
    tables = refopt.frameworks.FRAMEWORKS.values()
    rules, pairs = re.search(r"(\d+) rules, (\d+) pairs of a library and a rule", README).groups()
    assert int(rules) == len(refopt.names())
    assert int(pairs) == sum(len({entry.split()[0] for entry in table}) for table in tables)
    again, readings = re.search(
        r"^\| (\d+) pairs of a library and a rule, in (\d+) readings of twelve", README, re.MULTILINE
    ).groups()
    assert (again, int(readings)) == (pairs, sum(map(len, tables)))
    assert len(tables) == 12


def test_the_numbers_of_vectors_and_mistakes_are_true():
    from refopt.golden import available, mistakes

    assert f"golden vectors of {len(available())} rules" in README
    assert f"| {len(mistakes.all())} wrong implementations" in README


def test_links_and_rooms_exist():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    for place in re.findall(r"`(refopt/[\w/.]+)`", README):
        assert (ROOT / place).exists() or "NAME" in place or "LIBRARY" in place, place
    for name in re.findall(r"refopt (?:show|step|exact) (\w+)", README):
        assert name in refopt.names()
