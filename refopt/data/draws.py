"""What several synthetic sets draw: labels, noise."""

from __future__ import annotations

import numpy as np

__all__ = ["balanced", "noisy"]


def balanced(rng: np.random.Generator, n: int, classes: int) -> np.ndarray:
    """`n` labels in random order, every class equally often up to one example."""
    return rng.permutation(np.arange(n, dtype=np.int64) % classes)


def noisy(rng: np.random.Generator, x: np.ndarray, deviation: float) -> np.ndarray:
    """x plus normal noise of that standard deviation."""
    return x + deviation * rng.standard_normal(x.shape)
