"""One small instance of every layer, every loss and every model, with inputs: what the three proofs run over."""

import numpy as np

from refopt import nets
from refopt.nets.activations import ACTIVATIONS

# name: (layer, shape of one input)
LAYERS = {
    "linear": (lambda: nets.Linear(4, 3), (4,)),
    "linear over steps": (lambda: nets.Linear(4, 3), (5, 4)),
    "conv": (lambda: nets.Conv2d(2, 3), (5, 4, 2)),
    "conv of one channel": (lambda: nets.Conv2d(1, 2), (5, 4, 1)),
    "conv 1 × 1": (lambda: nets.Conv2d(3, 2, 1, padding=0), (3, 4, 3)),
    "conv stride 2": (lambda: nets.Conv2d(2, 3, 3, stride=2, padding=1), (6, 5, 2)),
    "conv stride (2, 3) kernel (2, 3) padding (1, 0)": (lambda: nets.Conv2d(2, 3, (2, 3), (2, 3), (1, 0)), (6, 8, 2)),
    "conv without padding": (lambda: nets.Conv2d(2, 3, 3, padding=0), (5, 4, 2)),
    "conv padding wider than the kernel": (lambda: nets.Conv2d(2, 2, 2, 1, 3), (3, 3, 2)),
    "conv stride wider than the kernel": (lambda: nets.Conv2d(2, 2, 1, 3, 2), (4, 5, 2)),
    "conv in groups": (lambda: nets.Conv2d(4, 6, 3, groups=2), (4, 3, 4)),
    "conv depthwise": (lambda: nets.Conv2d(3, 3, 3, stride=2, padding=1, groups=3), (5, 4, 3)),
    "conv depthwise, twice as many out": (lambda: nets.Conv2d(2, 4, 3, groups=2, bias=False), (4, 3, 2)),
    "max pool": (lambda: nets.MaxPool2d(2), (4, 6, 2)),
    "max pool, rest left over": (lambda: nets.MaxPool2d(2), (5, 5, 2)),
    "max pool, overlapping": (lambda: nets.MaxPool2d(3, 2), (7, 6, 2)),
    "max pool, gaps": (lambda: nets.MaxPool2d(2, 3), (7, 8, 2)),
    "average pool": (lambda: nets.AveragePool2d(2), (4, 6, 2)),
    "average pool, overlapping": (lambda: nets.AveragePool2d((3, 2), (2, 1)), (7, 5, 2)),
    "global average pool": (lambda: nets.GlobalAveragePool2d(), (3, 4, 2)),
    "flatten": (lambda: nets.Flatten(), (3, 2, 2)),
    "last step": (lambda: nets.LastStep(), (4, 3)),
    "mean over steps": (lambda: nets.MeanOverSteps(), (4, 3)),
    "batch norm": (lambda: nets.BatchNorm(3), (3,)),
    "batch norm of images": (lambda: nets.BatchNorm(2), (3, 2, 2)),
    "layer norm": (lambda: nets.LayerNorm(5), (4, 5)),
    "RMS norm": (lambda: nets.RMSNorm(5), (5,)),
    "softmax": (lambda: nets.Softmax(), (3, 4)),
    "dropout": (lambda: nets.Dropout(0.4), (7,)),
    "standout": (lambda: nets.Standout(0.7, 0.2), (7,)),
    "positions": (lambda: nets.Positions(6, 3), (4, 3)),
    "RNN": (lambda: nets.SimpleRNN(2, 3), (5, 2)),
    "GRU": (lambda: nets.GRU(2, 3), (5, 2)),
    "attention": (lambda: nets.SelfAttention(6, 2), (4, 6)),
    "attention, causal": (lambda: nets.SelfAttention(4, 1, causal=True), (5, 4)),
    "residual": (lambda: nets.Residual(nets.Linear(4, 4)), (4,)),
    "residual with a shortcut": (lambda: nets.Residual(nets.Linear(4, 3), nets.Linear(4, 3)), (4,)),
    "squeeze and excite": (lambda: nets.SqueezeExcite(4, 2), (3, 2, 4)),
    "basic block": (lambda: nets.basic_block(2, 2), (4, 4, 2)),
    "basic block, stride 2": (lambda: nets.basic_block(2, 3, 2), (4, 4, 2)),
    "inverted residual": (lambda: nets.inverted_residual(2, 4, 2, 3), (4, 4, 2)),
    "inverted residual, stride 2": (lambda: nets.inverted_residual(2, 4, 3, 5, 2, activation="relu"), (5, 5, 2)),
    "transformer block": (lambda: nets.transformer_block(4, 2, 5, causal=True), (3, 4)),
} | {kind: ((lambda kind=kind: nets.Activation(kind)), (9,)) for kind in ACTIVATIONS}

WITH_DROPOUT = {"dropout", "standout"}

# name: (network, dtype of the inputs, seed of dropout)
MODELS = {
    "MLP": (lambda: nets.MLP([5, 6, 4, 3]), None),
    "MLP tanh, penalties": (lambda: nets.MLP([4, 5, 3], "tanh", l1=0.01, l2=0.1), None),
    "MLP batch norm, dropout, smoothing": (
        lambda: nets.MLP([4, 6, 3], "gelu", dropout=0.3, batch_norm=True, loss=nets.SoftmaxCrossEntropy(0.1)),
        7,
    ),
    "CNN": (lambda: nets.CNN((8, 8, 1), [2, 3], [4], 3), None),
    "CNN of three convolutions": (lambda: nets.CNN((8, 8, 2), [2, 3, 2], [3], 3, batch_norm=True, activation="silu"), None),
    "ResNet": (lambda: nets.ResNet((8, 8, 2), (2, 3), 1, 3), None),
    "MobileNetV3": (
        lambda: nets.MobileNetV3((8, 8, 2), ((3, 4, 2, True, "relu", 1), (3, 4, 3, True, "hard_swish", 2)), 2, 4, 3, 3),
        None,
    ),
    "SimpleRNN": (lambda: nets.RecurrentClassifier((5, 2), 4, 3, cell="rnn"), None),
    "GRU": (lambda: nets.RecurrentClassifier((5,), 3, 3, cell="gru", vocabulary=4, width=2), None),
    "Transformer": (lambda: nets.TransformerClassifier((5,), 3, vocabulary=6, width=4, heads=2, blocks=2, hidden=5), None),
    "Transformer, causal, numbers": (
        lambda: nets.TransformerClassifier((4, 2), 3, width=4, heads=1, blocks=1, causal=True, dropout=0.2),
        5,
    ),
}

LOSSES = {
    "softmax_cross_entropy": nets.SoftmaxCrossEntropy(),
    "label smoothing": nets.SoftmaxCrossEntropy(0.2),
    "hinge": nets.Hinge(),
    "hinge, margin 0.5": nets.Hinge(0.5),
    "mse": nets.MSE(),
    "mae": nets.MAE(),
    "huber": nets.Huber(),
    "huber, delta 0.3": nets.Huber(0.3),
    "binary_cross_entropy": nets.BinaryCrossEntropy(),
}


def lively(layer, seed=1, dtype=np.float64):
    """A theta in which nothing is 0 or 1: biases, gains and shifts too."""
    rng = np.random.default_rng(seed)
    theta = np.zeros(layer.size)
    layer.init(theta, rng)
    return (theta + 0.1 * rng.normal(size=layer.size)).astype(dtype)


def start(net, seed=1):
    return net.init(seed) + 0.1 * np.random.default_rng(seed).normal(size=net.size)


def batch(net, n=4, seed=2):
    rng = np.random.default_rng(seed)
    if net.tokens:
        x = rng.integers(0, net.layers.layers[0].vocabulary, (n, *net.inputs))
    else:
        x = rng.normal(size=(n, *net.inputs))
    return x, rng.integers(0, net.outputs_shape[0], n)


def targets(loss, z, seed=3):
    rng = np.random.default_rng(seed)
    if loss.task == "classification":
        return rng.integers(0, z.shape[1], len(z))
    return rng.uniform(size=z.shape)


__all__ = ["LAYERS", "LOSSES", "MODELS", "WITH_DROPOUT", "batch", "lively", "start", "targets"]
