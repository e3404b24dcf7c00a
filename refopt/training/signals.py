"""Hyper-parameters that change during training: by the number of updates done, or by what was measured.

A *signal* is one of

* a number, which stays as it is;
* a function of k, the number of updates already done, so that update t uses ``signal(t − 1)``;
* an object with ``init() -> state``, ``observe(state, metric) -> state`` and ``value(state) -> number``, which is shown a
  metric after each epoch (a plateau schedule, `AdaptiveDropout`). It keeps nothing itself: its state goes into checkpoints.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from refopt import numbers

__all__ = ["AdaptiveDropout", "Signals", "text"]


class Signals:
    """Named signals. Their state, where they have one, is a dict that the caller keeps."""

    def __init__(self, signals: Mapping[str, Any], what: str) -> None:
        self.signals = dict(signals)
        for name, signal in self.signals.items():
            if not (callable(signal) or numbers.is_scalar(signal) or _adapts(signal)):
                raise TypeError(
                    f"{what}: {name} must be a number, a function of the number of updates done, or an object with init, "
                    f"observe and value; got {signal!r}"
                )

    def __repr__(self) -> str:
        return ", ".join(f"{name}={text(signal)}{_answers(signal)}" for name, signal in self.signals.items())

    def init(self) -> dict[str, Any]:
        """The state before the first update."""
        return {name: signal.init() for name, signal in self.signals.items() if _adapts(signal)}

    def values(self, state: Mapping[str, Any], k: int) -> dict[str, Any]:
        """What holds for the update that comes after k updates."""
        return {
            name: signal.value(state[name]) if name in state else signal(k) if callable(signal) else signal
            for name, signal in self.signals.items()
        }

    def observe(self, state: Mapping[str, Any], metric: float) -> dict[str, Any]:
        """The state after an epoch that ended with `metric`."""
        return {name: self.signals[name].observe(before, metric) for name, before in state.items()}


PROBES = (0, 1, 2, 10, 100, 1000)


def _answers(signal: Any) -> str:
    """Of a function that says no more than its name, what it answers to some k: two functions of one name are seldom equal."""
    if not callable(signal) or not repr(signal).startswith("<"):
        return ""
    try:
        return f" -> {[signal(k) for k in PROBES]}"
    except Exception:  # it may be for a training that is shorter
        return ""


def _adapts(signal: Any) -> bool:
    return all(hasattr(signal, name) for name in ("init", "observe", "value"))


def text(value: Any) -> str:
    """What describes `value` in a checkpoint, the same in every process: functions by their name, nothing by its address."""
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(text, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {text(part)}' for key, part in value.items())}}}"
    return re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))


@dataclass(frozen=True)
class AdaptiveDropout:
    """A dropout rate that follows the gap: validation loss − training loss, in nats, after each epoch.

    Where the gap is more than `margin` the net learns by heart, and the rate goes up by `step`, at most to `high`; otherwise it
    goes down by `step`, at least to `low`.

    >>> rate = AdaptiveDropout(start=0.25, step=0.125, high=0.5, margin=0.1)
    >>> state = rate.init()
    >>> for gap in (0.3, 0.2, 0.2, 0.1):
    ...     state = rate.observe(state, gap)
    ...     print(rate.value(state))
    0.375
    0.5
    0.5
    0.375

    Raises ValueError unless 0 ≤ low ≤ start ≤ high < 1 and step > 0.
    """

    start: float = 0.1
    step: float = 0.05
    low: float = 0.0
    high: float = 0.5
    margin: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.low <= self.start <= self.high < 1 and self.step > 0):
            raise ValueError(f"0 ≤ low ≤ start ≤ high < 1 and step > 0 must hold, got {self}")

    def init(self) -> dict[str, float]:
        """The state before the first epoch."""
        return {"rate": self.start}

    def observe(self, state: Mapping[str, float], gap: float) -> dict[str, float]:
        """The state after an epoch that ended with this gap. One that is not a number changes nothing."""
        if gap != gap:
            return dict(state)
        rate = state["rate"] + self.step if gap > self.margin else state["rate"] - self.step
        return {"rate": min(self.high, max(self.low, rate))}

    def value(self, state: Mapping[str, float]) -> float:
        """The rate of the next epoch."""
        return state["rate"]
