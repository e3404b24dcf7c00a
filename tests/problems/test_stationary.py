"""Minima and saddles are where they are said to be: to rounding in float64, and proven on balls."""

import math

import numpy as np
import pytest

from refopt.problems import get

ULP = np.finfo(float).eps
NOT_SMOOTH, ON_THE_BORDER, VALLEYS, DEGENERATE = (
    {"ackley"},
    {"reddi", "reddi_stochastic"},
    {"cliff", "factorisation"},
    {"monkey_saddle"},
)


def test_there_is_no_slope_at_minima_and_saddles(problem):
    """The gradient is what the Hessian makes of a coordinate's rounding, or less."""
    if problem.name in ON_THE_BORDER:
        return
    for point in [*problem.minima, *problem.saddles]:
        curvature = 1.0 if problem.name in NOT_SMOOTH else np.abs(problem.hessian(point)).max()
        assert np.abs(problem.grad(point)).max() <= 8 * ULP * (1 + curvature) * (1 + np.abs(point).max())


def test_minima_on_a_border_point_outward(problem):
    if problem.project is None:
        return
    for minimum in problem.minima:
        assert np.array_equal(problem.project(minimum - problem.grad(minimum)), minimum)
        assert np.array_equal(problem.project(minimum), minimum)
    assert problem.project(np.array([[-7.0], [0.25], [3.0]])).tolist() == [[-1.0], [0.25], [1.0]]


def test_no_point_is_lower_than_a_minimum(problem):
    rng = np.random.default_rng(1)
    low, high = np.array(problem.bounds).T
    for minimum in problem.minima:
        lowest = problem.loss(minimum)
        room = 4 * ULP * max(1, abs(lowest))
        assert abs(lowest - problem.loss(problem.minima[0])) <= room
        for size in (1e-4, 1e-2, 1.0):
            around = minimum + size * rng.normal(size=(300, problem.dimension))
            around = around if problem.project is None else problem.project(around)
            if problem.name == "michalewicz":
                around = np.clip(around, low, high)  # of the box it is the lowest, not of the whole plane
            assert (problem.loss(around) >= lowest - room).all()
        assert (problem.loss(rng.uniform(low, high, (3000, problem.dimension))) >= lowest - room).all()


@pytest.mark.parametrize("m", [1, 2, 10, 100])
def test_the_deepest_canyon_of_many(m):
    """In each coordinate of Michalewicz's function, among canyons that differ by a ten-thousandth of their depth."""
    (found,), x = get("michalewicz", dimension=60, m=m).minima, np.linspace(0, np.pi, 100_001)
    for i, place in enumerate(found, start=1):
        everywhere, there = (-np.sin(z) * np.sin(i * z**2 / np.pi) ** (2 * m) for z in (x, place))
        assert 0 < place < np.pi
        assert there <= everywhere.min()


def test_curvature_at_minima_and_saddles(problem):
    for minimum in problem.minima:
        if problem.name in NOT_SMOOTH:
            assert np.isnan(problem.hessian(minimum)).all()
            continue
        values = np.linalg.eigvalsh(problem.hessian(minimum))
        assert values[0] >= -1e-12 * values[-1]
        if problem.name not in VALLEYS | ON_THE_BORDER:
            assert values[0] > 0
    for saddle in problem.saddles:
        values = np.linalg.eigvalsh(problem.hessian(saddle))
        if problem.name in DEGENERATE:
            assert not values.any()
            assert problem.loss([0.1, 0.0]) > problem.loss(saddle) > problem.loss([-0.1, 0.0])
        else:
            assert values[0] < -1e-9 < 1e-9 < values[-1]


def power(ball, exponent):
    """A whole power as a product: Arb gives none of a ball that contains zero."""
    return math.prod([ball] * exponent) if exponent else ball * 0 + 1


def test_a_true_minimum_or_saddle_is_proven_to_be_there(problem, monkeypatch):
    """Krawczyk's operator on balls maps a box of 1e-14 around the point into its own inside: it holds exactly one zero of
    the gradient. Not where the curvature is zero along a valley, at a tip, or at a border."""
    exact = pytest.importorskip("refopt.exact")
    from flint import arb

    monkeypatch.setattr(exact.Ball, "__pow__", power)

    if problem.name in NOT_SMOOTH | ON_THE_BORDER | VALLEYS | DEGENERATE:
        return
    for point in [*problem.minima, *problem.saddles]:
        radius = 1e-14 * max(1.0, np.abs(point).max())
        with exact.working_precision(256):
            middle, identity = exact.balls(point), exact.balls(np.eye(point.size))
            offsets = np.array([exact.Ball(arb(0, radius)) for _ in point], dtype=object)
            inverse = exact.balls(np.linalg.inv(problem.hessian(point)))
            rest = identity - inverse @ exact.balls(problem.hessian(middle + offsets))
            moved = rest @ offsets - inverse @ problem.grad(middle)
            assert all(float(abs(entry).ball.abs_upper()) < radius for entry in moved)


def test_the_unit_at_the_cliff_ends_at_seven_tenths():
    """The sign of σ(h₅₀) − 0.7 changes within 1e-15 of each y, in 200 bits."""
    mpmath = pytest.importorskip("mpmath")

    def end(x, y):
        h = mpmath.mpf(0.5)
        for _ in range(50):
            h = x / (1 + mpmath.exp(-h)) + y
        return 1 / (1 + mpmath.exp(-h))

    with mpmath.workprec(200):
        for x, y in get("cliff").minima.tolist():
            ends = [end(mpmath.mpf(x), mpmath.mpf(y) + step) for step in (-1e-15, 1e-15)]
            assert ends[0] < 0.7 < ends[1]


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_factorisation_reaches_the_best_approximation(rank):
    """Eckart and Young: what is left is half the sum of the squares of the other singular values."""
    target = np.random.default_rng(2).normal(size=(4, 3))
    problem = get("factorisation", target=target, rank=rank)
    left = np.linalg.svd(target, compute_uv=False)[rank:]
    assert np.allclose(problem.loss(problem.minima), (left**2).sum() / 2, rtol=1e-12, atol=1e-30)
    u, v = problem.minima[0][: 4 * rank].reshape(4, rank), problem.minima[0][4 * rank :].reshape(3, rank)
    assert np.allclose(u.T @ u, v.T @ v, atol=1e-12)  # balanced


def test_separable_classes_leave_no_minimum():
    problem = get("logistic", separable=True)
    assert problem.minima.shape == (0, 2)
    losses = problem.loss(np.outer([1.0, 10.0, 100.0, 1000.0], [1.0, 0.5]))
    assert (np.diff(losses) < 0).all()
    assert losses[-1] < 1e-100
