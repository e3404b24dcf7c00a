"""Flats: ground without a slope, and walls that come out of it."""

from __future__ import annotations

from math import pi, tanh
from typing import Any

import numpy as np

from refopt.problems.problem import Problem, plane

__all__ = ["cliff", "easom", "plateau"]

# At x = 3, 4 and 5 the y at which the unit of `cliff` ends at 0.7, rounded to binary64; the last is on the wall.
CLIFF_MINIMA = ((3, -1.2527021395984377), (4, -1.9526871175489784), (5, -2.6122703959050373))


def easom() -> Problem:
    """Easom's function, −cos x cos y exp(−(x − π)² − (y − π)²): a plain with one hole (Easom 1990)."""

    def factor(x: Any) -> tuple[Any, Any, Any]:
        """h(x) = cos x exp(−(x − π)²) with its first and second derivative."""
        d = x - pi
        bell, c, s = np.exp(-(d**2)), np.cos(x), np.sin(x)
        return bell * c, -bell * (s + 2 * d * c), bell * (4 * d * s + (4 * d**2 - 3) * c)

    def loss(x: Any, y: Any) -> Any:
        return -factor(x)[0] * factor(y)[0]

    def grad(x: Any, y: Any) -> tuple[Any, Any]:
        (h, dh, _), (k, dk, _) = factor(x), factor(y)
        return -dh * k, -h * dk

    def hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
        (h, dh, ddh), (k, dk, ddk) = factor(x), factor(y)
        return -ddh * k, -dh * dk, -h * ddk

    return plane(
        "easom",
        loss,
        grad,
        hessian,
        minima=[[pi, pi]],
        start=[1.2, 4.6],
        bounds=((-2.0, 8.0), (-2.0, 8.0)),
        trap="a hole in a plain: five units away from it the slope is less than a billionth",
        paper="Easom 1990, A survey of global optimization techniques",
    )


def plateau() -> Problem:
    """One tanh neuron (weight x, bias y) that shall give ± tanh 1 for the inputs ± 1, in squared error.

    The start is saturated on the wrong side: the error is nearly as large as it can be, the slope a hundredth of what it is
    further on.
    """
    target = tanh(1.0)

    def errors(x: Any, y: Any) -> tuple[Any, Any, Any, Any]:
        """Outputs for the inputs 1 and −1, and their errors."""
        up, down = np.tanh(x + y), np.tanh(y - x)
        return up, down, up - target, down + target

    def loss(x: Any, y: Any) -> Any:
        _, _, a, b = errors(x, y)
        return (a**2 + b**2) / 2

    def grad(x: Any, y: Any) -> tuple[Any, Any]:
        up, down, a, b = errors(x, y)
        a, b = a * (1 - up**2), b * (1 - down**2)
        return a - b, a + b

    def hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
        up, down, a, b = errors(x, y)
        a = (1 - up**2) ** 2 - 2 * a * up * (1 - up**2)
        b = (1 - down**2) ** 2 - 2 * b * down * (1 - down**2)
        return a + b, a - b, a + b

    return plane(
        "plateau",
        loss,
        grad,
        hessian,
        minima=[[1, 0]],
        start=[-3.75, 0.5],
        bounds=((-5.0, 5.0), (-5.0, 5.0)),
        trap="saturated units: as wrong as can be, and hardly any slope to learn it from",
        paper="Hochreiter 1991, Untersuchungen zu dynamischen neuronalen Netzen; LeCun et al. 1998, Efficient BackProp",
    )


def cliff() -> Problem:
    """A recurrent unit of weight x and bias y, run for 50 steps, that shall end at 0.7: (σ(h₅₀) − 0.7)².

    hₜ = x σ(hₜ₋₁) + y from h₀ = 0.5. Where its two fixed points part, a wall stands on which the gradient explodes: the
    reason for clipping it. The minima are a line, part of it on the wall; `minima` has three of its points.
    """

    def unrolled(x: Any, y: Any) -> tuple[Any, ...]:
        """σ(h₅₀) with its derivatives by x, y, xx, xy, yy."""
        s, by_x, by_y, by_xx, by_xy, by_yy = _sigmoid(x * 0 + 0.5), x * 0, x * 0, x * 0, x * 0, x * 0
        for _ in range(50):
            # of h, and then of s = σ(h), with σ' = s (1 − s) and σ'' = σ' (1 − 2s)
            by_xx, by_xy, by_yy = 2 * by_x + x * by_xx, by_y + x * by_xy, x * by_yy
            by_x, by_y, s = s + x * by_x, 1 + x * by_y, _sigmoid(x * s + y)
            d = s * (1 - s)
            dd = d * (1 - 2 * s)
            by_xx, by_xy, by_yy = dd * by_x**2 + d * by_xx, dd * by_x * by_y + d * by_xy, dd * by_y**2 + d * by_yy
            by_x, by_y = d * by_x, d * by_y
        return s, by_x, by_y, by_xx, by_xy, by_yy

    def loss(x: Any, y: Any) -> Any:
        s = _sigmoid(x * 0 + 0.5)
        for _ in range(50):
            s = _sigmoid(x * s + y)
        return (s - 0.7) ** 2

    def grad(x: Any, y: Any) -> tuple[Any, Any]:
        s, by_x, by_y, *_ = unrolled(x, y)
        return 2 * (s - 0.7) * by_x, 2 * (s - 0.7) * by_y

    def hessian(x: Any, y: Any) -> tuple[Any, Any, Any]:
        s, by_x, by_y, by_xx, by_xy, by_yy = unrolled(x, y)
        a = s - 0.7
        return 2 * (by_x**2 + a * by_xx), 2 * (by_x * by_y + a * by_xy), 2 * (by_y**2 + a * by_yy)

    return plane(
        "cliff",
        loss,
        grad,
        hessian,
        minima=CLIFF_MINIMA,
        start=[6.0, -1.5],
        bounds=((3.0, 7.0), (-4.0, -0.5)),
        trap="a wall beside the floor: one step on it throws the walk far away, unless the gradient is clipped",
        paper="Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, Figure 6",
    )


def _sigmoid(h: Any) -> Any:
    return (1 + np.tanh(h / 2)) / 2  # does not overflow, however far a step throws
