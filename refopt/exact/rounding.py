"""Correct rounding of balls to the binary formats, and distances in units in the last place."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from flint import arb

__all__ = ["FORMATS", "Format", "round_ball", "ulps_between", "upward"]


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: `precision` bits of significand, normal exponents from `lowest` to `highest`.

    Values are held in arrays of `dtype`, which contains the format exactly (bfloat16 has no NumPy dtype of its own).
    """

    name: str
    precision: int
    lowest: int
    highest: int
    dtype: type

    @cached_property
    def smallest(self) -> arb:
        """The smallest positive number of the format, subnormal."""
        return arb(2) ** (self.lowest - self.precision + 1)

    @cached_property
    def largest(self) -> arb:
        """The largest finite number."""
        return (2 - arb(2) ** (1 - self.precision)) * arb(2) ** self.highest

    @cached_property
    def slack(self) -> tuple[arb, arb]:
        """What honest rounding multiplies and adds: 1 ± one unit in the last place, ± the smallest positive number."""
        return arb(1, 2.0 ** (1 - self.precision)), arb(0, self.smallest)

    def holds(self, ball: arb) -> bool:
        """Whether the ball is exactly one number that the format has, its range apart."""
        if not ball.is_exact() or ball.bits() > self.precision:
            return False
        return bool(ball == 0 or not ball.is_finite() or ball.man_exp()[1] >= self.lowest - self.precision + 1)

    def ulp_exponent(self, bit_length: int) -> int:
        """The exponent of the unit in the last place of numbers in [2**(bit_length-1), 2**bit_length)."""
        return max(bit_length - self.precision, self.lowest - self.precision + 1)

    def round(self, mantissa: int, exponent: int) -> float:
        """mantissa · 2**exponent, rounded to nearest, ties to even; overflow gives infinity, as IEEE 754 has it."""
        size = abs(mantissa)
        unit = self.ulp_exponent(size.bit_length() + exponent)
        shift = unit - exponent
        if shift > 0:
            kept, rest = size >> shift, size & ((1 << shift) - 1)
            half = 1 << (shift - 1)
            kept += rest > half or (rest == half and kept & 1)
        else:
            kept = size << -shift
            unit = exponent + shift
        overflow = kept.bit_length() + unit > self.highest + 1
        rounded = math.inf if overflow else math.ldexp(kept, unit)
        return -rounded if mantissa < 0 else rounded

    def ulp(self, value: float) -> Fraction:
        """The unit in the last place at `value`, a number of this format."""
        if value == 0:
            return Fraction(2) ** (self.lowest - self.precision + 1)
        return Fraction(2) ** self.ulp_exponent(math.frexp(value)[1])


FORMATS = {
    "float64": Format("float64", 53, -1022, 1023, np.float64),
    "float32": Format("float32", 24, -126, 127, np.float32),
    "bfloat16": Format("bfloat16", 8, -126, 127, np.float32),
}


def round_ball(ball: arb, form: Format) -> float | None:
    """The one value of the format that every number in the ball rounds to; None if the ball does not prove one.

    NaN (undefined at any precision) rounds to NaN.
    """
    if ball.is_exact() and ball.is_finite():
        return form.round(*_integers(ball)) or 0.0  # never −0
    if ball.is_nan():
        return math.nan
    if not ball.is_finite():
        return None
    below, above = form.round(*_integers(ball.lower())), form.round(*_integers(ball.upper()))
    if below != above:
        return None
    return below if below else 0.0


def _integers(exact: arb) -> tuple[int, int]:
    mantissa, exponent = exact.man_exp()
    return int(mantissa), int(exponent)


def upward(x: arb) -> float:
    """An upper bound of `x` >= 0 as a double."""
    if not x.is_finite():
        return math.inf
    nearest = float(x.upper())
    return nearest if arb(nearest) >= x else math.nextafter(nearest, math.inf)


def ulps_between(computed: Any, exact: Any, format: Format | str = "float64") -> np.ndarray:
    """|computed − exact| in units in the last place of the format at `exact`, an array of correctly rounded values."""
    form = FORMATS[format] if isinstance(format, str) else format
    computed, exact = np.broadcast_arrays(np.asarray(computed, dtype=float), np.asarray(exact, dtype=float))

    def distance(a: float, b: float) -> float:
        if a == b or (a != a and b != b):
            return 0.0
        if not (math.isfinite(a) and math.isfinite(b)):
            return math.inf
        try:
            return float(abs(Fraction(a) - Fraction(b)) / form.ulp(b))
        except OverflowError:  # beside 0 the unit is the smallest subnormal number
            return math.inf

    pairs = zip(computed.reshape(-1).tolist(), exact.reshape(-1).tolist(), strict=True)
    return np.array([distance(a, b) for a, b in pairs]).reshape(exact.shape)
