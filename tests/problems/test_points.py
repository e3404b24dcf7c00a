"""Points along the last axis: any shape, any dtype, the same bits alone as among others; and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refopt.problems import get, names


def test_a_point_alone_has_the_bits_that_it_has_among_others(problem):
    low, high = np.array(problem.bounds).T
    for dtype in (np.float64, np.float32):
        points = np.random.default_rng(2).uniform(low, high, (5, 7, len(low))).astype(dtype)
        before = points.copy()
        for f in (problem.loss, problem.grad, problem.hessian):
            values = f(points)
            assert values.dtype == dtype
            assert values.shape == (5, 7) + (problem.dimension,) * (values.ndim - 2)
            assert np.array_equal(f(np.asfortranarray(points)), values)
            assert np.array_equal(f(points[::-1, ::2]), values[::-1, ::2])
            for place in np.ndindex(5, 7):
                assert np.array_equal(f(points[place]), values[place])
                assert f(points[place]).dtype == dtype
        assert np.array_equal(points, before)


@given(st.sampled_from(names()), st.lists(st.integers(0, 3), max_size=3))
def test_any_leading_shape(name, shape):
    problem = get(name)
    points = np.broadcast_to(problem.start, (*shape, problem.dimension))
    assert problem.loss(points).shape == tuple(shape)
    assert problem.grad(points).shape == points.shape
    assert problem.hessian(points).shape == (*shape, problem.dimension, problem.dimension)


@given(st.sampled_from(names()), st.integers(0, 4), st.integers(0, 2))
def test_points_of_another_dimension_are_refused(name, size, leading):
    problem = get(name)
    if size != problem.dimension:
        for f in (problem.loss, problem.grad, problem.hessian):
            with pytest.raises(ValueError, match=rf"{name} takes points with \d coordinates? along the last axis, got shape"):
                f(np.zeros((1,) * leading + (size,)))


def test_lists_whole_numbers_and_nan():
    problem = get("himmelblau")
    assert problem.loss([3, 2]) == 0
    assert problem.grad(np.array([3, 2])).dtype == float
    assert np.isnan(problem.loss([np.nan, 0.0]))
    with pytest.raises(TypeError, match="himmelblau takes points of numbers"):
        problem.loss(["a", "b"])
    with pytest.raises(ValueError, match="2 coordinates along the last axis, got shape"):
        problem.loss(3.0)


def test_far_out_nothing_warns(problem):
    """A step that throws the walk away gives large numbers, or infinite ones, in silence where the formula has a limit."""
    if problem.name in ("cliff", "plateau", "logistic", "easom", "rastrigin", "ackley", "griewank", "reddi"):
        far = np.full(problem.dimension, 1e5)
        assert np.isfinite(problem.loss(far))
        assert np.isfinite(problem.grad(far)).all()
        assert np.isfinite(problem.hessian(far)).all()


def test_the_start_and_the_minima_lie_in_the_box(problem):
    low, high = np.array(problem.bounds).T
    for points in (problem.start[None], problem.minima):
        assert ((low <= points) & (points <= high)).all()


def test_names_and_options():
    assert names() == sorted(names())
    assert len(names()) >= 25
    assert get("quadratic", seed=1).grad([1.0, 1.0]).tolist() != get("quadratic").grad([1.0, 1.0]).tolist()


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("rosenbrok", {}, ValueError, "unknown problem 'rosenbrok'; did you mean 'rosenbrock'"),
        ("quadratic", {"condition": 0.5}, ValueError, "condition number of a bowl is finite and at least 1, got 0.5"),
        ("quadratic", {"condition": np.nan}, ValueError, "condition number"),
        ("noisy_quadratic", {"condition": np.inf}, ValueError, "noisy_quadratic: the condition number"),
        ("noisy_quadratic", {"noise": -1.0}, ValueError, "noise is finite and not negative"),
        ("quadratic", {"dimension": 0}, ValueError, "dimension must be at least 1, got 0"),
        ("rosenbrock", {"dimension": 1}, ValueError, "rosenbrock: dimension must be at least 2, got 1"),
        ("rastrigin", {"dimension": 2.5}, TypeError, "dimension must be a whole number, got 2.5"),
        ("michalewicz", {"m": 0}, ValueError, "m must be at least 1"),
        ("saddle", {"condition": 3}, TypeError, "saddle has no option 'condition'. It has none"),
        ("quadratic", {"conditoin": 3}, TypeError, "did you mean 'condition'"),
        ("reddi", {"c": 2.0}, ValueError, "c must exceed period − 1 = 2"),
        ("reddi", {"period": 1}, ValueError, "period must be at least 2"),
        ("reddi_stochastic", {"delta": 0.0}, ValueError, "0 < delta < c"),
        ("factorisation", {"target": [1.0, 2.0]}, ValueError, r"must be a matrix of finite numbers, got shape \(2,\)"),
        ("factorisation", {"rank": 0}, ValueError, "rank must be at least 1"),
        ("logistic", {"separable": "yes"}, TypeError, "separable must be True or False, got 'yes'"),
    ],
)
def test_bad_options(name, options, error, message):
    with pytest.raises(error, match=message):
        get(name, **options)
