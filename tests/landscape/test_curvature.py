"""Curvature, against dense Hessians, closed forms, complete enumerations, and PyTorch."""

import math
from functools import partial
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refopt
from refopt import landscape, nets
from refopt.data import digits
from refopt.landscape import (
    Hessian,
    Objective,
    ball_sharpness,
    density,
    edge_of_stability,
    eigenpairs,
    hessian,
    lanczos,
    noise_scale,
    trace,
)


@pytest.fixture(scope="module")
def small():
    """A smooth net of 145 parameters, and its dense Hessian by finite differences of the gradient."""
    net, rng = nets.MLP([9, 10, 5], "tanh"), np.random.default_rng(0)
    x, y, theta = rng.normal(size=(40, 9)), rng.integers(0, 5, 40), net.init(1)
    h = 1e-5
    slopes = [net.loss_and_grad(theta + s * h * e, x, y)[1] for e in np.eye(net.size) for s in (1, -1)]
    dense = (np.array(slopes[::2]) - np.array(slopes[1::2])) / (2 * h)
    return Objective(net, x, y), theta, (dense + dense.T) / 2


def symmetric(n, seed):
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(n, n))
    return root + root.T


def quadratic(A, c=0.0):
    """½ θᵀAθ + cᵀθ, with the words of a toy function."""
    c = c * np.ones(len(A))
    return SimpleNamespace(
        loss=lambda theta: theta @ A @ theta / 2 + c @ theta, grad=lambda theta: A @ theta + c, hessian=lambda theta: A
    )


def test_the_dense_hessian_is_that_of_differences(small):
    objective, theta, dense = small
    H = hessian(objective, theta)
    assert H.shape == dense.shape
    assert H.dense() == pytest.approx(dense, abs=1e-8)
    v = np.random.default_rng(2).normal(size=(len(theta), 3))
    assert H @ v == pytest.approx(dense @ v, abs=1e-7)
    A = symmetric(4, 0)
    assert (hessian(quadratic(A), np.ones(4)).dense() == A).all()


@pytest.mark.parametrize(("which", "sign"), [("largest", -1), ("smallest", 1), ("magnitude", 0)])
def test_the_ends_of_the_spectrum(small, which, sign):
    objective, theta, dense = small
    values, vectors = np.linalg.eigh(dense)
    order = np.argsort(sign * values if sign else -np.abs(values))[:4]
    found = eigenpairs(hessian(objective, theta), 4, which=which)
    assert found.values == pytest.approx(values[order], abs=1e-7)
    assert np.abs(np.sum(found.vectors * vectors.T[order], axis=1)) == pytest.approx(np.ones(4), abs=1e-6)
    assert np.linalg.norm(found.vectors, axis=1) == pytest.approx(np.ones(4))
    assert (np.take_along_axis(found.vectors, np.abs(found.vectors).argmax(axis=1)[:, None], axis=1) > 0).all()
    again = eigenpairs(hessian(objective, theta), 4, which=which, start=vectors.T[order].sum(axis=0))
    assert again.values == pytest.approx(found.values, abs=1e-7)


@given(st.integers(1, 60), st.integers(0, 99), st.data())
def test_eigenvalues_of_any_symmetric_matrix(n, seed, data):
    A, k = symmetric(n, seed), data.draw(st.integers(1, n))
    expected = np.linalg.eigvalsh(A)
    assert eigenpairs(A, k).values == pytest.approx(expected[::-1][:k], abs=1e-5)
    assert eigenpairs(A, k, which="smallest").values == pytest.approx(expected[:k], abs=1e-5)


def test_the_spectrum_of_nothing_and_of_one_value():
    """Where Lanczos finds an invariant subspace at once: no curvature at all, one eigenvalue, few that are not 0."""
    nothing = np.zeros((50, 50))
    for which in ("largest", "smallest", "magnitude"):
        found = eigenpairs(nothing, 3, which=which)
        assert (found.values == 0).all()
        assert found.vectors @ found.vectors.T == pytest.approx(np.eye(3), abs=0)
    for A in (np.eye(60), np.diag([3.0, 2.0, *[0.0] * 58])):
        found, again = eigenpairs(A, 4), eigenpairs(A, 4)
        assert found.values == pytest.approx(np.sort(np.diag(A))[::-1][:4], abs=1e-12)
        assert (found.vectors == again.vectors).all()
    blind = np.eye(60)[59]  # a start that the matrix takes to 0
    assert eigenpairs(np.diag([3.0, 2.0, *[0.0] * 58]), 1, start=blind).values == pytest.approx([3.0])


def test_against_pytorch(torch):
    """The same net, written in PyTorch, and its Hessian by automatic differentiation."""
    net, data = nets.MLP([64, 6, 10], "tanh"), digits(dtype=np.float64)
    x, y, theta = data.x_train[:30], data.y_train[:30], net.init(4)

    def loss(flat):
        W1, b1, W2, b2 = (flat[start:stop].reshape(shape) for _, start, stop, shape in net.views.places)
        z = torch.tanh(torch.tensor(x) @ W1 + b1) @ W2 + b2
        return torch.nn.functional.cross_entropy(z, torch.tensor(y))

    dense = torch.autograd.functional.hessian(loss, torch.tensor(theta)).numpy()
    H = hessian(Objective(net, x, y, batch_size=11), theta)
    expected = np.linalg.eigvalsh(dense)
    assert eigenpairs(H, 3).values == pytest.approx(expected[::-1][:3], rel=1e-7)
    estimate = trace(H, 200)
    assert abs(estimate.value - np.trace(dense)) < 4 * estimate.error
    assert estimate.error < 0.1 * np.trace(dense)


@given(st.integers(1, 9), st.integers(0, 99))
def test_the_trace_is_unbiased(n, seed):
    """The mean over all 2ⁿ vectors of ±1 is the trace; so is the standard error that of their scatter."""
    A = symmetric(n, seed)
    every = np.array(list(product([-1.0, 1.0], repeat=n)))
    found = trace(A, every)
    assert found.value == pytest.approx(np.trace(A), abs=1e-10)
    # the variance of one draw is twice the squares off the diagonal (Hutchinson 1989)
    variance = 2 * ((A**2).sum() - (np.diag(A) ** 2).sum())
    assert found.error == pytest.approx(math.sqrt(variance / (2**n - 1)), rel=1e-9, abs=1e-9)


def test_the_standard_error_of_a_trace_is_honest():
    A = symmetric(40, 3)
    far = [(found.value - np.trace(A)) / found.error for found in (trace(A, 30, seed=seed) for seed in range(200))]
    assert 0.85 < np.std(far) < 1.2  # a Student t of 29 degrees of freedom: 1.04
    assert abs(np.mean(far)) < 0.3
    assert trace(A, 30, seed=1) == trace(A, 30, seed=1) != trace(A, 30, seed=2)
    assert math.isnan(trace(A, 1).error)


@given(st.integers(1, 20), st.integers(0, 99), st.integers(1, 8))
def test_lanczos_integrates_polynomials_exactly(n, seed, steps):
    """Gaussian quadrature: Σ w θᵖ = vᵀ Hᵖ v / vᵀ v for all p < 2·steps."""
    A = symmetric(n, seed)
    A /= np.abs(np.linalg.eigvalsh(A)).max()
    v = np.random.default_rng(seed).normal(size=n)
    nodes, weights = lanczos(A, v, steps)
    assert len(nodes) == len(weights) <= steps
    for p in range(2 * steps):
        expected = v @ np.linalg.matrix_power(A, p) @ v / (v @ v)
        assert weights @ nodes**p == pytest.approx(expected, abs=1e-11)
    assert (weights >= 0).all()


def test_lanczos_ends_where_there_is_no_more():
    A = np.diag([0.0] * 30 + [2.0, 2.0, 7.0])
    nodes, weights = lanczos(A, np.ones(33), 20)
    assert nodes == pytest.approx([0, 2, 7], abs=1e-12)
    assert weights == pytest.approx([30 / 33, 2 / 33, 1 / 33])
    assert lanczos(np.zeros((4, 4)), np.ones(4), 3)[0].tolist() == [0]


def test_a_full_run_of_lanczos_knows_every_eigenvalue():
    A = symmetric(50, 7)  # without the second orthogonalisation ghosts appear here
    A[0, 0] = 1e6
    nodes, _ = lanczos(A, np.random.default_rng(0).normal(size=50), 50)
    assert nodes == pytest.approx(np.linalg.eigvalsh(A), abs=1e-6)


def test_the_density(small):
    objective, theta, dense = small
    found = density(hessian(objective, theta), steps=60, probes=40, sigma=0.02)
    expected = np.linalg.eigvalsh(dense)
    assert found.weights.sum() == pytest.approx(1)
    assert np.trapezoid(found.density, found.at) == pytest.approx(1, abs=1e-3)
    # the mean of f over the eigenvalues, for two f; the weights scatter by about √(2/(n·probes)) of the mean square
    for f in (np.abs, np.square):
        assert found.weights @ f(found.nodes) == pytest.approx(f(expected).mean(), rel=0.2)
    exact = np.exp(-0.5 * ((found.at[:, None] - expected) / 0.02) ** 2).mean(axis=1) / (0.02 * math.sqrt(2 * math.pi))
    assert np.trapezoid(np.abs(found.density - exact), found.at) < 0.1  # of 2 at most
    assert found.nodes.max() == pytest.approx(expected[-1], abs=1e-6)
    again = density(hessian(objective, theta), steps=60, probes=40, sigma=0.02)
    assert (again.density == found.density).all()
    default = density(hessian(objective, theta), steps=20, probes=2)
    assert default.sigma == pytest.approx(math.sqrt(1e-5) / 2 * np.ptp(default.nodes))
    assert np.trapezoid(default.density, default.at) == pytest.approx(1, abs=0.01)


def test_the_density_of_one_value():
    found = density(3 * np.eye(5), probes=2)
    assert found.nodes == pytest.approx([3, 3])
    assert np.trapezoid(found.density, found.at) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("value", [1.0, 1e-6, -1e9, 0.0])
def test_the_density_of_one_value_has_integral_1_whatever_the_value(value):
    found = density(value * np.eye(5), probes=7)  # the nodes differ by rounding
    assert np.trapezoid(found.density, found.at) == pytest.approx(1, abs=1e-6)
    assert found.sigma == pytest.approx(math.sqrt(1e-5) / 2 * (abs(value) or 1))


def test_bells_do_not_fall_between_the_points():
    A = np.diag(np.arange(40.0))
    with pytest.raises(ValueError, match=r"bells of sigma = 0.001 fall between 2001 points; take at least 42902"):
        density(A, sigma=1e-3)
    found = density(A, sigma=1e-3, points=42902)
    assert np.trapezoid(found.density, found.at) == pytest.approx(1, abs=1e-6)


@given(st.integers(2, 8), st.integers(0, 99), st.floats(0.01, 10))
def test_the_ball_on_a_quadratic(n, seed, rho):
    """First order: along the gradient. The worst point of a convex bowl lies on the sphere, where (A + μ)ε = −g for some μ < 0
    (trust region): found here by bisection."""
    root = symmetric(n, seed)
    A = root @ root / n
    theta = np.random.default_rng(seed).normal(size=n)
    bowl, g = quadratic(A), A @ theta
    first = ball_sharpness(bowl, theta, rho)
    e = rho * g / np.linalg.norm(g)
    assert first.rise == pytest.approx(g @ e + e @ A @ e / 2, rel=1e-9)
    assert first.theta == pytest.approx(theta + e, rel=1e-9)
    values, vectors = np.linalg.eigh(A)
    along = vectors.T @ g
    low, high = values[-1], values[-1] + np.linalg.norm(g) / rho
    for _ in range(200):  # ε = (s − A)⁻¹ g for s above all eigenvalues, as long as rho
        s = (low + high) / 2
        low, high = (s, high) if np.linalg.norm(along / (s - values)) > rho else (low, s)
    e = vectors @ (along / (high - values))
    worst = g @ e + e @ A @ e / 2
    found = ball_sharpness(bowl, theta, rho, ascent=2000)
    assert found.rise == pytest.approx(worst, rel=1e-3)
    assert found.rise <= worst * (1 + 1e-9)
    assert first.rise <= found.rise * (1 + 1e-9)
    assert np.linalg.norm(found.theta - theta) <= rho * (1 + 1e-9)
    assert (first.method, found.method) == ("first-order", "projected ascent")


def test_the_ball_around_a_minimum():
    bowl = quadratic(np.diag([1.0, 6.0, 2.0]))
    assert ball_sharpness(bowl, np.zeros(3), 0.5).rise == 0
    assert ball_sharpness(bowl, np.zeros(3), 0.5, ascent=100).rise == pytest.approx(0.5**2 * 6 / 2)


def test_the_ball_of_a_net_is_where_sam_looks(small):
    objective, theta, _ = small
    seen = []

    def grad(there):
        seen.append(there)
        return objective.grad(there)

    refopt.sam(rho=0.3, grad=grad).update(theta, objective.grad(theta), refopt.sam.init(theta))
    ball = ball_sharpness(objective, theta, 0.3)
    assert (ball.theta == seen[0]).all()
    assert ball.rise == objective.loss(seen[0]) - objective.loss(theta)
    assert ball_sharpness(objective, theta, 0.3, ascent=20).rise >= ball.rise > 0


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
def test_the_threshold_is_where_a_quadratic_diverges(momentum):
    bowl = quadratic(np.diag([1.0, 10.0]))
    at = (2 + 2 * momentum) / 10
    for lr, grows in ((0.98 * at, False), (1.01 * at, True)):
        found = edge_of_stability(bowl, [1.0, 1.0], lr=lr, steps=400, every=200, momentum=momentum)
        assert (found.losses[-1] > found.losses[0]) == grows
        assert (found.threshold < 10) == grows
        assert found.sharpness == pytest.approx([10] * len(found.at))
        assert found.at.tolist() == [0, 200, 400] or grows  # it may have ended
    rows = refopt.walk(refopt.sgd(lr=0.05, momentum=momentum), np.ones(2), bowl.grad, steps=5)
    expected = [bowl.loss(np.ones(2)), *(bowl.loss(row["theta"]) for row in rows)]
    assert edge_of_stability(bowl, [1.0, 1.0], lr=0.05, steps=5, momentum=momentum).losses.tolist() == expected


def test_a_descent_that_diverges_ends():
    found = edge_of_stability(quadratic(np.eye(2)), [1.0, 1.0], lr=1e9, steps=1000, every=3)
    assert len(found.losses) == 2  # (1 - 1e9)² is more than 10¹²
    assert found.at.tolist() == [0]


def test_a_descent_beside_a_minimum_has_not_diverged():
    """Its first loss is almost 0: many times that is still nothing."""
    bowl = quadratic(np.diag([1.0, 10.0]))
    found = edge_of_stability(bowl, [0.0, 1e-9], lr=0.5, steps=10, every=5)  # by 1 − 5 at each step
    assert found.losses == pytest.approx(5e-18 * 16.0 ** np.arange(11))
    assert found.at.tolist() == [0, 5, 10]
    line = SimpleNamespace(loss=lambda t: -t.sum(), grad=lambda t: -np.ones(2), hessian=lambda t: np.zeros((2, 2)))
    assert len(edge_of_stability(line, [0.0, 0.0], lr=0.1, steps=4).losses) == 5  # from a loss of 0


def test_a_descent_ends_where_theta_or_the_first_loss_is_not_finite(small):
    objective, theta, _ = small
    wild = SimpleNamespace(size=objective.size, loss=objective.loss, grad=lambda t: 1e300 * np.ones(t.size), hvp=objective.hvp)
    found = edge_of_stability(wild, theta, lr=1e300, steps=5)  # theta itself overflows, and an Objective would refuse it
    assert len(found.losses) == 2
    assert math.isnan(found.losses[1])
    high = SimpleNamespace(loss=lambda t: np.inf, grad=lambda t: t, hessian=lambda t: np.eye(2))
    assert len(edge_of_stability(high, [1.0, 1.0], lr=0.1, steps=5).losses) == 1


def test_the_sharpness_of_a_net_in_descent(small):
    objective, theta, _ = small
    seen = []
    found = edge_of_stability(objective, theta, lr=0.1, steps=20, every=8, tol=1e-7, progress=lambda *done: seen.append(done))
    assert found.at.tolist() == [0, 8, 16, 20]
    assert seen == [(k, 20) for k in range(1, 21)]
    there = theta
    for k in range(21):
        assert found.losses[k] == objective.loss(there)
        if k in found.at:
            top = np.linalg.eigvalsh(hessian(objective, there).dense())[-1]
            assert found.sharpness[found.at.tolist().index(k)] == pytest.approx(top, rel=1e-6)
        there = there - 0.1 * objective.grad(there)


def test_the_noise_scale_is_that_of_the_covariance(small, monkeypatch):
    objective, theta, _ = small
    grads = np.array(
        [objective.net.loss_and_grad(theta, x[None], y[None])[1] for x, y in zip(objective.x, objective.y, strict=True)]
    )
    spread, square = np.trace(np.cov(grads.T)), float(grads.mean(axis=0) @ grads.mean(axis=0))
    assert noise_scale(objective, theta) == pytest.approx((spread / square, spread, square), rel=1e-12)
    square -= spread / len(grads)
    assert noise_scale(objective, theta, population=False) == pytest.approx((spread / square, spread, square), rel=1e-11)
    # in parts of 7 examples
    from refopt.landscape import noise

    whole = noise_scale(objective, theta)
    monkeypatch.setattr(noise, "PART", 7 * theta.nbytes)
    assert noise_scale(objective, theta) == pytest.approx(whole, rel=1e-12)


def test_the_noise_scale_of_a_line_by_hand():
    """½(w x − y)² at w = 0: the gradients are −x y, here 1, 2, 3 and 6. Their mean is 3, their variance (4 + 1 + 0 + 9)/3."""
    net = nets.MLP([1, 1], loss="mse")
    x, y = np.array([[1.0], [1.0], [1.0], [1.0]]), -np.array([[0.5], [1.0], [1.5], [3.0]])
    found = noise_scale(Objective(net, x, y), np.zeros(2))  # weight and bias have the same gradient here: all twice
    assert found == pytest.approx((14 / 3 / 9, 2 * 14 / 3, 2 * 9))


def test_the_estimates_from_samples_are_unbiased(small):
    """Over all samples of 2 of 6 examples, drawn with replacement, the mean of trace and square is that of the six."""
    objective, theta, _ = small
    net, x, y = objective.net, objective.x[:6], objective.y[:6]
    grads = net.per_example_grads(theta, x, y)
    mean = grads.mean(axis=0)
    found = []
    for i, j in product(range(6), repeat=2):
        found.append(noise_scale(Objective(net, x[[i, j]], y[[i, j]]), theta, population=False))
    assert np.mean([one.trace for one in found]) == pytest.approx(((grads - mean) ** 2).sum() / 6, rel=1e-11)
    assert np.mean([one.square for one in found]) == pytest.approx(mean @ mean, rel=1e-11)


def test_bad_input_gets_one_clear_error(small):
    objective, theta, _ = small
    A = np.eye(3)
    for wrong, message in (
        (partial(eigenpairs, A, 4), "k must be a whole number from 1 to 3, got 4"),
        (partial(eigenpairs, A, which="big"), "unknown which 'big'"),
        (partial(eigenpairs, np.ones((2, 3))), r"a square matrix or a refopt.landscape.Hessian, got shape \(2, 3\)"),
        (partial(eigenpairs, np.array([[0.0, 1], [0, 0]])), "symmetric and finite; this matrix is not"),
        (partial(eigenpairs, A, 1.5), "k must be a positive whole number, got 1.5"),
        (partial(trace, A, []), "the number of probes must be a positive whole number, got 0"),
        (partial(lanczos, A, np.zeros(3), 2), "v must not be 0"),
        (partial(lanczos, A, np.ones(4), 2), "v must be a vector of 3 numbers"),
        (partial(trace, A, 0), "probes must be a positive whole number, got 0"),
        (partial(trace, A, [[1.0, 1.0]]), "a probe must be a vector of 3 numbers"),
        (partial(density, A, sigma=0), "sigma must be a positive number, got 0"),
        (partial(density, A, steps=0), "steps must be a positive whole number, got 0"),
        (partial(density, A, points=1), "points must be a whole number of at least 2, got 1"),
        (partial(ball_sharpness, objective, theta, 0), "rho must be a positive number, got 0"),
        (partial(ball_sharpness, objective, theta, ascent=-1), "ascent must be a whole number of at least 0, got -1"),
        (partial(edge_of_stability, objective, theta, lr=0, steps=1), "lr must be positive"),
        (partial(edge_of_stability, objective, theta, lr=1, steps=0), "steps must be a positive whole number, got 0"),
        (partial(noise_scale, Objective(objective.net, objective.x[:1], objective.y[:1]), theta), "at least 2 examples"),
        (Hessian(lambda v: v, 100_000).dense, "takes 80.0 GB"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()
    with pytest.raises(TypeError, match="what has hvp"):
        hessian(object(), theta)
    with pytest.raises(ArithmeticError, match="not finite here"):
        Hessian(lambda v: v * np.nan, 40) @ np.ones(40)
    with pytest.raises(ArithmeticError, match="were not found"):
        eigenpairs(symmetric(300, 0), 3, most=1, tol=1e-14)


def test_density_and_stability_come_back_from_files(small, tmp_path):
    objective, theta, _ = small
    results = density(hessian(objective, theta), steps=5, probes=2), edge_of_stability(objective, theta, lr=0.1, steps=2)
    for made in results:
        found, _ = landscape.load(landscape.save(tmp_path / "made.npz", made))
        for name, value in vars(made).items():
            assert np.array_equal(getattr(found, name), value)
