"""Basins: a few minima, saddles between them; where a walk ends depends on its start, its step and its momentum."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import numpy as np

from refopt.problems.problem import Problem, of_coordinates, plane, whole

__all__ = ["branin", "goldstein_price", "himmelblau", "six_hump_camel", "styblinski_tang", "three_hump_camel"]

# Roots of the gradients, rounded to binary64; the tests prove that each lies within an ulp or two of a true one.
HIMMELBLAU_MINIMA = (
    (3, 2),
    (-2.805118086952745, 3.131312518250573),
    (-3.779310253377747, -3.2831859912861696),
    (3.5844283403304917, -1.8481265269644036),
)
HIMMELBLAU_SADDLES = (
    (-3.0730257507643897, -0.08135304428796751),
    (-0.12796134673068008, -1.9537149802445763),
    (0.08667750455539636, 2.884254701174776),
    (3.385154183607021, 0.07385187983774928),
)
STYBLINSKI_TANG = (-2.903534027771177, 0.1567312567803401, 2.746802770990837)  # lowest, top, the other basin
SIX_HUMP_CAMEL_MINIMUM = (0.08984201310031806, -0.7126564030207396)
SIX_HUMP_CAMEL_SADDLES = (
    (-1.6380679841897785, -0.22867406904439408),
    (-1.2960702671671092, -0.6050843880386585),
    (-1.1092053368047865, 0.7682680925095399),
    (0, 0),
    (1.1092053368047865, -0.7682680925095399),
    (1.2960702671671092, 0.6050843880386585),
    (1.6380679841897785, 0.22867406904439408),
)
GOLDSTEIN_PRICE_SADDLES = ((-0.4, -0.6), (0.6, 0.4), (1.2, -0.2), (1.4, 0.6))


def himmelblau() -> Problem:
    """Himmelblau's function, (x² + y − 11)² + (x + y² − 7)² (Himmelblau 1972): four minima of one depth."""
    return plane(
        "himmelblau",
        lambda x, y: (x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2,
        lambda x, y: (
            4 * x * (x**2 + y - 11) + 2 * (x + y**2 - 7),
            2 * (x**2 + y - 11) + 4 * y * (x + y**2 - 7),
        ),
        lambda x, y: (12 * x**2 + 4 * y - 42, 4 * (x + y), 4 * x + 12 * y**2 - 26),
        minima=HIMMELBLAU_MINIMA,
        saddles=HIMMELBLAU_SADDLES,
        start=[-0.5, -1.0],
        bounds=((-6.0, 6.0), (-6.0, 6.0)),
        trap="four minima of one depth: a little more momentum ends in another",
        paper="Himmelblau 1972, Applied nonlinear programming",
    )


def styblinski_tang(dimension: int = 2) -> Problem:
    """Styblinski and Tang's function, ½ Σ xᵢ⁴ − 16 xᵢ² + 5 xᵢ: two basins a coordinate, one of them deeper."""
    dimension = whole("styblinski_tang", "dimension", dimension, 1)
    deep, top, shallow = STYBLINSKI_TANG
    eye = np.eye(dimension)
    return of_coordinates(
        "styblinski_tang",
        dimension,
        lambda x: (x**4 - 16 * x**2 + 5 * x) / 2,
        lambda x: 2 * x**3 - 16 * x + 2.5,
        lambda x: 6 * x**2 - 16,
        minima=np.full((1, dimension), deep),
        saddles=np.vstack([np.where(eye, top, low) for low in (deep, shallow)]) if dimension > 1 else [],
        start=np.resize([0.4, 3.6], dimension),
        bounds=((-5.0, 5.0),) * dimension,
        trap="every coordinate chooses a basin for itself, and 2ⁿ − 1 of the 2ⁿ choices are wrong",
        paper="Styblinski & Tang 1990, Experiments in nonconvex optimization",
    )


def three_hump_camel() -> Problem:
    """The three-hump camel, 2x² − 1.05x⁴ + x⁶/6 + xy + y²."""
    # Off the origin the gradient is zero where y = −x/2 and x⁴ − 4.2x² + 3.5 = 0; the smaller x² are the saddles.
    ridge = sqrt((4.2 - sqrt(4.2**2 - 14)) / 2)
    return plane(
        "three_hump_camel",
        lambda x, y: 2 * x**2 - 1.05 * x**4 + x**6 / 6 + x * y + y**2,
        lambda x, y: (4 * x - 4 * (1.05 * x**3) + x**5 + y, x + 2 * y),
        lambda x, y: (4 - 12 * (1.05 * x**2) + 5 * x**4, 1, 2),
        minima=[[0, 0]],
        saddles=[[ridge, -ridge / 2], [-ridge, ridge / 2]],
        start=[-1.9, 1.8],
        bounds=((-2.5, 2.5), (-2.5, 2.5)),
        trap="two shallow basins in front of the deep one: plain descent stops in the first",
        paper="Dixon & Szegő 1975, Towards global optimisation; Jamil & Yang 2013, arXiv:1308.4008",
    )


def six_hump_camel() -> Problem:
    """The six-hump camel, (4 − 2.1x² + x⁴/3) x² + xy + (4y² − 4) y²: six minima, two of them lowest."""
    x, y = SIX_HUMP_CAMEL_MINIMUM
    return plane(
        "six_hump_camel",
        lambda x, y: (4 - 2.1 * x**2 + x**4 / 3) * x**2 + x * y + (4 * y**2 - 4) * y**2,
        lambda x, y: (8 * x - 4 * (2.1 * x**3) + 2 * x**5 + y, x - 8 * y + 16 * y**3),
        lambda x, y: (8 - 12 * (2.1 * x**2) + 10 * x**4, 1, 48 * y**2 - 8),
        minima=[[x, y], [-x, -y]],
        saddles=SIX_HUMP_CAMEL_SADDLES,
        start=[-1.9, 0.25],
        bounds=((-2.0, 2.0), (-1.1, 1.1)),
        trap="six basins in two rows: the nearest is seldom the lowest",
        paper="Dixon & Szegő 1978, The global optimization problem: an introduction",
    )


def branin() -> Problem:
    """Branin's function, (y − bx² + cx − 6)² + 10 (1 − t) cos x + 10 with b = 5.1/4π², c = 5/π, t = 1/8π.

    Where y = bx² − cx + 6 and sin x = 0 the gradient is zero: minima at odd multiples of π, saddles at even ones.
    """
    b, c, t = 5.1 / (4 * pi**2), 5 / pi, 1 / (8 * pi)

    def floor(x: float) -> list[float]:
        return [x, b * x**2 - c * x + 6]

    def residual(x: Any, y: Any) -> Any:
        return y - b * x**2 + c * x - 6

    return plane(
        "branin",
        lambda x, y: residual(x, y) ** 2 + 10 * ((1 - t) * np.cos(x)) + 10,
        lambda x, y: (
            2 * residual(x, y) * (c - 2 * (b * x)) - 10 * ((1 - t) * np.sin(x)),
            2 * residual(x, y),
        ),
        lambda x, y: (
            2 * (c - 2 * (b * x)) ** 2 - 4 * (b * residual(x, y)) - 10 * ((1 - t) * np.cos(x)),
            2 * (c - 2 * (b * x)),
            2,
        ),
        minima=[floor(-pi), floor(pi), floor(3 * pi)],
        saddles=[floor(0.0), floor(2 * pi)],
        start=[0.4, 13.0],
        bounds=((-5.0, 10.0), (0.0, 15.0)),
        trap="three minima of one depth on the floor of one bent valley",
        paper="Branin 1972, Widely convergent method for finding multiple solutions of simultaneous nonlinear equations",
    )


def goldstein_price() -> Problem:
    """Goldstein and Price's function, (1 + (x + y + 1)² p) (30 + (2x − 3y)² q) with p and q of second degree (1971)."""

    def first(x: Any, y: Any) -> tuple[Any, Any, Any]:
        """The first factor, its slope (along x and y alike) and its curvature (all entries alike)."""
        u, p, dp = x + y + 1, 19 - 14 * (x + y) + 3 * (x + y) ** 2, 6 * (x + y) - 14
        return 1 + u**2 * p, 2 * u * p + u**2 * dp, 2 * p + 4 * u * dp + 6 * u**2

    def second(x: Any, y: Any) -> tuple[Any, Any, Any]:
        """The same of the second factor by w = 2x − 3y, of which alone it depends."""
        w = 2 * x - 3 * y
        q, dq = 18 - 16 * w + 3 * w**2, 6 * w - 16
        return 30 + w**2 * q, 2 * w * q + w**2 * dq, 2 * q + 4 * w * dq + 6 * w**2

    def loss(x: Any, y: Any) -> Any:
        return first(x, y)[0] * second(x, y)[0]

    def grad(x: Any, y: Any) -> tuple[Any, Any]:
        (a, da, _), (b, db, _) = first(x, y), second(x, y)
        return da * b + 2 * a * db, da * b - 3 * a * db

    def hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
        (a, da, dda), (b, db, ddb) = first(x, y), second(x, y)
        return (
            dda * b + 4 * da * db + 4 * a * ddb,
            dda * b - da * db - 6 * a * ddb,
            dda * b - 6 * da * db + 9 * a * ddb,
        )

    return plane(
        "goldstein_price",
        loss,
        grad,
        hessian,
        minima=[[0, -1]],
        saddles=GOLDSTEIN_PRICE_SADDLES,
        start=[-1.5, 0.5],
        bounds=((-2.0, 2.0), (-2.0, 2.0)),
        trap="values from 3 to a million in one box: a step for the walls does nothing on the floor",
        paper="Goldstein & Price 1971, On descent from local minima",
    )
