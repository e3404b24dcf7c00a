"""Regression with a known answer: a fixed random network is the teacher."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from refopt.data import checks
from refopt.data.draws import noisy
from refopt.data.split import Split, cut
from refopt.recurrence import nearest

__all__ = ["ACTIVATIONS", "Teacher", "teacher", "teacher_student"]

ACTIVATIONS: dict[str, Callable[[Any], Any]] = {"tanh": np.tanh, "relu": lambda z: np.maximum(z, 0), "linear": lambda z: z}


class Teacher(NamedTuple):
    """A network of one hidden layer; calling it gives its outputs (n, outputs) at points (n, features)."""

    W1: np.ndarray  # (features, hidden)
    b1: np.ndarray  # (hidden,)
    W2: np.ndarray  # (hidden, outputs)
    b2: np.ndarray  # (outputs,)
    activation: str

    def __call__(self, x: Any) -> np.ndarray:
        """``activation(x W1 + b1) W2 + b2``."""
        return ACTIVATIONS[self.activation](x @ self.W1 + self.b1) @ self.W2 + self.b2


def teacher(features: int = 10, outputs: int = 1, hidden: int = 16, activation: str = "tanh", seed: int = 0) -> Teacher:
    """The teacher that `teacher_student` asks when it is given the same numbers and seed; everything in float64.

    Weights are normal with variance 1 / (number of inputs of the layer), biases with variance 1/4 in the hidden layer and
    zero after it.
    """
    return _teacher(checks.generator(seed), features, outputs, hidden, activation)


def _teacher(rng: np.random.Generator, features: int, outputs: int, hidden: int, activation: str) -> Teacher:
    if activation not in ACTIVATIONS:
        raise ValueError(f"unknown activation {activation!r}{nearest(activation, ACTIVATIONS)}")
    features, hidden = checks.whole("features", features), checks.whole("hidden", hidden)
    outputs = checks.whole("outputs", outputs)
    W1 = rng.standard_normal((features, hidden)) / np.sqrt(features)
    b1 = rng.standard_normal(hidden) / 2
    W2 = rng.standard_normal((hidden, outputs)) / np.sqrt(hidden)
    return Teacher(W1, b1, W2, np.zeros(outputs), activation)


def teacher_student(
    n: int = 1000,
    features: int = 10,
    outputs: int = 1,
    hidden: int = 16,
    noise: float = 0.0,
    *,
    activation: str = "tanh",
    held_out: float = 0.25,
    seed: int = 0,
    dtype: Any = np.float32,
) -> Split:
    """Standard normal points x (n, features), and what a fixed random network says to them, y (n, outputs).

    The network has one layer of `hidden` units, "tanh", "relu", or "linear" (then y is a linear function of x, and least
    squares find it). `noise` is the standard deviation of normal noise on y: its square is the mean squared error that no
    student can pass. Without noise a student of the teacher's shape can reach zero. `teacher` gives the network itself; it
    depends neither on `n` nor on `noise`.

    >>> data = teacher_student(100, outputs=2, dtype=np.float64)
    >>> np.allclose(teacher(outputs=2)(data.x_test), data.y_test, rtol=1e-12)
    True
    """
    dtype, noise, rng = checks.floating(dtype), checks.real("noise", noise), checks.generator(seed)
    ask = _teacher(rng, features, outputs, hidden, activation)
    x = rng.standard_normal((checks.whole("n", n, least=2), features)).astype(dtype)
    y = ask(x.astype(np.float64))  # the teacher is asked about the x that the student gets
    return cut(x, noisy(rng, y, noise).astype(dtype), held_out)
