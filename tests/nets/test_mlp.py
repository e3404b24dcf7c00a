"""The MLP: its gradient by complex step, on balls and by PyTorch; its pieces by hand."""

import numpy as np
import pytest

from refopt.nets import MLP
from refopt.nets.losses import SoftmaxCrossEntropy

ACTIVATIONS = ("relu", "tanh")


def batch(net, n=7, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, net.sizes[0])).astype(dtype), rng.integers(0, net.sizes[-1], n)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [[5, 3], [4, 6, 3], [3, 5, 4, 2], [64, 32, 10]])
def test_gradient_by_complex_step(activation, sizes):
    net = MLP(sizes, activation)
    theta = net.init(1) + 0.01 * np.random.default_rng(2).normal(size=net.size)  # biases too
    x, y = batch(net)
    loss, g = net.loss_and_grad(theta, x, y)
    assert loss == net.loss(theta, x, y)
    h = 1e-30
    exact = np.array([net.loss(theta + 1j * h * np.eye(1, net.size, i)[0], x, y).imag / h for i in range(net.size)])
    assert np.abs(g - exact).max() <= 1e-12 * np.abs(exact).max()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_proven_on_balls(activation):
    """The hand-coded backward pass and forward differentiation of the loss, both on balls: they must overlap, narrowly."""
    exact = pytest.importorskip("refopt.exact")
    net = MLP([3, 4, 3], activation)
    theta, (x, y) = net.init(1), batch(net, 5)
    with exact.working_precision(160):
        loss, by_hand = net.loss_and_grad(exact.balls(theta), exact.balls(x), y)
        x_dual = np.array([[exact.Dual(entry) for entry in row] for row in exact.balls(x)], dtype=object)
        enclosure = exact.gradient_enclosure(lambda duals: net.loss(duals, x_dual, y), theta)
        for a, b in zip(enclosure, by_hand, strict=True):
            assert a.ball.overlaps(b.ball)
            assert float((a.ball - b.ball).abs_upper()) < 1e-40
    rough_loss, rough = net.loss_and_grad(theta, x, y)
    assert np.allclose(rough, [ball.midpoint for ball in by_hand], rtol=1e-13, atol=1e-15)
    assert np.isclose(rough_loss, loss.midpoint, rtol=1e-14)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_by_pytorch(torch, activation):
    net = MLP([8, 16, 5, 4], activation)
    theta, (x, y) = net.init(3), batch(net, 11)
    views = {name: torch.tensor(view, requires_grad=True) for name, view in net.views(theta).items()}
    h = torch.tensor(x)
    for layer in range(1, 4):
        h = h @ views[f"W{layer}"] + views[f"b{layer}"]
        if layer < 3:
            h = torch.relu(h) if activation == "relu" else torch.tanh(h)
    loss = torch.nn.functional.cross_entropy(h, torch.tensor(y))
    loss.backward()
    ours, g = net.loss_and_grad(theta, x, y)
    assert abs(ours - loss.item()) < 1e-14
    for name, view in net.views(g).items():
        assert np.abs(view - views[name].grad.numpy()).max() < 1e-14


def test_a_net_worked_out_by_hand():
    """One input, two hidden units (one dead), two classes."""
    net = MLP([1, 2, 2])
    theta = np.array([1.0, -1.0, 0.0, 0.0, 1.0, 0.0, 5.0, 5.0, 0.0, 0.0])  # W1, b1, W2, b2
    loss, g = net.loss_and_grad(theta, np.array([[2.0]]), np.array([0]))
    # hidden (2, 0), logits (2, 0): p = softmax
    p = np.exp([2.0, 0.0]) / np.exp([2.0, 0.0]).sum()
    assert np.isclose(loss, -np.log(p[0]), rtol=1e-15)
    dz = p - [1, 0]
    views = net.views(g)
    assert np.allclose(views["W2"], [2 * dz, [0, 0]], rtol=1e-15)
    assert np.allclose(views["b2"], dz, rtol=1e-15)
    assert np.allclose(views["W1"], [[2 * dz[0], 0]], rtol=1e-15)
    assert np.allclose(views["b1"], [dz[0], 0], rtol=1e-15)


def test_the_slope_at_the_kink_is_zero():
    net = MLP([1, 1, 2])
    theta = np.array([0.0, 0.0, 1.0, -1.0, 0.0, 0.0])  # the hidden unit is exactly at 0
    _, g = net.loss_and_grad(theta, np.array([[1.0]]), np.array([0]))
    assert net.views(g)["W1"].item() == 0.0


def test_large_logits_do_not_overflow():
    z = np.array([[1000.0, -1000.0, 0.0], [0.0, 0.0, 0.0]])
    loss, _ = SoftmaxCrossEntropy().forward(z, np.array([1, 0]))
    assert np.isclose(loss, (2000.0 + np.log(3)) / 2, rtol=1e-15)


def test_labels_of_any_integer_type():
    net = MLP([4, 3, 2])
    x, y = batch(net)
    expected = net.loss(net.init(0), x, y)
    for dtype in ("i1", "u2", "<i4", ">i8"):
        assert net.loss(net.init(0), x, y.astype(dtype)) == expected


def test_views_are_views_of_one_flat_theta():
    net = MLP([64, 32, 10])
    theta = net.init(0)
    assert theta.shape == (net.size,) == (64 * 32 + 32 + 32 * 10 + 10,)
    views = net.views(theta)
    assert {name: view.shape for name, view in views.items()} == {"W1": (64, 32), "b1": (32,), "W2": (32, 10), "b2": (10,)}
    views["b2"][:] = 7.0
    assert theta[-10:].tolist() == [7.0] * 10


@pytest.mark.parametrize(("name", "variance"), [("he", 2 / 300), ("glorot", 2 / 500)])
def test_initialisation(name, variance):
    net = MLP([300, 200, 5])
    views = net.views(net.init(0, initialisation=name))
    assert np.isclose(views["W1"].var(), variance, rtol=0.03)
    assert not views["b1"].any()
    assert MLP([3, 2]).init(5, np.float32).dtype == np.float32
    assert np.array_equal(MLP([3, 2]).init(5), MLP([3, 2]).init(5))
    assert not np.array_equal(MLP([3, 2]).init(5), MLP([3, 2]).init(6))


def test_dtype_follows_theta_and_nothing_is_changed():
    net = MLP([4, 3, 2])
    theta, (x, y) = net.init(0, np.float32), batch(net)
    for array in (theta, x, y):
        array.flags.writeable = False
    loss, g = net.loss_and_grad(theta, x, y)
    assert g.dtype == np.float32
    assert np.asarray(loss).dtype == np.float32
    assert net.predict(theta, x).shape == (7,)
    assert 0 <= net.accuracy(theta, x, y) <= 1


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda net, theta, x, y: MLP([3]), ValueError, "at least two"),
        (lambda net, theta, x, y: MLP([3, 0, 2]), ValueError, "positive whole numbers"),
        (lambda net, theta, x, y: MLP([3, 2], "rellu"), ValueError, "did you mean 'relu'"),
        (lambda net, theta, x, y: net.init(initialisation="hee"), ValueError, "did you mean 'he'"),
        (lambda net, theta, x, y: net.loss(theta[:-1], x, y), ValueError, r"theta of shape \(23,\), got float64 \(22,\)"),
        (lambda net, theta, x, y: net.loss(theta.astype(int), x, y), ValueError, "floating-point theta"),
        (lambda net, theta, x, y: net.loss(list(theta), x, y), ValueError, "got list"),
        (lambda net, theta, x, y: net.loss(theta, x[:, :2], y), ValueError, r"x of shape \(batch, 4\), got \(7, 2\)"),
        (lambda net, theta, x, y: net.loss(theta, x, y[:3]), ValueError, r"labels must be whole numbers of shape \(7,\)"),
        (lambda net, theta, x, y: net.loss(theta, x, y.astype(float)), ValueError, "whole numbers"),
        (lambda net, theta, x, y: net.loss(theta, x, y + 2), ValueError, "from 0 to 1"),
        (lambda net, theta, x, y: net.loss_and_grad(theta, x, y - 2), ValueError, "from 0 to 1"),
        (lambda net, theta, x, y: net.accuracy(theta, x, y[:, None]), ValueError, r"shape \(7,\)"),
        (lambda net, theta, x, y: net.loss(theta, x[:0], y[:0]), ValueError, "at least one example"),
    ],
)
def test_bad_input(call, error, words):
    net = MLP([4, 3, 2])
    with pytest.raises(error, match=words):
        call(net, net.init(0), *batch(net))
