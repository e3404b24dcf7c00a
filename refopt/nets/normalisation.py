"""Normalisation: batch, layer and root mean square.

One derivation for the first two. Let x̂ = (x − μ)/σ over a set of n numbers, σ² = mean (x − μ)² + ε. With ∂μ/∂x_j = 1/n and
∂σ/∂x_j = x̂_j/n, ∂x̂_i/∂x_j = ([i = j] − 1/n − x̂_i x̂_j/n)/σ, so that

    dx = (dx̂ − mean(dx̂) − x̂ mean(dx̂ ∘ x̂))/σ.

The set is a column of the batch for batch normalisation and the row of one example for layer normalisation. Without μ
(RMS normalisation) the middle term is not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refopt.nets.constants import ones
from refopt.nets.layer import Layer, Run, demand_sizes

__all__ = ["BatchNorm", "LayerNorm", "RMSNorm"]


class Scaled(Layer):
    """What the three share: `width` numbers in the last axis, a gain γ that starts at 1, a shift β that starts at 0."""

    def __init__(self, width: int, eps: float = 1e-5, shift: bool = True) -> None:
        demand_sizes(width=width)
        if not eps > 0:
            raise ValueError(f"eps must be positive, got {eps!r}")
        self.width, self.eps = width, eps
        super().__init__({"gamma": (width,), "beta": (width,)} if shift else {"gamma": (width,)})

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """γ = 1, β = 0."""
        self.tensors(theta)[0][...] = 1

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The same shape, whose last number is the width."""
        if not shape or shape[-1] != self.width:
            raise ValueError(f"a normalisation of width {self.width} cannot take examples of shape {shape}")
        return shape


class BatchNorm(Scaled):
    """y = γ x̂ + β, each channel normalised over the batch and, for images, over height and width (Ioffe & Szegedy 2015,
    arXiv:1502.03167, Algorithm 1).

    With running statistics in the `run` those stand for μ and σ², as at prediction; then they are constants and dx = γ dy/σ.
    The statistics that it writes are μ and the unbiased variance, n/(n − 1) times the one it divides by (section 3.1).
    """

    @property
    def running_shapes(self) -> Mapping[str, tuple[int, ...]]:  # type: ignore[override]
        """A mean and a variance for every channel."""
        return {"mean": (self.width,), "variance": (self.width,)}

    def init_running(self, running: np.ndarray) -> None:
        """Mean 0, variance 1."""
        running[self._running[1]] = 1

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The derivation's x̂, then γ x̂ + β."""
        gamma, beta = self.tensors(theta)
        rows = x.reshape(-1, self.width)  # (n, width); n counts places, too
        n = len(rows)
        if n == 1 and run.running is None:
            raise ValueError("batch normalisation of one number by itself would make it 0; give a larger batch, or running=")
        x_hat, y = self.buffer("x_hat", x, rows.shape), self.buffer("y", x, rows.shape)
        one = ones(n, x.dtype, x.__class__)
        # mean, variance and their inverse root: one number for each channel, (width,)
        mean = one.dot(rows) / n if run.running is None else run.running[self._running[0]]
        np.subtract(rows, mean, out=x_hat)
        if run.running is None:
            np.multiply(x_hat, x_hat, out=y)
            variance = one.dot(y) / n
        else:
            variance = run.running[self._running[1]]
        if run.statistics is not None and run.running is None:
            run.statistics[self._running[0]] = mean
            run.statistics[self._running[1]] = variance * (n / (n - 1))
        inverse = 1 / np.sqrt(variance + self.eps)  # 1/σ, (width,)
        x_hat *= inverse
        if run.record is not None:
            run.show(f"{self.name}.x_hat", x_hat.reshape(x.shape))
        np.multiply(x_hat, gamma, out=y)
        y += beta
        return y.reshape(x.shape), (x_hat, inverse, run.running is None)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dγ = Σ dy ∘ x̂, dβ = Σ dy, dx = γ/σ (dy − dβ/n − x̂ dγ/n); with running statistics γ/σ dy."""
        x_hat, inverse, of_batch = kept
        gamma, (d_gamma, d_beta) = self.tensors(theta)[0], self.tensors(g)
        rows = dy.reshape(-1, self.width)  # (n, width)
        n, one = len(rows), ones(len(rows), dy.dtype, dy.__class__)
        dx = self.buffer("dx", dy, rows.shape)
        np.multiply(rows, x_hat, out=dx)
        d_gamma[...] = one.dot(dx)
        d_beta[...] = one.dot(rows)
        if of_batch:
            np.multiply(x_hat, d_gamma / -n, out=dx)
            dx += rows
            dx -= d_beta / n
            dx *= gamma * inverse
        else:
            np.multiply(rows, gamma * inverse, out=dx)
        return dx.reshape(dy.shape)


class LayerNorm(Scaled):
    """y = γ x̂ + β, each example (and step of a sequence) normalised over its last axis (Ba et al. 2016, arXiv:1607.06450)."""

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The derivation's x̂, then γ x̂ + β."""
        gamma, beta = self.tensors(theta)
        rows = x.reshape(-1, self.width)  # (n, width)
        one = ones(self.width, x.dtype, x.__class__)
        x_hat = rows - (rows.dot(one) / self.width)[:, None]
        inverse = 1 / np.sqrt((x_hat * x_hat).dot(one) / self.width + self.eps)[:, None]  # 1/σ, (n, 1)
        x_hat *= inverse
        if run.record is not None:
            run.show(f"{self.name}.x_hat", x_hat.reshape(x.shape))
        return (x_hat * gamma + beta).reshape(x.shape), (x_hat, inverse)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dγ = Σ dy ∘ x̂, dβ = Σ dy, dx̂ = γ dy."""
        x_hat, inverse = kept
        rows = dy.reshape(-1, self.width)  # (n, width)
        d_gamma, d_beta = self.tensors(g)
        column, one = ones(len(rows), dy.dtype, dy.__class__), ones(self.width, dy.dtype, dy.__class__)
        d_gamma[...] = column.dot(rows * x_hat)
        d_beta[...] = column.dot(rows)
        d_x_hat = rows * self.tensors(theta)[0]
        along = (d_x_hat * x_hat).dot(one) / self.width  # mean(dx̂ ∘ x̂), (n,)
        dx = d_x_hat - (d_x_hat.dot(one) / self.width)[:, None] - x_hat * along[:, None]
        dx *= inverse
        return dx.reshape(dy.shape)


class RMSNorm(Scaled):
    """y = γ x/r with r² = mean x² + ε over the last axis (Zhang & Sennrich 2019, arXiv:1910.07467, equation 4)."""

    def __init__(self, width: int, eps: float = 1e-5) -> None:
        super().__init__(width, eps, shift=False)

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x̂ = x/r, then γ x̂."""
        rows = x.reshape(-1, self.width)  # (n, width)
        one = ones(self.width, x.dtype, x.__class__)
        inverse = 1 / np.sqrt((rows * rows).dot(one) / self.width + self.eps)[:, None]  # 1/r, (n, 1)
        x_hat = rows * inverse
        return (x_hat * self.tensors(theta)[0]).reshape(x.shape), (x_hat, inverse)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dγ = Σ dy ∘ x̂, dx = (dx̂ − x̂ mean(dx̂ ∘ x̂))/r."""
        x_hat, inverse = kept
        rows = dy.reshape(-1, self.width)  # (n, width)
        self.tensors(g)[0][...] = ones(len(rows), dy.dtype, dy.__class__).dot(rows * x_hat)
        d_x_hat = rows * self.tensors(theta)[0]
        along = (d_x_hat * x_hat).dot(ones(self.width, dy.dtype, dy.__class__)) / self.width
        return ((d_x_hat - x_hat * along[:, None]) * inverse).reshape(dy.shape)
