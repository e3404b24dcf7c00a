"""Layers made of layers: one after another, beside a shortcut, as a gate; the blocks of well-known networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refopt.nets.activations import Activation
from refopt.nets.attention import SelfAttention
from refopt.nets.convolution import Conv2d
from refopt.nets.dropout import Dropout
from refopt.nets.layer import Layer, Run
from refopt.nets.linear import Linear
from refopt.nets.normalisation import BatchNorm, LayerNorm
from refopt.nets.pooling import GlobalAveragePool2d

__all__ = ["Chain", "Residual", "SqueezeExcite", "basic_block", "inverted_residual", "transformer_block"]


class Chain(Layer):
    """Layers one after another, by name. Backward is the chain rule: the same layers in the opposite order."""

    def __init__(self, parts: Mapping[str, Layer]) -> None:
        super().__init__(parts=parts)
        self.layers = list(self.parts.values())

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What the last layer makes of it."""
        for layer in self.layers:
            shape = layer.output(shape)
        return shape

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """y = f_n(… f_2(f_1(x)))."""
        kept = []
        for layer in self.layers:
            x, left = layer.forward(theta, x, run)
            kept.append(left)
            if run.record is not None:
                run.show(layer.name, x)
        return x, kept

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = f_1′ᵀ(f_2′ᵀ(… f_n′ᵀ dy))."""
        for layer, left in zip(reversed(self.layers), reversed(kept), strict=True):
            dy = layer.backward(theta, g, dy, left)
        return dy


class Residual(Layer):
    """y = branch(x) + x, or branch(x) + shortcut(x) where the branch changes the shape (He et al. 2015, arXiv:1512.03385).

    Backward: x goes two ways, so its slopes add up.
    """

    def __init__(self, branch: Layer, shortcut: Layer | None = None) -> None:
        self.branch, self.shortcut = branch, shortcut
        super().__init__(parts={"branch": branch} | ({"shortcut": shortcut} if shortcut else {}))

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Branch and shortcut must agree."""
        out = self.branch.output(shape)
        beside = self.shortcut.output(shape) if self.shortcut else shape
        if out != beside:
            raise ValueError(f"the branch makes {out} of {shape}, which cannot be added to {beside}")
        return out

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The sum."""
        out, kept = self.branch.forward(theta, x, run)
        beside, kept_beside = self.shortcut.forward(theta, x, run) if self.shortcut else (x, None)
        y = self.buffer("y", x, out.shape)
        np.add(out, beside, out=y)
        return y, (kept, kept_beside)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dx = the sum of both slopes."""
        through = self.branch.backward(theta, g, dy, kept[0])
        beside = self.shortcut.backward(theta, g, dy, kept[1]) if self.shortcut else dy
        dx = self.buffer("dx", dy, beside.shape)
        np.add(through, beside, out=dx)
        return dx


class SqueezeExcite(Layer):
    """y = x ∘ gate, one factor from 0 to 1 for each channel of each image, found by a small network from the channels' means
    (Hu et al. 2018, arXiv:1709.01507; with the hard sigmoid of arXiv:1905.02244).

    Backward: dx = dy ∘ gate + what comes back through the gate, whose slope is Σ dy ∘ x over the image.
    """

    def __init__(self, channels: int, squeezed: int) -> None:
        self.gate = Chain(
            {
                "mean": GlobalAveragePool2d(),
                "squeeze": Linear(channels, squeezed),
                "relu": Activation("relu"),
                "excite": Linear(squeezed, channels, "glorot"),
                "hard_sigmoid": Activation("hard_sigmoid"),
            }
        )
        super().__init__(parts={"gate": self.gate})

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The same shape."""
        self.gate.output(shape)
        return shape

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """x (n, H, W, C) times gate (n, C)."""
        gate, kept = self.gate.forward(theta, x, run)
        y = self.buffer("y", x, x.shape)
        np.multiply(x, gate[:, None, None, :], out=y)
        return y, (x, gate, kept)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dgate = Σ dy ∘ x over height and width."""
        x, gate, inside = kept
        dx = self.buffer("dx", dy, dy.shape)
        np.multiply(dy, x, out=dx)
        through = self.gate.backward(theta, g, np.sum(dx, axis=(1, 2)), inside)
        np.multiply(dy, gate[:, None, None, :], out=dx)
        dx += through
        return dx


def basic_block(c_in: int, c_out: int, stride: int = 1) -> Chain:
    """The block of ResNet-18 (arXiv:1512.03385, figure 2 and section 4.2): two 3 × 3 convolutions beside a shortcut.

    Where size or channels change the shortcut is a 1 × 1 convolution (option B).
    """
    branch = Chain(
        {
            "conv1": Conv2d(c_in, c_out, 3, stride, padding=1, bias=False),
            "norm1": BatchNorm(c_out),
            "relu": Activation("relu"),
            "conv2": Conv2d(c_out, c_out, 3, padding=1, bias=False),
            "norm2": BatchNorm(c_out),
        }
    )
    same = stride == 1 and c_in == c_out
    shortcut = (
        None if same else Chain({"conv": Conv2d(c_in, c_out, 1, stride, padding=0, bias=False), "norm": BatchNorm(c_out)})
    )
    return Chain({"residual": Residual(branch, shortcut), "relu": Activation("relu")})


def inverted_residual(
    c_in: int, expanded: int, c_out: int, kernel: int = 3, stride: int = 1, squeeze: bool = True, activation: str = "hard_swish"
) -> Layer:
    """The block of MobileNetV3 (Howard et al. 2019, arXiv:1905.02244, figure 4): expand by a 1 × 1 convolution, a depthwise
    convolution, squeeze-and-excite to a quarter, project by a 1 × 1 convolution; a shortcut where the shape stays.
    """
    parts: dict[str, Layer] = {
        "expand": Conv2d(c_in, expanded, 1, padding=0, bias=False),
        "norm1": BatchNorm(expanded),
        "activation1": Activation(activation),
        "depthwise": Conv2d(expanded, expanded, kernel, stride, padding=kernel // 2, groups=expanded, bias=False),
        "norm2": BatchNorm(expanded),
        "activation2": Activation(activation),
    }
    if squeeze:
        parts["squeeze_excite"] = SqueezeExcite(expanded, max(expanded // 4, 1))
    parts |= {"project": Conv2d(expanded, c_out, 1, padding=0, bias=False), "norm3": BatchNorm(c_out)}
    return Residual(Chain(parts)) if stride == 1 and c_in == c_out else Chain(parts)


def transformer_block(width: int, heads: int, hidden: int, causal: bool = False, dropout: float = 0.0) -> Chain:
    """A Transformer block with the normalisation before each branch (Xiong et al. 2020, arXiv:2002.04745, figure 1b):
    x + attention(norm(x)), then x + mlp(norm(x)) with a GELU between two linear layers.
    """
    drop = (lambda: {"dropout": Dropout(dropout)}) if dropout else dict
    mix = Chain({"norm": LayerNorm(width), "attention": SelfAttention(width, heads, causal), **drop()})
    think = Chain(
        {
            "norm": LayerNorm(width),
            "linear1": Linear(width, hidden, "glorot"),
            "gelu": Activation("gelu"),
            "linear2": Linear(hidden, width, "glorot"),
            **drop(),
        }
    )
    return Chain({"mix": Residual(mix), "think": Residual(think)})
