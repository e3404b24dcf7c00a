"""Classes in the plane, to look at: half moons, spirals, blobs."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.draws import balanced, noisy
from refopt.data.split import Split, cut

__all__ = ["blobs", "moons", "spirals"]


def moons(n: int = 1000, noise: float = 0.1, *, held_out: float = 0.25, seed: int = 0, dtype: Any = np.float32) -> Split:
    """Two half circles of radius 1 that reach into each other: no straight line parts them.

    Class 0 is the upper half of the circle around (0, 0), class 1 the lower half of that around (1, 1/2), drawn uniformly
    along the arc; `noise` is the standard deviation of the normal noise on each coordinate. x is (n, 2).

    >>> [part.shape for part in moons(1000)]
    [(750, 2), (750,), (250, 2), (250,)]
    """
    dtype, noise, rng = checks.floating(dtype), checks.real("noise", noise), checks.generator(seed)
    y = balanced(rng, checks.whole("n", n, least=2), 2)
    angle = np.pi * (rng.random(n) + y)  # class 0 above, class 1 below
    x = np.stack([np.cos(angle) + y, np.sin(angle) + 0.5 * y], axis=1)
    return cut(noisy(rng, x, noise).astype(dtype), y, held_out)


def spirals(
    n: int = 1000,
    arms: int = 2,
    noise: float = 0.02,
    *,
    turns: float = 1.5,
    held_out: float = 0.25,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Split:
    """Spirals of Archimedes wound into each other, one a class: hard for a small network.

    The arm of class k is the curve of radius r and angle 2π (turns · r + k / arms), r from 1/13 to 1, drawn so that points
    lie about equally dense along the arm. Neighbouring arms are 1 / (turns · arms) apart; `noise` is the standard deviation
    of the normal noise on each coordinate. x is (n, 2). After the two spirals of Lang and Witbrock ("Learning to tell two
    spirals apart", 1988), whose 194 points lie on three turns.

    >>> spirals(12, arms=3).y_train.shape
    (9,)
    """
    dtype, noise, rng = checks.floating(dtype), checks.real("noise", noise), checks.generator(seed)
    n, arms = checks.whole("n", n, least=2), checks.whole("arms", arms, least=2)
    y = balanced(rng, n, arms)
    inner = 1 / 13
    radius = np.sqrt(inner**2 + (1 - inner**2) * rng.random(n))
    angle = 2 * np.pi * (checks.real("turns", turns) * radius + y / arms)
    x = radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return cut(noisy(rng, x, noise).astype(dtype), y, held_out)


def blobs(
    n: int = 1000,
    classes: int = 3,
    features: int = 2,
    spread: float = 0.1,
    *,
    held_out: float = 0.25,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Split:
    """Normal clouds around centres that are drawn uniformly from the cube from -1 to 1, one a class.

    `spread` is the standard deviation of each cloud along each axis; where it is small, straight lines part the classes.
    x is (n, features).
    """
    dtype, spread, rng = checks.floating(dtype), checks.real("spread", spread), checks.generator(seed)
    n, classes = checks.whole("n", n, least=2), checks.whole("classes", classes)
    centres = rng.uniform(-1, 1, (classes, checks.whole("features", features)))
    y = balanced(rng, n, classes)
    return cut(noisy(rng, centres[y], spread).astype(dtype), y, held_out)
