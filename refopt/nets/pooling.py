"""Pooling: the largest or the mean of each window; the mean over whole images; images as vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refopt.nets.convolution import pair
from refopt.nets.layer import Layer, Run

__all__ = ["AveragePool2d", "Flatten", "GlobalAveragePool2d", "LastStep", "MaxPool2d", "MeanOverSteps"]


class Pool(Layer):
    """What pooling layers share: windows of `kernel`, one at every `stride` (default: side by side), no padding."""

    def __init__(self, kernel: Any = 2, stride: Any = None) -> None:
        self.kernel = pair(kernel, "kernel", 1)
        self.stride = self.kernel if stride is None else pair(stride, "stride", 1)
        super().__init__()

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(H, W, C) → (H', W', C) with H' = (H − kernel)//stride + 1."""
        if len(shape) != 3:
            raise ValueError(f"pooling takes images (height, width, channels), got {shape}")
        a, b = ((n - k) // s + 1 for n, k, s in zip(shape[:2], self.kernel, self.stride, strict=True))
        if a < 1 or b < 1:
            raise ValueError(f"images of {shape[0]} × {shape[1]} are smaller than the window {self.kernel}")
        return a, b, shape[2]

    def corners(self, x: Any, places: tuple[int, int]) -> list[Any]:
        """For each place in the window, in reading order, a view of what stands there in all windows, (n, H', W', C)."""
        (a, b), (s, t) = places, self.stride
        return [
            x[:, i : i + s * a : s, j : j + t * b : t][:, :a, :b] for i in range(self.kernel[0]) for j in range(self.kernel[1])
        ]

    def slopes(self, dy: Any, shape: tuple[int, ...]) -> Any:
        """Zeros for dx. Where windows lie side by side and cover the image, each entry is written once and needs none."""
        dx = self.buffer("dx", dy, shape)
        if self.stride != self.kernel or shape[1] % self.kernel[0] or shape[2] % self.kernel[1]:
            dx.fill(0)
        return dx


class MaxPool2d(Pool):
    """The largest number of each window; of several that are equal the first in reading order counts as the largest.

    Backward: ∂y/∂x is 1 for that one and 0 for the others, so dy goes back to where y came from.
    """

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """y = the largest of the corners; `winner` remembers which."""
        places = self.output(x.shape[1:])[:2]
        first, *others = self.corners(x, places)
        y = self.buffer("y", x, first.shape)
        y[...] = first
        larger = self._bytes("larger", y, bool)
        winner = self._bytes("winner", y, np.uint8 if len(others) < 256 else np.int64)
        winner.fill(0)
        for k, corner in enumerate(others, 1):
            np.greater(corner, y, out=larger, casting="unsafe")
            np.copyto(winner, k, where=larger)
            np.copyto(y, corner, where=larger) if x.dtype == object else np.maximum(y, corner, out=y)
        return y, (winner, x.shape)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = dy where x won, 0 elsewhere; overlapping windows add up."""
        winner, shape = kept
        dx = self.slopes(dy, shape)
        won = self._bytes("larger", dy, bool)
        for k, corner in enumerate(self.corners(dx, dy.shape[1:3])):
            np.equal(winner, k, out=won)
            if self.stride == self.kernel:
                np.multiply(dy, won, out=corner)
            else:
                corner += dy * won
        return dx

    def _bytes(self, name: str, like: Any, dtype: Any) -> Any:
        held = self._buffers.get(name)
        if held is None or held.shape != like.shape or held.dtype != dtype:
            held = self._buffers[name] = np.empty_like(like, dtype=dtype, order="C")
        return held


class AveragePool2d(Pool):
    """The mean of each window. Backward: each of its k numbers gets dy/k."""

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """y = the mean of the corners."""
        corners = self.corners(x, self.output(x.shape[1:])[:2])
        y = self.buffer("y", x, corners[0].shape)
        y[...] = corners[0]
        for corner in corners[1:]:
            y += corner
        y *= 1 / len(corners)
        return y, x.shape

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = dy/k for each number of the window."""
        dx = self.slopes(dy, kept)
        share = dy * (1 / math.prod(self.kernel))
        for corner in self.corners(dx, dy.shape[1:3]):
            if self.stride == self.kernel:
                corner[...] = share
            else:
                corner += share
        return dx


class GlobalAveragePool2d(Layer):
    """x (n, H, W, C) → y (n, C): the mean over each image. Backward: dx = dy/(H W) everywhere."""

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(H, W, C) → (C,)."""
        if len(shape) != 3:
            raise ValueError(f"pooling takes images (height, width, channels), got {shape}")
        return shape[2:]

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The mean over height and width."""
        return np.sum(x, axis=(1, 2)) * (1 / (x.shape[1] * x.shape[2])), x.shape

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dy, shared out evenly."""
        dx = self.buffer("dx", dy, kept)
        dx[...] = (dy * (1 / (kept[1] * kept[2])))[:, None, None, :]
        return dx


class MeanOverSteps(Layer):
    """x (n, T, D) → y (n, D): the mean over the steps of a sequence. Backward: dx = dy/T at every step."""

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(T, D) → (D,)."""
        return shape[1:]

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The mean over the steps."""
        return np.sum(x, axis=1) * (1 / x.shape[1]), x.shape

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dy, shared out evenly."""
        dx = self.buffer("dx", dy, kept)
        dx[...] = (dy * (1 / kept[1]))[:, None, :]
        return dx


class LastStep(Layer):
    """x (n, T, D) → y (n, D): the last step of a sequence. Backward: dy there, 0 before."""

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(T, D) → (D,)."""
        return shape[1:]

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x at the last step."""
        return x[:, -1], x.shape

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dy at the last step."""
        dx = self.buffer("dx", dy, kept, zeros=True)
        dx[:, -1] = dy
        return dx


class Flatten(Layer):
    """x (n, …) → y (n, d): each example as one vector, in the order in which it lies in memory. Backward: shaped back."""

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(a, b, …) → (a·b·…,)."""
        return (math.prod(shape),)

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The same numbers."""
        return x.reshape(len(x), -1), x.shape

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """The same numbers."""
        return dy.reshape(kept)
