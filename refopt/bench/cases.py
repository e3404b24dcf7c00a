"""What is trained: networks, their data, how long a block is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from refopt import data
from refopt.nets import CNN, MLP, Network

__all__ = ["CASES", "CLASSES", "Case"]

CLASSES = 10


@dataclass(frozen=True)
class Case:
    """A network for images of shape `inputs` (height, width, channels), its batch, and the steps of one block.

    `channels` are those of the 3 × 3 convolutions, each followed by a ReLU and a 2 × 2 maximum; without any the image is one
    row of pixels. `hidden` are the units of the linear layers between.
    """

    inputs: tuple[int, int, int]
    channels: tuple[int, ...]
    hidden: tuple[int, ...]
    batch: int
    steps: int

    @property
    def network(self) -> Network:
        """The network in refopt."""
        if self.channels:
            return CNN(self.inputs, self.channels, self.hidden, CLASSES)
        return MLP([math.prod(self.inputs), *self.hidden, CLASSES])

    @property
    def line(self) -> str:
        """The network in one line: ``"1×28×28 conv16 conv32 fc64"``."""
        if not self.channels:
            return "-".join(map(str, [math.prod(self.inputs), *self.hidden, CLASSES]))
        height, width, colours = self.inputs
        layers = [*(f"conv{n}" for n in self.channels), *(f"fc{n}" for n in self.hidden)]
        return " ".join([f"{colours}×{height}×{width}", *layers])

    def batches(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """One epoch of images and labels, float32 and int64: the digits, or made patterns in other shapes."""
        examples = data.digits(images=True) if self.inputs == data.SHAPES["digits"] else data.images(2000, *self.inputs)
        x, y = examples.x_train, examples.y_train
        if not self.channels:
            x = x.reshape(len(x), -1)
        return [(x[i : i + self.batch], y[i : i + self.batch]) for i in range(0, len(x) - self.batch + 1, self.batch)]


CASES = {
    "mlp-64": Case((8, 8, 1), (), (32,), batch=32, steps=100),
    "mlp-64-wide": Case((8, 8, 1), (), (128, 128), batch=64, steps=40),
    "mlp-784": Case((28, 28, 1), (), (256, 128), batch=128, steps=20),
    "cnn-8": Case((8, 8, 1), (16, 32), (64,), batch=64, steps=20),
    "cnn-28": Case((28, 28, 1), (16, 32), (64,), batch=64, steps=5),
    "cnn-32": Case((32, 32, 3), (32, 64), (128,), batch=64, steps=5),
}
