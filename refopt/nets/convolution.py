"""Convolution in two dimensions, any kernel, stride, padding and number of groups; images have their channels last.

Forward: y[n, a, b, o] = b[o] + Σ_{i, j, c} x[n, s·a + i − p, s·b + j − p, c] W[i, j, c, o], where x is 0 outside the image.
The windows that meet the kernel at each place (a, b), written out as the rows of one matrix ("im2col"), turn the sum into
one matrix product: y = columns W + b, the linear layer of every window.

Backward: as for the linear layer ∂loss/∂W = columnsᵀ dy and ∂loss/∂b = Σ dy. For ∂loss/∂x put u = s·a + i for the place in the
padded image: dx[u] = Σ_i dy[(u − i)/s] W[i] over those i where (u − i)/s is a whole number. That is a convolution again: of dy,
spread out with s − 1 zeros between its entries and K − 1 zeros before them, with the kernel turned around and its two channel
axes exchanged. So the same windows and the same product do it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.nets.constants import library, ones
from refopt.nets.initial import initial
from refopt.nets.layer import Layer, Run, demand_sizes

__all__ = ["Conv2d", "pair", "windows"]

TILE = 1 << 19  # bytes of columns and products at a time: what a core's own cache holds beside the images


def pair(value: Any, what: str, least: int) -> tuple[int, int]:
    """A size for both directions, given as one number or as (vertical, horizontal). ValueError for anything else."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2 or not all(isinstance(n, (int, np.integer)) and n >= least for n in both):
        raise ValueError(f"{what} must be a whole number of at least {least}, or two of them; got {value!r}")
    return int(both[0]), int(both[1])


def windows(x: Any, kernel: tuple[int, int], stride: tuple[int, int], places: tuple[int, int]) -> Any:
    """View of x (n, H, W, C) as the windows (n, a, b, i, j, C) that begin at every `stride`, as many as `places`."""
    n, h, w, c = x.strides
    shape = (len(x), *places, *kernel, x.shape[3])
    strides = (n, h * stride[0], w * stride[1], h, w, c)
    return library(x.__class__).lib.stride_tricks.as_strided(x, shape, strides)


class Conv2d(Layer):
    """x (n, H, W, c_in) → y (n, H', W', c_out) with H' = (H + 2·padding − kernel)//stride + 1; the same for W'.

    W (kernel, kernel, c_in/groups, c_out), b (c_out,). With groups, the channels are cut into so many parts of equal size,
    and each part of the output sees its part of the input only; groups = c_in is a depthwise convolution. Padding "same"
    keeps the size for odd kernels and stride 1. `bias` False leaves b out (batch normalisation would undo it).
    """

    def __init__(
        self,
        c_in: int,
        c_out: int,
        kernel: Any = 3,
        stride: Any = 1,
        padding: Any = "same",
        groups: int = 1,
        bias: bool = True,
        initialisation: str = "he",
    ) -> None:
        demand_sizes(c_in=c_in, c_out=c_out, groups=groups)
        self.c_in, self.c_out, self.groups, self.bias = c_in, c_out, groups, bias
        self.initialisation = initialisation
        self.kernel, self.stride = pair(kernel, "kernel", 1), pair(stride, "stride", 1)
        if isinstance(padding, str) and padding != "same":
            raise ValueError(f"padding must be 'same' or a whole number, got {padding!r}")
        if padding == "same" and not (self.kernel[0] % 2 and self.kernel[1] % 2):
            raise ValueError(f"padding 'same' needs odd kernels, got {self.kernel}")
        self.padding = (self.kernel[0] // 2, self.kernel[1] // 2) if padding == "same" else pair(padding, "padding", 0)
        if c_in % groups or c_out % groups:
            raise ValueError(f"groups must divide the channels: {c_in} in, {c_out} out, {groups} groups")
        shapes = {"W": (*self.kernel, c_in // groups, c_out)}
        super().__init__(shapes | {"b": (c_out,)} if bias else shapes)

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """Weights by "he" or as chosen, biases zero."""
        W = self.tensors(theta)[0]
        area = self.kernel[0] * self.kernel[1]
        fan_in, fan_out = area * self.c_in // self.groups, area * self.c_out // self.groups
        W[...] = initial(initialisation or self.initialisation, rng, W.shape, fan_in, fan_out)

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(H, W, c_in) → (H', W', c_out)."""
        if len(shape) != 3 or shape[2] != self.c_in:
            raise ValueError(f"a convolution of {self.c_in} channels takes images (height, width, {self.c_in}), got {shape}")
        return (*self._fits(shape[:2]), self.c_out)

    def _fits(self, size: tuple[int, ...]) -> tuple[int, int]:
        """How often the kernel fits, in both directions."""
        a, b = ((n + 2 * p - k) // s + 1 for n, p, k, s in zip(size, self.padding, self.kernel, self.stride, strict=True))
        if a < 1 or b < 1:
            raise ValueError(f"images of {size[0]} × {size[1]} are smaller than the kernel {self.kernel}")
        return a, b

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """y = columns W + b."""
        W, *rest = self.tensors(theta)
        (n, height, width, _), (top, left) = x.shape, self.padding
        places = a, b = self._fits((height, width))
        if top or left:
            padded = self.buffer("padded", x, (n, height + 2 * top, width + 2 * left, self.c_in), zeros=True)
            padded[:, top : top + height, left : left + width] = x
            x = padded  # (n, H + 2·top, W + 2·left, c_in)
        y = self.buffer("y", x, (n, a, b, self.c_out))
        kernel = self._by_group(W)  # (groups, K·K·c_in/groups, c_out/groups)
        bias = np.tile(rest[0], b) if rest else None  # adding along whole rows is twice as fast as pixel by pixel
        seen = windows(x, self.kernel, self.stride, places)  # (n, a, b, K, K, c_in)
        for some in self._tiles(x, a * b, self.c_in, self.c_out):
            self._multiply(seen[some], kernel, y[some])
            if bias is not None:
                rows = y[some].reshape(-1, len(bias))
                rows += bias
        return y, (x, (height, width))

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dW = columnsᵀ dy, db = Σ dy, and dx = the windows of dy, spread out, times the kernel turned around."""
        x, (height, width) = kept
        (n, a, b, _), W, (dW, *rest) = dy.shape, self.tensors(theta)[0], self.tensors(g)
        by_group: Any = 0
        db: Any = 0
        seen = windows(x, self.kernel, self.stride, (a, b))  # (n, a, b, K, K, c_in)
        for some in self._tiles(x, a * b, self.c_in, self.c_out):
            rows = dy[some].reshape(-1, self.c_out)  # (rows, c_out)
            db = db + ones(len(rows), dy.dtype, dy.__class__).dot(rows)
            columns = self._columns(seen[some])  # (groups, rows, K·K·c_in/groups)
            by_group = by_group + np.matmul(columns.transpose(0, 2, 1), self._split(dy[some]))
        dW[...] = by_group.transpose(1, 0, 2).reshape(W.shape)
        if rest:
            rest[0][...] = db
        if self.first:
            return None
        (i, j), (s, t), (top, left) = self.kernel, self.stride, self.padding
        spread = self.buffer("spread", dy, (n, top + height + i - 1, left + width + j - 1, self.c_out), zeros=True)
        into = spread[:, i - 1 : i - 1 + s * a : s, j - 1 : j - 1 + t * b : t]
        into[...] = dy[:, : into.shape[1], : into.shape[2]]  # windows that lie in the padding alone have no part in dx
        seen = windows(spread[:, top:, left:], self.kernel, (1, 1), (height, width))  # (n, H, W, K, K, c_out)
        dx = self.buffer("dx", dy, (n, height, width, self.c_in))
        turned = self._turned(W)  # (groups, K·K·c_out/groups, c_in/groups)
        for some in self._tiles(spread, height * width, self.c_out, self.c_in):
            self._multiply(seen[some], turned, dx[some])
        return dx

    def _tiles(self, x: Any, places: int, c_in: int, c_out: int) -> list[slice]:
        """The batch in parts whose columns and products stay in the cache while they are worked on."""
        size = places * (self.kernel[0] * self.kernel[1] * c_in + c_out) * x.itemsize
        step = max(TILE // size, 1)
        return [slice(i, min(i + step, len(x))) for i in range(0, len(x), step)]

    def _multiply(self, seen: Any, kernel: Any, out: Any) -> None:
        """out (n, a, b, C) = the windows as rows, times the kernel of each group."""
        columns = self._columns(seen)
        if self.groups == 1:
            np.matmul(columns[0], kernel[0], out=out.reshape(-1, out.shape[3]))
        else:
            self._split(out)[...] = np.matmul(columns, kernel)

    def _split(self, x: Any) -> Any:
        """View of (n, a, b, C) as the rows of each group, (groups, n·a·b, C/groups)."""
        return x.reshape(-1, self.groups, x.shape[3] // self.groups).transpose(1, 0, 2)

    def _columns(self, seen: Any) -> Any:
        """Windows (n, a, b, i, j, C) as the matrix of each group, (groups, n·a·b, i·j·C/groups).

        Memory is copied in runs as long as possible: along the kernel's row and the channels; or, where these are few, along
        the row of the image, which makes the matrix a transposed one.
        """
        n, a, b, i, j, channels = seen.shape
        if j * channels < b and self.groups == 1:
            columns = self.buffer(f"{n} columns of {channels}", seen, (i, j, channels, n, a, b))
            for row in range(i):
                for column in range(j):
                    columns[row, column] = seen[:, :, :, row, column].transpose(3, 0, 1, 2)
            return columns.reshape(1, -1, n * a * b).transpose(0, 2, 1)
        columns = self.buffer(f"{n} columns of {channels}", seen, (self.groups, n, a, b, i, j, channels // self.groups))
        columns[...] = seen if self.groups == 1 else np.moveaxis(seen.reshape(n, a, b, i, j, self.groups, -1), 5, 0)
        return columns.reshape(self.groups, n * a * b, -1)

    def _by_group(self, W: Any) -> Any:
        """The kernel as the matrix of each group, (groups, K·K·c_in/groups, c_out/groups)."""
        return W.reshape(-1, self.groups, self.c_out // self.groups).transpose(1, 0, 2)

    def _turned(self, W: Any) -> Any:
        """The kernel turned around, input and output exchanged: (groups, K·K·c_out/groups, c_in/groups)."""
        i, j, c, _ = W.shape
        turned = W[::-1, ::-1].reshape(i, j, c, self.groups, -1).transpose(3, 0, 1, 4, 2)  # (groups, i, j, c_out/groups, c)
        return turned.reshape(self.groups, -1, c)
