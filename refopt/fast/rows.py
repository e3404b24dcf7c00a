"""Rows: an array of several rows like theta while it is recorded, AggMo's velocities say: one symbol for each row.

What is done to every entry is done to every symbol. A sum over the rows becomes additions in the order in which NumPy makes
them: from the first row to the last, beginning at 0 where NumPy begins there. (Of rows of one entry NumPy takes another order:
a recording with such a sum says so in `sums`, and is not for them.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from refopt.fast.recording import Recording, Scalar, Symbol, Unrecordable

__all__ = ["Rows"]

BEGINS_AT_ZERO = not np.signbit(np.sum(np.full((2, 2), -0.0), axis=0)).any()


class Rows(Symbol):
    """Symbols of one dtype, one behind the other."""

    __slots__ = ("rows",)

    def __init__(self, tape: Recording, dtype: Any, rows: Sequence[Symbol]) -> None:
        super().__init__(tape, dtype)
        self.rows = tuple(rows)

    @classmethod
    def stacked(cls, rows: Any) -> Rows:
        """As numpy.stack. Raises `Unrecordable` where these are not arrays like theta, of one dtype."""
        rows = list(rows)
        if any(type(row) is not Symbol or row.dtype != rows[0].dtype for row in rows):
            raise Unrecordable("it stacks what are not arrays like theta, of one dtype")
        return cls(rows[0].tape, rows[0].dtype, rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self.rows)

    def __getitem__(self, place: Any) -> Symbol:
        if isinstance(place, slice):
            return Rows(self.tape, self.dtype, self.rows[place])
        if isinstance(place, (int, Scalar)):
            return self.rows[place]
        raise Unrecordable(f"it takes [{place!r}] of stacked arrays")

    @property
    def shape(self) -> _Lengths:
        """How many rows there are; how long they are is not known."""
        return _Lengths(len(self.rows))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Symbol:
        if method != "__call__" or options:
            raise Unrecordable(f"{ufunc.__name__}.{method} is not one operation on each entry")
        return self._each(ufunc, *inputs)

    def _each(self, function: Any, *inputs: Any) -> Symbol:
        """A function of each entry, of every row; rows meet rows of the same number."""
        if any(isinstance(x, Rows) and len(x) != len(self) for x in inputs) or not self.rows:
            raise Unrecordable("stacked arrays of different numbers of rows meet")
        columns = (x.rows if isinstance(x, Rows) else (x,) * len(self) for x in inputs)
        return Rows.stacked(function(*row) for row in zip(*columns, strict=True))

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        known = function is np.sum and len(inputs) == 1 and inputs[0] is self and set(options) <= {"axis", "keepdims"}
        if known and options.get("axis") in (0, (0,)):
            return self._sum(options.get("keepdims", False))
        raise Unrecordable(f"numpy.{function.__name__} of stacked arrays")

    def _sum(self, keepdims: bool) -> Symbol:
        if self.dtype.kind != "f" or not self.rows:
            raise Unrecordable("it sums rows that are not of floating-point numbers")
        self.tape.sums = True
        first, *others = self.rows
        total: Symbol = 0 + first if BEGINS_AT_ZERO else first
        for row in others:
            total = total + row
        return Rows.stacked([total]) if keepdims else total

    def __pow__(self, exponent: Any) -> Any:
        return self._each(lambda x, y: x**y, self, exponent)

    def astype(self, dtype: Any, copy: bool = True) -> Symbol:
        """As `Symbol.astype`."""
        if np.dtype(dtype) != self.dtype:
            raise Unrecordable(f"a cast from {self.dtype} to {np.dtype(dtype)}")
        return self


class _Lengths:
    """The shape of stacked arrays, of which the first number alone is known."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __getitem__(self, axis: Any) -> int:
        if type(axis) is not int or axis != 0:
            raise Unrecordable("the step asks for the shape of an array")
        return self.rows
