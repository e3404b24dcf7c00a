"""The smallest models that one trains: a product of matrices, and logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.numbers import beside, real, where
from refopt.problems.problem import Problem, constant, filled, of_points, whole

__all__ = ["factorisation", "logistic"]


def factorisation(target: Any = ((1.0,),), rank: int = 1) -> Problem:
    """½ ‖U Vᵀ − M‖² for a matrix M (m, n) and factors U (m, rank), V (n, rank); theta holds U, then V, row by row.

    By default ½ (xy − 1)². The minima are a surface, for U A and V A⁻ᵀ have one product; `minima` has the balanced ones,
    ± (W √S, Z √S) of the singular value decomposition M = W S Zᵀ. At 0 there is a saddle.
    """
    rank = whole("factorisation", "rank", rank, 1)
    m_ = np.array(target, dtype=float)
    if m_.ndim != 2 or not m_.size or not np.isfinite(m_).all():
        raise ValueError(f"factorisation: target must be a matrix of finite numbers, got shape {m_.shape}")
    rows, columns = m_.shape
    size = (rows + columns) * rank
    goal = constant(m_)

    def parts(x: Any) -> tuple[Any, Any, Any]:
        """U as (k, rows, 1, rank), V as (k, 1, columns, rank), and the error UVᵀ − M."""
        u = x[:, : rows * rank].reshape(len(x), rows, 1, rank)
        v = x[:, rows * rank :].reshape(len(x), 1, columns, rank)
        return u, v, (u * v).sum(axis=-1) - goal(x)

    def grad(x: Any) -> Any:
        u, v, error = parts(x)
        along_u, along_v = (error[..., None] * v).sum(axis=2), (error[..., None] * u).sum(axis=1)
        return np.concatenate([along_u.reshape(len(x), rows * rank), along_v.reshape(len(x), columns * rank)], axis=-1)

    def hessian(x: Any) -> Any:
        u, v, error = parts(x)
        u, v = u[:, :, 0], v[:, 0]
        matrices = filled(x, 0, len(x), size, size)
        places = [slice(rank * i, rank * (i + 1)) for i in range(rows + columns)]
        for i in range(rows):
            matrices[:, places[i], places[i]] = (v[..., :, None] * v[..., None, :]).sum(axis=1)
        for j in range(columns):
            there = places[rows + j]
            matrices[:, there, there] = (u[..., :, None] * u[..., None, :]).sum(axis=1)
            for i in range(rows):
                mixed = u[:, i, None, :] * v[:, j, :, None]  # [a, b] is by U_ia and V_jb
                for a in range(rank):
                    mixed[:, a, a] += error[:, i, j]
                matrices[:, places[i], there] = mixed
                matrices[:, there, places[i]] = mixed.swapaxes(1, 2)
        return matrices

    w, s, z = np.linalg.svd(m_)
    kept = min(rank, s.size)
    balanced = np.zeros(size)
    balanced[: rows * rank].reshape(rows, rank)[:, :kept] = w[:, :kept] * np.sqrt(s[:kept])
    balanced[rows * rank :].reshape(columns, rank)[:, :kept] = z[:kept].T * np.sqrt(s[:kept])
    return of_points(
        "factorisation",
        size,
        lambda x: (parts(x)[2].reshape(len(x), rows * columns) ** 2).sum(axis=-1) / 2,
        grad,
        hessian,
        minima=[balanced, -balanced] if balanced.any() else [balanced],
        saddles=np.zeros((1, size)) if m_.any() else [],
        start=np.resize([1.75, -1.6], size),
        bounds=((-2.5, 2.5),) * size,
        trap="a saddle between two valleys; along each the loss is zero and the curvature grows without bound",
        paper="Baldi & Hornik 1989, Neural networks and principal component analysis",
    )


# Eight points in the plane, each with its label; the last two of the overlapping ones lie among the others.
FEATURES = ((2.0, 1.0), (1.5, -0.5), (1.0, 2.0), (0.5, 1.0), (-1.0, -1.5), (-2.0, 0.5), (-1.5, -1.0), (-0.5, -0.5))
SEPARABLE = (1, 1, 1, 1, -1, -1, -1, -1)
OVERLAPPING = (1, 1, 1, -1, -1, -1, -1, 1)


def logistic(separable: bool = False) -> Problem:
    """Logistic regression of eight labelled points without a bias: the mean of log(1 + exp(−yᵢ xᵢ·θ)). Convex.

    If a line separates the classes there is no minimum: the loss falls for ever while θ grows, ever more slowly. `sample` is
    the gradient of one of the eight terms.
    """
    if not isinstance(separable, (bool, np.bool_)):
        raise TypeError(f"logistic: separable must be True or False, got {separable!r}")
    signed = constant(np.array(FEATURES) * np.array(SEPARABLE if separable else OVERLAPPING)[:, None])  # yᵢ xᵢ

    def margins(x: Any) -> tuple[Any, Any]:
        rows = signed(x)
        return rows, (rows * x[:, None, :]).sum(axis=-1)

    def loss(x: Any) -> Any:
        _, z = margins(x)
        right = real(z) > 0
        size = where(right, z, -z)
        return (np.log1p(np.exp(-size)) + where(right, z * 0, size)).sum(axis=-1) / len(FEATURES)

    def wrong(z: Any) -> Any:
        """The probability of the other label, 1/(1 + exp z)."""
        return (1 - np.tanh(z / 2)) / 2

    def grad(x: Any) -> Any:
        rows, z = margins(x)
        return -(wrong(z)[..., None] * rows).sum(axis=1) / len(FEATURES)

    def hessian(x: Any) -> Any:
        rows, z = margins(x)
        weight = wrong(z) * (1 - wrong(z))
        return (weight[..., None, None] * (rows[:, :, None] * rows[:, None, :])).sum(axis=1) / len(FEATURES)

    def sample(x: Any, t: int, rng: Any) -> Any:
        rows, z = margins(x)
        chosen = beside(rng.integers(len(FEATURES), size=len(x)), x)
        return -wrong(z[np.arange(len(x), like=x), chosen])[:, None] * rows[chosen]

    lowest = np.zeros((1, 2))
    for _ in range(0 if separable else 20):  # Newton's method; from 0 it converges here without a line search
        lowest = lowest - np.linalg.solve(hessian(lowest), grad(lowest)[..., None])[..., 0]
    return of_points(
        "logistic",
        2,
        loss,
        grad,
        hessian,
        minima=[] if separable else lowest,
        start=[-2.5, 3.0],
        bounds=((-4.0, 8.0), (-4.0, 8.0)) if separable else ((-4.0, 5.0), (-4.0, 5.0)),
        trap="the classes are separable: the loss falls for ever, in one direction, ever more slowly"
        if separable
        else "convex, and still flat on one side and steep on the other: far out the slope no longer tells the distance",
        paper="Cox 1958, The regression analysis of binary sequences; separable: Soudry et al. 2018, arXiv:1710.10345",
        sample=sample,
    )
