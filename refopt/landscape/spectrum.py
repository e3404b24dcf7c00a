"""The spectrum of a Hessian that can only be multiplied: its ends, its trace, its density.

Every function takes a `Hessian`, or a symmetric matrix.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from refopt.landscape.hessian import as_product
from refopt.landscape.objective import as_theta, whole
from refopt.recurrence import nearest

__all__ = ["Density", "Eigenpairs", "Estimate", "density", "eigenpairs", "lanczos", "trace"]

ENDS = {"largest": "LA", "smallest": "SA", "magnitude": "LM"}
SMALL = 32  # up to so many parameters the dense matrix is the faster way
WIDTH = np.sqrt(1e-5) / 2  # of the bells, as a share of the spectrum's width: Ghorbani et al. take σ² = 1e-5 on [−1, 1]


class Eigenpairs(NamedTuple):
    """values (k,), and in the rows of vectors (k, n) the eigenvectors, of length 1, their largest entry positive."""

    values: np.ndarray
    vectors: np.ndarray


class Estimate(NamedTuple):
    """A mean of random draws, and its standard error (NaN of a single draw)."""

    value: float
    error: float


@dataclass(frozen=True)
class Density:
    """density (points,) at the eigenvalues `at`: a share of all eigenvalues for each unit of the eigenvalue, with integral 1.

    It is the sum of Gaussian bells of standard deviation `sigma` at the `nodes` (m,), each as large as its weight; the
    `weights` (m,) sum to 1. The nodes and weights are what is known: Σ weights·f(nodes) estimates the mean of f over the
    eigenvalues.
    """

    at: np.ndarray
    density: np.ndarray
    nodes: np.ndarray
    weights: np.ndarray
    sigma: float


def eigenpairs(
    H: Any, k: int = 1, *, which: str = "largest", tol: float = 1e-6, seed: int = 0, start: Any = None, most: int = 300
) -> Eigenpairs:
    """The k largest eigenvalues with their vectors, the largest first, by implicitly restarted Lanczos (ARPACK).

    `which`: "largest", "smallest" (smallest first) or "magnitude" (largest absolute value first). `tol`: relative accuracy of
    the values. `start` (n,): the vector to begin with (default: drawn by `seed`); one of a Hessian nearby saves products.
    `most`: how many restarts.

    >>> eigenpairs(np.diag([1.0, 5.0, -9.0]), 2).values, eigenpairs(np.diag([1.0, 5.0, -9.0]), 1, which="magnitude").values
    (array([5., 1.]), array([-9.]))

    Raises ArithmeticError where Lanczos does not converge.
    """
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

    H = as_product(H)
    if which not in ENDS:
        raise ValueError(f"unknown which {which!r}{nearest(which, ENDS)}")
    if whole(k, "k") > H.size:
        raise ValueError(f"k must be a whole number from 1 to {H.size}, got {k!r}")
    if H.size <= max(SMALL, k + 1):
        matrix = H.dense()
        values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    else:
        rng = np.random.default_rng(seed)
        drawn = rng.normal(size=H.size)
        v0 = drawn if start is None else as_theta(start, H.size, "start")
        if not (H @ v0).any():  # ARPACK begins with H @ v0
            v0 = drawn
            if start is None or not (H @ v0).any():  # H is 0: no other matrix has a random vector in its kernel
                return Eigenpairs(np.zeros(k), np.eye(k, H.size))
        operator = LinearOperator(H.shape, matvec=lambda v: H @ np.ravel(v), dtype=np.float64)
        # from SciPy 1.17 on ARPACK goes on from an invariant subspace at random, unless it is told how
        seeded = {"rng": rng} if "rng" in inspect.signature(eigsh).parameters else {}
        try:
            values, vectors = eigsh(operator, k=k, which=ENDS[which], tol=tol, v0=v0, maxiter=most, **seeded)
        except ArpackError as error:
            raise ArithmeticError(f"the {k} {which} eigenvalues of {H} were not found: {error}") from None
    order = np.argsort({"largest": -values, "smallest": values, "magnitude": -np.abs(values)}[which], kind="stable")[:k]
    rows = vectors.T[order]
    largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
    return Eigenpairs(values[order], rows * np.sign(largest))


def trace(H: Any, probes: Any = 100, *, seed: int = 0) -> Estimate:
    """The trace, by Hutchinson's estimator: the mean of vᵀ H v over random vectors v of independent ±1 (Hutchinson 1989).

    It is unbiased, its variance is twice the sum of the squares off the diagonal. `probes`: how many vectors, or the vectors
    themselves, (m, n).

    >>> estimate = trace(np.diag([1.0, 2.0, 3.0]), 10)
    >>> estimate.value, estimate.error
    (6.0, 0.0)
    """
    H = as_product(H)
    if np.ndim(probes) == 0:
        rng = np.random.default_rng(seed)
        vectors = (rng.choice([-1.0, 1.0], size=H.size) for _ in range(whole(probes, "probes")))
    else:
        whole(len(probes), "the number of probes")
        vectors = (as_theta(v, H.size, "a probe") for v in probes)
    values = np.array([v @ (H @ v) for v in vectors])
    error = float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else float("nan")
    return Estimate(float(values.mean()), error)


def lanczos(H: Any, v: Any, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Gaussian quadrature of the spectrum as v sees it: nodes and weights (at most `steps` of each), the weights with sum 1.

    The Lanczos recurrence, orthogonalised in full, makes a tridiagonal matrix T; its eigenvalues are the nodes, the squares of
    the first entries of its eigenvectors the weights (Golub & Welsch 1969). Σ weights·p(nodes) = vᵀ p(H) v / vᵀ v for every
    polynomial p of degree up to 2·steps − 1. It ends early where v lies in an invariant subspace, and is then exact.
    """
    H = as_product(H)
    v = as_theta(v, H.size, "v")
    if not v.any():
        raise ValueError("v must not be 0: it has no direction to begin with")
    q = v / np.linalg.norm(v)
    basis = np.empty((min(whole(steps, "steps"), H.size), H.size))
    diagonal: list[float] = []
    beside: list[float] = []
    scale = 0.0
    for k in range(len(basis)):
        basis[k] = q
        r = H @ q
        diagonal.append(float(q @ r))
        for _ in range(2):  # once is not enough: what is left of the basis after rounding would grow (Kahan and Parlett)
            r = r - basis[: k + 1].T @ (basis[: k + 1] @ r)
        length = float(np.linalg.norm(r))
        scale = max(scale, abs(diagonal[-1]) + length)
        if length <= 1e-12 * scale:
            break
        beside.append(length)
        q = r / length
    beside = beside[: len(diagonal) - 1]
    nodes, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    return nodes, vectors[0] ** 2


def density(
    H: Any, *, steps: int = 80, probes: int = 10, sigma: float | None = None, points: int = 2001, seed: int = 0
) -> Density:
    """The density of the eigenvalues, by stochastic Lanczos quadrature (Ghorbani et al. 2019, arXiv:1901.10159, Algorithm 1).

    The mean over `probes` random Gaussian vectors of their `lanczos` quadratures of `steps` nodes, drawn as bells of width
    `sigma` (default: the paper's, 0.16 % of the width of the spectrum; where all eigenvalues are one, of its size). The
    `points` lie evenly over all bells, no further apart than sigma. It costs steps·probes products with H, and memory for
    `steps` vectors.

    Raises ValueError for a sigma so small that bells would fall between the points.

    >>> found = density(np.diag([0.0, 0.0, 0.0, 4.0]), sigma=0.1)
    >>> round(float(found.weights.sum()), 12), sorted(set(np.abs(found.nodes).round(9).tolist()))
    (1.0, [0.0, 4.0])
    """
    H, points = as_product(H), whole(points, "points", 2)
    if sigma is not None and not 0 < sigma < np.inf:
        raise ValueError(f"sigma must be a positive number, got {sigma!r}")
    rng = np.random.default_rng(seed)
    parts = [lanczos(H, rng.normal(size=H.size), steps) for _ in range(whole(probes, "probes"))]
    nodes = np.concatenate([nodes for nodes, _ in parts])
    weights = np.concatenate([weights for _, weights in parts]) / len(parts)
    low, high = float(nodes.min()), float(nodes.max())
    size = max(abs(low), abs(high))
    width = high - low
    if width <= 1e-12 * size:  # one eigenvalue, apart from rounding
        width = size or 1.0
    sigma = float(WIDTH * width) if sigma is None else sigma
    margin = max(0.05 * width, 5 * sigma)
    at = np.linspace(low - margin, high + margin, points)
    if at[1] - at[0] > sigma:
        needed = int(np.ceil((at[-1] - at[0]) / sigma)) + 1
        raise ValueError(f"bells of sigma = {sigma:.3g} fall between {points} points; take at least {needed}")
    bells = np.zeros_like(at)
    for node, weight in zip(nodes, weights, strict=True):
        bells += weight * np.exp(-0.5 * ((at - node) / sigma) ** 2)
    return Density(at, bells / (sigma * np.sqrt(2 * np.pi)), nodes, weights, float(sigma))
