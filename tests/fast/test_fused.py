"""Compiled steps are the plain step in every bit, too; and what is kept on disk is right or is made again."""

import copy
import importlib
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from conftest import import_peer
from inplace import TEXTS, TILE, assert_same, fresh, gradients, made, run_both, start

import refopt
from refopt import fast
from refopt.fast import blocked
from refopt.recurrence import Rule


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    """Fused steps, kept in a directory of these tests."""
    import_peer("numba")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFOPT_CACHE", str(tmp_path_factory.mktemp("loops")))
        with fast.using("fused"):
            yield
    assert blocked.way() is blocked.Plan


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    """Pieces of TILE entries, where there are pieces."""
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 0)
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})


def loops(rule, dtype):
    """How many loops the first recording of a rule has, and how many other calls."""
    fused = [
        key
        for key in blocked._RECORDINGS
        if key[0] is not blocked.Plan
        and key[2] == dtype
        and getattr(key[1], "recurrences", (key[1],))[0] is rule.recurrence  # of a nest the outermost
    ]
    lines = blocked._RECORDINGS[fused[0]][0].source.partition("def tile")[2].splitlines()[1:]
    return sum("_loop" in line for line in lines), sum("_loop" not in line for line in lines)


SUMS = ("aggmo", "grokfast_ma")  # of one entry NumPy sums rows in another order
ELEMENTWISE = [name for name in refopt.names() if fast.why_not(fresh(refopt.rule(name))) is None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_rule_fused_equals_the_plain_step_in_every_bit(name, dtype):
    rule = fresh(refopt.rule(name))
    for size in (0, 1, TILE - 1, TILE, TILE + 1, 3 * TILE + 7):
        run_both(rule, start(size, dtype), gradients(size, dtype))
        assert ("bound" in rule._blocked) == (size != 1 or name not in SUMS)
    if name == "grokfast_ma":  # a hundred rows are replayed
        assert loops(rule, dtype)[0] == 0
        return
    # NumPy promises no last bit of an exponential: it stays NumPy's
    assert loops(rule, dtype) == {"diffgrad": (2, 1), "powersign": (2, 1)}.get(name, (1, 0))


@pytest.mark.parametrize("text", TEXTS)
def test_steps_that_lie_differently_in_memory(text):
    for a in (2.0, 0.3):
        rule = made(text)(a=a)
        run_both(rule, start(TILE + 1, "float32"), gradients(TILE + 1, "float32"))
        assert "bound" in rule._blocked


@pytest.mark.parametrize("dtype", ["float16", "longdouble"])
def test_what_numba_does_not_know_is_replayed(dtype):
    run_both(refopt.adam(lr=0.1), start(TILE + 1, dtype), gradients(TILE + 1, dtype, 5))
    assert loops(refopt.adam, dtype)[0] == 0


def test_the_way_may_change_between_steps_of_one_rule():
    rule, theta = refopt.adam(lr=0.1), start(600, "float32")
    state, gs = rule.init(theta), gradients(600, "float32", 12)
    plain, other = theta.copy(), copy.deepcopy(state)
    with np.errstate(all="ignore"):
        for t, g in enumerate(gs):
            with fast.using("fused" if t % 3 else "blocked"):
                rule.update_(theta, g, state)
                kind = type(
                    blocked._recording(rule, theta.dtype, {"t": 0, "lr": 0.1, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8})
                )
            assert kind.__name__ == ("Fused" if t % 3 else "Plan")
            plain, other = rule.update(plain, g, other)
            assert_same((theta, state), (plain, other))


def test_a_gradient_that_is_read_only():
    rule, theta = refopt.adam(lr=0.1), start(600, "float32")
    g = gradients(600, "float32", 1)[0]
    g.flags.writeable = False
    run_both(rule, theta, [g, g, g.copy(), g])
    assert "bound" in rule._blocked


def test_threads_share_a_loop():
    rule, found = refopt.rmsprop(lr=0.1), [None] * 4
    starts = [np.random.default_rng(k).normal(size=5000) for k in range(4)]

    def walk(k):
        theta, state = starts[k].copy(), rule.init(starts[k])
        for _ in range(100):
            rule.update_(theta, starts[k], state)
        found[k] = theta

    threads = [threading.Thread(target=walk, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(4):
        theta, state = starts[k], rule.init(starts[k])
        for _ in range(100):
            theta, state = rule.update(theta, starts[k], state)
        assert_same(found[k], theta)


STEP = """
import numpy as np, refopt
from refopt.fast import fused
refopt.fast.use("fused")
rule, theta = refopt.adam(lr=0.1), np.arange(5, dtype="float32")
state = rule.init(theta)
rule.update_(theta, np.ones_like(theta), state)
(loop,) = fused._COMPILED.values()
print("bound" in rule._blocked, theta.tolist(), sum(loop.stats.cache_hits.values()))
"""


def run(directory):
    done = subprocess.run(
        [sys.executable, "-c", STEP], env={**os.environ, "REFOPT_CACHE": str(directory)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_loop_is_compiled_once_and_a_damaged_file_is_made_again(tmp_path):
    theta = refopt.adam(lr=0.1).update(np.arange(5, dtype="f4"), np.ones(5, "f4"), refopt.adam.init(np.zeros(5, "f4")))[0]
    place = tmp_path / "new" / "loops"
    assert run(place) == f"True {theta.tolist()} 0"
    assert run(place) == f"True {theta.tolist()} 1"
    (source,) = place.glob("*.py")
    source.write_text("def loop(*arguments):\n    raise SystemExit\n")
    assert run(place).startswith(f"True {theta.tolist()}")
    for machine_code in (place / "__pycache__").glob("*.nb*"):
        machine_code.write_bytes(b"")
    assert run(place) == f"True {theta.tolist()} 0"
    run(place)  # which may keep it anew
    assert run(place) == f"True {theta.tolist()} 1"
    source.write_bytes(b"\xff\x00")
    assert run(place).startswith(f"True {theta.tolist()}")
    assert b"loop" in source.read_bytes()
    assert not list(place.glob("*.part"))


def test_where_nothing_can_be_kept_a_loop_is_compiled_all_the_same(tmp_path):
    (tmp_path / "file").write_text("")
    assert run(tmp_path / "file").startswith("True")


def test_a_loop_that_cannot_be_written_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*paths):
        raise OSError("no space left")

    monkeypatch.setenv("REFOPT_CACHE", str(tmp_path))
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        importlib.import_module("refopt.fast.fused")._kept("def loop(): pass\n")
    assert not list(tmp_path.iterdir())


def test_processes_may_begin_at_once(tmp_path):
    environment = {**os.environ, "REFOPT_CACHE": str(tmp_path)}
    begun = [subprocess.Popen([sys.executable, "-c", STEP], env=environment, stdout=subprocess.PIPE) for _ in range(3)]
    assert [process.communicate()[0][:5] for process in begun] == [b"True "] * 3
    assert not list(tmp_path.glob("*.part"))


def test_a_read_only_gradient_needs_nothing_else():
    """What is compiled in the middle of training could fail there."""
    from refopt.fast import fused

    rule, theta = refopt.adam(lr=0.1), start(20, "float64")
    state, g = rule.init(theta), start(20, "float64")
    rule.update_(theta, g, state)
    before = {key: list(loop.overloads) for key, loop in fused._COMPILED.items()}
    modules = set(sys.modules)
    g = g.copy()
    g.flags.writeable = False
    rule.update_(theta, g, state)
    unaligned = np.zeros(161, "u1")[1:].view("f8")
    unaligned[:] = theta
    rule.update_(unaligned, g, state)
    assert {key: list(loop.overloads) for key, loop in fused._COMPILED.items()} == before
    assert set(sys.modules) == modules


def test_what_numba_does_not_compile_is_made_plainly(monkeypatch):
    from refopt.fast import fused

    monkeypatch.setitem(fused.TEXTS, np.add, "unheard_of({0}, {1})")
    rule = refopt.adam(lr=0.1)
    assert fast.why_not(rule).startswith("numba does not compile it: ")
    run_both(rule, start(20, "float64"), gradients(20, "float64", 3))


def test_names_of_arrays_that_look_like_those_of_a_loop():
    def step(theta, g, all_theta, loop, *, all_g=0.5):
        all_theta = all_theta * all_g + g
        loop = loop + 1
        theta = theta - all_theta / loop
        return locals()

    rule = Rule(lambda theta: dict(all_theta=theta * 0, loop=theta * 0), step)
    run_both(rule, start(20, "float64"), gradients(20, "float64", 3))
    assert "bound" in rule._blocked


def test_without_numba_there_is_one_clear_error(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "refopt.fast.fused")
    monkeypatch.setattr(importlib.import_module("refopt.fast"), "fused", None)
    with pytest.raises(ImportError, match=r"numba, which is not installed: pip install 'refopt\[fast\]'"):
        fast.use("fused")


def test_an_unknown_way():
    with pytest.raises(ValueError, match="unknown way 'fuse'; did you mean 'fused'"):
        fast.use("fuse")
