"""Correct rounding against Python's, NumPy's and rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

pytest.importorskip("flint", reason="refopt.exact needs python-flint")

import flint

from refopt.exact import FORMATS, ulps_between, working_precision
from refopt.exact.rounding import round_ball, upward


@given(st.integers(-(2**200), 2**200), st.integers(-1400, 900))
@example(2**53 + 1, 0)
@example(1, -1075)
@example(3, -1075)
@example(2**1024 - 2**970, 0)
def test_float64_rounds_as_python_divides_integers(mantissa, exponent):
    """int / int is correctly rounded in Python, subnormal results and ties included."""
    exact = Fraction(mantissa) * Fraction(2) ** exponent
    try:
        expected = exact.numerator / exact.denominator
    except OverflowError:
        expected = np.inf if mantissa > 0 else -np.inf
    assert FORMATS["float64"].round(mantissa, exponent) == expected


@given(st.integers(-(2**52), 2**52), st.integers(-210, 80))
@example(2**24 + 1, 0)
@example(1, -150)
@example(3, -150)
@example(2**25 - 1, 103)
def test_float32_rounds_as_numpy_casts_an_exact_double(mantissa, exponent):
    with np.errstate(over="ignore"):
        expected = np.float32(mantissa * 2.0**exponent)
    assert FORMATS["float32"].round(mantissa, exponent) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1 + 2**-8, 1.0),  # a tie goes to the even neighbour
        (1 + 3 * 2**-8, 1 + 2**-6),
        (1 + 2**-8 + 2**-30, 1 + 2**-7),  # by way of float32 this would still be right …
        (1 + 2**-8 + 2**-40, 1 + 2**-7),  # … but this would round twice, down to 1
        (3.3895313892515355e38, 3.3895313892515355e38),
        (3.4e38, np.inf),
        (2.0**-134, 0.0),
        (2.0**-133, 2.0**-133),
    ],
)
def test_bfloat16_rounds_once(value, expected):
    mantissa, exponent = flint.arb(value).man_exp()
    assert FORMATS["bfloat16"].round(int(mantissa), int(exponent)) == expected


def test_a_ball_proves_a_value_only_where_all_its_numbers_round_to_it():
    form = FORMATS["float64"]
    with working_precision(128):
        assert round_ball(flint.arb(1, 1e-20), form) == 1.0
        assert round_ball(flint.arb(1, 1e-10), form) is None
        assert round_ball(flint.arb(1) + flint.arb(2) ** -53, form) == 1.0  # an exact tie is decided
        assert round_ball(flint.arb(1) + flint.arb(2) ** -53 + flint.arb(0, 1e-30), form) is None
        assert round_ball(flint.arb(0, 1e-30), form) is None
        assert round_ball(flint.arb(0), form) == 0.0
        assert np.isnan(round_ball(flint.arb("nan"), form))
        assert round_ball(flint.arb("inf"), form) is None


@given(st.floats(0, 1e300))
def test_upward_is_an_upper_bound(x):
    with working_precision(200):
        y = flint.arb(x) * (1 + flint.arb(2) ** -100)
        assert flint.arb(upward(y)) >= y
        assert upward(y) <= np.nextafter(x, np.inf)


def test_ulps():
    form = FORMATS["float64"]
    a = np.array([1.0, 2.0, -1.0, 0.0, np.nan, np.inf, 1.0])
    b = np.array([np.nextafter(1, 2), np.nextafter(2, 1), -1.0, 5e-324, np.nan, 1.0, np.nan])
    assert ulps_between(a, b, form).tolist() == [1.0, 1.0, 0.0, 1.0, 0.0, np.inf, np.inf]
    assert ulps_between(np.float32(1), np.nextafter(np.float32(1), np.float32(2)), FORMATS["float32"]) == 1.0
