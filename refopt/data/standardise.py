"""Features with mean 0 and standard deviation 1, measured on the training part alone."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refopt.data.split import Split

__all__ = ["Scale", "standardise"]


class Scale(NamedTuple):
    """What `standardise` measured, one number for each entry of the last axis; calling it applies it to other examples."""

    mean: np.ndarray  # float64 (features,)
    deviation: np.ndarray  # the standard deviation, float64 (features,); 1 where the feature is constant

    def __call__(self, x: Any) -> np.ndarray:
        """``(x - mean) / deviation``, in the dtype of x."""
        x = _features(x)
        if x.shape[-1:] != self.mean.shape:
            raise ValueError(f"x must have {len(self.mean)} features along its last axis, got shape {x.shape}")
        return ((x - self.mean) / self.deviation).astype(x.dtype)


def standardise(data: Split) -> tuple[Split, Scale]:
    """Shift and scale `x` so that every feature has mean 0 and standard deviation 1 over the training part.

    A feature is an entry of the last axis: a column of a table, a channel of images (over all their pixels), a feature of
    sequences (over all steps). Mean and deviation (that of the population, divided by n) come from the training part alone,
    for the test part stands for examples that nobody has seen. A feature that is constant there becomes 0, in the test part
    its difference from that constant. `y` stays as it is. Returns the new split, and the `Scale` for examples to come.

    >>> table = np.array([[1.0, 5.0], [3.0, 5.0], [9.0, 7.0]])
    >>> data, scale = standardise(Split(table[:2], np.array([0, 1]), table[2:], np.array([1])))
    >>> data.x_train.tolist(), data.x_test.tolist()
    ([[-1.0, 0.0], [1.0, 0.0]], [[7.0, 2.0]])
    >>> scale(np.array([2.0, 5.0])).tolist()
    [0.0, 0.0]
    """
    x = _features(data.x_train)
    if x.ndim < 2 or not x.size:
        raise ValueError(f"x_train must be of shape (n, …, features) with at least one example, got {x.shape}")
    examples = tuple(range(x.ndim - 1))
    low, high = x.min(examples), x.max(examples)
    if not np.isfinite([low, high]).all():
        raise ValueError("x_train must be finite: a mean over NaN or infinity says nothing")
    constant = low == high  # asked so, and not by a deviation of 0: the mean of equal numbers may round
    mean = np.where(constant, low, x.mean(examples, dtype=np.float64))
    deviation = np.where(constant, 1.0, x.std(examples, dtype=np.float64))
    scale = Scale(mean, np.where(deviation > 0, deviation, 1.0))  # a deviation below the smallest number
    return data._replace(x_train=scale(x), x_test=scale(data.x_test)), scale


def _features(x: Any) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype.kind != "f":
        raise TypeError(f"x must be floating-point to be standardised, got {x.dtype}")
    return x
