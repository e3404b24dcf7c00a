"""Ball: a real number known up to a radius, safe to put into NumPy object arrays.

python-flint's ``arb`` has sound arithmetic, but in NumPy it is not safe: on overlapping balls ``<`` and ``>=`` are both False,
so ``np.maximum`` silently picks an operand and ``np.sign`` a wrong branch. A Ball raises `Undecided` instead, and so does
every NumPy function that compares.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from flint import arb, ctx

from refopt.exact.rounding import FORMATS, Format

__all__ = ["Ball", "Rough", "Undecided", "balls", "working_precision"]


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
    if isinstance(x, Ball):
        return x.ball
    if isinstance(x, Integral):
        return arb(int(x))
    if isinstance(x, (float, np.float32, np.float16)):  # np.float64 is a float; a longdouble does not fit
        return arb(float(x))
    raise TypeError(f"a {kind.__name__} is no number that a ball can hold exactly")


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
    if not quotient.is_finite() and x.is_finite() and y.is_finite() and not y.is_zero():
        raise Undecided(f"{x} / {y}: the divisor may be zero")
    return quotient  # NaN only where the divisor is exactly zero: undefined, at any precision


def _power(x: arb, y: arb) -> arb:
    power = x**y
    if power.is_nan() and not (x.is_nan() or y.is_nan()) and not (x.is_exact() and y.is_exact()):
        raise Undecided(f"{x} ** {y}")
    return power


def _floor_quotient(x: arb, y: arb) -> arb:
    quotient = _divide(x, y).floor()
    if not quotient.is_exact():
        raise Undecided(f"{x} // {y}: the quotient may be on either side of a whole number")
    return quotient


def _remainder(x: arb, y: arb) -> arb:
    return x - _floor_quotient(x, y) * y


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
    __floordiv__ = _operation(_floor_quotient)
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

    def identical(self, other: Any) -> bool:
        """Whether the two balls have the same midpoint and radius: the same result of the same computation."""
        if not isinstance(other, Ball):
            return False
        one, two = self.ball, other.ball
        if one.is_nan() or two.is_nan():
            return bool(one.is_nan() and two.is_nan())
        return bool(one.mid() == two.mid() and one.rad() == two.rad())

    def total(self, entries: Iterable[Ball]) -> Ball:
        """The sum of balls of this kind."""
        return Ball(sum((x.ball for x in entries), arb(0)))

    def larger(self, other: Any) -> Ball:
        """The larger of the two, enclosed: nothing has to be decided."""
        return Ball(self.ball.max(_arb(other)))

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

    def cos(self) -> Ball:
        """Cosine."""
        return Ball(self.ball.cos())

    def sin(self) -> Ball:
        """Sine."""
        return Ball(self.ball.sin())

    def tanh(self) -> Ball:
        """Hyperbolic tangent."""
        return Ball(self.ball.tanh())

    def erf(self) -> Ball:
        """Error function."""
        return Ball(self.ball.erf())

    def log1p(self) -> Ball:
        """log(1 + x); NaN of what is certainly not above −1."""
        return (1 + self).log()

    def conjugate(self) -> Ball:
        """A real number is its own conjugate."""
        return self

    def __float__(self) -> float:
        """Refused: what `math` or a float64 array makes of a double is rounded, and would pass for a proven number."""
        raise TypeError("a ball is not one double; a rule takes sqrt, total, norm… from refopt.numbers, not from math")

    @property
    def midpoint(self) -> float:
        """The double nearest to the middle of the ball; not proven (see `refopt.exact.prove`)."""
        return float(self.ball)

    def __repr__(self) -> str:
        """As many digits as the radius leaves, at most 40: ``[0.30103 +/- 4.2e-6]``."""
        proven = int(self.ball.rel_accuracy_bits() * math.log10(2)) if self.ball.is_finite() else 0
        with working_precision(256):
            return self.ball.str(min(max(proven, 5), 40))


class Rough(Ball):
    """What honest floating-point programs in a format may hold: every operation may err by one unit in the last place.

    The ball encloses all of them, underflow included; where one of them may overflow it is NaN, which is no bound.
    Hyper-parameters and the step count keep binary64, as Python keeps them, until they meet an array: then they are rounded
    to the array's format. What the format holds exactly stays exact.
    """

    __slots__ = ("form",)

    def __init__(self, value: Any, form: Format) -> None:
        super().__init__(value)
        self.form = form
        if type(value) is Rough and value.form.precision <= form.precision:
            return
        ball = self.ball
        if not (ball.is_exact() and form.holds(ball)):
            ulp, hair = form.slack
            self.ball = ball = ball * ulp + hair
        if not ball.abs_upper() <= form.largest:
            self.ball = arb("nan")

    def total(self, entries: Iterable[Ball]) -> Rough:
        """What honest programs may get for the sum, in any order: each addition errs by an ulp of Σ|x| at most."""
        balls = [x.ball for x in entries]
        absolute = sum((abs(ball) for ball in balls), arb(0))
        error = absolute * (max(len(balls) - 1, 0) * 2.0 ** (1 - self.form.precision))
        if not (absolute + error).abs_upper() <= self.form.largest:
            return Rough(math.nan, self.form)  # a partial sum may overflow
        return Rough(sum(balls, arb(0)) + arb(0, 1) * error, self.form)


def _rough(name: str) -> Any:
    inherited = getattr(Ball, name)

    def method(self: Rough, *other: Any) -> Any:
        x, form = self, self.form
        if other and not (type(other[0]) is Rough and other[0].form is form):
            # The two differ: the one with more bits is rounded to the format of the other. Other numbers are binary64.
            theirs = getattr(other[0], "form", FORMATS["float64"])
            form = min(form, theirs, key=lambda form: form.precision)
            try:
                x, other = Rough(self, form), (Rough(other[0], form),)
            except TypeError:
                return NotImplemented
        try:
            result = inherited(x, *other)
        except Undecided:  # a quotient or root that some honest program cannot form: no bound
            result = Ball(math.nan)
        return Rough(result.ball, form) if type(result) is Ball else result

    return method


_ARITHMETIC = (
    "add",
    "radd",
    "sub",
    "rsub",
    "mul",
    "rmul",
    "truediv",
    "rtruediv",
    "pow",
    "rpow",
    "mod",
    "floordiv",
    "neg",
    "abs",
)
for _name in (*(f"__{name}__" for name in _ARITHMETIC), "larger", "sqrt", "log", "exp", "cos", "sin", "tanh", "erf"):
    setattr(Rough, _name, _rough(_name))

Real.register(Ball)


def balls(x: Any, number: Callable[[Any], Ball] = Ball) -> Any:
    """`x` (a number or an array of numbers) as a Ball or an object array of Balls, each exactly the binary value given.

    `number` makes another kind of ball of each value that is not one already.
    """
    if isinstance(x, np.ndarray):
        out = np.empty(x.shape, dtype=object)
        out.reshape(-1)[:] = [value if isinstance(value, Ball) else number(value) for value in x.reshape(-1).tolist()]
        return out
    return x if isinstance(x, Ball) else number(x)
