"""Embeddings: a learned vector for each token of a vocabulary, and one for each position."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.nets.constants import ones
from refopt.nets.initial import initial
from refopt.nets.layer import Layer, Run, demand_sizes

__all__ = ["Embedding", "Positions"]


class Embedding(Layer):
    """Tokens x (n, T), whole numbers below `vocabulary` → y (n, T, width): row x of the table E (vocabulary, width).

    Backward: a row of E gets the sum of dy over the places where its token stands. Tokens have no slope.
    """

    def __init__(self, vocabulary: int, width: int) -> None:
        demand_sizes(vocabulary=vocabulary, width=width)
        self.vocabulary, self.width = vocabulary, width
        super().__init__({"E": (vocabulary, width)})

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """Small random vectors."""
        (E,) = self.tensors(theta)
        E[...] = initial("small", rng, E.shape, self.vocabulary, self.width)

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(T,) → (T, width)."""
        return (*shape, self.width)

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """E[x]."""
        return self.tensors(theta)[0].take(x, axis=0), x

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dE[token] = Σ dy over its places."""
        (dE,) = self.tensors(g)
        dE[...] = 0
        np.add.at(dE, kept, dy)


class Positions(Layer):
    """y = x + P, P (steps, width) learned (Vaswani et al. 2017, section 3.5). Backward: dP = Σ dy over the batch, dx = dy.

    Sequences may be shorter than `steps`; positions that are not there have slope 0.
    """

    def __init__(self, steps: int, width: int) -> None:
        demand_sizes(steps=steps, width=width)
        self.steps, self.width = steps, width
        super().__init__({"P": (steps, width)})

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """Small random vectors."""
        (P,) = self.tensors(theta)
        P[...] = initial("small", rng, P.shape, self.steps, self.width)

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The same shape, of at most so many steps."""
        if len(shape) != 2 or shape[0] > self.steps or shape[1] != self.width:
            raise ValueError(f"positions are for sequences of up to {self.steps} steps of {self.width} numbers, got {shape}")
        return shape

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x + P."""
        return x + self.tensors(theta)[0][: x.shape[1]], None

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dP = Σ dy over the batch."""
        (dP,) = self.tensors(g)
        dP[...] = 0
        n, steps, width = dy.shape
        dP[:steps] = ones(n, dy.dtype, dy.__class__).dot(dy.reshape(n, -1)).reshape(steps, width)
        return dy
