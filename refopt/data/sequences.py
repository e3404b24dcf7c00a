"""Sequences that need memory: no single step says the answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.draws import balanced, noisy
from refopt.data.split import Split, cut

__all__ = ["adding_problem", "sequences", "tokens"]


def sequences(
    n: int = 2000,
    steps: int = 32,
    features: int = 1,
    classes: int = 4,
    noise: float = 0.2,
    *,
    held_out: float = 0.25,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Split:
    """Waves of unknown phase: the class is how many fit into the sequence. x is (n, steps, features).

    Every feature of an example of class k is ``cos(2π (k + 1) t / steps + phase)`` at steps t = 0, 1, …, with a phase of its
    own, uniform over the circle, and normal noise of standard deviation `noise`. So each single step is distributed alike in
    all classes, the mean of every class is zero, and no linear model has a smaller expected cross-entropy than one that
    guesses. `classes` may go up to (steps - 1) / 2: faster waves cannot be told from slower ones.

    >>> sequences(100, steps=20, features=3).x_train.shape
    (75, 20, 3)
    """
    dtype, noise, rng = checks.floating(dtype), checks.real("noise", noise), checks.generator(seed)
    n, steps = checks.whole("n", n, least=2), checks.whole("steps", steps, least=3)
    classes = checks.whole("classes", classes, most=(steps - 1) // 2)
    y = balanced(rng, n, classes)
    phase = 2 * np.pi * rng.random((n, 1, checks.whole("features", features)))
    turn = np.outer(y + 1, np.arange(steps)) * (2 * np.pi / steps)
    return cut(noisy(rng, np.cos(turn[:, :, None] + phase), noise).astype(dtype), y, held_out)


def tokens(
    n: int = 4000, steps: int = 16, vocabulary: int = 12, classes: int = 4, *, held_out: float = 0.25, seed: int = 0
) -> Split:
    """Which mark came first? x is (n, steps) of whole numbers from 0 to `vocabulary` - 1, int64.

    The tokens 0 to `classes` - 1 are marks: each stands once in every sequence, at a random place. The class is the mark that
    comes first. All other places hold random tokens from `classes` on. What the sequence holds says nothing, only the order
    does; a recurrent network has to keep the first mark to the end, an attention layer has to compare places.

    >>> data = tokens(8, steps=5, vocabulary=3, classes=2)
    >>> [next(token for token in row if token < 2) for row in data.x_train.tolist()] == data.y_train.tolist()
    True
    """
    rng, n = checks.generator(seed), checks.whole("n", n, least=2)
    steps, classes = checks.whole("steps", steps), checks.whole("classes", classes, most=steps)
    vocabulary = checks.whole("vocabulary", vocabulary, least=classes + (steps > classes))  # a token between the marks
    y = balanced(rng, n, classes)
    marks = rng.permuted(np.broadcast_to(np.arange(classes), (n, classes)), axis=1)  # in order of appearance
    marks = (marks + (y - marks[:, 0])[:, None]) % classes  # the first is y, the others still in random order
    x = rng.integers(classes, vocabulary, (n, steps)) if steps > classes else np.empty((n, steps), np.int64)
    places = np.sort(rng.permuted(np.broadcast_to(np.arange(steps), (n, steps)), axis=1)[:, :classes], axis=1)
    np.put_along_axis(x, places, marks, axis=1)
    return cut(x, y, held_out)


def adding_problem(n: int = 4000, steps: int = 50, *, held_out: float = 0.25, seed: int = 0, dtype: Any = np.float32) -> Split:
    """Add the two marked numbers: a regression that needs memory over the whole sequence. x is (n, steps, 2), y (n, 1).

    Feature 0 is uniform from 0 to 1, feature 1 is 1 at one random step of the first half and at one of the second, else 0. y is
    the sum of the two marked numbers; who always answers 1 has a mean squared error of 1/6. The task is that of Hochreiter
    and Schmidhuber ("Long short-term memory", Neural Computation 9, 1997, section 5.4), in the form of Arjovsky, Shah and
    Bengio (arXiv:1511.06464, section 4.2).

    >>> data = adding_problem(8, steps=6)
    >>> bool(np.allclose((data.x_train[:, :, 0] * data.x_train[:, :, 1]).sum(axis=1), data.y_train[:, 0]))
    True
    """
    dtype, rng = checks.floating(dtype), checks.generator(seed)
    n, steps = checks.whole("n", n, least=2), checks.whole("steps", steps, least=2)
    x, rows = np.zeros((n, steps, 2), dtype), np.arange(n)
    x[:, :, 0] = rng.random((n, steps))
    half = steps // 2
    first, second = rng.integers(0, half, n), rng.integers(half, steps, n)
    x[rows, first, 1] = x[rows, second, 1] = 1
    return cut(x, (x[rows, first, 0] + x[rows, second, 0])[:, None], held_out)
