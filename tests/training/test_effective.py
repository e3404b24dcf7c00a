"""Weight decay behind batch normalisation: the laws of the effective learning rate, from their papers."""

import numpy as np
import pytest

import refopt
from refopt.data import digits
from refopt.nets import MLP
from refopt.training import effective_rates


def exactly_normalised(sizes):
    """Without the ε in the variance the scale of the weights makes no difference at all."""
    net = MLP(sizes, batch_norm=True)
    net.layers.parts["norm1"].eps = 1e-300
    return net


def test_the_scale_of_the_weights_makes_no_difference_and_divides_the_gradient():
    net, data = exactly_normalised([64, 16, 10]), digits(dtype=np.float64)
    x, y = data.x_train[:50], data.y_train[:50]
    theta = net.init(1) + 0.1 * np.random.default_rng(2).normal(size=net.size)
    scaled = theta.copy()
    net.views(scaled)["W1"][...] *= 8  # a power of two
    net.views(scaled)["b1"][...] *= 8
    (loss, g), (loss_8, g_8) = (net.loss_and_grad(each, x, y) for each in (theta, scaled))
    assert np.isclose(loss, loss_8, rtol=1e-14)
    W, slope, slope_8 = net.views(theta)["W1"], net.views(g)["W1"], net.views(g_8)["W1"]
    assert np.abs(8 * slope_8 - slope).max() < 1e-12 * np.abs(slope).max()
    along = np.sum(W * slope, axis=0) / (np.linalg.norm(W, axis=0) * np.linalg.norm(slope, axis=0))
    assert np.abs(along[np.isfinite(along)]).max() < 1e-10  # at right angles to the weights


def test_eight_times_the_weights_and_64_times_the_rate_is_the_same_training():
    """What "effective learning rate" says: lr/‖w‖² decides."""
    net, data = exactly_normalised([64, 16, 10]), digits(dtype=np.float64)
    losses = []
    for scale in (1, 8):
        theta = net.init(1)
        groups = [net.views(theta)[name] for name in ("W1", "b1")]
        for view in groups:
            view[...] *= scale
        rates = np.full(net.size, 0.1)
        for name in ("W1", "b1"):
            net.views(rates)[name][...] = 0.1 * scale**2
        rule, losses_here = refopt.sgd(lr=rates), []
        state = rule.init(theta)
        for k in range(20):
            part = slice(50 * k, 50 * k + 50)
            loss, g = net.loss_and_grad(theta, data.x_train[part], data.y_train[part])
            theta, state = rule.update(theta, g, state)
            losses_here.append(loss)
        losses.append(losses_here)
    assert np.allclose(*losses, rtol=1e-9)


def test_decay_and_growth_come_to_the_balance_that_does_not_know_the_start():
    lr, decay = 0.1, 0.03
    ends = []
    for scale in (1, 3):
        net = MLP([64, 32, 10], batch_norm=True)
        theta = net.init(0)
        net.views(theta)["W1"][...] *= scale
        rows = effective_rates(net, digits(), lr=lr, weight_decay=decay, epochs=40, theta=theta)
        ends.append(rows[-1])
        assert rows[0].rate < rows[-1].rate
    assert ends[0].norm == pytest.approx(ends[1].norm, rel=0.15)  # though one began three times as large
    for end in ends:
        assert end.angle == pytest.approx(np.sqrt(2 * lr * decay), rel=0.15)  # Wan et al., theorem 1


def test_without_decay_the_norm_only_grows_and_the_rate_falls():
    rows = effective_rates(MLP([64, 32, 10], batch_norm=True), digits(), lr=0.1, weight_decay=0.0, epochs=10)
    norms, rates = [row.norm for row in rows], [row.rate for row in rows]
    assert norms == sorted(norms)
    assert rates == sorted(rates, reverse=True)


def test_an_unknown_tensor():
    with pytest.raises(ValueError, match=r"'W3' is no matrix of MLP.*Its tensors: W1, b1"):
        effective_rates(MLP([64, 10]), digits(), lr=0.1, weight_decay=0.0, epochs=1, tensor="W3")
