"""Balls enclose, and never choose a branch that is not proven."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("flint", reason="refopt.exact needs python-flint")

from flint import arb

from refopt.exact import FORMATS, Ball, Undecided, balls, working_precision
from refopt.exact.ball import Rough

numbers = st.floats(-1e6, 1e6).filter(lambda x: x == 0 or abs(x) > 1e-6)


def contains(ball, exact):
    """Whether the ball encloses a rational number, decided in rational arithmetic."""
    low, high = (
        Fraction(int(m)) * Fraction(2) ** int(e) for m, e in (ball.ball.lower().man_exp(), ball.ball.upper().man_exp())
    )
    return low <= exact <= high


@given(numbers, numbers, st.sampled_from([8, 24, 53, 200]))
def test_arithmetic_encloses_the_exact_result(x, y, bits):
    with working_precision(bits):
        a, b = Ball(x), Ball(y)
        assert contains(a + b, Fraction(x) + Fraction(y))
        assert contains(a - y, Fraction(x) - Fraction(y))
        assert contains(x - b, Fraction(x) - Fraction(y))
        assert contains(a * b, Fraction(x) * Fraction(y))
        assert contains(a**3, Fraction(x) ** 3)
        if y:
            assert contains(a / b, Fraction(x) / Fraction(y))
            assert contains(x / b, Fraction(x) / Fraction(y))
        root = abs(a).sqrt()
        assert contains(root * root, abs(Fraction(x)))


def test_a_float_means_its_binary_value():
    with working_precision(200):
        assert contains(1 - Ball(0.9), 1 - Fraction(0.9))
        assert not contains(1 - Ball(0.9), Fraction(1, 10))


def straddling():
    """1/3 - 1/3: zero, but at no precision a proven zero."""
    return Ball(1) / 3 - Ball(1) / 3


def array(*entries):
    out = np.empty(len(entries), dtype=object)
    out[:] = entries
    return out


@pytest.mark.parametrize(
    "undecided",
    [
        lambda x: x > 0,
        lambda x: x <= 0,
        lambda x: x == 0,
        lambda x: x != 0,
        bool,
        lambda x: np.sign(array(x)),
        lambda x: np.maximum(array(x), array(Ball(0))),
        lambda x: np.minimum(array(Ball(0)), array(x)),
        lambda x: np.where(array(x) > 0, 1, 2),
        lambda x: np.max(array(x, Ball(0))),
        lambda x: array(x) >= array(Ball(0)),
        lambda x: 1 / x,
        lambda x: np.sqrt(array(x)),
        lambda x: np.log(array(x)),
        lambda x: (x + 2) % 1,
    ],
)
def test_what_is_undecided_raises(undecided):
    with pytest.raises(Undecided):
        undecided(straddling())


def test_what_is_decided_is_decided():
    x = array(Ball(2.0), Ball(-3.0), Ball(0))
    assert np.sign(x).tolist() == [1, -1, 0]
    assert (x > 0).tolist() == [True, False, False]
    assert [y.midpoint for y in np.maximum(x, balls(np.zeros(3)))] == [2.0, 0.0, 0.0]
    assert Ball(7) % 4 == 3
    assert Ball(0) == 0


def test_undefined_is_nan_at_any_precision():
    for value in (Ball(0) / Ball(0), Ball(1) / Ball(0), Ball(-1).sqrt(), Ball(0).log()):
        assert not value.ball.is_finite()
    with pytest.raises(Undecided):
        Ball(0) / Ball(0) > 1  # noqa: B015


def test_plain_arb_would_have_chosen_silently():
    """The trap that Ball exists for."""
    wide = arb(0, 1)
    assert np.maximum(np.array([wide], dtype=object), np.array([arb(0)], dtype=object))[0] is not None
    assert not wide > 0
    assert not wide <= 0


def test_a_longdouble_does_not_fit():
    with pytest.raises(TypeError, match="no number that a ball can hold"):
        Ball(np.longdouble(1) / 3)
    with pytest.raises(TypeError, match="no number"):
        Ball("0.1")


def test_rough_balls_hold_every_honest_result():
    """Two honest programs in binary32, one with a fused multiply-add, one without; a scalar kept in binary64."""
    a, b, c = np.float32(1 / 3), np.float32(1 / 7), np.float32(-1 / 21)
    separate = a * b + c
    fused = np.float32(float(a) * float(b) + float(c))
    assert separate != fused
    with working_precision(128):
        rough = Rough(float(a), FORMATS["float32"]) * Rough(float(b), FORMATS["float32"]) + Rough(float(c), FORMATS["float32"])
        scalar = 1 - Rough(0.999, FORMATS["float64"])
        met = scalar * Rough(1.0, FORMATS["float32"])
    assert contains(rough, Fraction(float(separate)))
    assert contains(rough, Fraction(float(fused)))
    assert float(scalar.ball.rad()) < 1e-17
    assert 1e-11 < float(met.ball.rad()) < 1e-9
    assert contains(met, Fraction(float(np.float32(1 - 0.999))))


def test_rough_balls_keep_what_the_format_holds():
    with working_precision(128):
        assert (Rough(0.5, FORMATS["float32"]) * Rough(3.0, FORMATS["float32"])).ball.is_exact()
        assert (Rough(0, FORMATS["float32"]) / Rough(3.0, FORMATS["float32"])).ball.is_zero()
        assert not Rough(0.1, FORMATS["float32"]).ball.is_exact()
        assert Rough(0.1, FORMATS["float64"]).ball.is_exact()


@pytest.mark.parametrize("form", ["float32", "float64"])
def test_rough_balls_know_the_range_of_the_format(form):
    form = FORMATS[form]
    with working_precision(128):
        tiny = Rough(2.0 ** (form.lowest // 2 - 30), form)
        assert contains(tiny * tiny, Fraction(0))  # an honest program underflows
        assert contains(tiny * tiny * 3.0, Fraction(2) ** (form.lowest - form.precision + 1))
        huge = Rough(2.0 ** (form.highest // 2 + 1), form)
        assert not (huge * huge).ball.is_finite()
        assert (huge * 2.0).ball.is_exact()
