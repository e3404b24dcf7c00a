"""Small pictures in the shapes of the usual tutorials, made and not downloaded."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.draws import balanced
from refopt.data.split import Split, cut

__all__ = ["SHAPES", "images"]

SHAPES = {"mnist": (28, 28, 1), "cifar10": (32, 32, 3), "digits": (8, 8, 1)}  # (height, width, channels)

WAVES = 3  # a pattern has at most so many waves across the picture: smooth beside a pixel
BLOCK = 1024  # examples that are computed at once in float64


def images(
    n: int = 2000,
    height: int = 28,
    width: int = 28,
    channels: int = 1,
    classes: int = 10,
    noise: float = 0.15,
    *,
    shift: int = 3,
    held_out: float = 0.25,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Split:
    """A smooth random pattern for each class, shifted and in noise. x is (n, height, width, channels), pixels from 0 to 1.

    A pattern is a random sum of waves, at most three across the picture in each direction, independent in each channel, and
    scaled to run from 0 to 1. An example is its class's pattern, moved around the edges by up to `shift` pixels each way, its
    contrast reduced to between half and all, with normal noise of standard deviation `noise` on every pixel, cut to 0 … 1.
    An easy task, to see that a network learns at all: a perceptron gets 99 % right once the pixels are standardised.
    `SHAPES` has the shapes of well-known sets: ``images(2000, *SHAPES["cifar10"])``.

    >>> images(20, *SHAPES["cifar10"]).x_train.shape
    (15, 32, 32, 3)
    """
    dtype, noise, rng = checks.floating(dtype), checks.real("noise", noise), checks.generator(seed)
    n, classes = checks.whole("n", n, least=2), checks.whole("classes", classes)
    height, width = checks.whole("height", height), checks.whole("width", width)
    channels, shift = checks.whole("channels", channels), checks.whole("shift", shift, least=0)
    patterns = np.stack([_pattern(rng, height, width, channels) for _ in range(classes)])
    y = balanced(rng, n, classes)
    x = np.empty((n, height, width, channels), dtype)
    for begin in range(0, n, BLOCK):
        label = y[begin : begin + BLOCK]
        down, right = rng.integers(-shift, shift + 1, (2, len(label), 1))
        rows, columns = (np.arange(height) - down) % height, (np.arange(width) - right) % width
        clean = patterns[label[:, None, None], rows[:, :, None], columns[:, None, :]]
        contrast = rng.uniform(0.5, 1.0, (len(label), 1, 1, 1))
        noised = 0.5 + contrast * (clean - 0.5) + noise * rng.standard_normal(clean.shape)
        x[begin : begin + BLOCK] = noised.clip(0, 1)
    return cut(x, y, held_out)


def _pattern(rng: np.random.Generator, height: int, width: int, channels: int) -> np.ndarray:
    """(height, width, channels) from 0 to 1; it goes on smoothly over the edges, so that it can be moved around them."""
    waves = np.arange(-WAVES, WAVES + 1)
    down = np.exp(2j * np.pi * np.outer(np.arange(height) / height, waves))
    right = np.exp(2j * np.pi * np.outer(waves, np.arange(width) / width))
    amplitude = rng.standard_normal((channels, len(waves), len(waves), 2)) @ [1, 1j]
    field = np.moveaxis((down @ amplitude @ right).real, 0, -1)
    field = field - field.min((0, 1))
    return field / np.maximum(field.max((0, 1)), np.finfo(float).tiny)
