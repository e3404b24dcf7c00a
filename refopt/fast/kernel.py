"""Kernel: the recorded step as one CuPy kernel, over arrays that lie on a device.

Without it a step of Adam is fourteen kernels, each of which reads and writes whole arrays; with it every entry is read once
and written once (`refopt.fast.compiled`). The kernel is compiled without contraction (an FMA rounds once where the step rounds
twice), so +, −, ×, ÷ and √ are those of CuPy's own kernels, and so is every bit. Each recording is compared, on the device,
with the step itself before it is used; where it differs, or cannot be compiled, the plain step runs.

Nothing is brought from the device, and nothing sent to it but the constants of a step, which are arguments of the kernel; only
a new recording is compared with 41 made-up entries.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from itertools import combinations
from types import ModuleType
from typing import Any

import numpy as np

from refopt import numbers
from refopt.fast.blocked import Bound, Ready, _recording, setting
from refopt.fast.compiled import SAME, Compiled, Loop
from refopt.fast.recording import SELECT, Unrecordable
from refopt.recurrence import Rule

__all__ = ["Kernel", "OnDevice", "kernels", "kernels_for"]

PIECE = 1 << 24  # entries of a scratch array, where a step needs any

# The text of each ufunc on entries of one dtype, in CUDA's C++: what CuPy's ufunc computes.
TEXTS: dict[Any, str] = {
    **SAME,
    SELECT: "{0} ? {1} : {2}",
    np.sqrt: "sqrt({0})",
    np.absolute: "fabs({0})",
    np.fabs: "fabs({0})",
    np.maximum: "isnan({0}) ? {0} : isnan({1}) ? {1} : max({0}, {1})",
    np.minimum: "isnan({0}) ? {0} : isnan({1}) ? {1} : min({0}, {1})",
    np.sign: "{0} < {zero} || {0} > {zero} ? copysign({one}, {0}) : {0} - {0}",
    np.logical_and: "{0} && {1}",
    np.logical_or: "{0} || {1}",
    np.logical_not: "!{0}",
}
NOT_FINITE = {"inf": "(1e300 * 1e300)", "-inf": "(-1e300 * 1e300)", "nan": "(1e300 * 1e300 * 0)"}  # C has no literals for them
IN_C = {"float32": "float", "float64": "double", "bool": "bool"}


class Kernel(Compiled):
    """A recorded step whose loops are kernels of `device`, a module such as CuPy."""

    texts = TEXTS
    device: ModuleType

    def __init__(self, rule: Rule, dtype: Any, scalars: Mapping[str, Any]) -> None:
        super().__init__(rule, dtype, scalars)
        self.tile = max(self.tile, PIECE)

    @classmethod
    def placed(cls, x: np.ndarray) -> Any:
        """A made-up array, on the device."""
        return cls.device.asarray(x)

    @classmethod
    def empty(cls, size: int, dtype: Any) -> Any:
        """A scratch array, on the device."""
        return cls.device.empty(size, dtype)

    def cast(self, name: str) -> str:  # noqa: D102
        return f"({IN_C[self.dtype.name]}){_entry(name)}"

    def number(self, value: float) -> str:  # noqa: D102
        text = repr(float(value)) if np.isfinite(value) else NOT_FINITE[str(float(value))]
        return f"({IN_C[self.dtype.name]}){text}"

    def operand(self, name: str) -> str:  # noqa: D102
        return _entry(name)

    def made(self, loop: Loop, kinds: Mapping[str, Any]) -> Any:  # noqa: D102
        parameters, body = source(loop, kinds, self.dtype)
        kernel = self.device.ElementwiseKernel(*parameters, body, "refopt_step", no_return=True, options=("--fmad=false",))
        order = [*(name for name in loop.over if name not in loop.kept), *loop.constants, *loop.kept]
        places = [[*loop.over, *loop.constants].index(name) for name in order]
        return lambda *arguments: kernel(*[arguments[place] for place in places])

    def demand(self, inputs: dict[str, Any], expected: dict[str, Any], scalars: Mapping[str, Any]) -> None:
        """As `Plan.demand`; here, at its first call, the kernel is compiled."""
        try:
            super().demand(inputs, expected, scalars)
        except Unrecordable:
            raise
        except Exception as error:  # of the compiler, of which there may be none
            raise Unrecordable(f"it cannot be compiled: {type(error).__name__}: {error}") from None

    def over(self, arrays: list[Any]) -> tuple[Any, list[Any]]:
        """As `Plan.over`. The device has its own threads; scratch arrays are needed only between two loops."""
        length = min(arrays[0].size, self.tile)
        scratch = [self.empty(length, dtype) for dtype in self._dtypes]
        if arrays[0].size <= self.tile:
            return self.piece, [*arrays, *scratch]
        return self._run, [arrays[0], arrays[1], arrays[2:], scratch, self.tile]


def _entry(name: str) -> str:
    """A name for one entry, or a constant, that is none of C's, CUDA's or CuPy's."""
    return f"x{name}" if name.startswith("_") else f"x_{name}"


def source(loop: Loop, kinds: Mapping[str, Any], dtype: Any) -> tuple[tuple[str, str], str]:
    """The parameters that a kernel reads, those that it writes (and may read before), and its text for one entry.

    All entries are read before the first is written: the compiler need not fear that two parameters are one array.
    """
    reads = [f"{kinds[name].name} all{_entry(name)}" for name in loop.over if name not in loop.kept]
    reads += [f"{dtype.name} {_entry(name)}" for name in loop.constants]
    writes = [f"{kinds[name].name} all{_entry(name)}" for name in loop.kept]
    lines = [f"{IN_C[kinds[name].name]} {_entry(name)} = all{_entry(name)};" for name in loop.read]
    known = set(loop.read)
    for name, value in loop.lines:
        lines.append(f"{'' if name in known else IN_C[kinds[name].name] + ' '}{_entry(name)} = {value};")
        known.add(name)
    lines += [f"all{_entry(name)} = {_entry(name)};" for name in loop.kept]
    return (", ".join(reads), ", ".join(writes)), "\n".join(lines)


@cache
def kernels(device: ModuleType) -> type[Kernel]:
    """The way recordings run on arrays of that module."""
    return type("Kernel", (Kernel,), {"device": device})


def kernels_for(x: Any) -> type[Kernel]:
    """The way recordings run on arrays like `x`. Raises `Unrecordable` where their library compiles no kernels."""
    device = sys.modules[type(x).__module__.partition(".")[0]]
    if not hasattr(device, "ElementwiseKernel"):
        raise Unrecordable(f"{type(x).__name__} is an array of {device.__name__}, which compiles no kernels")
    return kernels(device)


class OnDevice(Bound):
    """Arrays of a device that a rule steps over, one kernel a step; see `refopt.fast.blocked.Bound`."""

    def __init__(self, rule: Rule, theta: Any, g: Any, state: dict[str, Any]) -> None:
        self.way = kernels_for(theta)
        if not rule._plain or type(state) is not dict or set(state) != set(rule.state_names):
            raise Unrecordable("not arrays of one shape and dtype")
        arrays = {"theta": theta, "g": g} | {name: state[name] for name in rule.state_names if rule._kinds[name] == "array"}
        for name, x in arrays.items():
            if type(x) is not type(theta) or x.shape != theta.shape or x.dtype != theta.dtype or x.dtype.kind != "f":
                raise Unrecordable(f"{name} is no floating-point array like theta")
        super().__init__(rule, theta, g, state)

    def _demand(self) -> None:
        if not all(x.flags.c_contiguous for x in self.given):
            raise Unrecordable("an array is not contiguous")
        if any(np.may_share_memory(a, b) for a, b in combinations(self.given, 2)):
            raise Unrecordable("arrays share memory")

    def step(self, theta: Any, g: Any, state: Any, rule: Rule) -> bool:
        """As `Bound.step`; there are no read-only arrays on a device."""
        if theta is not self.theta or type(state) is not dict or len(state) != self.length or self.setting is not setting():
            return False
        if rule._step_hyper is not self.hyper and not self.turn(rule):
            return False
        if g is not self.g and not self.regard(g):
            return False
        return all(state.get(name) is value for name, value in self.states) and self.run(state)

    def record(self, rule: Rule, state: dict[str, Any]) -> None:
        """As `Bound.record`."""
        if any(type(state[name]) not in numbers.PYTHON for name in self.counts):
            raise Unrecordable("a number of the state is not one of Python's")
        scalars = {name: state[name] for name in self.counts} | dict(zip(self.names, self.numbers, strict=True))
        plan = _recording(rule, self.theta.dtype, scalars, self.way)
        if plan.sums:
            raise Unrecordable("a device sums rows in an order of its own")
        self.plans.append(Ready(plan, self.arrays))
