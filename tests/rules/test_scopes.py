"""Rules that see a whole tensor: the laws that follow from what they look at, on every kind of tensor, zeros included."""

import adversarial
import numpy as np
import pytest

import refopt

TENSOR = [name for name in refopt.names() if refopt.rule(name).scope == "tensor"]
BY_NORM = ["lars", "lamb", "fromage", "novograd", "cautious", "clip_by_norm"]  # look at norms and counts only
SHAPES = [(), (1,), (5,), (3, 4), (4, 3), (2, 1, 3, 2), (0,), (3, 0)]


def walk(rule, theta, gradients):
    return [record["theta"] for record in refopt.walk(rule, theta, gradients)]


def test_these_are_the_rules():
    assert set(TENSOR) == {*BY_NORM, "adafactor", "adam_mini", "adamp", "agc", "apollo", "centralize", "sgdp", "sm3"}


@pytest.mark.parametrize("name", TENSOR)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("zero", ["nothing", "theta", "g", "both"])
def test_every_shape_and_every_zero(name, shape, zero):
    """Parameters or gradients that are all zero have no direction; what comes out is still a number, in the same shape."""
    rule, rng = adversarial.ready(refopt.rule(name)), np.random.default_rng(1)
    theta = np.asarray(rng.normal(size=shape) * (zero in ("nothing", "g")))
    gradients = [np.asarray(rng.normal(size=shape) * (zero in ("nothing", "theta"))) for _ in range(4)]
    path = walk(rule, theta, gradients)
    assert all(np.shape(x) == shape and np.isfinite(x).all() for x in path)
    if zero == "both":
        assert not path[-1].any()
    if zero == "nothing" and theta.size > 1:
        assert (path[-1] != theta).any()


@pytest.mark.parametrize("name", BY_NORM)
def test_rules_that_look_at_norms_do_not_see_the_shape(name):
    rng = np.random.default_rng(2)
    theta, gradients = rng.normal(size=12), rng.normal(size=(5, 12))
    flat = walk(refopt.rule(name), theta, list(gradients))[-1]
    for shape in ((3, 4), (2, 1, 3, 2)):
        shaped = walk(refopt.rule(name), theta.reshape(shape), [g.reshape(shape) for g in gradients])[-1]
        assert np.allclose(shaped.reshape(-1), flat, rtol=1e-13)


@pytest.mark.parametrize("name", ["adafactor", "sm3"])
def test_rows_and_columns_are_treated_alike(name):
    rng = np.random.default_rng(3)
    theta, gradients = rng.normal(size=(3, 5)), rng.normal(size=(6, 3, 5))
    path = walk(refopt.rule(name), theta, list(gradients))[-1]
    turned = walk(refopt.rule(name), theta.T, [g.T for g in gradients])[-1]
    assert np.allclose(turned.T, path, rtol=1e-13)


@pytest.mark.parametrize("name", ["lamb", "fromage", "adafactor"])
def test_a_tensor_of_k_times_the_size_moves_k_times_as_far(name):
    """Whatever the gradient: what is learned does not depend on the scale that a tensor was initialised with."""
    rng = np.random.default_rng(4)
    theta, gradients = rng.normal(size=(3, 4)), list(rng.normal(size=(1, 3, 4)))
    rule = refopt.rule(name)
    one, eight = (walk(rule, k * theta, gradients)[0] - k * theta for k in (1.0, 8.0))
    assert np.allclose(eight, 8 * one, rtol=1e-13)


def test_sm3_of_a_vector_is_adagrad():
    rng = np.random.default_rng(5)
    theta, gradients = rng.normal(size=6), list(rng.normal(size=(7, 6)))
    adagrad = refopt.adagrad(lr=0.1, eps=0.0, initial_accumulator=0.0)
    assert np.allclose(walk(refopt.sm3(lr=0.1), theta, gradients), walk(adagrad, theta, gradients), rtol=1e-13)


def test_sm3_of_one_row_or_column_is_adagrad_too():
    rng = np.random.default_rng(6)
    theta, gradients = rng.normal(size=(1, 6)), list(rng.normal(size=(7, 1, 6)))
    adagrad = refopt.adagrad(lr=0.1, eps=0.0, initial_accumulator=0.0)
    assert np.allclose(walk(refopt.sm3(lr=0.1), theta, gradients), walk(adagrad, theta, gradients), rtol=1e-13)


def test_sm3_never_divides_by_less_than_adagrad():
    """Its accumulators bound Adagrad's sums from above (the paper's claim), on any tensor."""
    rng = np.random.default_rng(7)
    for shape in ((3, 4), (2, 3, 2), (2, 1, 3, 2)):
        theta, gradients = np.zeros(shape), [rng.normal(size=shape) * rng.integers(0, 2, shape) for _ in range(8)]
        summed = np.zeros(shape)
        for record in refopt.walk(refopt.sm3, theta, gradients):
            summed += record["g"] ** 2
            bound = np.minimum.reduce(np.broadcast_arrays(*record["A"]))
            assert (bound >= summed * (1 - 1e-14)).all()


def test_adafactor_keeps_the_row_and_column_sums_of_what_rmsprop_keeps():
    """With V the mean of squares under the same decay, R and C are its sums: the factors lose what lies between."""
    rng = np.random.default_rng(8)
    theta, gradients, V = rng.normal(size=(3, 4)), list(rng.normal(size=(5, 3, 4))), np.zeros((3, 4))
    for t, record in enumerate(refopt.walk(refopt.adafactor, theta, gradients), 1):
        beta2 = 1 - t**-0.8
        V = beta2 * V + (1 - beta2) * record["g"] ** 2
        assert np.allclose(record["R"].reshape(-1), V.sum(axis=1), rtol=1e-12)
        assert np.allclose(record["C"].reshape(-1), V.sum(axis=0), rtol=1e-12)


def test_adam_mini_is_adamw_where_all_squares_are_equal():
    rng = np.random.default_rng(9)
    theta, gradients = rng.normal(size=(3, 4)), list(rng.choice([-2.0, 2.0], size=(5, 3, 4)))
    mini, full = refopt.adam_mini(weight_decay=0.1), refopt.adamw(weight_decay=0.1)
    assert np.allclose(walk(mini, theta, gradients), walk(full, theta, gradients), rtol=1e-12)


def test_fromage_turns_a_tensor_by_a_fixed_angle():
    """A gradient at right angles: the new parameters are as long as the old, turned by arctan(lr)."""
    theta, g = np.array([[3.0, 4.0]]), np.array([[-400.0, 300.0]])
    new = walk(refopt.fromage(lr=0.75), theta, [g])[0]
    assert np.linalg.norm(new) == pytest.approx(5, rel=1e-14)
    assert (new * theta).sum() / 25 == pytest.approx(np.cos(np.arctan(0.75)), rel=1e-14)
