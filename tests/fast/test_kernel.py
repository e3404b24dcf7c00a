"""The text of a CuPy kernel gives the plain step in every bit: here compiled for the host, in tests/gpu on a device."""

import numpy as np
import pytest
from hostkernel import COMPILER, module
from inplace import TEXTS, TILE, fresh, gradients, made, run_both, start

import refopt
from refopt import fast
from refopt.fast import blocked, kernel


@pytest.fixture(autouse=True)
def on_the_host(monkeypatch):
    """Kernels for the host, in recordings of each test's own, and scratch arrays of TILE entries."""
    if COMPILER is None:
        pytest.skip("there is no C compiler to compile the text of kernels with")
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 0)
    monkeypatch.setattr(kernel, "PIECE", TILE)
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})
    blocked.take(kernel.kernels(module()))
    yield
    blocked.take(blocked.Plan)


def recorded(rule, dtype):
    """The text of the first recording of a rule."""
    found = [
        plans
        for key, plans in blocked._RECORDINGS.items()
        if getattr(key[1], "recurrences", (key[1],))[0] is rule.recurrence and key[2] == dtype  # of a nest the outermost
    ]
    return found[0][0].source.partition("def tile")[2].splitlines()[1:]


ELEMENTWISE = [name for name in refopt.names() if fast.why_not(fresh(refopt.rule(name))) is None]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_rule_as_one_kernel_equals_the_plain_step_in_every_bit(name, dtype):
    rule = fresh(refopt.rule(name))
    for size in (1, TILE, TILE + 1, 3 * TILE + 7):
        run_both(rule, start(size, dtype), gradients(size, dtype))
        assert ("bound" in rule._blocked) == (size != 1 or name not in ("aggmo", "grokfast_ma"))
    lines = recorded(rule, dtype)
    if name == "grokfast_ma":  # a hundred rows are replayed
        assert not any("_loop" in line for line in lines)
        return
    assert sum("_loop" in line for line in lines) == {"diffgrad": 2, "powersign": 2}.get(name, 1)
    assert len(lines) == {"diffgrad": 3, "powersign": 3}.get(name, 1)


@pytest.mark.parametrize("text", TEXTS)
def test_steps_that_lie_differently_in_memory(text):
    for a in (2.0, 0.3):
        rule = made(text)(a=a)
        run_both(rule, start(TILE + 1, "float32"), gradients(TILE + 1, "float32"))
        assert "bound" in rule._blocked


@pytest.mark.parametrize("dtype", ["float16", "longdouble"])
def test_other_floating_point_numbers_are_replayed(dtype):
    run_both(refopt.adam(lr=0.1), start(TILE + 1, dtype), gradients(TILE + 1, dtype, 5))
    assert not any("_loop" in line for line in recorded(refopt.adam, np.dtype(dtype)))
