"""L1 and L2 penalties on weights, as a part of the loss (weight decay that an optimizer makes is something else)."""

from __future__ import annotations

import math
from typing import Any

from refopt import numbers
from refopt.nets.views import Views

__all__ = ["Penalty"]


class Penalty:
    """λ₁ Σ|w| + ½ λ₂ Σ w² over the weights: all tensors but vectors. Its slope is λ₁ sign(w) + λ₂ w, sign(0) = 0."""

    def __init__(self, l1: float, l2: float, views: Views) -> None:
        if not (0 <= l1 < math.inf and 0 <= l2 < math.inf):
            raise ValueError(f"l1 and l2 must be finite and at least 0, got {l1!r} and {l2!r}")
        self.l1, self.l2 = l1, l2
        self._weights = [slice(start, stop) for _, start, stop, shape in views.places if len(shape) > 1]

    def forward(self, theta: Any) -> Any:
        """The penalty, one number."""
        weights = [theta[where] for where in self._weights]
        return sum(numbers.total(w * (self.l1 * _sign(w) + (self.l2 / 2) * w)) for w in weights)

    def backward(self, theta: Any, g: Any) -> None:
        """Add the penalty's slope to g."""
        for where in self._weights:
            w = theta[where]
            g[where] += self.l1 * _sign(w) + self.l2 * w


def _sign(w: Any) -> Any:
    return (numbers.real(w) > 0).astype(w.dtype) - (numbers.real(w) < 0)
