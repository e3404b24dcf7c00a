"""The rooms: imports flow one way, only view draws, and importing refopt is light."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import refopt

ROOT = Path(refopt.__file__).parent
MODULES = sorted(path for path in ROOT.rglob("*.py"))

# A module may import from its own room and from the lines above it.
FLOW = [
    ["numbers"],
    ["dialects", "containers"],
    ["absent"],
    ["recurrence"],
    ["rules", "stepping"],
    ["wrappers"],
    ["gradients"],
    ["catalogue", "frameworks"],
    ["fast"],
    ["exact", "problems", "data", "nets", "schedules"],
    ["training", "golden"],
    ["landscape"],
    ["bench"],
    ["view"],
    ["cli"],
]
LEVEL = {room: level for level, rooms in enumerate(FLOW) for room in rooms}


def room(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts[0]


def imports(path):
    """Every module that a file imports, at the top or inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names if node.module == "refopt")


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_flow_one_way(path):
    here = room(path)
    if here in ("__init__", "__main__"):
        return  # the front doors
    assert here in LEVEL, f"{here} has no place in the flow of imports"
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "refopt" or len(parts) == 1 or parts[1] not in LEVEL:
            continue
        # frameworks is data over the rules; the catalogue only looks it up. A rule hands `update_` on to the fast room.
        if (here, parts[1]) in (("catalogue", "frameworks"), ("recurrence", "fast")):
            continue
        assert LEVEL[parts[1]] < LEVEL[here] or parts[1] == here, f"{path} imports {name}"


def test_every_room_has_a_place_and_none_is_a_utils():
    assert {room(path) for path in MODULES} - {"__init__", "__main__"} == set(LEVEL)
    names = {part for path in MODULES for part in path.relative_to(ROOT).with_suffix("").parts}
    assert not names & {"utils", "common", "helpers", "core", "base", "misc"}


def test_only_view_draws_and_only_exact_knows_balls():
    for path in MODULES:
        tops = {name.split(".")[0] for name in imports(path)}
        assert "matplotlib" not in tops or room(path) == "view"
        assert "flint" not in tops or room(path) == "exact"
        assert not tops & {"torch", "jax", "keras", "optax"} or room(path) in ("bench", "golden")


def test_rules_only_know_numbers_dialects_and_rules():
    allowed = {"numbers", "dialects", "recurrence", "rules"}
    for path in [*(ROOT / "rules").glob("*.py"), *(ROOT / "wrappers").glob("*.py")]:
        for name in imports(path):
            assert name.split(".")[0] == "refopt", f"{path} imports {name}"
            assert name.split(".")[1] in allowed


def test_importing_refopt_is_light():
    heavy = {"matplotlib", "flint", "rich", "rich_argparse", "scipy", "torch", "jax", "keras", "numba", "IPython"}
    heavy |= {"refopt.exact", "refopt.nets", "refopt.data", "refopt.training", "refopt.frameworks", "refopt.rules.adam"}
    program = f"import sys, refopt; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    for name in ("adam", "lookahead"):
        program = f"import sys, refopt; refopt.{name}; print(sorted({heavy - {'refopt.rules.adam'}!r} & set(sys.modules)))"
        assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.strip() == "[]"


def test_the_formula_of_each_rule_exists_once():
    """No other file repeats a line of array math of a rule's step (shared by rules of one family is fine)."""
    lines = {}
    for path in MODULES:
        if room(path) in ("rules", "wrappers"):
            continue
        for line in path.read_text(encoding="utf-8").splitlines():
            lines.setdefault(line.strip(), path)
    import inspect

    for name in refopt.names():
        body = inspect.getsource(refopt.rule(name).recurrence).splitlines()
        for line in body:
            if " = " in line and ("**" in line or "sqrt" in line):
                assert line.strip() not in lines


def test_the_public_surface():
    assert refopt.names() == sorted(refopt.names())
    assert set(refopt.names()) >= {"sgd", "adagrad", "rmsprop", "adadelta", "adam", "adamw", "amsgrad", "lion", "lookahead"}
    for name in ("adam", "exact", "problems", "nets", "data", "training", "train", "walk"):
        assert name in dir(refopt)
        getattr(refopt, name)
    assert refopt.rule("adam") == refopt.adam
    with pytest.raises(AttributeError):
        refopt.__wrapped__
