"""Models: networks in the shapes of the usual tutorials and papers, each a list of layers with names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from refopt.nets.activations import Activation
from refopt.nets.composite import basic_block, inverted_residual, transformer_block
from refopt.nets.convolution import Conv2d
from refopt.nets.dropout import Dropout
from refopt.nets.embedding import Embedding, Positions
from refopt.nets.layer import Layer
from refopt.nets.linear import Linear
from refopt.nets.network import Network
from refopt.nets.normalisation import BatchNorm, LayerNorm
from refopt.nets.pooling import Flatten, GlobalAveragePool2d, LastStep, MaxPool2d, MeanOverSteps
from refopt.nets.recurrent import GRU, SimpleRNN

__all__ = ["CNN", "MobileNetV3", "RecurrentClassifier", "ResNet", "TransformerClassifier"]

Image = tuple[int, int, int]


def _image(shape: Sequence[int]) -> tuple[int, ...]:
    if len(shape) == 3 and shape[0] < shape[1] == shape[2]:
        raise ValueError(
            f"inputs must be (height, width, channels), channels last: {(*shape[1:], shape[0])}, not {tuple(shape)}"
        )
    if len(shape) != 3:
        raise ValueError(f"inputs must be (height, width, channels), got {tuple(shape)}")
    return tuple(shape)


class CNN(Network):
    """Convolutions 3 × 3, each with a 2 × 2 maximum and an activation, then linear layers (LeCun et al. 1998).

    The maximum stands before the activation, which then has a quarter of the work. For an activation that never falls (ReLU,
    tanh, sigmoid) the result is the same as in the other order.

    ``CNN((28, 28, 1), [16, 32], [64], 10)``: 16 and 32 channels, 64 hidden units, 10 classes; the default is a small LeNet for
    the digits. ``CNN((32, 32, 3), [64, 128, 256], [256], 10)`` is the three-convolution network of many tutorials. `pool`
    is the window of the maximum, `batch_norm` stands before each activation, `dropout` after each hidden linear layer.
    """

    def __init__(
        self,
        inputs: Image = (8, 8, 1),
        channels: Sequence[int] = (16, 32),
        hidden: Sequence[int] = (64,),
        classes: int = 10,
        *,
        kernel: int = 3,
        pool: int = 2,
        activation: str = "relu",
        batch_norm: bool = False,
        dropout: float = 0.0,
        **more: Any,
    ) -> None:
        layers: dict[str, Layer] = {}
        shape: tuple[int, ...] = _image(inputs)
        for number, width in enumerate(channels, 1):
            start = Activation(activation).pair.initialisation
            convolution = Conv2d(shape[2], width, kernel, bias=not batch_norm, initialisation=start)
            stage: dict[str, Layer] = {f"conv{number}": convolution}
            if batch_norm:
                stage[f"norm{number}"] = BatchNorm(width)
            stage |= {f"pool{number}": MaxPool2d(pool), f"{activation}{number}": Activation(activation)}
            for layer in stage.values():
                shape = layer.output(shape)
            layers |= stage
        layers["flatten"] = Flatten()
        width = layers["flatten"].output(shape)[0]
        for number, units in enumerate(hidden, len(channels) + 1):
            start = Activation(activation).pair.initialisation
            layers |= {f"linear{number}": Linear(width, units, start), f"{activation}{number}": Activation(activation)}
            if dropout:
                layers[f"dropout{number}"] = Dropout(dropout)
            width = units
        layers["out"] = Linear(width, classes)
        super().__init__(layers, tuple(inputs), **more)


class ResNet(Network):
    """A small residual network (He et al. 2015, arXiv:1512.03385, section 4.2): a 3 × 3 convolution, then for each number in
    `channels` that many basic blocks of so many channels, the image halved from one number to the next, and the mean.
    """

    def __init__(
        self,
        inputs: Image = (32, 32, 3),
        channels: Sequence[int] = (16, 32, 64),
        blocks: int = 1,
        classes: int = 10,
        **more: Any,
    ) -> None:
        _image(inputs)
        if not channels or blocks < 1:
            raise ValueError(f"a ResNet needs channels and at least one block, got {channels} and {blocks}")
        width = channels[0]
        layers: dict[str, Layer] = {
            "conv": Conv2d(inputs[2], width, bias=False),
            "norm": BatchNorm(width),
            "relu": Activation("relu"),
        }
        for stage, wide in enumerate(channels, 1):
            for block in range(1, blocks + 1):
                layers[f"block{stage}_{block}"] = basic_block(width, wide, 2 if stage > 1 and block == 1 else 1)
                width = wide
        layers |= {"mean": GlobalAveragePool2d(), "out": Linear(width, classes)}
        super().__init__(layers, tuple(inputs), **more)


class MobileNetV3(Network):
    """A network of MobileNetV3 blocks (Howard et al. 2019, arXiv:1905.02244), cut down: a stem, one block for each row of
    `blocks` (kernel, expanded channels, channels, squeeze-and-excite, activation, stride), a 1 × 1 convolution, the mean and
    two linear layers. The default blocks are of the kinds of table 2 at a tenth of its cost.
    """

    def __init__(
        self,
        inputs: Image = (32, 32, 3),
        blocks: Sequence[tuple[int, int, int, bool, str, int]] = (
            (3, 16, 16, True, "relu", 2),
            (3, 48, 24, False, "relu", 1),
            (5, 64, 24, True, "hard_swish", 1),
        ),
        stem: int = 16,
        last: int = 64,
        hidden: int = 64,
        classes: int = 10,
        **more: Any,
    ) -> None:
        layers: dict[str, Layer] = {
            "stem": Conv2d(inputs[2], stem, 3, stride=2, padding=1, bias=False),
            "norm": BatchNorm(stem),
            "hard_swish": Activation("hard_swish"),
        }
        width = stem
        for number, (kernel, expanded, wide, squeeze, activation, stride) in enumerate(blocks, 1):
            layers[f"block{number}"] = inverted_residual(width, expanded, wide, kernel, stride, squeeze, activation)
            width = wide
        layers |= {
            "last": Conv2d(width, last, 1, padding=0, bias=False),
            "last_norm": BatchNorm(last),
            "last_hard_swish": Activation("hard_swish"),
            "mean": GlobalAveragePool2d(),
            "linear": Linear(last, hidden),
            "linear_hard_swish": Activation("hard_swish"),
            "out": Linear(hidden, classes),
        }
        super().__init__(layers, tuple(inputs), **more)


class RecurrentClassifier(Network):
    """A recurrent layer over a sequence, its last state, a linear layer. `cell` is "rnn" or "gru".

    For sequences of numbers `inputs` is (steps, features); for tokens give (steps,) and a `vocabulary`, and an embedding
    of `width` numbers stands before.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        hidden: int = 32,
        classes: int = 2,
        *,
        cell: str = "gru",
        vocabulary: int | None = None,
        width: int = 16,
        **more: Any,
    ) -> None:
        cells = {"rnn": SimpleRNN, "gru": GRU}
        if cell not in cells:
            raise ValueError(f"unknown cell {cell!r}. Allowed: {', '.join(cells)}")
        layers: dict[str, Layer] = {} if vocabulary is None else {"embedding": Embedding(vocabulary, width)}
        features = width if vocabulary is not None else inputs[-1]
        layers |= {cell: cells[cell](features, hidden), "last": LastStep(), "out": Linear(hidden, classes, "glorot")}
        super().__init__(layers, tuple(inputs), **more)


class TransformerClassifier(Network):
    """Embedded tokens with learned positions, Transformer blocks, the mean over the steps, a linear layer.

    For tokens `inputs` is (steps,) with a `vocabulary`; for sequences of numbers it is (steps, features), and a linear layer
    takes the embedding's place.
    """

    def __init__(
        self,
        inputs: tuple[int, ...],
        classes: int = 2,
        *,
        vocabulary: int | None = None,
        width: int = 32,
        heads: int = 4,
        blocks: int = 2,
        hidden: int | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        **more: Any,
    ) -> None:
        first = Linear(inputs[-1], width, "glorot") if vocabulary is None else Embedding(vocabulary, width)
        layers: dict[str, Layer] = {"embedding": first, "positions": Positions(inputs[0], width)}
        for number in range(1, blocks + 1):
            layers[f"block{number}"] = transformer_block(width, heads, hidden or 4 * width, causal, dropout)
        layers |= {"norm": LayerNorm(width), "mean": MeanOverSteps(), "out": Linear(width, classes, "glorot")}
        super().__init__(layers, tuple(inputs), **more)
