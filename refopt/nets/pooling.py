"""Pooling: the largest or the mean of each window; the mean over whole images; images as vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refopt.nets.convolution import TILE, pair
from refopt.nets.layer import Layer, Run
from refopt.numbers import real

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

    def along(self, x: Any, axis: int) -> list[Any]:
        """For each place in the window along one axis (1 vertical, 2 horizontal) a view of what stands there in all windows."""
        size, stride = self.kernel[axis - 1], self.stride[axis - 1]
        count = (x.shape[axis] - size) // stride + 1
        cuts = [slice(i, i + stride * (count - 1) + 1, stride) for i in range(size)]
        return [x[:, cut] if axis == 1 else x[:, :, cut] for cut in cuts]

    def slopes(self, dx: Any, axis: int) -> list[Any]:
        """The views of dx to write to. Where windows overlap or leave gaps it holds zeros to add to; else each entry is written
        once."""
        if not self.apart(axis) or self.kernel[axis - 1] == 1 or dx.shape[axis] % self.kernel[axis - 1]:
            dx.fill(0)
        return self.along(dx, axis)

    def apart(self, axis: int) -> bool:
        """Whether the windows lie side by side."""
        return self.stride[axis - 1] == self.kernel[axis - 1]


class MaxPool2d(Pool):
    """The largest number of each window. Of several that are equal those in the first column win, and of these the topmost.

    The largest of a window is the largest of its columns' largest, so it is found down the columns, where whole rows of the
    image are compared at once, and then along the rows.

    Backward: ∂y/∂x is 1 for the number that won and 0 for the others, so dy goes back to where y came from. Of
    y = max(a, b, c), taken in that order, c gets dy where it was larger than the two before; what is left goes to max(a, b),
    and so on.
    """

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The largest down the columns (n, H', W, C), then along the rows (n, H', W', C)."""
        n, _, width, channels = x.shape
        a, b, _ = self.output(x.shape[1:])
        y = self.buffer("y", x, (n, a, b, channels))
        won_down = self.buffer("won down", x, (self.kernel[0] - 1, n, a, width, channels), dtype=bool)
        won_across = self.buffer("won across", x, (self.kernel[1] - 1, n, a, b, channels), dtype=bool)
        down = self.buffer("down", x, (min(self._tile(x), n), a, width, channels))
        for some in self._tiles(x):
            part = down[: len(y[some])]
            self._largest(self.along(x[some], 1), part, won_down[:, some])
            self._largest(self.along(part, 2), y[some], won_across[:, some])
        return y, (x.shape, won_down, won_across)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """Back along the rows, then back up the columns."""
        shape, won_down, won_across = kept
        dx = self.buffer("dx", dy, shape)
        down = self.buffer("d_down", dy, (min(self._tile(dx), len(dy)), *won_down.shape[2:]))
        for some in self._tiles(dx):
            part = down[: len(dy[some])]
            self._winners(dy[some], part, won_across[:, some], 2)
            self._winners(part, dx[some], won_down[:, some], 1)
        return dx

    def _tile(self, x: Any) -> int:
        """How many images at a time stay in the cache on their way through both steps."""
        return max(TILE // max(x[:1].nbytes, 1), 1)

    def _tiles(self, x: Any) -> list[slice]:
        size = self._tile(x)
        return [slice(i, min(i + size, len(x))) for i in range(0, len(x), size)]

    def _largest(self, places: list[Any], y: Any, won: Any) -> None:
        """y = the largest of `places`; won[k] says where place k + 1 was larger than all before it."""
        before, *others = places
        for other, where in zip(others, won, strict=True):
            np.greater(real(other), real(before), out=where)
            if y.dtype.kind == "f":
                before = np.maximum(before, other, out=y)
            else:
                np.copyto(y, before)
                np.copyto(y, other, where=where)
                before = y
        if not others:
            y[...] = before

    def _winners(self, dy: Any, dx: Any, won: Any, axis: int) -> None:
        """Write into dx what the windows along one axis send back."""
        first, *others = self.slopes(dx, axis)
        if self.apart(axis) and others:
            for place in range(len(others), 0, -1):
                other = others[place - 1]
                np.multiply(dy, won[place - 1], out=other)
                dy = np.subtract(dy, other, out=first if place == 1 else None)
            return
        for other, where in zip(reversed(others), won[::-1], strict=True):
            share = dy * where
            other += share
            dy = dy - share
        first += dy


def _add_to(place: Any, share: Any) -> None:
    place += share


class AveragePool2d(Pool):
    """The mean of each window, first along the rows and then down the columns. Backward: each of its k numbers gets dy/k."""

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The sums of the windows over their size."""
        across = sum(self.along(x, 2))  # (n, H, W', C)
        return sum(self.along(across, 1)) * (1 / math.prod(self.kernel)), (x.shape, across.shape)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = dy/k for each number of the window; overlapping windows add up."""
        share = dy * (1 / math.prod(self.kernel))
        for name, axis, shape in (("d_across", 1, kept[1]), ("dx", 2, kept[0])):
            dx = self.buffer(name, dy, shape)
            for place in self.slopes(dx, axis):
                (np.copyto if self.apart(axis) else _add_to)(place, share)
            share = dx
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
