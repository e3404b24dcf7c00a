"""Valleys: one minimum at the end of a curved floor between walls."""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.problems.problem import Problem, constant, diagonal, filled, of_points, plane, whole

__all__ = ["beale", "dixon_price", "rosenbrock"]


def rosenbrock(dimension: int = 2) -> Problem:
    """Rosenbrock's banana, Σ (1 − xᵢ)² + 100 (xᵢ₊₁ − xᵢ²)² (Rosenbrock 1960, in two dimensions).

    From four dimensions on it has a second, local minimum near (−1, 1, …, 1).
    """
    dimension = whole("rosenbrock", "dimension", dimension, 2)

    def loss(points: Any) -> Any:
        x, y = points[:, :-1], points[:, 1:]
        return ((1 - x) ** 2 + 100 * (y - x**2) ** 2).sum(axis=-1)

    def grad(points: Any) -> Any:
        x, y = points[:, :-1], points[:, 1:]
        slopes = filled(points, 0)
        slopes[:, :-1] = -2 * (1 - x) - 400 * x * (y - x**2)
        slopes[:, 1:] += 200 * (y - x**2)
        return slopes

    def hessian(points: Any) -> Any:
        x, y = points[:, :-1], points[:, 1:]
        curvatures = filled(points, 0)
        curvatures[:, :-1] = 2 - 400 * (y - x**2) + 800 * x**2
        curvatures[:, 1:] += 200
        matrices, i = diagonal(curvatures), np.arange(dimension - 1, like=x)
        matrices[:, i, i + 1] = matrices[:, i + 1, i] = -400 * x
        return matrices

    return of_points(
        "rosenbrock",
        dimension,
        loss,
        grad,
        hessian,
        minima=np.ones((1, dimension)),
        start=np.resize([-1.2, 1.0], dimension),
        bounds=((-2.0, 2.0), *[(-0.75, 2.25) if dimension == 2 else (-2.0, 2.25)] * (dimension - 1)),
        trap="the floor of a curved valley: finding it is easy, following it is not",
        paper="Rosenbrock 1960, An automatic method for finding the greatest or least value of a function",
    )


def beale() -> Problem:
    """Beale's function, Σᵢ (cᵢ − x + x yⁱ)² with c = 1.5, 2.25, 2.625 (Beale 1958)."""

    def residuals(x: Any, y: Any) -> list[Any]:
        return [c - x + x * y**i for i, c in ((1, 1.5), (2, 2.25), (3, 2.625))]

    def grad(x: Any, y: Any) -> tuple[Any, Any]:
        first, second, third = residuals(x, y)
        along_x = 2 * (first * (y - 1) + second * (y**2 - 1) + third * (y**3 - 1))
        along_y = 2 * x * (first + 2 * y * second + 3 * y**2 * third)
        return along_x, along_y

    def hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
        first, second, third = residuals(x, y)
        mixed = first + 2 * y * second + 3 * y**2 * third
        xx = 2 * ((y - 1) ** 2 + (y**2 - 1) ** 2 + (y**3 - 1) ** 2)
        xy = 2 * mixed + 2 * x * ((y - 1) + 2 * y * (y**2 - 1) + 3 * y**2 * (y**3 - 1))
        yy = 2 * x * (2 * second + 6 * y * third) + 2 * x**2 * (1 + 4 * y**2 + 9 * y**4)
        return xx, xy, yy

    return plane(
        "beale",
        lambda x, y: sum(r**2 for r in residuals(x, y)),
        grad,
        hessian,
        minima=[[3, 0.5]],
        saddles=[[0, 1]],
        start=[1.0, 1.2],
        bounds=((-0.5, 4.0), (-1.25, 1.75)),
        trap="walls where gradients are thousands of times as large as on the plateau behind them",
        paper="Beale 1958, On an iterative method for finding a local minimum of a function of more than one variable",
    )


def dixon_price(dimension: int = 2) -> Problem:
    """Dixon and Price's function, (x₁ − 1)² + Σ i (2 xᵢ² − xᵢ₋₁)² over i = 2 … n.

    Its minima are xᵢ = 2^(2/2ⁱ − 1), the last of either sign. From three dimensions on (⅓, 0, …, 0) is a local minimum.
    """
    dimension = whole("dixon_price", "dimension", dimension, 2)
    order = constant(np.arange(2, dimension + 1))
    lowest = 2.0 ** (2.0 ** (1 - np.arange(1, dimension + 1)) - 1)

    def loss(points: Any) -> Any:
        x, y = points[:, :-1], points[:, 1:]
        return (points[:, 0] - 1) ** 2 + (order(points) * (2 * y**2 - x) ** 2).sum(axis=-1)

    def grad(points: Any) -> Any:
        x, y = points[:, :-1], points[:, 1:]
        pull = 2 * order(points) * (2 * y**2 - x)
        slopes = filled(points, 0)
        slopes[:, 0] = 2 * (points[:, 0] - 1)
        slopes[:, :-1] -= pull
        slopes[:, 1:] += 4 * y * pull
        return slopes

    def hessian(points: Any) -> Any:
        x, y = points[:, :-1], points[:, 1:]
        twice = 2 * order(points)
        curvatures = filled(points, 0)
        curvatures[:, 0] += 2
        curvatures[:, :-1] += twice
        curvatures[:, 1:] += twice * (4 * (2 * y**2 - x) + 16 * y**2)
        matrices, i = diagonal(curvatures), np.arange(dimension - 1, like=x)
        matrices[:, i, i + 1] = matrices[:, i + 1, i] = -4 * y * twice
        return matrices

    return of_points(
        "dixon_price",
        dimension,
        loss,
        grad,
        hessian,
        minima=[lowest, [*lowest[:-1], -lowest[-1]]],
        saddles=[[1 / 3, 0]] if dimension == 2 else [],
        start=np.resize([-1.5, 1.25], dimension),
        bounds=((-2.0, 2.0),) * dimension,
        trap="a valley that forks: the sign of the last coordinate is decided early, at a saddle",
        paper="Dixon & Price 1989, The truncated Newton method for sparse unconstrained optimisation",
    )
