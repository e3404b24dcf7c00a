"""Toy functions and populations on a device: walked there, with NumPy's numbers."""

import numpy as np
import pytest

import refopt
from refopt.training import population

FIELDS = ("paths", "losses", "best", "theta", "finite")


@pytest.mark.parametrize("name", refopt.problems.names())
def test_toy_functions(xp, name):
    problem = refopt.problems.get(name)
    points = problem.start + 0.1 * np.random.default_rng(0).normal(size=(4, problem.dimension))
    device = xp.put(points)
    for formula in (problem.loss, problem.grad, problem.hessian):
        formula(device)  # constants are brought once
        xp.begin()
        got = formula(device)
        xp.moved("host", 0)
        xp.moved("device", 0)
        xp.same(got, np.asarray(formula(points)))
    if problem.sample is not None:
        xp.same(problem.sample(device, 1, np.random.default_rng(3)), problem.sample(points, 1, np.random.default_rng(3)))


@pytest.mark.parametrize("rule", ["sgd", "adam", "lookahead", "lamb", "sam"])
def test_race(xp, rule):
    starts, words = np.random.default_rng(1).normal(size=(5, 2)), {"steps": 12, "grids": {"lr": [1e-3, 1e-2]}}
    expected = refopt.race([rule], "beale", starts=starts, **words)[rule]
    device = xp.put(starts)
    refopt.race([rule], "beale", starts=device, **words)
    xp.begin()
    got = refopt.race([rule], "beale", starts=device, **words)[rule]
    xp.moved("host", 1)  # whether all starts are finite
    xp.moved(
        "device", 0 if rule in ("lamb", "sam") else range(10)
    )  # who begins where, and the rate of each: not with the steps
    for field in FIELDS:
        xp.same(getattr(got, field), getattr(expected, field))
    xp.same(got.converged(loss=1.0), expected.converged(loss=1.0))
    xp.same(got.converged(distance=1.0), expected.converged(distance=1.0))
    xp.same(got.basin(), expected.basin())
    xp.same(got.distances(), expected.distances())
    assert got.members == expected.members
    at_once = population.TOGETHER if xp.compiles else population.BY_HYPER
    assert got.how == (population.ALONE if rule in ("lamb", "sam") else at_once)


def test_a_race_on_a_device_is_one_kernel_a_step(xp):
    if not xp.compiles:
        pytest.skip("there is no C compiler to compile the text of kernels with")
    starts = np.random.default_rng(1).normal(size=(5, 2))
    device = xp.put(starts)
    # with a grid of lr nothing is sent in a step; with one of beta1 the value of 1 − β₁ᵗ for each beta1
    for grids, sent in (({"lr": [1e-3, 1e-2], "eps": [1e-8, 1e-3]}, 0), ({"beta1": [0.8, 0.9, 0.99]}, 1)):
        refopt.race("adam", "beale", starts=device, steps=1, grids=grids)
        for steps in (10, 30):
            expected = refopt.race("adam", "beale", starts=starts, steps=steps, grids=grids)["adam"]
            xp.begin()
            got = refopt.race("adam", "beale", starts=device, steps=steps, grids=grids)["adam"]
            xp.launched(steps)
            xp.moved("host", 1)  # whether all starts are finite
            xp.moved("device", range(sent * steps, sent * steps + 12))
            xp.same(got.paths, expected.paths)
            assert got.how == population.TOGETHER


def test_some_steps_kept(xp):
    starts = np.random.default_rng(2).uniform(-1, 1, size=(3, 2, 2)).astype(np.float32)
    expected = refopt.race("adam", "rosenbrock", starts=starts, steps=7, keep=3)["adam"]
    got = refopt.race("adam", "rosenbrock", starts=xp.put(starts), steps=7, keep=3)["adam"]
    xp.same(got.paths, expected.paths)
    assert got.at.tolist() == expected.at.tolist() == [0, 3, 6, 7]


def test_a_walk_and_its_narration(xp):
    problem = refopt.problems.get("beale")
    expected = [record["theta"] for record in refopt.walk(refopt.adam, problem.start, problem.grad, 5)]
    device = xp.put(problem.start)
    list(refopt.walk(refopt.adam, device, problem.grad, 1))
    xp.begin()
    got = [record["theta"] for record in refopt.walk(refopt.adam, device, problem.grad, 5)]
    xp.moved("host", 0)
    xp.moved("device", 0)
    xp.same(got, expected)
    lines = refopt.narrate(refopt.adam, device, device, refopt.adam.init(device))
    told = refopt.narrate(refopt.adam, problem.start, problem.start, refopt.adam.init(problem.start))
    for line, there in zip(lines, told, strict=True):
        assert (line.source, line.name) == (there.source, there.name)
        xp.same(line.value, there.value)
