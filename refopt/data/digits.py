"""Handwritten digits: 1,797 images of 8 × 8 pixels.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, 1998,
https://doi.org/10.24432/C50P49, licensed CC BY 4.0 (see ``LICENSE-digits.txt`` beside this file).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.split import Split, split

__all__ = ["digits"]


def digits(held_out: float = 0.25, seed: int = 0, dtype: Any = np.float32, images: bool = False) -> Split:
    """The digits, shuffled by `seed` and split; `held_out` is the share of the images that goes into the test part.

    Pixels run from 0 to 1 (the file holds counts from 0 to 16). The defaults give 1,348 images to train on, 449 to test, as
    rows of 64 pixels; `images` shapes them (n, 8, 8, 1).

    >>> [part.shape for part in digits()]
    [(1348, 64), (1348,), (449, 64), (449,)]
    >>> digits(images=True).x_train.shape
    (1348, 8, 8, 1)
    """
    with np.load(Path(__file__).with_name("digits.npz"), allow_pickle=False) as file:
        pixels, labels = file["pixels"], file["labels"]
    x = (pixels / 16).astype(checks.floating(dtype))
    return split(x.reshape(-1, 8, 8, 1) if images else x, labels.astype(np.int64), held_out, seed)
