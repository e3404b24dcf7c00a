"""Signals: what changes during training, and the dropout rate that follows the gap."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refopt.training import AdaptiveDropout
from refopt.training.signals import Signals, text


class Memory:
    def init(self):
        return []

    def observe(self, state, metric):
        return [*state, metric]

    def value(self, state):
        return float(len(state))


def test_numbers_functions_and_what_adapts():
    signals = Signals({"a": 0.5, "b": lambda k: 2 * k, "c": Memory()}, "schedule")
    state = signals.init()
    assert signals.values(state, 3) == {"a": 0.5, "b": 6, "c": 0.0}
    later = signals.observe(state, 7.0)
    assert signals.values(later, 4) == {"a": 0.5, "b": 8, "c": 1.0}
    assert (state, later) == ({"c": []}, {"c": [7.0]})
    with pytest.raises(
        TypeError, match="schedule: lr must be a number, a function of the number of updates done, or an object"
    ):
        Signals({"lr": None}, "schedule")


@given(st.lists(st.floats(-1, 1)), st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 1), st.floats(-0.5, 0.5))
def test_the_rate_stays_between_its_bounds_and_follows_the_gap(gaps, a, b, step, margin):
    low, high = min(a, b), max(a, b)
    rate = AdaptiveDropout(start=low, step=step, low=low, high=high, margin=margin)
    state = rate.init()
    assert rate.value(state) == low
    for gap in gaps:
        before, state = rate.value(state), rate.observe(state, gap)
        after = rate.value(state)
        assert low <= after <= high
        assert after >= before if gap > margin else after <= before
        assert after in (low, high) or abs(after - before) == pytest.approx(step)
    assert rate.observe(state, float("nan")) == state


@pytest.mark.parametrize("wrong", [{"start": 0.6}, {"low": 0.2}, {"high": 1.0}, {"step": 0.0}, {"low": -0.1}])
def test_bounds(wrong):
    with pytest.raises(ValueError, match="0 ≤ low ≤ start ≤ high < 1 and step > 0 must hold"):
        AdaptiveDropout(**wrong)


def test_descriptions_hold_no_addresses():
    def named(k, lr):
        return lr

    assert text(named) == "<function test_descriptions_hold_no_addresses.<locals>.named>"
    assert text([functools.partial(named, lr=0.1)]).endswith("named>, lr=0.1)]")
    assert "0x" not in text({"a": object(), "b": (Memory(),)})
