"""The multilayer perceptron: linear layers with an activation between them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from refopt.nets.activations import ACTIVATIONS, Activation
from refopt.nets.dropout import Dropout
from refopt.nets.layer import Layer
from refopt.nets.linear import Linear
from refopt.nets.losses import Loss
from refopt.nets.network import Network
from refopt.nets.normalisation import BatchNorm
from refopt.recurrence import nearest

__all__ = ["MLP"]


class MLP(Network):
    """Layers of `sizes` units, e.g. ``MLP([64, 32, 10])``: 64 inputs, 32 hidden units, 10 classes.

    ``net.views(theta)`` shows theta as ``W1`` (64, 32), ``b1`` (32,), ``W2``, …; with `batch_norm` (before each activation)
    also ``gamma1``, ``beta1``, … `dropout` is the rate after each activation. For the loss and penalties see `Network`.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        *,
        dropout: float = 0.0,
        batch_norm: bool = False,
        loss: str | Loss = "softmax_cross_entropy",
        l1: float = 0.0,
        l2: float = 0.0,
    ) -> None:
        sizes = list(sizes)
        if len(sizes) < 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in sizes):
            raise ValueError(f"sizes must be at least two positive whole numbers, got {sizes}")
        if activation not in ACTIVATIONS:
            raise ValueError(f"unknown activation {activation!r}{nearest(activation, ACTIVATIONS)}")
        self.sizes, self.activation = sizes, activation
        layers: dict[str, Layer] = {}
        for number, (n_in, n_out) in enumerate(pairwise(sizes), 1):
            layers[f"linear{number}"] = Linear(n_in, n_out, ACTIVATIONS[activation].initialisation)
            if number < len(sizes) - 1:
                if batch_norm:
                    layers[f"norm{number}"] = BatchNorm(n_out)
                layers[f"{activation}{number}"] = Activation(activation)
                if dropout:
                    layers[f"dropout{number}"] = Dropout(dropout)
        names = {}
        for name, layer in layers.items():
            names.update(
                {f"{tensor}{name.lstrip('abcdefghijklmnopqrstuvwxyz_')}": shape for tensor, shape in layer.shapes.items()}
            )
        super().__init__(layers, (sizes[0],), loss, l1, l2, names)

    def __repr__(self) -> str:
        return f"MLP({self.sizes}, activation={self.activation!r})"
