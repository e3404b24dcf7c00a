"""Every layer, loss and model on a device: the numbers are NumPy's, and a pass moves nothing but masks of dropout."""

import instances
import numpy as np
import pytest

from refopt import nets
from refopt.nets.layer import Run

MASKS = {"dropout": 1, "standout": 1, "MLP batch norm, dropout, smoothing": 1, "Transformer, causal, numbers": 2}
GELU = 64  # roundings; erf of a complex number is another text there, see numbers.erf


def drawn(seed, shape, dtype):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
@pytest.mark.parametrize("name", instances.LAYERS)
def test_layers(xp, name, dtype):
    make, shape = instances.LAYERS[name]
    plain, layer = make(), make()
    run = lambda: Run(seed=5 if name in instances.WITH_DROPOUT else None)  # noqa: E731
    theta, x = instances.lively(plain, dtype=np.float32).astype(dtype), drawn(0, (3, *shape), np.float32).astype(dtype)
    if x.dtype.kind == "c":  # as in a complex step
        theta += 1e-20j * drawn(6, theta.shape, np.float32)
    g = np.zeros_like(theta)
    y, kept = plain.forward(theta, x, run())
    y = y.copy()
    dy = drawn(1, y.shape, dtype)
    dx = plain.backward(theta, g, dy, kept)
    device_theta, device_x, device_g, device_dy = xp.put([theta, x, np.zeros_like(g), dy])
    for _ in range(2):  # the first makes buffers and constants
        xp.begin()
        got, kept = layer.forward(device_theta, device_x, run())
        got = got.copy()
        device_dx = layer.backward(device_theta, device_g, device_dy, kept)
    xp.moved("host", 0)
    xp.moved("device", MASKS.get(name, 0))
    roundings = GELU if name in ("gelu", "transformer block") and x.dtype.kind == "c" else 0
    xp.same(got, y, roundings)
    xp.same(device_g, g, roundings)
    if dx is not None:
        xp.same(device_dx, dx, roundings)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
@pytest.mark.parametrize("name", instances.LOSSES)
def test_losses(xp, name, dtype):
    loss, z = instances.LOSSES[name], drawn(4, (5, 4), dtype)
    y = instances.targets(loss, z)
    y = y if y.dtype.kind == "i" else y.astype(dtype)
    value, kept = loss.forward(z, loss.checked(y, z.shape))
    slope = loss.backward(kept)
    device_z, device_y = xp.put([z, y])
    for _ in range(2):
        xp.begin()
        got, kept = loss.forward(device_z, loss.checked(device_y, z.shape))
        device_slope = loss.backward(kept)
    xp.moved("host", 0)
    xp.moved("device", 0)
    xp.same(got, np.asarray(value))
    xp.same(device_slope, slope)
    xp.same(loss.predict(device_z), loss.predict(z))


@pytest.mark.parametrize("name", instances.MODELS)
def test_models(xp, name):
    make, seed = instances.MODELS[name]
    plain, net = make(), make()
    theta, (x, y) = instances.start(plain).astype(np.float32), instances.batch(plain)
    x = x if x.dtype.kind == "i" else x.astype(np.float32)
    words = {} if seed is None else {"seed": seed}
    loss, g = plain.loss_and_grad(theta, x, y, **words)
    device, dx, dy = xp.put([theta, x, y])
    net.demand(dx, dy)
    for _ in range(2):
        xp.begin()
        device_loss, device_g = net.loss_and_grad(device, dx, dy, **words)
    xp.moved("host", 0)
    xp.moved("device", MASKS.get(name, 0))
    xp.same(device_loss, np.asarray(loss))
    xp.same(device_g, g)
    xp.same(net.loss(device, dx, dy), np.asarray(plain.loss(theta, x, y)))
    xp.same(net.outputs(device, dx), plain.outputs(theta, x))
    xp.same(net.predict(device, dx), plain.predict(theta, x))
    assert net.accuracy(device, dx, dy) == plain.accuracy(theta, x, y)
    shown, expected = net.activations(device, dx, **words), plain.activations(theta, x, **words)
    assert list(shown) == list(expected)
    for key, value in expected.items():
        xp.same(shown[key], value)


@pytest.mark.parametrize("name", instances.MODELS)
def test_hessian_products_and_gradients_of_each_example(xp, name):
    plain, net = instances.MODELS[name][0](), instances.MODELS[name][0]()
    theta, (x, y) = instances.start(plain).astype(np.float32), instances.batch(plain)
    x = x if x.dtype.kind == "i" else x.astype(np.float32)
    v = drawn(9, theta.shape, np.float32)
    device, device_v, dx, dy = xp.put([theta, v, x, y])
    net.hvp(device, device_v, dx, dy)
    xp.begin()
    got = net.hvp(device, device_v, dx, dy)
    xp.moved("host", 0)
    xp.moved("device", 0)
    gelu = any(getattr(layer, "kind", "") == "gelu" for layer in net.layers.all_layers())
    xp.same(got, plain.hvp(theta, v, x, y), roundings=GELU if gelu else 0)
    xp.same(net.hvp(device, device_v * 0, dx, dy), np.zeros_like(theta))
    running = plain.init_running(np.float32) if plain.running_size else None
    device_running = net.init_running(np.float32, like=device) if net.running_size else None
    each = plain.per_example_grads(theta, x, y, running)
    xp.same(net.per_example_grads(device, dx, dy, device_running), each)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_start_is_the_same_on_every_library(xp, dtype):
    net = nets.CNN((8, 8, 1), [2], [4], 3, batch_norm=True)
    like = xp.put(np.zeros(1))
    xp.begin()
    xp.same(net.init(3, dtype, like=like), net.init(3, dtype))
    xp.moved("device", 1)
    xp.same(net.init_running(dtype, like=like), net.init_running(dtype))


def test_values_out_of_range_are_found_when_somebody_asks(xp):
    """On the host every pass looks; on a device it would have to wait, and `demand` does."""
    net = nets.MLP([4, 3])
    x, y = drawn(0, (5, 4), np.float32), np.array([0, 1, 2, 3, 0])
    message = "labels must be from 0 to 2, got 0 to 3"
    for place in (lambda x: x, xp.put):
        with pytest.raises(ValueError, match=message):
            net.demand(place(x), place(y))
    with pytest.raises(ValueError, match="labels must be whole numbers of shape"):
        net.loss(net.init(0, np.float32, like=xp.put(x)), *xp.put([x, y[:4]]))
    words = nets.RecurrentClassifier((5,), 3, vocabulary=4)
    with pytest.raises(ValueError, match="tokens must be from 0 to 3"):
        words.demand(xp.put(np.full((2, 5), 4)), xp.put(np.zeros(2, int)))
    targets = nets.MLP([4, 1], loss="binary_cross_entropy")
    with pytest.raises(ValueError, match="from 0 to 1"):
        targets.demand(xp.put(x), xp.put(np.full((5, 1), 2.0)))
