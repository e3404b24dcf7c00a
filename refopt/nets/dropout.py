"""Dropout: numbers that are switched off at random while training, so that no unit relies on one other.

The masks are a pure function of the seed of the pass and the layer's number: the same seed, the same mask, whatever the dtype.
They are drawn on the host; for a network on a device each is brought there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt import numbers
from refopt.nets.activations import sigmoid
from refopt.nets.layer import Layer, Run

__all__ = ["Dropout", "Standout"]


def uniform(x: Any, run: Run, number: int) -> Any:
    """Random numbers from 0 to 1 in the shape of x, drawn in float32 from the seed of this pass and the layer's number."""
    seed: list[int] = [int(part) for part in ([run.seed] if isinstance(run.seed, (int, np.integer)) else run.seed)]
    drawn = np.random.default_rng([*seed, number]).random(x.shape, dtype=np.float32)
    return numbers.beside(drawn, x)


class Dropout(Layer):
    """Inverted dropout: y = x·m/(1 − rate), each m 0 with probability `rate`, else 1 (Srivastava et al. 2014). Without a seed
    y = x: dividing while training keeps the mean of y at x, so nothing has to change at prediction.

    Backward: dx = dy·m/(1 − rate).
    """

    draws = "masks at a rate"

    def __init__(self, rate: float = 0.5) -> None:
        if not 0 <= rate < 1:
            raise ValueError(f"rate must be in [0, 1), got {rate!r}")
        self.rate = rate
        super().__init__()

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x times the mask."""
        rate = self.rate if run.dropout is None else run.dropout
        if run.seed is None or rate == 0:
            return x, None
        mask = (uniform(x, run, self.number) >= rate).astype(x.dtype)
        run.show(f"{self.name}.mask", mask)
        mask *= 1 / (1 - rate)
        return x * mask, mask

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dy times the mask."""
        return dy if kept is None else dy * kept


class Standout(Layer):
    """Adaptive dropout: a unit is kept with probability p = σ(αx + β), the higher the larger x is (Ba & Frey 2013, "Adaptive
    dropout for training deep neural networks", with the network's own weights for the one that decides, section 3.2).

    With a seed y = x·m, m drawn with probability p, and dx = dy·m: the mask counts as a constant. Without one y = x·p, the
    mean, and dx = dy (p + x α p (1 − p)).
    """

    draws = "masks"

    def __init__(self, alpha: float = 1.0, beta: float = 0.0) -> None:
        self.alpha, self.beta = alpha, beta
        super().__init__()

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x times the mask, or times its mean."""
        p = sigmoid(self.alpha * x + self.beta)
        if run.seed is None:
            return x * p, (x, p)
        mask = (uniform(x, run, self.number) < p).astype(x.dtype)
        run.show(f"{self.name}.mask", mask)
        return x * mask, mask

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dy times the mask, or times the slope of x p(x)."""
        if not isinstance(kept, tuple):
            return dy * kept
        x, p = kept
        return dy * (p + self.alpha * x * p * (1 - p))
