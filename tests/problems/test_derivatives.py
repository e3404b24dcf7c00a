"""Gradients and Hessians: by complex step, and proven on balls by forward differentiation."""

import numpy as np
import pytest


def points_of(problem, count, seed=0):
    low, high = np.array(problem.bounds).T
    return np.random.default_rng(seed).uniform(low, high, (count, len(low)))


def complex_step(f, points, h=1e-30):
    """The derivatives of f by the last axis of the points, in a new last axis."""
    return np.stack([f(points + 1j * h * row).imag / h for row in np.eye(points.shape[-1])], axis=-1)


def assert_close(ours, exact):
    """To 1e-12 of the largest entry at the point, or, where terms cancel, of what is typical in the box."""
    axes = tuple(range(1, exact.ndim))
    scale = np.abs(exact).max(axis=axes, keepdims=True)
    assert (np.abs(ours - exact) <= 1e-12 * np.maximum(scale, np.median(scale))).all()


def test_gradient_by_complex_step(problem):
    points = points_of(problem, 100)
    assert_close(problem.grad(points), complex_step(problem.loss, points))


def test_hessian_by_complex_step_of_the_gradient(problem):
    points = points_of(problem, 100, seed=1)
    hessian = problem.hessian(points)
    assert_close(hessian, complex_step(problem.grad, points))
    assert np.array_equal(hessian, hessian.swapaxes(-1, -2))


def test_gradient_and_hessian_proven_on_balls(problem):
    """A quarter of the way through the box: there no logistic margin and no distance is zero."""
    exact = pytest.importorskip("refopt.exact")
    low, high = np.array(problem.bounds).T
    for point in (problem.start, low + (high - low) / 4):
        with exact.working_precision(256):
            ours = exact.balls(point)
            pairs = [(problem.grad(ours), exact.gradient_enclosure(problem.loss, point))]
            for i, row in enumerate(problem.hessian(ours)):
                pairs.append((row, exact.gradient_enclosure(lambda theta, i=i: problem.grad(theta)[i], point)))
            for by_hand, enclosure in pairs:
                for a, b in zip(exact.balls(by_hand), enclosure, strict=True):
                    assert a.ball.overlaps(b.ball)
                    assert float(a.ball.rad()) < 1e-30
                    assert float(b.ball.rad()) < 1e-30
