"""Handwritten digits: 1,797 images of 8 × 8 pixels.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, licensed CC BY 4.0 (see ``LICENSE-digits.txt`` beside this file).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Split", "digits"]


class Split(NamedTuple):
    """Examples to learn from and examples held out. `x` is (n, features), `y` holds whole-number labels (n,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def digits(held_out: float = 0.25, seed: int = 0, dtype: Any = np.float32) -> Split:
    """The digits, shuffled by `seed` and split; `held_out` is the share of the images that goes into the test part.

    Pixels run from 0 to 1 (the file holds counts from 0 to 16). The defaults give 1,348 images to train on, 449 to test.

    >>> [part.shape for part in digits()]
    [(1348, 64), (1348,), (449, 64), (449,)]
    """
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must be a share between 0 and 1, got {held_out!r}")
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
        pixels, labels = file["pixels"], file["labels"]
    order = np.random.default_rng(seed).permutation(len(labels))
    x, y = (pixels / 16)[order].astype(dtype), labels[order].astype(np.int64)
    cut = len(labels) - int(held_out * len(labels))
    return Split(x[:cut], y[:cut], x[cut:], y[cut:])
