"""Ten one-dimensional signals, the smallest set that tells networks apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.draws import balanced, noisy
from refopt.data.split import Split, cut

__all__ = ["TEMPLATES", "mnist1d"]

# One curve a class through twelve points, drawn for refopt: the templates of the paper are other ones.
TEMPLATES = np.array(
    [
        [2, 4, 5, 6, 6, 6, 6, 6, 6, 5, 4, 2],  # 0: a wide hill
        [0, 0, 1, 2, 5, 8, 8, 5, 2, 1, 0, 0],  # 1: a spike
        [3, 6, 7, 6, 3, 0, -3, -6, -7, -6, -3, 0],  # 2: up, then down
        [-3, -6, -7, -6, -3, 0, 3, 6, 7, 6, 3, 0],  # 3: down, then up
        [4, 7, 4, 1, 0, 0, 0, 0, 1, 4, 7, 4],  # 4: two hills
        [1, 2, 3, 4, 5, 5, 6, 7, 8, 8, 9, 4],  # 5: a slow rise that breaks off
        [4, 9, 8, 8, 7, 6, 5, 5, 4, 3, 2, 1],  # 6: a sudden rise that fades
        [5, 5, 0, -5, -5, 0, 5, 5, 0, -5, -5, 0],  # 7: two waves
        [-3, -6, -6, -5, -2, 5, 5, -2, -5, -6, -6, -3],  # 8: a hill in a valley
        [5, 6, 6, 6, 6, 6, -4, -4, -4, -4, -4, -3],  # 9: a step down
    ]
) / 8.0  # fmt: skip

PADDED = 72  # points of the signal before it is sampled: a template's twelve and up to sixty beside it


def mnist1d(
    n: int = 4000, length: int = 40, *, noise: float = 0.25, held_out: float = 0.25, seed: int = 0, dtype: Any = np.float32
) -> Split:
    """Ten curves that are stretched, scaled, shifted and sheared, in noise: a task for the shape, wherever it stands.

    After the idea of Greydanus ("Scaling down deep learning", arXiv:2011.14439), with templates of our own (`TEMPLATES`), so
    numbers from the paper do not carry over. A template of twelve points is padded to between 48 and 72 points and stretched
    to 72, scaled by 0.8 to 1.2, shifted around the circle by 0 to 47 points; the rest of the signal is filled with correlated
    noise (standard deviation `noise`, smoothed by a Gaussian of width 2), white noise of standard deviation 0.08 · `noise`
    lies over everything, a straight line that rises or falls by up to 3/8 over the whole is added, and `length` evenly spaced
    samples are kept. x is (n, length), y from 0 to 9.

    The defaults tell networks apart: a linear model gets a quarter of the test part right, a perceptron with two layers of
    100 units three fifths, a small convolutional network nine tenths, and a recurrent one more (measured with Adam).

    >>> mnist1d(100).x_train.shape
    (75, 40)
    """
    dtype, noise, rng = checks.floating(dtype), checks.real("noise", noise), checks.generator(seed)
    n, length = checks.whole("n", n, least=2), checks.whole("length", length, least=2)
    y = balanced(rng, n, len(TEMPLATES))
    stretch = PADDED / rng.integers(48, PADDED + 1, n)
    shift = rng.integers(0, 48, n)
    scale = rng.uniform(0.8, 1.2, n)
    # where on its template, in points from the first one, each point of each signal lies
    place = (np.arange(PADDED) - shift[:, None]) % PADDED / stretch[:, None]
    points = TEMPLATES.shape[1]
    last = points - 1
    left = np.clip(place.astype(int), 0, last - 1)
    start, stop = (np.take_along_axis(TEMPLATES[y], k, axis=1) for k in (left, left + 1))
    curve = scale[:, None] * (start + (place - left) * (stop - start))
    x = np.where(place <= last, curve, noise * _smoothed(rng.standard_normal((n, PADDED))))
    x = noisy(rng, x, 0.08 * noise)
    x += rng.uniform(-0.375, 0.375, (n, 1)) * np.linspace(-0.5, 0.5, PADDED)
    return cut(_sampled(x, length).astype(dtype, order="C"), y, held_out)


def _smoothed(white: np.ndarray, width: float = 2.0) -> np.ndarray:
    """Convolved around the circle with a Gaussian, along the last axis; the variance stays 1."""
    distance = np.minimum(np.arange(PADDED), PADDED - np.arange(PADDED))
    kernel = np.exp(-0.5 * (distance / width) ** 2)
    return np.fft.irfft(np.fft.rfft(white) * np.fft.rfft(kernel / np.sqrt(kernel @ kernel)), PADDED)


def _sampled(x: np.ndarray, length: int) -> np.ndarray:
    """`length` evenly spaced samples from the first point to the last, on straight lines between the points."""
    place = np.linspace(0, PADDED - 1, length)
    left = np.minimum(place.astype(int), PADDED - 2)
    return x[:, left] + (place - left) * (x[:, left + 1] - x[:, left])
