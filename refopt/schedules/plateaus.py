"""Down when the metric no longer improves: a schedule with a memory, and still a pure function.

Readings
    worn      how many observations without improvement are too many: more than patience: torch; patience itself: keras;
              patience exactly: optax, which with patience = 0 acts on every *improvement* (a defect)
    rests     during a cooldown nothing is counted: by what was left of it before the observation: torch, optax; or by what is
              left after it: keras, where the last observation of the cooldown counts
    rtol, atol
              an improvement is below best·(1 − rtol) − atol: 1e-4 and 0 in torch, timm and optax, 0 and 1e-4 in keras
    eps       torch does not make a change that is no larger; 0 elsewhere
    mode      "max" by default in timm, which does not look at the metric of epoch 0
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from refopt import numbers
from refopt.schedules.schedule import Schedule

__all__ = ["Observer", "after_it", "at_patience", "before_it", "beyond_patience", "exactly_at_patience", "plateau"]


def beyond_patience(bad, patience):
    """More than patience: torch."""
    return bad > patience


def at_patience(bad, patience):
    """As many as patience, but not without any: keras."""
    return bad >= max(patience, 1)


def exactly_at_patience(bad, patience):
    """Exactly as many as patience: optax."""
    return bad == patience


def before_it(rest, rested):
    """An observation that found it resting does not count: torch, optax."""
    return rest > 0


def after_it(rest, rested):
    """An observation that leaves it resting does not count: keras."""
    return rested > 0


class Observer(Schedule):
    """A schedule that follows a metric instead of the number of updates: its function is one observation.

    ``state = s.init()``, then ``state = s.observe(state, metric)`` whenever the metric is known, and ``s.value(state)`` is the
    learning rate. The state is a dict of numbers (and None for "not yet") that JSON can keep; no state is ever changed.
    """

    follows = "a metric"

    def _value(self, k: Any) -> float:
        raise TypeError(f"{self.name} follows a metric, not k: s.init(), s.observe(state, metric), s.value(state)")

    def init(self) -> dict[str, Any]:
        """The state before the first observation: rate, best metric, how many bad observations, what is left to rest."""
        self._demand_all()
        return dict(rate=self.hyper["lr"], best=None, bad=0, rest=0)

    def observe(self, state: Mapping[str, Any], metric: Any) -> dict[str, Any]:
        """The state after a metric; NaN is no improvement. TypeError for what is no number, ValueError for what is no state."""
        if not numbers.is_scalar(metric):
            raise TypeError(f"{self.name}: the metric must be a real number, got {metric!r}")
        self._demand_state(state)
        return self.function(float(metric), **state, **self.hyper)

    def value(self, state: Mapping[str, Any]) -> float:
        """The learning rate, a Python float."""
        self._demand_state(state)
        return float(state["rate"])

    def _demand_state(self, state: Any) -> None:
        names = tuple(self.init())
        if not isinstance(state, Mapping) or set(state) != set(names):
            raise ValueError(f"{self.name}: a state has the names {', '.join(names)}; got {state!r}")


@Observer
def plateau(
    metric, rate, best, bad, rest, *, lr, factor=0.1, patience=10, rtol=1e-4, atol=0.0, cooldown=0, end=0.0, eps=1e-8,
    mode="min", worn=beyond_patience, rests=before_it,
):  # fmt: skip
    """Times factor whenever a metric has not improved for longer than patience.

    The function is one observation: `rate` is the learning rate, `best` the best metric, `bad` how many in a row were no
    improvement, `rest` what is left of the cooldown. torch's ReduceLROnPlateau.

    >>> s = refopt.schedules.plateau(lr=1, factor=0.5, patience=1)
    >>> state = s.init()
    >>> for loss in (3, 2, 2, 2):
    ...     state = s.observe(state, loss)
    >>> s.value(state), state
    (0.5, {'rate': 0.5, 'best': 2.0, 'bad': 0, 'rest': 0})
    """
    if mode == "min":
        better = metric < (math.inf if best is None else best * (1 - rtol) - atol)
    else:
        better = metric > (-math.inf if best is None else best * (1 + rtol) + atol)
    best = metric if better else best
    rested = max(rest - 1, 0)
    idle = rests(rest, rested)
    bad = 0 if better or idle else bad + 1
    act = not idle and worn(bad, patience)
    lower = max(rate * factor, end)
    rate = lower if act and rate - lower > eps else rate
    return dict(rate=rate, best=best, bad=0 if act else bad, rest=cooldown if act else rested)
