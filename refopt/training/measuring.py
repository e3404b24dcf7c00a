"""What is measured during training: loss and accuracy in parts that fit into memory, norms, memory."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Parts", "accuracy_of", "loss_of", "norm", "peak_bytes", "state_bytes"]

PART = 1 << 22  # bytes of inputs that go through a net at once when nothing is learnt from them


def loss_of(net: Any, theta: Any, x: Any, y: Any, **words: Any) -> float:
    """The mean loss over all examples; `words` go to ``net.loss``."""
    return _mean(lambda *part: net.loss(theta, *part, **words), x, y)


def accuracy_of(net: Any, theta: Any, x: Any, y: Any, **words: Any) -> float | None:
    """The share of examples that a classification net gets right; None of a net for regression."""
    if getattr(net, "task", "classification") != "classification":
        return None
    return _mean(lambda *part: net.accuracy(theta, *part, **words), x, y)


def _mean(function: Callable[[Any, Any], Any], x: Any, y: Any) -> float:
    """The mean over examples of a function that gives the mean over a part of them."""
    count = len(y)
    if x.nbytes <= PART:
        return float(function(x, y))
    size = max(PART * count // x.nbytes, 1)
    parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    return math.fsum(float(function(x[part], y[part])) * (part.stop - part.start) for part in parts) / count


def norm(x: Any) -> float:
    """The Euclidean norm of a vector: in its own dtype, which is fast, and in float64 where that overflows or underflows.

    >>> [f"{norm(scale * np.array([3.0, 4.0])):.3g}" for scale in (1e200, 1e-200)]
    ['5e+200', '5e-200']
    """
    with np.errstate(over="ignore"):
        square = float(x.dot(x))
    if 1e-30 < square < math.inf or not x.size:
        return math.sqrt(square)
    return Parts(square, *map(float, _scaled(x))).norm


def _scaled(x: Any) -> tuple[Any, Any]:
    """The largest size of an entry, and the sum of the squares in units of it."""
    largest = abs(x).max()
    with np.errstate(invalid="ignore"):
        scaled = x.astype(np.float64) / largest
        return largest, scaled.dot(scaled)


class Parts(NamedTuple):
    """Of what a norm is made: three numbers, which of a vector on a device may stay there until the norm is asked for."""

    square: Any  # the sum of squares in the vector's own dtype
    largest: Any
    scaled: Any  # the sum of squares in units of the largest

    @classmethod
    def of(cls, x: Any) -> Parts:
        """Those of a vector, which holds at least one number."""
        return cls(x.dot(x), *_scaled(x))

    @property
    def norm(self) -> float:
        """The Euclidean norm, of parts that are Python numbers."""
        if 1e-30 < self.square < math.inf:
            return math.sqrt(self.square)
        return self.largest if self.largest == 0 or not math.isfinite(self.largest) else self.largest * math.sqrt(self.scaled)


def state_bytes(state: Any) -> int:
    """Memory of the arrays in a state. Python numbers, the step count, are not counted."""
    if isinstance(state, Mapping):
        return sum(map(state_bytes, state.values()))
    if isinstance(state, (list, tuple)):
        return sum(map(state_bytes, state))
    return getattr(state, "nbytes", 0)


def peak_bytes() -> int | None:
    """The most memory that this process has held so far, where the system tells."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024
