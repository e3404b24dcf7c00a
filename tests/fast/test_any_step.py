"""Any elementwise step, not just those of the rules: random straight lines of NumPy's operations, in place and plainly."""

import copy
import os

import numpy as np
import pytest
from conftest import import_peer
from hypothesis import given, settings
from hypothesis import strategies as st

from refopt import fast, numbers
from refopt.fast import blocked, why_not
from refopt.recurrence import Rule

SCALARS = ["lr", "a", "t", "P", "(1 - a**t)", "2", "0.5", "-1", "-0.0", "numbers.sqrt(t)", "numbers.maximum(lr, P)"]
ONE = [
    "np.abs({x})", "np.sqrt(np.abs({x}))", "np.sign({x})", "-{x}", "{x}**2", "{x}**0.5", "{x}**-1", "{x}**3", "{x}**0",
    "{x}**a", "{x}**P", "np.exp({x})", "np.tanh({x})", "numbers.zeros_like({x})", "np.ones_like({x})", "numbers.copy({x})",
]  # fmt: skip
TWO = [
    "{x} + {y}", "{x} - {y}", "{x} * {y}", "{x} / {y}", "np.maximum({x}, {y})", "np.minimum({x}, {y})",
    "np.where({x} > {y}, {x}, {y})", "np.where(({x} < 0) | ({y} >= 0), {y}, {x})", "({x} if t % 3 else {y})",
    "numbers.where({x} > {y}, 1.2, 0.5, like=theta)",
]  # fmt: skip
MIXED = [
    "{x} + {s}", "{s} - {x}", "{s} * {x}", "{x} / {s}", "{s} / {x}", "np.maximum({x}, {s})", "np.where({x} > {s}, {x}, {s})",
    "np.where(np.isnan({x}), {s}, {x})", "({x} * {s} if {s} > 0.3 else {x})", "{s}**{x}",
]  # fmt: skip


@st.composite
def steps(draw):
    """The text of a step: a line for each new array, then which of them theta, m and v become, and what P becomes."""
    arrays, lines = ["theta", "g", "m", "v"], ["t = t + 1"]
    for number in range(draw(st.integers(0, 8))):
        names = dict(x=draw(st.sampled_from(arrays)), y=draw(st.sampled_from(arrays)), s=draw(st.sampled_from(SCALARS)))
        lines.append(f"x{number} = {draw(st.sampled_from(ONE + TWO + MIXED)).format(**names)}")
        arrays.append(f"x{number}")
    results = ", ".join(draw(st.sampled_from(arrays)) for _ in range(3))
    return "\n    ".join([*lines, f"theta, m, v = {results}", f"P = {draw(st.sampled_from(['P', 'P * a', 'a + P / t', '1']))}"])


def rule_of(text):
    space = {"np": np, "numbers": numbers}
    exec(f"def step(theta, g, t, m, v, P, *, lr=0.1, a=0.9):\n    {text}\n    return locals()", space)
    space["step"].__module__ = "__main__"
    return Rule(lambda theta: dict(t=0, m=theta * 0, v=theta * 0 + 1, P=1.0), space["step"])


def same(a, b):
    if isinstance(a, np.ndarray):
        equal = a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True)
        return equal and bool(np.all((np.signbit(a) == np.signbit(b)) | np.isnan(a)))
    return type(a) is type(b) and (a == b or (a != a and b != b))


NUMBERS = np.array([0.0, -0.0, 1.0, -1.0, 0.3, -2.5, 1e-9, 1e4, 5e-324, 1e-40, np.inf, -np.inf, np.nan, 1e-17, 3.0, 7.5, 0.1])


EXAMPLES = dict(text=steps(), seed=st.integers(0, 99), a=st.sampled_from([0.9, 0.5, 2.0, -1.0, 1.0, 3.0]))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=400)
@given(**EXAMPLES)
def test_any_step_in_place_equals_the_plain_one_in_every_bit(dtype, text, seed, a):
    compare(dtype, text, seed, a)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@settings(max_examples=25, deadline=None)  # each is compiled, which takes a second
@given(**EXAMPLES)
def test_any_step_fused_equals_the_plain_one_in_every_bit(dtype, text, seed, a):
    import_peer("numba")
    with fast.using("fused"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFOPT_CACHE", os.devnull)  # nothing is kept
        compare(dtype, text, seed, a)


def compare(dtype, text, seed, a):
    """Some steps from odd numbers, in place and plainly."""
    rng, rule = np.random.default_rng(seed), rule_of(text)(a=a)
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(blocked, "cache_bytes", lambda: 0)  # pieces of 256 entries
        reason = why_not(rule, dtype)
        known = ("results change places", "ZeroDivisionError", "OverflowError", "ValueError")
        assert reason is None or reason.startswith(known)
        for size in (3, 600):
            theta = rng.choice(NUMBERS, size).astype(dtype)
            state = rule.init(theta)
            plain, other = theta.copy(), copy.deepcopy(state)
            for _ in range(5):
                g = rng.choice(NUMBERS, size).astype(dtype)
                try:
                    plain, other = rule.update(plain, g, other)
                except (ZeroDivisionError, OverflowError, ValueError, TypeError) as error:
                    with pytest.raises(type(error)):
                        rule.update_(theta, g, state)
                    break
                rule.update_(theta, g, state)
                assert same(theta, plain)
                assert all(same(state[name], other[name]) for name in other)
