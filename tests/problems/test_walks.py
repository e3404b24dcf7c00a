"""Rules on problems whose walks are known: momentum on a bowl, noise on a bowl, and the counter-example to Adam."""

import math

import numpy as np
import pytest

import refopt
from refopt.problems import get, names


@pytest.mark.parametrize(("lr", "momentum"), [(0.029, 0.5), (0.015, 0.9), (0.019, 0.0), (0.03, 0.8)])
def test_momentum_on_a_bowl_follows_its_closed_form(lr, momentum):
    """Along each eigenvector the heavy ball is the 2 × 2 recurrence of its companion matrix, solved by its eigenvalues:

    θ(t+1) = (1 + μ − lr·λ) θ(t) − μ θ(t−1), θ(−1) = θ(0).
    """
    problem, steps = get("quadratic", condition=100, dimension=6, seed=3), 200
    rule = refopt.sgd(lr=lr, momentum=momentum)
    path = np.array([record["theta"] for record in refopt.walk(rule, problem.start, problem.grad, steps)])
    curvatures, axes = np.linalg.eigh(problem.hessian(problem.start))
    assert np.allclose(curvatures, np.geomspace(1, 100, 6), rtol=1e-12)
    expected = np.empty_like(path)
    for i, (curvature, begin) in enumerate(zip(curvatures, axes.T @ problem.start, strict=True)):
        roots, vectors = np.linalg.eig(np.array([[1 + momentum - lr * curvature, -momentum], [1, 0]], dtype=complex))
        weights = np.linalg.solve(vectors, [begin, begin])
        expected[:, i] = [(vectors[0] * roots**t @ weights).real for t in range(1, steps + 1)]
    error = np.abs(path - expected @ axes.T).max(axis=1)
    assert (error <= 1e-12 * np.abs(problem.start).max()).all()


def test_noise_on_a_bowl_settles_where_it_should():
    """Mean and variance of SGD after t steps, in closed form, against twenty thousand walks at once."""
    problem, lr, steps, walks = get("noisy_quadratic", condition=9, noise=0.7), 0.15, 25, 20_000
    rule, rng = refopt.sgd(lr=lr), np.random.default_rng(5)
    theta = np.tile(problem.start, (walks, 1))
    state = rule.init(theta)
    for t in range(1, steps + 1):
        theta, state = rule.update(theta, problem.sample(theta, t, rng), state)
    curvatures = np.array([1.0, 9.0])
    shrink = 1 - lr * curvatures
    mean = shrink**steps * problem.start
    variance = (lr * 0.7) ** 2 * curvatures * (1 - shrink ** (2 * steps)) / (1 - shrink**2)
    assert (np.abs(theta.mean(axis=0) - mean) < 5 * np.sqrt(variance / walks)).all()
    assert np.allclose(theta.var(axis=0), variance, rtol=5 * math.sqrt(2 / walks))
    settled = (curvatures * lr**2 * 0.49 * curvatures / (1 - shrink**2) / 2).sum()  # the formula of the docstring
    assert settled == pytest.approx((lr * 0.49 * curvatures / (2 * (2 - lr * curvatures))).sum())


def test_the_mean_of_the_samples_is_the_gradient():
    for name in names():
        problem = get(name)
        if problem.sample is None:
            continue
        rng, at = np.random.default_rng(6), problem.start + 0.25
        if name == "reddi":
            drawn = np.array([problem.sample(at, t, rng) for t in range(1, 1 + 3 * 20)])
            assert np.allclose(drawn.mean(axis=0), problem.grad(at), rtol=1e-14)
            continue
        drawn = problem.sample(np.tile(at, (40_000, 1)), 1, rng)
        spread = drawn.std(axis=0) / math.sqrt(len(drawn))
        assert (np.abs(drawn.mean(axis=0) - problem.grad(at)) < 5 * spread).all()
        assert problem.sample(at.astype(np.float32), 1, rng).dtype == np.float32
        again = [problem.sample(at, 1, np.random.default_rng(7)) for _ in range(2)]
        assert np.array_equal(*again)
    assert get("rosenbrock").sample is None


def projected(rule, problem, start, lr, steps, rng=None):
    """The walk with lr/√t on the terms of an online problem, each point put back into its domain."""
    theta, path = start, []
    state = rule.init(theta)
    for t in range(1, steps + 1):
        theta, state = rule.update(theta, problem.sample(theta, t, rng), state, lr=lr / math.sqrt(t))
        theta = problem.project(theta)
        path.append(theta)
    return np.array(path)


def test_adam_goes_to_the_worst_point_and_amsgrad_does_not():
    """Theorem 1 of Reddi et al.: with β1 = 0, β2 = 1/(1 + c²) and lr < √(1 − β2) each period of three ends at +1."""
    problem, c = get("reddi", c=3.0), 3.0
    hyper = dict(beta1=0.0, beta2=1 / (1 + c**2))
    for start in (1.0, 0.0, -1.0):
        adam = projected(refopt.adam(**hyper), problem, np.array([start]), 0.5, 6000)[2::3, 0]
        assert (adam[-500:] == 1.0).all()
        assert start < 1 or (adam == 1.0).all()
        amsgrad = projected(refopt.amsgrad(**hyper), problem, np.array([start]), 0.5, 6000)[2::3, 0]
        assert (amsgrad[-500:] < -0.98).all()
    assert problem.loss(np.ones(1)) > problem.loss(-np.ones(1)) == problem.loss(problem.minima[0])


def test_the_experiment_of_section_5():
    """One gradient of 101 in 101 steps, else −1 (the paper's 1010 and −10): Adam ends at the wrong end, AMSGrad nears −1."""
    problem, hyper = get("reddi", c=101, period=101), dict(beta1=0.9, beta2=0.99)
    adam = projected(refopt.adam(**hyper), problem, problem.start, 0.5, 101 * 150)
    amsgrad = projected(refopt.amsgrad(**hyper), problem, problem.start, 0.5, 101 * 150)
    assert adam[-101:].mean() > 0.7
    assert amsgrad[-101:].mean() < -0.8


def test_the_counter_example_at_random():
    """Three hundred walks at once: on the average Adam ends at the wrong end, AMSGrad and plain SGD at the right one."""
    problem = get("reddi_stochastic", c=9, delta=0.5)
    ends, hyper = {}, dict(beta1=0.0, beta2=1 / (1 + 9**2))
    for rule in (refopt.adam(**hyper), refopt.amsgrad(**hyper), refopt.sgd):
        rng = np.random.default_rng(8)
        ends[rule.name] = projected(rule, problem, np.zeros((300, 1)), 0.5, 4000, rng)[-1].mean()
    assert ends["adam"] > 0.8
    assert ends["amsgrad"] < -0.6
    assert ends["sgd"] < -0.6
