"""Values: worked out by hand, published, and those of another suite (pymoo)."""

import numpy as np
import pytest

from refopt.problems import get, names


def test_known_values():
    """Worked out by hand."""
    assert get("rosenbrock").loss(np.array([0.0, 2.0])) == 401
    assert get("rosenbrock").grad(np.array([0.0, 2.0])).tolist() == [-2.0, 400.0]
    assert get("rosenbrock", dimension=3).loss(np.array([0.0, 2.0, 1.0])) == 401 + 1 + 900
    assert get("rosenbrock").hessian(np.array([1.0, 1.0])).tolist() == [[802.0, -400.0], [-400.0, 200.0]]
    assert get("beale").loss(np.zeros(2)) == 1.5**2 + 2.25**2 + 2.625**2
    assert get("beale").grad(np.array([1.0, 0.0])).tolist() == [-(2 * 0.5 + 2 * 1.25 + 2 * 1.625), 2 * 0.5]
    assert get("saddle").grad(np.array([2.0, 3.0])).tolist() == [2.0, -3.0]
    assert get("quadratic", condition=9).loss(np.array([2.0, 2.0])) == 2 + 18
    assert get("quadratic", condition=100, dimension=3).grad(np.ones(3)).round(12).tolist() == [1.0, 10.0, 100.0]
    assert get("booth").loss(np.zeros(2)) == 74
    assert get("matyas").loss(np.array([10.0, 10.0])) == pytest.approx(4)
    assert get("zakharov", dimension=3).loss(np.array([1.0, 1.0, -1.0])) == 3
    assert get("zakharov").loss(np.array([2.0, 1.0])) == 5 + 4 + 16
    assert get("dixon_price", dimension=3).loss(np.array([2.0, 1.0, 1.0])) == 1 + 0 + 3
    assert get("monkey_saddle").loss(np.array([2.0, 1.0])) == 2
    assert get("goldstein_price").loss(np.zeros(2)) == 20 * 30
    assert get("six_hump_camel").loss(np.array([1.0, 1.0])) == pytest.approx(4 - 2.1 + 1 / 3 + 1)
    assert get("three_hump_camel").loss(np.array([1.0, 1.0])) == pytest.approx(2 - 1.05 + 1 / 6 + 2)
    assert get("levy").loss(np.array([5.0, 1.0])) == pytest.approx(1 + 10 * np.sin(1) ** 2)
    assert get("easom").loss(np.zeros(2)) == pytest.approx(-np.exp(-2 * np.pi**2))
    assert get("plateau").loss(np.zeros(2)) == pytest.approx(np.tanh(1) ** 2)
    assert get("factorisation").loss(np.array([3.0, 2.0])) == 12.5
    assert get("factorisation", target=[[1.0, 2.0]]).loss(np.array([1.0, 3.0, 4.0])) == (4 + 4) / 2
    assert get("logistic").loss(np.zeros(2)) == pytest.approx(np.log(2))
    assert get("reddi", c=4, period=3).grad(np.zeros(1)) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("name", "options", "least", "where"),
    [
        ("branin", {}, 0.397887, [3.14159, 2.275]),
        ("goldstein_price", {}, 3, [0, -1]),
        ("six_hump_camel", {}, -1.0316, [0.0898, -0.7126]),
        ("styblinski_tang", {}, 2 * -39.16617, [-2.903534, -2.903534]),
        ("easom", {}, -1, [np.pi, np.pi]),
        ("michalewicz", {}, -1.8013, [2.20, 1.57]),
        ("michalewicz", {"dimension": 5}, -4.687658, None),
        ("michalewicz", {"dimension": 10}, -9.66015, None),
        ("himmelblau", {}, 0, [-3.779310, -3.283186]),
        ("booth", {}, 0, [1, 3]),
        ("beale", {}, 0, [3, 0.5]),
        ("dixon_price", {}, 0, [1, 0.7071068]),
    ],
)
def test_published_minima(name, options, least, where):
    problem = get(name, **options)
    assert problem.loss(problem.minima) == pytest.approx(least, rel=3e-5, abs=1e-20)
    assert where is None or np.abs(problem.minima - where).max(axis=-1).min() < 4e-3


@pytest.mark.parametrize("name", ["ackley", "griewank", "himmelblau", "rastrigin", "rosenbrock", "zakharov"])
@pytest.mark.parametrize("dimension", [2, 7])
def test_values_of_pymoo(name, dimension, peer):
    if (name, dimension) == ("himmelblau", 7):
        return
    peer("pymoo")
    from pymoo.problems import get_problem

    theirs = get_problem(name) if name == "himmelblau" else get_problem(name, n_var=dimension)
    ours = get(name) if name == "himmelblau" else get(name, dimension=dimension)
    low, high = np.array(ours.bounds).T
    points = np.random.default_rng(4).uniform(low, high, (200, dimension))
    assert np.allclose(ours.loss(points), theirs.evaluate(points).reshape(-1), rtol=1e-13, atol=1e-12)


def test_claims_of_the_traps():
    easom, plateau, matyas = get("easom"), get("plateau"), get("matyas")
    around = np.pi + 5 * np.stack([np.cos(np.arange(100)), np.sin(np.arange(100))], axis=-1)
    assert np.linalg.norm(easom.grad(around), axis=-1).max() < 1e-9
    further = np.linalg.norm(plateau.grad(np.linspace(plateau.start, [1.0, 0.0], 1000)), axis=-1)
    assert further[0] < further.max() / 90
    assert plateau.loss(plateau.start) > 0.95 * (1 + np.tanh(1)) ** 2 / 2
    assert np.linalg.cond(matyas.hessian(matyas.start)) == pytest.approx(25)
    walls = get("goldstein_price")
    assert walls.loss(np.random.default_rng(0).uniform(-2, 2, (10_000, 2))).max() > 9e5


def test_every_problem_says_what_it_is():
    for name in names():
        problem = get(name)
        assert problem.name == name
        assert problem.start.shape == (problem.dimension,)
        assert len(problem.bounds) == problem.dimension
        assert 20 < len(problem.trap) < 128
        assert any(digit in problem.paper for digit in "12")
        inside = [low <= x <= high for x, (low, high) in zip(problem.start, problem.bounds, strict=True)]
        assert all(inside)
        for points in (problem.minima, problem.saddles):
            assert points.ndim == 2
            assert points.shape[1] == problem.dimension
            low, high = np.array(problem.bounds).T
            assert ((points >= low) & (points <= high)).all()
