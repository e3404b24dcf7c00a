"""Every backward pass against the complex step of its forward pass: f(x + ih)/h has no rounding error to speak of."""

import numpy as np
import pytest
from instances import LAYERS, LOSSES, MODELS, WITH_DROPOUT, batch, lively, start, targets

from refopt.nets import Run

H = 1e-40


def complex_step(f, x):
    """The gradient of the real function f at x, entry by entry."""
    slopes = np.empty(x.shape)
    for index in np.ndindex(x.shape):
        moved = x.astype(complex)
        moved[index] += 1j * H
        slopes[index] = f(moved).imag / H
    return slopes


def assert_close(ours, exact, what):
    """To 1e-12 of the largest entry of the tensor."""
    assert np.abs(ours - exact).max(initial=0) <= 1e-12 * np.abs(exact).max(initial=0), what


def has_two_modes(name):
    def normalises(layer):
        return bool(layer.running_shapes) or any(map(normalises, layer.parts.values()))

    return name in WITH_DROPOUT or normalises(LAYERS[name][0]())


@pytest.mark.parametrize(
    ("name", "predicting"), [(name, False) for name in LAYERS] + [(name, True) for name in LAYERS if has_two_modes(name)]
)
def test_layers(name, predicting):
    make, shape = LAYERS[name]
    layer, rng = make(), np.random.default_rng(4)
    theta, x = lively(layer), rng.normal(size=(3, *shape))
    told = {"seed": 3 if name in WITH_DROPOUT else None}
    if predicting:
        told = {"running": np.abs(rng.normal(size=100)) + 0.5}  # more than any layer here has
    y, kept = layer.forward(theta, x, Run(**told))
    assert y.shape[1:] == layer.output(shape)
    weights = rng.normal(size=y.shape)  # the loss: Σ weights ∘ y
    g = np.full(theta.shape, np.nan)
    dx = layer.backward(theta, g, weights.copy(), kept)

    def of_theta(moved):
        return np.sum(weights * make_placed(make).forward(moved, x.astype(complex), Run(**told))[0])

    def of_x(moved):
        return np.sum(weights * make_placed(make).forward(theta.astype(complex), moved, Run(**told))[0])

    if dx.size:
        assert_close(dx, complex_step(of_x, x), "x")
    exact = complex_step(of_theta, theta)
    for (where, slopes), (tensor, _) in zip(places(layer, g), layer.named(), strict=True):
        assert_close(slopes, exact[where], tensor)


def make_placed(make, cache={}):  # noqa: B006
    """One more layer of the kind, which has its own memory."""
    return cache.setdefault(make, make())


def places(layer, g):
    begin = 0
    for _, shape in layer.named():
        size = int(np.prod(shape))
        yield slice(begin, begin + size), g[begin : begin + size]
        begin += size


@pytest.mark.parametrize("name", LOSSES)
def test_losses(name):
    loss = LOSSES[name]
    z = np.random.default_rng(5).normal(size=(6, 4))
    y = targets(loss, z)
    value, kept = loss.forward(z.copy(), y)
    assert np.ndim(value) == 0
    exact = complex_step(lambda moved: loss.forward(moved, y)[0], z)
    assert_close(loss.backward(kept), exact, name)


@pytest.mark.parametrize("name", MODELS)
def test_models(name):
    make, seed = MODELS[name]
    net = make()
    theta, (x, y) = start(net), batch(net)
    loss, g = net.loss_and_grad(theta, x, y, seed=seed)
    exact = complex_step(lambda moved: net.loss_and_grad(moved, x, y, seed=seed)[0], theta)
    for tensor, slopes in net.views(g).items():
        scale = np.abs(g).max()
        if np.abs(slopes).max() < 1e-14 * scale:  # a bias that the normalisation behind it takes out again
            assert np.abs(net.views(exact)[tensor]).max() < 1e-12 * scale
        else:
            assert_close(slopes, net.views(exact)[tensor], tensor)
    if seed is None:
        assert loss == net.loss(theta, x, y)
    if net.running_size:
        running = np.abs(np.random.default_rng(6).normal(size=net.running_size)) + 0.5
        _, g = net.loss_and_grad(theta, x, y, running)
        exact = complex_step(lambda moved: net.loss(moved, x, y, running), theta)
        for tensor, slopes in net.views(g).items():
            assert_close(slopes, net.views(exact)[tensor], tensor)
