"""What CuPy's compiler makes of a step for a GPU gives the plain step in every bit; executed without one, see `ptx`."""

import types
from typing import ClassVar

import numpy as np
import pytest
from conftest import import_peer
from inplace import TEXTS, fresh, gradients, made, run_both, start
from ptx import Machine, compiled

import refopt
from refopt import fast
from refopt.fast import blocked, kernel

ELEMENTWISE = [name for name in refopt.names() if fast.why_not(fresh(refopt.rule(name))) is None]
ARITHMETIC = ("add", "sub", "mul", "div", "sqrt", "rcp", "fma", "mad")


class ElementwiseKernel:
    """CuPy's kernel of that name, compiled as CuPy does it and executed entry by entry."""

    executed: ClassVar[set[str]] = set()

    def __init__(self, reads, writes, text, name, no_return, options):
        self.texts, self.programs = (reads, writes, text, options), {}

    def __call__(self, *arguments):
        arrays = tuple(isinstance(x, np.ndarray) for x in arguments)
        if arrays not in self.programs:
            self.programs[arrays] = compiled(*self.texts, arrays)
        ElementwiseKernel.executed |= Machine(self.programs[arrays], arguments).run()


@pytest.fixture(autouse=True)
def on_a_machine(monkeypatch):
    """Steps in place run as CuPy's kernels would, on NumPy's arrays."""
    import_peer("cupy")
    nvrtc = import_peer("cupy_backends.cuda.libs.nvrtc")
    try:
        nvrtc.getVersion()
    except Exception as error:  # CuPy looks for the compiler when it is used
        import_peer(f"NVRTC ({error})")
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})
    device = types.ModuleType("device")
    device.__dict__.update(asarray=np.asarray, empty=np.empty, ElementwiseKernel=ElementwiseKernel)
    blocked.take(kernel.kernels(device))
    ElementwiseKernel.executed = set()
    yield
    blocked.take(blocked.Plan)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_rule_compiled_for_a_gpu_equals_the_plain_step_in_every_bit(name, dtype):
    """But for subnormal numbers of float32, which CuPy lets a GPU take for 0: its gradients here bring up none."""
    rule = fresh(refopt.rule(name))
    gs = gradients(41, dtype)
    if dtype == "float32":
        gs = [np.round(np.random.default_rng(t).normal(size=41) * 10.0 ** (t % 5 - 1), 1).astype(dtype) for t in range(14)]
    run_both(rule, start(41, dtype), gs)
    assert "bound" in rule._blocked
    if name == "grokfast_ma":  # a hundred rows are replayed
        assert not ElementwiseKernel.executed
        return
    arithmetic = {x for x in ElementwiseKernel.executed if x.split(".")[0] in ARITHMETIC and x[-3:] in ("f32", "f64")}
    assert arithmetic
    assert all(".rn." in x for x in arithmetic)  # rounded to the nearest, each by itself


@pytest.mark.parametrize("text", TEXTS)
def test_steps_that_lie_differently_in_memory(text):
    rule = made(text)
    run_both(rule, start(41, "float64"), gradients(41, "float64"))
    assert "bound" in rule._blocked


def test_contraction_would_be_seen():
    """Without that option the compiler makes one rounding of two; the machine refuses the instruction."""
    program = compiled("float32 a, float32 b", "float32 c", "c = a * b + c", (), (True, True, True))
    with pytest.raises(AssertionError, match="unknown instruction fma"):
        Machine(program, [np.ones(3, "f4")] * 2 + [np.zeros(3, "f4")]).run()
