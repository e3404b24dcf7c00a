"""The linear layer y = x W + b.

Backward: for y_ij = Σ_k x_ik W_kj + b_j the chain rule gives ∂loss/∂W_kj = Σ_i x_ik dy_ij, ∂loss/∂b_j = Σ_i dy_ij and
∂loss/∂x_ik = Σ_j dy_ij W_kj: three matrix products.

``a.dot(b)`` is ``a @ b`` with a third of a microsecond less to call, which counts for layers as small as these.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refopt.nets.constants import ones
from refopt.nets.initial import initial
from refopt.nets.layer import Layer, Run, demand_sizes

__all__ = ["Linear"]


class Linear(Layer):
    """x (…, n_in) → y (…, n_out); W (n_in, n_out), b (n_out,). What stands before the last axis is all one batch."""

    def __init__(self, n_in: int, n_out: int, initialisation: str = "he") -> None:
        demand_sizes(n_in=n_in, n_out=n_out)
        self.n_in, self.n_out, self.initialisation = n_in, n_out, initialisation
        super().__init__({"W": (n_in, n_out), "b": (n_out,)})

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """Weights by "he" or as chosen, biases zero."""
        W, _ = self.tensors(theta)
        W[...] = initial(initialisation or self.initialisation, rng, W.shape, self.n_in, self.n_out)

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(…, n_in) → (…, n_out)."""
        if not shape or shape[-1] != self.n_in:
            hint = "; put a Flatten() before it" if math.prod(shape) == self.n_in else ""
            named = f"the linear layer {self.name!r}" if self.name else "a linear layer"
            raise ValueError(f"{named} of {self.n_in} inputs cannot take examples of shape {shape}{hint}")
        return (*shape[:-1], self.n_out)

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x W + b."""
        W, b = self.tensors(theta)
        rows = x if x.ndim == 2 else x.reshape(-1, self.n_in)  # (batch, n_in)
        y = self.buffer("y", x, (len(rows), self.n_out))
        rows.dot(W, out=y)
        y += b
        return (y if x.ndim == 2 else y.reshape(*x.shape[:-1], self.n_out)), rows

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dW = xᵀ dy, db = Σ dy, dx = dy Wᵀ."""
        rows, shape = kept, dy.shape[:-1]
        dW, db = self.tensors(g)
        if dy.ndim != 2:
            dy = dy.reshape(-1, self.n_out)  # (batch, n_out)
        rows.T.dot(dy, out=dW)
        ones(len(dy), dy.dtype, dy.__class__).dot(dy, out=db)
        if self.first:
            return None
        dx = self.buffer("dx", dy, (len(dy), self.n_in))
        dy.dot(self.tensors(theta)[0].T, out=dx)
        return dx if len(shape) == 1 else dx.reshape(*shape, self.n_in)
