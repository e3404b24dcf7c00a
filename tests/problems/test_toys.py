"""Toy functions: gradients by complex step, on proven balls, and the minima where they are said to be."""

import numpy as np
import pytest

import refopt
from refopt.problems import get, names

CASES = [get(name) for name in names()] + [get("quadratic", condition=1e4, dimension=7)]
each = pytest.mark.parametrize("problem", CASES, ids=lambda p: f"{p.name}{len(p.start)}")


def complex_step(f, point, h=1e-30):
    slopes = [f(point + 1j * h * np.eye(1, point.size, i)[0]).imag / h for i in range(point.size)]
    return np.array(slopes)


@each
def test_gradient_by_complex_step(problem):
    rng = np.random.default_rng(0)
    low, high = np.array(problem.bounds).T
    for point in rng.uniform(low, high, (50, len(low))):
        exact = complex_step(problem.loss, point)
        assert np.allclose(problem.grad(point), exact, rtol=1e-12, atol=1e-12 * np.abs(exact).max())


@each
def test_gradient_proven_on_balls(problem):
    exact = pytest.importorskip("refopt.exact")
    with exact.working_precision(128):
        enclosure = exact.gradient_enclosure(problem.loss, problem.start)
        by_hand = problem.grad(exact.balls(problem.start))
        for a, b in zip(enclosure, by_hand, strict=True):
            assert a.ball.overlaps(b.ball)
            assert float(a.ball.rad()) < 1e-30


@each
def test_minima(problem):
    for minimum in problem.minima:
        assert problem.loss(minimum) < 1e-30
        assert np.abs(problem.grad(minimum)).max() < 1e-14
        around = minimum + np.random.default_rng(1).normal(size=(100, minimum.size)) * 0.1
        assert (problem.loss(around) > 0).all()


def test_known_values():
    """Worked out by hand."""
    assert get("rosenbrock").loss(np.array([0.0, 2.0])) == 401
    assert get("rosenbrock").grad(np.array([0.0, 2.0])).tolist() == [-2.0, 400.0]
    assert get("beale").loss(np.zeros(2)) == 1.5**2 + 2.25**2 + 2.625**2
    assert get("beale").grad(np.array([1.0, 0.0])).tolist() == [-(2 * 0.5 + 2 * 1.25 + 2 * 1.625), 2 * 0.5]
    assert get("saddle").grad(np.array([2.0, 3.0])).tolist() == [2.0, -3.0]
    assert get("quadratic", condition=9).loss(np.array([2.0, 2.0])) == 2 + 18
    assert get("quadratic", condition=100, dimension=3).grad(np.ones(3)).round(12).tolist() == [1.0, 10.0, 100.0]


@each
def test_many_points_at_once_and_the_dtype_of_theta(problem):
    points = np.random.default_rng(2).normal(size=(4, 5, len(problem.start)))
    losses, slopes = problem.loss(points), problem.grad(points)
    assert losses.shape == (4, 5)
    assert slopes.shape == points.shape
    assert losses[1, 2] == problem.loss(points[1, 2])
    assert np.array_equal(slopes[1, 2], problem.grad(points[1, 2]))
    assert problem.grad(points.astype(np.float32)).dtype == np.float32


def test_bad_input():
    with pytest.raises(ValueError, match="unknown problem 'rosenbrok'; did you mean 'rosenbrock'"):
        get("rosenbrok")
    with pytest.raises(ValueError, match="2 coordinates along the last axis"):
        get("beale").loss(np.zeros(3))
    with pytest.raises(ValueError, match="condition number"):
        get("quadratic", condition=0.5)
    with pytest.raises(ValueError, match="dimension must be at least 1"):
        get("quadratic", dimension=0)
    with pytest.raises(TypeError):
        get("saddle", condition=3)


def test_momentum_on_a_bowl_follows_its_closed_form():
    """A second witness for SGD with momentum: on one curvature it is a linear recurrence with known eigenvalues."""
    curvature, lr, momentum = 1.0, 0.1, 0.5
    rule = refopt.sgd(lr=lr, momentum=momentum)
    path = [r["theta"].item() for r in refopt.walk(rule, np.array([1.0]), get("quadratic", dimension=1).grad, 60)]
    # theta_{t+1} = (1 + mu - lr·curvature) theta_t - mu theta_{t-1}, theta_0 = 1, theta_1 = 1 - lr·curvature
    roots = np.roots([1, -(1 + momentum - lr * curvature), momentum])
    a, b = np.linalg.solve(np.vander(roots, 2, increasing=True).T, [1.0, 1 - lr * curvature])
    expected = [(a * roots[0] ** t + b * roots[1] ** t).real for t in range(1, 61)]
    assert np.allclose(path, expected, rtol=1e-12, atol=1e-15)
