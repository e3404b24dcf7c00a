"""Activations: functions of each number alone. Forward writes y into `out` and returns what backward needs.

Each pair is y = f(x) and dx = dy f′(x). At a kink the slope of one side is chosen, the same as PyTorch's: 0 at 0 for ReLU, the
small slope for leaky ReLU, 0 at −3 for the hard functions, and at 3 again 0 for the hard sigmoid, 1 for hard swish.
Of a complex number the real part decides (`refopt.numbers.real`), so that a complex step goes through every branch as its
real part does, at the kinks too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from refopt import numbers
from refopt.nets.constants import scalar
from refopt.nets.layer import Layer, Run
from refopt.recurrence import nearest

__all__ = ["ACTIVATIONS", "Activation", "Pair", "Softmax", "sigmoid"]


def sigmoid(x: Any) -> Any:
    """1/(1 + e⁻ˣ), accurate at both ends: the exponential is only taken of what is not positive."""
    positive = numbers.real(x) > 0
    e = np.exp(np.where(positive, -x, x))
    return np.where(positive, 1, e) / (1 + e)


def relu_forward(x: Any, out: Any) -> Any:
    """y = max(x, 0)."""
    if x.dtype.kind == "c":
        return np.multiply(x, x.real > 0, out=out)
    return np.maximum(x, scalar(0, x.dtype, x.__class__), out=out)


def relu_backward(dy: Any, y: Any, out: Any) -> None:
    """dx = dy where y > 0, else 0."""
    if y.dtype.kind == "c":
        y = y.real
    np.multiply(dy, np.greater(y, scalar(0, y.dtype, y.__class__)), out=out)


def leaky_relu_forward(x: Any, out: Any, slope: float = 0.01) -> Any:
    """y = x where x > 0, else slope·x (Maas et al. 2013)."""
    up = np.where(numbers.real(x) > 0, 1, slope).astype(x.dtype)
    np.multiply(x, up, out=out)
    return up


def leaky_relu_backward(dy: Any, up: Any, out: Any) -> None:
    """dx = dy where x > 0, else slope·dy."""
    np.multiply(dy, up, out=out)


def tanh_forward(x: Any, out: Any) -> Any:
    """y = tanh x."""
    return np.tanh(x, out=out)


def tanh_backward(dy: Any, y: Any, out: Any) -> None:
    """dx = dy (1 − y²)."""
    np.multiply(dy, 1 - y * y, out=out)


def sigmoid_forward(x: Any, out: Any) -> Any:
    """y = σ(x)."""
    out[...] = sigmoid(x)
    return out


def sigmoid_backward(dy: Any, y: Any, out: Any) -> None:
    """dx = dy y (1 − y), because σ′ = σ(1 − σ)."""
    np.multiply(dy, y * (1 - y), out=out)


def silu_forward(x: Any, out: Any) -> Any:
    """y = x σ(x) (Elfwing et al. 2017, arXiv:1702.03118; also called swish)."""
    s = sigmoid(x)
    np.multiply(x, s, out=out)
    return out, s


def silu_backward(dy: Any, kept: Any, out: Any) -> None:
    """dx = dy (σ + x σ(1 − σ)) = dy (σ + y (1 − σ))."""
    y, s = kept
    np.multiply(dy, s + y * (1 - s), out=out)


def gelu_forward(x: Any, out: Any) -> Any:
    """y = x Φ(x) = x/2 (1 + erf(x/√2)), Φ the normal distribution (Hendrycks & Gimpel 2016, arXiv:1606.08415)."""
    phi = (1 + numbers.erf(x * math.sqrt(0.5))) / 2
    np.multiply(x, phi, out=out)
    return x, phi


def gelu_backward(dy: Any, kept: Any, out: Any) -> None:
    """dx = dy (Φ + x φ), φ = Φ′ = e^(−x²/2)/√(2π)."""
    x, phi = kept
    np.multiply(dy, phi + x * np.exp(x * x * -0.5) * (1 / math.sqrt(2 * math.pi)), out=out)


ROOT_2_OVER_PI, CUBIC = math.sqrt(2 / math.pi), 0.044715


def gelu_tanh_forward(x: Any, out: Any) -> Any:
    """y = x/2 (1 + tanh u), u = √(2/π)(x + 0.044715 x³): the approximation of the same paper."""
    w = np.tanh(ROOT_2_OVER_PI * (x + CUBIC * (x * x * x)))
    np.multiply(x / 2, 1 + w, out=out)
    return x, w


def gelu_tanh_backward(dy: Any, kept: Any, out: Any) -> None:
    """dx = dy/2 (1 + w + x (1 − w²) u′), w = tanh u, u′ = √(2/π)(1 + 3 · 0.044715 x²)."""
    x, w = kept
    x = numbers.clipped(x, -100, 100)  # beyond, the slope is 0 or 1, and x² may overflow
    np.multiply(dy / 2, 1 + w + x * (1 - w * w) * (ROOT_2_OVER_PI * (1 + 3 * CUBIC * (x * x))), out=out)


def hard_sigmoid_forward(x: Any, out: Any) -> Any:
    """y = min(max(x + 3, 0), 6)/6 (Howard et al. 2019, arXiv:1905.02244, section 5.2)."""
    np.divide(numbers.clipped(x + 3, 0, 6), 6, out=out)
    return x


def hard_sigmoid_backward(dy: Any, x: Any, out: Any) -> None:
    """dx = dy/6 where −3 < x < 3, else 0."""
    np.multiply(dy / 6, (numbers.real(x) > -3) & (numbers.real(x) < 3), out=out)


def hard_swish_forward(x: Any, out: Any) -> Any:
    """y = x min(max(x + 3, 0), 6)/6 (Howard et al. 2019, arXiv:1905.02244, section 5.2)."""
    np.multiply(x, numbers.clipped(x + 3, 0, 6) / 6, out=out)
    return x


def hard_swish_backward(dy: Any, x: Any, out: Any) -> None:
    """dx = 0 where x ≤ −3, dy where x ≥ 3, dy (2x + 3)/6 between."""
    slope = np.where(numbers.real(x) > -3, (2 * x + 3) / 6, 0)
    np.multiply(dy, np.where(numbers.real(x) < 3, slope, 1), out=out)


def identity_forward(x: Any, out: Any) -> Any:
    """y = x."""
    out[...] = x


def identity_backward(dy: Any, kept: Any, out: Any) -> None:
    """dx = dy."""
    out[...] = dy


class Pair(NamedTuple):
    """kept = forward(x, out=y), backward(dy, kept, out=dx), and the initialisation of the weights before it."""

    forward: Callable[..., Any]
    backward: Callable[..., None]
    initialisation: str


ACTIVATIONS = {
    "relu": Pair(relu_forward, relu_backward, "he"),
    "leaky_relu": Pair(leaky_relu_forward, leaky_relu_backward, "he"),
    "gelu": Pair(gelu_forward, gelu_backward, "he"),
    "gelu_tanh": Pair(gelu_tanh_forward, gelu_tanh_backward, "he"),
    "silu": Pair(silu_forward, silu_backward, "he"),
    "hard_swish": Pair(hard_swish_forward, hard_swish_backward, "he"),
    "hard_sigmoid": Pair(hard_sigmoid_forward, hard_sigmoid_backward, "glorot"),
    "sigmoid": Pair(sigmoid_forward, sigmoid_backward, "glorot"),
    "tanh": Pair(tanh_forward, tanh_backward, "glorot"),
    "identity": Pair(identity_forward, identity_backward, "glorot"),
}


class Activation(Layer):
    """The activation called `kind`, of x of any shape. `slope` is that of leaky ReLU below 0."""

    def __init__(self, kind: str = "relu", slope: float = 0.01) -> None:
        if kind not in ACTIVATIONS:
            raise ValueError(f"unknown activation {kind!r}{nearest(kind, ACTIVATIONS)}")
        self.kind, self.pair = kind, ACTIVATIONS[kind]
        self._forward = self.pair.forward
        if kind == "leaky_relu":
            self.slope, self._forward = slope, partial(self.pair.forward, slope=slope)
        super().__init__()

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """y = f(x)."""
        y = self.buffer("y", x, x.shape)
        return y, self._forward(x, y)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = dy f′(x)."""
        dx = self.buffer("dx", dy, dy.shape)
        self.pair.backward(dy, kept, dx)
        return dx


class Softmax(Layer):
    """y_i = e^{x_i} / Σ_j e^{x_j} along the last axis.

    Backward: ∂y_i/∂x_j = y_i ([i = j] − y_j), so dx = y ∘ (dy − Σ_j dy_j y_j).
    """

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The largest x is subtracted first, which changes nothing but keeps the exponential from overflowing."""
        e = np.exp(x - numbers.largest(x, -1))  # (…, n)
        y = e / np.sum(e, axis=-1, keepdims=True)
        return y, y

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = y ∘ (dy − Σ dy∘y)."""
        y = kept
        return y * (dy - np.sum(dy * y, axis=-1, keepdims=True))
