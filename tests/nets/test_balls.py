"""Every backward pass proven on balls: forward differentiation of the forward pass along a random direction, and the
hand-coded gradient times that direction, both enclosed at 160 bits. They must overlap, within 1e-30.

A wrong entry of the gradient shows in almost every direction; three are tried.
"""

import numpy as np
import pytest
from instances import LAYERS, LOSSES, MODELS, WITH_DROPOUT, batch, lively, start, targets

from refopt.nets import Run

exact = pytest.importorskip("refopt.exact")

# The Gaussian's factor 1/√(2π) stands in the code as a binary64 number, not exactly: these are proven to its rounding.
ROUNDED = {"gelu", "gelu_tanh", "transformer block", "Transformer", "Transformer, causal, numbers"}
ROUNDED |= {"MLP batch norm, dropout, smoothing"}
# These have slopes that are plain numbers (a sign, a count, a smoothed label), which Python divides in binary64.
ROUNDED |= {"label smoothing", "hinge", "hinge, margin 0.5", "mae", "huber", "huber, delta 0.3"}


def proven(f, gradient, point, width, seed=11):
    """f on duals, its hand-coded gradient on balls, both at the binary64 numbers of `point`."""
    rng = np.random.default_rng(seed)
    with exact.working_precision(160):
        by_hand = gradient(exact.balls(point))
        for _ in range(3):
            direction = rng.normal(size=point.size)
            duals = np.array([exact.Dual(value, slope) for value, slope in zip(point, direction, strict=True)], dtype=object)
            slope = f(duals).slope
            product = sum((g * v for g, v in zip(by_hand, exact.balls(direction), strict=True)), exact.Ball(0))
            gap = slope - product
            assert float(gap.ball.abs_upper()) < width * max(1.0, abs(slope.midpoint))
            if width < 1e-14:
                assert gap.ball.contains(0)


def dual(x):
    return np.array([exact.Dual(value) for value in x.reshape(-1)], dtype=object).reshape(x.shape)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    make, shape = LAYERS[name]
    rng = np.random.default_rng(12)
    layer = make()
    theta, x = lively(layer), rng.normal(size=(2, *shape))
    told = Run(seed=3 if name in WITH_DROPOUT else None)
    weights = rng.normal(size=layer.forward(theta, x, told)[0].shape)

    def f(both):
        y, _ = make().forward(both[: layer.size], both[layer.size :].reshape(x.shape), told)
        return np.sum(dual(weights) * y)

    def gradient(both):
        hand, g = make(), np.empty(layer.size, dtype=object)
        _, kept = hand.forward(both[: layer.size], both[layer.size :].reshape(x.shape), told)
        dx = hand.backward(both[: layer.size], g, exact.balls(weights), kept)
        return np.concatenate([g, dx.reshape(-1)])

    proven(f, gradient, np.concatenate([theta, x.reshape(-1)]), 1e-14 if name in ROUNDED else 1e-30)


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    loss = LOSSES[name]
    z = np.random.default_rng(13).normal(size=(3, 4))
    y = targets(loss, z)

    def f(flat):
        return loss.forward(flat.reshape(z.shape), y if y.dtype.kind == "i" else dual(y))[0]

    def gradient(flat):
        _, kept = loss.forward(flat.reshape(z.shape).copy(), y if y.dtype.kind == "i" else exact.balls(y))
        return loss.backward(kept).reshape(-1)

    proven(f, gradient, z.reshape(-1), 1e-14 if name in ROUNDED else 1e-30)


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    make, seed = MODELS[name]
    net = make()
    theta, (x, y) = start(net), batch(net, n=2)

    def gradient(flat):
        return net.loss_and_grad(flat, x if net.tokens else exact.balls(x), y, seed=seed)[1]

    def loss_only(flat):
        other = make()
        z, _ = other.layers.forward(flat, x if net.tokens else dual(x), Run(seed))
        loss, _ = other.loss_function.forward(z, y)
        return loss if other.penalty is None else loss + other.penalty.forward(flat)

    proven(loss_only, gradient, theta, 1e-14 if name in ROUNDED else 1e-30)
