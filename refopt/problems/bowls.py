"""Bowls: one minimum, and every way leads down to it. What differs is how long that takes."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from refopt.problems.problem import Problem, constant, diagonal, filled, of_coordinates, of_points, plane, whole

__all__ = ["booth", "matyas", "quadratic", "zakharov"]


def bowl(name: str, condition: float, dimension: int, seed: int | None = None, **known: Any) -> Problem:
    """½ Σ λᵢ θᵢ² with curvatures from 1 to the condition number; with a seed, turned at random."""
    curvatures = spectrum(name, condition, dimension)
    along = constant(curvatures)
    known = known | dict(
        minima=np.zeros((1, dimension)), start=np.resize([-4.0, 1.5], dimension), bounds=((-5.0, 5.0),) * dimension
    )
    if seed is None:
        return of_coordinates(
            name,
            dimension,
            lambda x: (along(x) * x**2) / 2,
            lambda x: along(x) * x,
            lambda x: filled(x, 1) * along(x),
            **known,
        )
    turn, triangle = np.linalg.qr(np.random.default_rng(seed).normal(size=(dimension, dimension)))
    turn = turn * np.sign(np.diag(triangle))  # then every rotation and reflection is equally likely
    matrix = (turn * curvatures) @ turn.T
    turned = constant((matrix + matrix.T) / 2)  # symmetric to the last bit

    def slopes(x: Any) -> Any:
        return (turned(x) * x[:, None, :]).sum(axis=-1)  # not @, whose bits depend on how many points there are

    return of_points(
        name,
        dimension,
        lambda x: (x * slopes(x)).sum(axis=-1) / 2,
        slopes,
        lambda x: filled(x, 1, len(x), dimension, dimension) * turned(x),
        **known,
    )


def spectrum(name: str, condition: float, dimension: int) -> np.ndarray:
    """Curvatures that run geometrically from 1 to the condition number."""
    dimension = whole(name, "dimension", dimension, 1)
    if not condition >= 1 or not isfinite(condition):
        raise ValueError(f"{name}: the condition number of a bowl is finite and at least 1, got {condition!r}")
    return np.geomspace(1.0, condition, dimension)


def quadratic(condition: float = 25.0, dimension: int = 2, seed: int | None = None) -> Problem:
    """A bowl ½ Σ λᵢ θᵢ² whose curvatures run geometrically from 1 to the condition number.

    With a `seed` it is rotated at random, ½ θᵀAθ with A = QΛQᵀ: then a step size for each coordinate no longer helps.
    Gradient descent is stable up to lr = 2/condition and then needs about `condition` steps for the flat direction.
    """
    return bowl(
        "quadratic",
        condition,
        dimension,
        seed,
        trap="the steep direction limits the step, the flat one waits for it",
        paper="Polyak 1964, Some methods of speeding up the convergence of iteration methods",
    )


def booth() -> Problem:
    """Booth's function, (x + 2y − 7)² + (2x + y − 5)²: a bowl askew to the axes."""
    return plane(
        "booth",
        lambda x, y: (x + 2 * y - 7) ** 2 + (2 * x + y - 5) ** 2,
        lambda x, y: (
            2 * (x + 2 * y - 7) + 4 * (2 * x + y - 5),
            4 * (x + 2 * y - 7) + 2 * (2 * x + y - 5),
        ),
        lambda x, y: (10, 8, 10),
        minima=[[1, 3]],
        start=[-8.0, -6.0],
        bounds=((-10.0, 10.0), (-10.0, 10.0)),
        trap="a bowl askew to the axes: a step size for each coordinate cannot straighten it",
        paper="Jamil & Yang 2013, arXiv:1308.4008 (Booth)",
    )


def matyas() -> Problem:
    """Matyas' function, 0.26 (x² + y²) − 0.48 xy: a long bowl along the diagonal, condition number 25."""
    return plane(
        "matyas",
        lambda x, y: 0.26 * (x**2 + y**2) - 0.48 * (x * y),
        lambda x, y: (2 * 0.26 * x - 0.48 * y, 2 * 0.26 * y - 0.48 * x),
        lambda x, y: (2 * 0.26, -0.48, 2 * 0.26),
        minima=[[0, 0]],
        start=[9.0, 3.0],
        bounds=((-10.0, 10.0), (-10.0, 10.0)),
        trap="a long, nearly flat floor along the diagonal: close in value is not close in distance",
        paper="Jamil & Yang 2013, arXiv:1308.4008 (Matyas)",
    )


def zakharov(dimension: int = 2) -> Problem:
    """Zakharov's function, Σ xᵢ² + s² + s⁴ with s = ½ Σ i·xᵢ."""
    dimension = whole("zakharov", "dimension", dimension, 1)
    weights = constant(np.arange(1, dimension + 1) / 2)

    def along(x: Any) -> Any:
        return (weights(x) * x).sum(axis=-1)

    def loss(x: Any) -> Any:
        s = along(x)
        return (x**2).sum(axis=-1) + s**2 + s**4

    def grad(x: Any) -> Any:
        s = along(x)[:, None]
        return 2 * x + weights(x) * (2 * s + 4 * s**3)

    def hessian(x: Any) -> Any:
        s, w = along(x)[:, None, None], weights(x)
        return diagonal(filled(x, 2)) + np.outer(w, w) * (2 + 12 * s**2)

    return of_points(
        "zakharov",
        dimension,
        loss,
        grad,
        hessian,
        minima=np.zeros((1, dimension)),
        start=np.resize([-4.0, 6.0], dimension),
        bounds=((-5.0, 10.0),) * dimension,
        trap="walls of the fourth power around a flat floor: a step for the one is wrong for the other",
        paper="Jamil & Yang 2013, arXiv:1308.4008 (Zakharov)",
    )
