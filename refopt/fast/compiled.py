"""Compiled: a recorded step whose calls become loops over the entries, in whatever language a compiler takes.

Calls whose bits are certain in that language stand in a loop together: every entry is read once, goes through all of them, and
is written once. The others (exp, log, a general power, of which nobody promises the last bit) stay calls, between two loops.
`refopt.fast.fused` writes the loops for numba, `refopt.fast.kernel` for CuPy.
"""

from __future__ import annotations

import sys
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from refopt.fast.blocked import COPY, Call, Plan
from refopt.fast.recording import FILL, SELECT
from refopt.recurrence import Rule

__all__ = ["SAME", "Compiled", "Loop"]

MOST = 16  # arrays of the state; of more numba makes a slower loop than the calls are (measured: Grokfast-MA)

# The text of each ufunc on entries of one dtype, where Python's and C's are the same.
SAME: Mapping[Any, str] = {
    COPY: "{0}",
    FILL: "{0}",
    np.positive: "{0}",
    np.negative: "-{0}",
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.square: "{0} * {0}",
    np.reciprocal: "{one} / {0}",
    np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}",
    np.less: "{0} < {1}",
    np.less_equal: "{0} <= {1}",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
}

LOGICAL = (np.logical_and, np.logical_or, np.logical_not)


class Loop(NamedTuple):
    """Calls that are compiled together.

    over        the arrays whose entries are read or written
    read        those that are read before anything is written into them
    kept        those that are written, and needed afterwards
    constants   the numbers that it takes
    lines       (what is assigned, the text of its value), one for each call
    """

    over: list[str]
    read: list[str]
    kept: list[str]
    constants: list[str]
    lines: list[tuple[str, str]]


class Compiled(Plan):
    """A recorded step whose calls are compiled into loops; of a dtype other than float32 and float64, and of more than MOST
    arrays, it is the plain recording.

    A language is a subclass: `texts` has the text of each ufunc on entries of one dtype, in which {0}, {1} and {2} are the
    operands, {one} and {zero} numbers; `cast` and `number` are texts, too; `made` is the compiled loop.
    """

    texts: Mapping[Any, str]

    def __init__(self, rule: Rule, dtype: Any, scalars: Mapping[str, Any]) -> None:
        super().__init__(rule, dtype, scalars)
        if self._whole:
            self.tile = sys.maxsize

    def operand(self, name: str) -> str:
        """The text of an entry or a constant."""
        return name

    @abstractmethod
    def cast(self, name: str) -> str:
        """The text of a truth value as 0 or 1 of the step's dtype."""

    @abstractmethod
    def number(self, value: float) -> str:
        """The text of a number of the step's dtype."""

    @abstractmethod
    def made(self, loop: Loop, kinds: Mapping[str, Any]) -> Any:
        """The function that runs `loop`, on ``over`` and then ``constants``; `kinds` are the dtypes of all arrays."""

    def _constant(self, text: str, dtype: str) -> str:
        return f"_{dtype}.type({text})"

    def _lines(self, calls: list[Call], space: dict[str, Any]) -> list[str]:
        self._whole = False
        if self.dtype not in (np.dtype("f4"), np.dtype("f8")) or len(self.states) > MOST:
            return super()._lines(calls, space)
        kinds = dict.fromkeys(("theta", "g", *self.states), self.dtype)
        kinds |= {f"_r{i}": dtype for i, dtype in enumerate(self._dtypes)}
        groups: list[list[Call]] = []  # of calls that are compiled together, and single calls that are not
        for call in calls:
            if groups and self._fits(call) and self._fits(groups[-1][-1]):
                groups[-1].append(call)
            else:
                groups.append([call])
        lines = []
        for number, group in enumerate(groups):
            if not self._fits(group[0]):
                lines += super()._lines(group, space)
                continue
            read_later = {name for later in groups[number + 1 :] for call in later for name in call.operands}
            loop = self._loop(group, read_later, kinds, space)
            space[f"_loop{number}"] = self.made(loop, kinds)
            lines.append(f"_loop{number}({', '.join([*loop.over, *loop.constants])})")
        if len(groups) == 1 and self._fits(calls[0]):  # everything at once: no scratch, and no pieces
            self._dtypes, self._whole = [], True
        return lines

    def _fits(self, call: Call) -> bool:
        """Whether a call can stand in a loop: its bits are certain there."""
        numbers = {self.dtype} | ({np.dtype(bool)} if call.function is SELECT or call.function in LOGICAL else set())
        logical = call.function not in LOGICAL or set(call.dtypes) == {np.dtype(bool)}
        known = call.function in self.texts and call.dtype in (self.dtype, np.dtype(bool))
        return known and logical and set(call.dtypes) <= numbers

    def _loop(self, group: list[Call], read_later: set[str], kinds: Mapping[str, Any], space: Mapping[str, Any]) -> Loop:
        """The loop over a group of calls; inside, each name is one entry of its array."""
        read: list[str] = []
        written: list[str] = []
        lines = []
        for call in group:
            entries = []
            for name, dtype in zip(call.operands, call.dtypes, strict=True):
                if name in kinds and name not in read and name not in written:
                    read.append(name)
                if name.startswith("_k"):
                    entries.append(self.number(space[name].item()))
                else:
                    entries.append(self.cast(name) if name in kinds and kinds[name] != dtype else self.operand(name))
            lines.append((call.out, self.texts[call.function].format(*entries, one=self.number(1), zero=self.number(0))))
            if call.out not in written:
                written.append(call.out)
        kept = [name for name in written if not name.startswith("_r") or name in read_later]
        over = [name for name in kinds if name in read or name in kept]
        constants = list(dict.fromkeys(name for call in group for name in call.operands if name.startswith("_c")))
        return Loop(over, read, kept, constants, lines)
