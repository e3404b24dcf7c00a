"""Ripples: a wide bowl, or a plain, under waves that make a minimum of every trough."""

from __future__ import annotations

from math import e, pi
from typing import Any

import numpy as np

from refopt.numbers import where
from refopt.problems.problem import Problem, constant, diagonal, filled, of_coordinates, of_points, whole

__all__ = ["ackley", "griewank", "levy", "michalewicz", "rastrigin"]

# In the formulas a constant stands behind the array, x * 10 * pi: two constants multiplied first would be rounded, and the
# balls of a proof would enclose another function.


def rastrigin(dimension: int = 2) -> Problem:
    """Rastrigin's function, Σ xᵢ² − 10 cos 2πxᵢ + 10 (Rastrigin 1974; in n dimensions Mühlenbein et al. 1991)."""
    dimension = whole("rastrigin", "dimension", dimension, 1)
    top = 0.5025460365546747  # the top between the troughs at 0 and 1: x + 10π sin 2πx = 0
    return of_coordinates(
        "rastrigin",
        dimension,
        lambda x: x**2 - 10 * np.cos(x * 2 * pi) + 10,
        lambda x: 2 * x + np.sin(x * 2 * pi) * 20 * pi,
        lambda x: 2 + np.cos(x * 2 * pi) * 40 * pi * pi,
        minima=np.zeros((1, dimension)),
        saddles=np.vstack([top * np.eye(dimension), -top * np.eye(dimension)]) if dimension > 1 else [],
        start=np.resize([2.3, -3.4], dimension),
        bounds=((-5.12, 5.12),) * dimension,
        trap="a trough at every whole number: the slope one sees says nothing about the bowl underneath",
        paper="Rastrigin 1974; Mühlenbein, Schomisch & Born 1991, The parallel genetic algorithm as function optimizer",
    )


def ackley(dimension: int = 2) -> Problem:
    """Ackley's function, −20 exp(−0.2 √(Σxᵢ²/n)) − exp(Σ cos(2πxᵢ)/n) + 20 + e.

    The minimum is the tip of a cone: there is no derivative at 0. `grad` is 0 there, as of any minimum, the Hessian NaN.
    """
    dimension = whole("ackley", "dimension", dimension, 1)

    def distance(x: Any) -> Any:
        return np.sqrt((x**2).sum(axis=-1) / dimension)

    def cone(x: Any) -> tuple[Any, Any]:
        """exp(−0.2 q) and q, the root of the mean square; where q = 0, 1 for it, for it divides."""
        q = distance(x)
        return np.exp(-0.2 * q), where(q == 0, 1, q, like=q)

    def waves(x: Any) -> Any:
        return np.exp(np.cos(x * 2 * pi).sum(axis=-1) / dimension)

    def loss(x: Any) -> Any:
        return -20 * np.exp(-0.2 * distance(x)) - waves(x) + 20 + e

    def grad(x: Any) -> Any:
        (tip, q), wave = cone(x), waves(x)
        return (tip / q)[:, None] * x * 20 * 0.2 / dimension + wave[:, None] * np.sin(x * 2 * pi) * 2 * pi / dimension

    def hessian(x: Any) -> Any:
        (tip, q), wave = cone(x), waves(x)
        sines, n = np.sin(x * 2 * pi), dimension
        bend = (tip * (1 / q + 0.2) / q**2)[:, None, None] * (x[:, :, None] * x[:, None, :]) / n
        waved = wave[:, None, None] * (sines[:, :, None] * sines[:, None, :]) * 2 * pi * 2 * pi / n
        along = (tip / q)[:, None] * 20 * 0.2 + wave[:, None] * np.cos(x * 2 * pi) * 2 * pi * 2 * pi
        matrices = (diagonal(along) - bend * 20 * 0.2 - waved) / n
        matrices[distance(x) == 0] = filled(q, np.nan, 1)[0]
        return matrices

    return of_points(
        "ackley",
        dimension,
        loss,
        grad,
        hessian,
        minima=np.zeros((1, dimension)),
        start=np.resize([2.6, -3.3], dimension),
        bounds=((-5.0, 5.0),) * dimension,
        trap="far away only ripples, at the minimum a tip without a derivative: steps must shrink by themselves",
        paper="Ackley 1987, A connectionist machine for genetic hillclimbing",
    )


def levy(dimension: int = 2) -> Problem:
    """Levy's function: sin² πw₁ + Σ (wᵢ − 1)² (1 + 10 sin²(πwᵢ + 1)) + (wₙ − 1)² (1 + sin² 2πwₙ), wᵢ = 1 + (xᵢ − 1)/4.

    The sum runs over i < n.
    """
    dimension = whole("levy", "dimension", dimension, 1)

    def loss(x: Any) -> Any:
        v = (x - 1) / 4
        w, first, last = 1 + v[:, :-1], 1 + v[:, 0], 1 + v[:, -1]
        inner = v[:, :-1] ** 2 * (1 + 10 * np.sin(w * pi + 1) ** 2)
        outer = v[:, -1] ** 2 * (1 + np.sin(last * 2 * pi) ** 2)
        return np.sin(first * pi) ** 2 + inner.sum(axis=-1) + outer

    def grad(x: Any) -> Any:
        v = (x - 1) / 4
        w, first, last = 1 + v[:, :-1], 1 + v[:, 0], 1 + v[:, -1]
        u, inner, outer = w * pi + 1, v[:, :-1], v[:, -1]
        slopes = filled(x, 0)
        slopes[:, :-1] = 2 * inner * (1 + 10 * np.sin(u) ** 2) + inner**2 * np.sin(2 * u) * 10 * pi
        slopes[:, -1] = 2 * outer * (1 + np.sin(last * 2 * pi) ** 2) + outer**2 * np.sin(last * 4 * pi) * 2 * pi
        slopes[:, 0] += np.sin(first * 2 * pi) * pi
        return slopes / 4

    def hessian(x: Any) -> Any:
        v = (x - 1) / 4
        w, first, last = 1 + v[:, :-1], 1 + v[:, 0], 1 + v[:, -1]
        u, inner, outer = w * pi + 1, v[:, :-1], v[:, -1]
        bends = filled(x, 0)
        bends[:, :-1] = (
            2 * (1 + 10 * np.sin(u) ** 2)
            + inner * np.sin(2 * u) * 40 * pi
            + inner**2 * np.cos(2 * u) * 20 * pi * pi
        )  # fmt: skip
        bends[:, -1] = (
            2 * (1 + np.sin(last * 2 * pi) ** 2)
            + outer * np.sin(last * 4 * pi) * 8 * pi
            + outer**2 * np.cos(last * 4 * pi) * 8 * pi * pi
        )
        bends[:, 0] += np.cos(first * 2 * pi) * 2 * pi * pi
        return diagonal(bends / 16)

    return of_points(
        "levy",
        dimension,
        loss,
        grad,
        hessian,
        minima=np.ones((1, dimension)),
        start=np.resize([-6.0, 7.0], dimension),
        bounds=((-10.0, 10.0),) * dimension,
        trap="long parallel ridges: progress along one coordinate, locked in by the other",
        paper="Levy & Montalvo 1985, The tunneling algorithm for the global minimization of functions",
    )


def griewank(dimension: int = 2) -> Problem:
    """Griewank's function, 1 + Σ xᵢ²/4000 − Π cos(xᵢ/√i) (Griewank 1981)."""
    dimension = whole("griewank", "dimension", dimension, 1)
    roots = constant(np.sqrt(np.arange(1, dimension + 1)))

    def loss(x: Any) -> Any:
        return 1 + (x**2).sum(axis=-1) / 4000 - np.cos(x / roots(x)).prod(axis=-1)

    def grad(x: Any) -> Any:
        r = roots(x)
        cosines, sines = np.cos(x / r), -np.sin(x / r) / r
        return x / 2000 - np.stack([_product(cosines, {i: sines[:, i]}) for i in range(dimension)], axis=-1)

    def hessian(x: Any) -> Any:
        r = roots(x)
        cosines, sines = np.cos(x / r), -np.sin(x / r) / r
        matrices = filled(x, 0, *x.shape, dimension)
        for i in range(dimension):
            matrices[:, i, i] = filled(x[:, i], 1) / 2000 - _product(cosines, {i: -cosines[:, i] / r[i] / r[i]})
            for j in range(i):
                matrices[:, i, j] = matrices[:, j, i] = -_product(cosines, {i: sines[:, i], j: sines[:, j]})
        return matrices

    return of_points(
        "griewank",
        dimension,
        loss,
        grad,
        hessian,
        minima=np.zeros((1, dimension)),
        start=np.resize([11.0, -14.0], dimension),
        bounds=((-20.0, 20.0),) * dimension,
        trap="countless troughs of nearly one depth: from afar it is a bowl, from near it is not",
        paper="Griewank 1981, Generalized descent for global optimization",
    )


def _product(factors: Any, others: dict[int, Any]) -> Any:
    """The product of the columns of `factors`, with other columns at some places."""
    changed = factors.copy()
    for place, column in others.items():
        changed[:, place] = column
    return changed.prod(axis=-1)


def michalewicz(dimension: int = 2, m: int = 10) -> Problem:
    """Michalewicz's function, −Σ sin(xᵢ) sin²ᵐ(i·xᵢ²/π): canyons in a plain, the narrower the larger m."""
    dimension, m = whole("michalewicz", "dimension", dimension, 1), whole("michalewicz", "m", m, 1)
    order, power = np.arange(1, dimension + 1), 2 * m
    places = constant(order)

    def term(x: Any) -> Any:
        return -np.sin(x) * np.sin(x**2 * places(x) / pi) ** power

    def slope(x: Any) -> Any:
        i = places(x)
        s, c = np.sin(x**2 * i / pi), np.cos(x**2 * i / pi)
        return -np.cos(x) * s**power - np.sin(x) * s ** (power - 1) * c * power * 2 * x * i / pi

    def curvature(x: Any) -> Any:
        i = places(x)
        s, c, du = np.sin(x**2 * i / pi), np.cos(x**2 * i / pi), 2 * x * i / pi
        first = s ** (power - 1) * c * power  # of s**power by u
        second = s ** (power - 2) * c**2 * power * (power - 1) - s**power * power
        return np.sin(x) * s**power - 2 * np.cos(x) * first * du - np.sin(x) * (second * du**2 + filled(x, 2) * i / pi * first)

    # Canyons run where i·x²/π = π/2 + kπ, the deeper the nearer to π/2: the deepest is one of the two that enclose it.
    canyon = np.clip(np.floor(order / 4 - 0.5) + np.arange(2)[:, None], 0, order - 1)
    floors = pi * np.sqrt((canyon + 0.5) / order)
    for _ in range(30):  # Newton's method
        floors = floors - slope(floors) / curvature(floors)
    lowest = np.take_along_axis(floors, term(floors).argmin(axis=0)[None], axis=0)
    return of_coordinates(
        "michalewicz",
        dimension,
        term,
        slope,
        curvature,
        minima=lowest,
        start=np.resize([1.4, 1.1], dimension),
        bounds=((0.0, pi),) * dimension,
        trap="a plain without a slope, crossed by canyons: who is not in one learns nothing",
        paper="Michalewicz 1992, Genetic algorithms + data structures = evolution programs",
    )
