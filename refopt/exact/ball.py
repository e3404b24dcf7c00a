"""Ball: a real number known up to a radius, safe to put into NumPy object arrays.

python-flint's ``arb`` has sound arithmetic, but in NumPy it is not safe: on overlapping balls ``<`` and ``>=`` are both False,
so ``np.maximum`` silently picks an operand and ``np.sign`` a wrong branch. A Ball raises `Undecided` instead, and so does
every NumPy function that compares.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from flint import arb, ctx

__all__ = ["Ball", "Constant", "Undecided", "balls", "working_precision"]


class Undecided(ArithmeticError):
    """At this precision the balls do not decide a comparison, a quotient or a root. More bits may."""


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Ball arithmetic at `bits` bits inside the block."""
    before = ctx.prec
    ctx.prec = bits
    try:
        yield
    finally:
        ctx.prec = before


def _arb(x: Any) -> arb:
    """A number of any kind as a ball; a float means exactly its binary value."""
    kind = type(x)
    if kind is Ball:
        return x.ball
    if kind is Constant:
        return +x.ball  # rounded to the precision of the array that it meets
    if isinstance(x, Integral):
        return arb(int(x))
    if isinstance(x, (float, np.float32, np.float16)):  # np.float64 is a float; a longdouble does not fit
        return arb(float(x))
    raise TypeError(f"{x!r} is no number that a ball can hold exactly")


def _operation(of: Any, reflected: bool = False) -> Any:
    def method(self: Ball, other: Any) -> Ball:
        try:
            x, y = self.ball, _arb(other)
        except TypeError:
            return NotImplemented
        return Ball(of(y, x) if reflected else of(x, y))

    return method


def _divide(x: arb, y: arb) -> arb:
    quotient = x / y
    if not quotient.is_finite() and x.is_finite() and y.is_finite() and y != 0:
        raise Undecided(f"{x} / {y}: the divisor may be zero")
    return quotient  # NaN only where the divisor is exactly zero: undefined, at any precision


def _power(x: arb, y: arb) -> arb:
    power = x**y
    if power.is_nan() and not (x.is_nan() or y.is_nan()) and not (x.is_exact() and y.is_exact()):
        raise Undecided(f"{x} ** {y}")
    return power


def _remainder(x: arb, y: arb) -> arb:
    quotient = (x / y).floor()
    if not quotient.is_exact():
        raise Undecided(f"{x} % {y}: the quotient may be on either side of a whole number")
    return x - quotient * y


def _comparison(of: Any, opposite: Any) -> Any:
    def method(self: Ball, other: Any) -> bool:
        try:
            y = _arb(other)
        except TypeError:
            return NotImplemented
        if of(self.ball, y):
            return True
        if opposite(self.ball, y):
            return False
        raise Undecided(f"{self.ball} {of.__name__} {y}")

    return method


class Ball:
    """A real number enclosed in midpoint ± radius. Arithmetic encloses; what cannot be decided raises `Undecided`.

    NaN stands for a value that is undefined at any precision, such as 0/0; comparing it is undecidable too.
    """

    __slots__ = ("ball",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: Any) -> None:
        self.ball = value if type(value) is arb else _arb(value)

    __add__ = __radd__ = _operation(operator.add)
    __sub__ = _operation(operator.sub)
    __rsub__ = _operation(operator.sub, reflected=True)
    __mul__ = __rmul__ = _operation(operator.mul)
    __truediv__ = _operation(_divide)
    __rtruediv__ = _operation(_divide, reflected=True)
    __pow__ = _operation(_power)
    __rpow__ = _operation(_power, reflected=True)
    __mod__ = _operation(_remainder)
    __lt__ = _comparison(operator.lt, operator.ge)
    __le__ = _comparison(operator.le, operator.gt)
    __gt__ = _comparison(operator.gt, operator.le)
    __ge__ = _comparison(operator.ge, operator.lt)
    __eq__ = _comparison(operator.eq, operator.ne)
    __ne__ = _comparison(operator.ne, operator.eq)

    def __neg__(self) -> Ball:
        return Ball(-self.ball)

    def __pos__(self) -> Ball:
        return self

    def __abs__(self) -> Ball:
        return Ball(abs(self.ball))

    def __bool__(self) -> bool:
        return self != 0

    def sqrt(self) -> Ball:
        """Square root; NaN of what is certainly negative."""
        root = self.ball.sqrt()
        if root.is_nan() and not self.ball.is_nan() and not self.ball < 0:
            raise Undecided(f"sqrt({self.ball}): the argument may be negative")
        return Ball(root)

    def log(self) -> Ball:
        """Natural logarithm; NaN of what is certainly not positive."""
        logarithm = self.ball.log()
        if not logarithm.is_finite() and self.ball.is_finite() and not self.ball <= 0:
            raise Undecided(f"log({self.ball}): the argument may be zero or negative")
        return Ball(logarithm)

    def exp(self) -> Ball:
        """Exponential."""
        return Ball(self.ball.exp())

    def tanh(self) -> Ball:
        """Hyperbolic tangent."""
        return Ball(self.ball.tanh())

    def conjugate(self) -> Ball:
        """A real number is its own conjugate."""
        return self

    def __float__(self) -> float:
        """The midpoint, nearest double; not proven (see `refopt.exact.prove`)."""
        return float(self.ball)

    def __repr__(self) -> str:
        return str(self.ball)


class Constant(Ball):
    """A hyper-parameter, or what is computed from hyper-parameters alone, kept in binary64 as Python keeps it.

    It is rounded to the precision of the arrays when it meets one. Used for error budgets.
    """

    __slots__ = ()


def _among_constants(name: str) -> Any:
    inherited = getattr(Ball, name)

    def method(self: Constant, other: Any = None) -> Any:
        if other is not None and type(other) is Ball:
            return NotImplemented  # the array's number takes over, at its precision
        with working_precision(53):
            result = inherited(self) if other is None else inherited(self, other)
        return Constant(result.ball) if type(result) is Ball else result

    return method


for _name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "pow", "rpow", "neg"):
    setattr(Constant, f"__{_name}__", _among_constants(f"__{_name}__"))
Constant.sqrt = _among_constants("sqrt")  # type: ignore[method-assign]

Real.register(Ball)


def balls(x: Any) -> Any:
    """`x` (a number or an array of numbers) as a Ball or an object array of Balls, each exactly the binary value given."""
    if isinstance(x, np.ndarray):
        out = np.empty(x.shape, dtype=object)
        out.reshape(-1)[:] = [value if type(value) is Ball else Ball(value) for value in x.reshape(-1).tolist()]
        return out
    return x if isinstance(x, Ball) else Ball(x)
