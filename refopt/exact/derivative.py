"""Derivatives proven by forward differentiation on balls: a second witness for every hand-written gradient.

A dual number carries a value and its derivative in one direction; a function written in array operations, run on duals of
balls, gives an enclosure of the exact derivative. Nothing here knows the hand-written gradient that it is compared with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any

import numpy as np
from flint import arb

from refopt.exact.ball import Ball, Undecided, balls

__all__ = ["Dual", "gradient_enclosure"]


class Dual:
    """value + slope·ε with ε² = 0; both are Balls. Comparisons look at the value and raise where it is undecided."""

    __slots__ = ("slope", "value")
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any, slope: Any = 0) -> None:
        self.value = balls(value)
        self.slope = balls(slope)

    def __add__(self, other: Any) -> Dual:
        if _foreign(other):
            return NotImplemented
        other = _dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other: Any) -> Dual:
        if _foreign(other):
            return NotImplemented
        other = _dual(other)
        return Dual(self.value * other.value, self.slope * other.value + self.value * other.slope)

    def __truediv__(self, other: Any) -> Dual:
        if _foreign(other):
            return NotImplemented
        other = _dual(other)
        quotient = self.value / other.value
        return Dual(quotient, (self.slope - quotient * other.slope) / other.value)

    def __pow__(self, exponent: int) -> Dual:
        if not isinstance(exponent, int):
            raise TypeError(f"a dual number has whole powers only, got {exponent!r}")
        if exponent == 0:
            return Dual(1)
        return Dual(self.value**exponent, exponent * self.value ** (exponent - 1) * self.slope)

    def __sub__(self, other: Any) -> Dual:
        if _foreign(other):
            return NotImplemented
        return self + (-_dual(other))

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) - self

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    __radd__, __rmul__ = __add__, __mul__

    def __lt__(self, other: Any) -> bool:
        return self.value < _dual(other).value

    def __gt__(self, other: Any) -> bool:
        return self.value > _dual(other).value

    def __le__(self, other: Any) -> bool:
        return self.value <= _dual(other).value

    def __ge__(self, other: Any) -> bool:
        return self.value >= _dual(other).value

    def __eq__(self, other: object) -> bool:
        return self.value == _dual(other).value

    def __ne__(self, other: object) -> bool:
        return self.value != _dual(other).value

    def __bool__(self) -> bool:
        return bool(self.value)

    def __abs__(self) -> Dual:
        if self.value == 0:
            raise Undecided("|x| has no derivative at 0")
        return -self if self.value < 0 else self

    def total(self, entries: Iterable[Dual]) -> Dual:
        """The sum of duals."""
        return sum(entries, Dual(0))

    def larger(self, other: Any) -> Dual:
        """The larger of the two; `Undecided` where the values overlap."""
        other = _dual(other)
        return self if self.value >= other.value else other

    def exp(self) -> Dual:
        """Exponential."""
        power = self.value.exp()
        return Dual(power, power * self.slope)

    def log(self) -> Dual:
        """Natural logarithm."""
        return Dual(self.value.log(), self.slope / self.value)

    def log1p(self) -> Dual:
        """log(1 + x)."""
        return Dual(self.value.log1p(), self.slope / (1 + self.value))

    def cos(self) -> Dual:
        """Cosine."""
        return Dual(self.value.cos(), -self.value.sin() * self.slope)

    def sin(self) -> Dual:
        """Sine."""
        return Dual(self.value.sin(), self.value.cos() * self.slope)

    def erf(self) -> Dual:
        """Error function: its slope is 2/√π e^(−x²)."""
        return Dual(self.value.erf(), 2 / Ball(arb.pi()).sqrt() * (-self.value * self.value).exp() * self.slope)

    def conjugate(self) -> Dual:
        """A real number is its own conjugate."""
        return self

    def sqrt(self) -> Dual:
        """Square root."""
        root = self.value.sqrt()
        return Dual(root, self.slope / (2 * root))

    def tanh(self) -> Dual:
        """Hyperbolic tangent."""
        y = self.value.tanh()
        return Dual(y, (1 - y * y) * self.slope)


Real.register(Dual)


def _foreign(other: Any) -> bool:
    """An array, which takes over and treats the dual as one of its numbers."""
    return isinstance(other, np.ndarray)


def _dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x)


def gradient_enclosure(f: Callable[[np.ndarray], Any], theta: np.ndarray) -> np.ndarray:
    """Balls that enclose the gradient of `f` at `theta`, one entry at a time.

    `f` takes an object array of the shape of `theta` and returns one number; it is run once for each entry. The precision
    is the one in force (`working_precision`). Raises `Undecided` where `f` branches on a value that is not decided. Exactly at
    a kink of ``maximum`` it is the slope of the branch that is taken.
    """
    point = balls(np.asarray(theta))
    slopes = np.empty(point.shape, dtype=object)
    for index in np.ndindex(point.shape):
        duals = np.empty(point.shape, dtype=object)
        for other in np.ndindex(point.shape):
            duals[other] = Dual(point[other], int(other == index))
        result = f(duals)
        result = result.item() if isinstance(result, np.ndarray) else result
        slopes[index] = result.slope if isinstance(result, Dual) else Ball(0)
    return slopes
