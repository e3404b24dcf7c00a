"""The heavy ball on a bowl: the closed form against eigenvalues, and a map of real walks against both."""

import numpy as np
import pytest

import refopt
from refopt.training.stability import best_heavy_ball, heavy_ball_limit, heavy_ball_rate


def radius(lr, momentum, curvature):
    """The largest modulus of an eigenvalue of the step's matrix, numerically."""
    return np.abs(np.linalg.eigvals([[1 - lr * curvature, -lr * momentum], [curvature, momentum]])).max()


def test_the_rate_is_the_spectral_radius():
    rng = np.random.default_rng(0)
    lr, momentum, curvature = rng.uniform(0, 3, 400), rng.uniform(0, 1, 400), rng.uniform(0.01, 3, 400)
    expected = [radius(*one) for one in zip(lr, momentum, curvature, strict=True)]
    found = heavy_ball_rate(lr, momentum, curvature)
    assert np.allclose(found, expected, rtol=1e-7)  # near a double root an eigenvalue is good to half the digits
    assert np.quantile(np.abs(found / expected - 1), 0.9) < 1e-13


def test_the_limit_is_where_the_radius_is_one():
    for momentum in (0.0, 0.3, 0.9, 0.99):
        for curvature in (0.2, 1.0, 25.0):
            limit = heavy_ball_limit(momentum, curvature)
            assert radius(limit, momentum, curvature) == pytest.approx(1, abs=1e-7)
            assert radius(limit * 0.999, momentum, curvature) < 1 < radius(limit * 1.001, momentum, curvature)


@pytest.mark.parametrize("condition", [1.0, 4.0, 25.0])
def test_walks_are_stable_exactly_below_the_limit(condition):
    """Every cell of a map of lr × momentum, measured by the rule itself, agrees with the closed form."""
    lrs, momenta = np.linspace(0.01, 4.2 / condition, 60), np.linspace(0, 0.95, 40)
    bowl = refopt.problems.get("quadratic", condition=condition)
    found = refopt.race("sgd", bowl, steps=6000, grids={"lr": lrs, "momentum": momenta}, keep="last")["sgd"]
    limit = heavy_ball_limit(momenta, condition)
    certain = np.abs(lrs[:, None] / limit - 1) > 0.003
    stable = np.abs(found.theta).max(axis=-1) < np.abs(bowl.start).max()
    assert certain.mean() > 0.95
    assert np.array_equal(stable[certain], (lrs[:, None] < limit)[certain])
    assert 0.2 < stable.mean() < 0.999


def test_walks_come_nearer_at_the_rate():
    """Over the last hundred of many steps, where the slower root alone is left; away from double roots."""
    lrs, momenta = np.linspace(0.1, 1.5, 8), np.array([0.0, 0.05, 0.1])
    bowl = refopt.problems.get("quadratic", condition=1.0)
    found = refopt.race("sgd", bowl, steps=200, grids={"lr": lrs, "momentum": momenta}, keep=100)["sgd"]
    sizes = np.abs(found.paths).max(axis=-1)
    rate = heavy_ball_rate(lrs[:, None], momenta, 1.0)
    real = (1 + momenta - lrs[:, None]) ** 2 > 4 * momenta + 0.05
    alive = real & (sizes[2] > 0)
    assert alive.sum() > 8
    assert np.allclose((sizes[2] / sizes[1])[alive] ** 0.01, rate[alive], rtol=1e-6)


def test_the_best_is_the_best():
    lr, momentum = best_heavy_ball(1.0, 25.0)

    def worst(lr, momentum):
        return max(radius(lr, momentum, curvature) for curvature in np.linspace(1, 25, 49))

    best = worst(lr, momentum)
    assert best == pytest.approx(4 / 6, abs=1e-6)  # (5 − 1) / (5 + 1)
    for d in (-0.02, 0.02):
        assert worst(lr * (1 + d), momentum) > best
        assert worst(lr, momentum + d) > best


def test_bad_input():
    with pytest.raises(ValueError, match="momentum"):
        heavy_ball_limit(1.0, 1.0)
    with pytest.raises(ValueError, match="curvature"):
        heavy_ball_rate(0.1, 0.5, 0.0)
    with pytest.raises(ValueError, match="lowest first"):
        best_heavy_ball(2.0, 1.0)
