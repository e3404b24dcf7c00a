"""The multilayer perceptron, a pure function of one flat theta."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from refopt.nets.activations import ACTIVATIONS
from refopt.nets.initial import INITIALISATIONS
from refopt.nets.linear import linear, linear_backward, linear_backward_input
from refopt.nets.losses import softmax_cross_entropy, softmax_cross_entropy_backward
from refopt.nets.views import Views
from refopt.recurrence import nearest

__all__ = ["MLP"]


class MLP:
    """Layers of `sizes` units, e.g. ``MLP([64, 32, 10])``: 64 inputs, 32 hidden units, 10 classes.

    theta is one vector of ``net.size`` numbers; ``net.views(theta)`` shows it as ``W1`` (64, 32), ``b1`` (32,), ``W2``, …
    Inputs x are (batch, sizes[0]), labels y are whole numbers (batch,) below sizes[-1]. Everything is computed in the dtype
    of theta, which may also be complex (for derivatives by complex step) or balls; x is cast to it.
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu") -> None:
        sizes = list(sizes)
        if len(sizes) < 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
            raise ValueError(f"sizes must be at least two positive whole numbers, got {sizes}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}{nearest(activation, ACTIVATIONS)}")
        self.sizes, self.activation = sizes, activation
        self._forward, self._backward, self._initialisation = ACTIVATIONS[activation]
        shapes: dict[str, tuple[int, ...]] = {}
        for layer, (n_in, n_out) in enumerate(pairwise(sizes), 1):
            shapes[f"W{layer}"], shapes[f"b{layer}"] = (n_in, n_out), (n_out,)
        self.views = Views(shapes)
        self._shape = (self.views.size,)
        places = [slice(start, stop) for _, start, stop, _ in self.views.places]
        self._places = list(zip(places[::2], pairwise(sizes), places[1::2], strict=True))

    def __repr__(self) -> str:
        return f"MLP({self.sizes}, activation={self.activation!r})"

    @property
    def size(self) -> int:
        """How many parameters theta holds."""
        return self.views.size

    def init(self, seed: int = 0, dtype: Any = np.float64, initialisation: str | None = None) -> np.ndarray:
        """A starting theta: weights by "he" (the default for relu) or "glorot" (for tanh), biases zero."""
        name = initialisation or self._initialisation
        if name not in INITIALISATIONS:
            raise ValueError(f"unknown initialisation {name!r}{nearest(name, INITIALISATIONS)}")
        rng = np.random.default_rng(seed)
        theta = np.zeros(self.size)
        for view in self.views(theta).values():
            if view.ndim == 2:
                view[...] = INITIALISATIONS[name](rng, *view.shape)
        return theta.astype(dtype)

    def logits(self, theta: Any, x: Any) -> Any:
        """The last layer's outputs, (batch, classes)."""
        return self._activations(self._layers(self._checked(theta)), self._inputs(x, theta))[-1]

    def predict(self, theta: Any, x: Any) -> Any:
        """The most likely class of each example, (batch,)."""
        return self.logits(theta, x).argmax(axis=1)

    def accuracy(self, theta: Any, x: Any, y: Any) -> float:
        """The share of examples whose class is predicted right."""
        return float((self.predict(theta, x) == self._labels(y, len(x))).mean())

    def loss(self, theta: Any, x: Any, y: Any) -> Any:
        """Mean softmax cross-entropy of the batch, in nats."""
        z = self.logits(theta, x)
        return softmax_cross_entropy(z, self._labels(y, len(z)))[0]

    def loss_and_grad(self, theta: Any, x: Any, y: Any) -> tuple[Any, Any]:
        """The loss and its gradient, a vector like theta."""
        layers = self._layers(self._checked(theta))
        outputs = self._activations(layers, self._inputs(x, theta))
        loss, kept = softmax_cross_entropy(outputs[-1], self._labels(y, len(x)))
        dz = softmax_cross_entropy_backward(kept)  # (batch, classes)
        g = np.empty_like(theta)
        slopes = self._layers(g)
        for layer in range(len(layers) - 1, -1, -1):
            linear_backward(dz, outputs[layer], *slopes[layer])
            if layer:
                dz = self._backward(linear_backward_input(dz, layers[layer][0]), outputs[layer])
        return loss, g

    def _layers(self, theta: Any) -> list[tuple[Any, Any]]:
        """W (n_in, n_out) and b (n_out,) of each layer: what `views` shows by name."""
        return [(theta[weights].reshape(shape), theta[biases]) for weights, shape, biases in self._places]

    def _activations(self, layers: list[tuple[Any, Any]], x: Any) -> list[Any]:
        """What each layer hands on: x, the hidden layers after their activation, the logits."""
        outputs = [x]
        for W, b in layers[:-1]:
            outputs.append(self._forward(linear(outputs[-1], W, b)))
        outputs.append(linear(outputs[-1], *layers[-1]))
        return outputs

    def _checked(self, theta: Any) -> Any:
        if getattr(theta, "shape", None) != self._shape or theta.dtype.kind not in "fcO":
            got = f"{theta.dtype} {theta.shape}" if hasattr(theta, "shape") else type(theta).__name__
            raise ValueError(f"{self} takes a floating-point theta of shape ({self.size},), got {got}")
        return theta

    def _inputs(self, x: Any, theta: Any) -> Any:
        x = x if hasattr(x, "shape") else np.asarray(x)
        if x.ndim != 2 or x.shape[1] != self.sizes[0]:
            raise ValueError(f"{self} takes x of shape (batch, {self.sizes[0]}), got {x.shape}")
        return x if x.dtype == theta.dtype else x.astype(theta.dtype)

    def _labels(self, y: Any, batch: int) -> Any:
        if getattr(y, "shape", None) != (batch,) or y.dtype.kind not in "iu":
            got = f"{y.dtype} {y.shape}" if hasattr(y, "shape") else type(y).__name__
            raise ValueError(f"labels must be whole numbers of shape ({batch},), one an example, got {got}")
        if not batch:
            raise ValueError("a batch must hold at least one example")
        if not y.dtype.isnative:
            y = y.astype(np.intp)
        unsigned = y.view(_UNSIGNED[y.itemsize])  # a negative label is a huge one
        if unsigned[unsigned.argmax()] >= self.sizes[-1]:
            raise ValueError(f"labels must be from 0 to {self.sizes[-1] - 1}, got {y.min()} to {y.max()}")
        return y


_UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}
