"""Activations: forward, and backward from what the forward pass left (the output y, never the input).

``backward(dy, y)`` may overwrite dy, which the network owns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

__all__ = ["ACTIVATIONS", "Activation"]


class Activation(NamedTuple):
    """A pair: y = forward(z), and ∂loss/∂z = backward(∂loss/∂y, y). `gain` is the variance factor of its initialisation."""

    forward: Callable[[Any], Any]
    backward: Callable[[Any, Any], Any]
    initialisation: str


def relu(z: Any) -> Any:
    """max(z, 0)."""
    return np.maximum(z, 0, out=z)


def relu_backward(dy: Any, y: Any) -> Any:
    """dz = dy where y > 0, else 0; at the kink z = 0 the slope is chosen to be 0."""
    dy *= y > 0
    return dy


def tanh(z: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(z, out=z)


def tanh_backward(dy: Any, y: Any) -> Any:
    """dz = dy (1 − y²), because tanh' = 1 − tanh²."""
    dy *= 1 - y * y
    return dy


ACTIVATIONS = {
    "relu": Activation(relu, relu_backward, "he"),
    "tanh": Activation(tanh, tanh_backward, "glorot"),
}
