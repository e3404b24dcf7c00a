"""Four functions of two variables (the bowl: of any number) on which optimizers are watched.

Every function takes points along the last axis, so ``loss(theta)`` of shape (…, 2) gives values of shape (…): one point, a
thousand starts at once, or the grid of a contour plot. They are written in plain arithmetic and run on balls as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.recurrence import nearest

__all__ = ["Problem", "get", "names"]


@dataclass(frozen=True)
class Problem:
    """A function to minimise.

    loss, grad   value (…) and gradient (…, n) at points (…, n)
    minima       the points where it is least, one a row; empty where it has no minimum
    start        where a race begins
    bounds       the box to draw, (low, high) for each axis
    trap         what it teaches
    """

    name: str
    loss: Callable[[Any], Any]
    grad: Callable[[Any], Any]
    minima: np.ndarray
    start: np.ndarray
    bounds: tuple[tuple[float, float], ...]
    trap: str


def _point(theta: Any, dimension: int, name: str) -> Any:
    if not hasattr(theta, "shape"):
        theta = np.asarray(theta, dtype=float)
    if theta.ndim == 0 or theta.shape[-1] != dimension:
        raise ValueError(f"{name} takes points with {dimension} coordinates along the last axis, got shape {theta.shape}")
    return theta


def _plane(name: str, loss: Callable, grad: Callable, minima: list, start: list, bounds: tuple, trap: str) -> Problem:
    def value(theta: Any) -> Any:
        theta = _point(theta, 2, name)
        return loss(theta[..., 0], theta[..., 1])

    def gradient(theta: Any) -> Any:
        theta = _point(theta, 2, name)
        return np.stack(grad(theta[..., 0], theta[..., 1]), axis=-1)

    return Problem(name, value, gradient, np.array(minima, dtype=float).reshape(-1, 2), np.array(start), bounds, trap)


def quadratic(condition: float = 25.0, dimension: int = 2) -> Problem:
    """A bowl ½ Σ λᵢ θᵢ² whose curvatures run geometrically from 1 to the condition number.

    Gradient descent is stable up to lr = 2/condition and then needs about `condition` steps for the flat direction.
    """
    if not condition >= 1:
        raise ValueError(f"the condition number of a bowl is at least 1, got {condition!r}")
    if dimension < 1:
        raise ValueError(f"a bowl has at least one dimension, got {dimension!r}")
    curvatures = np.geomspace(1.0, condition, dimension)

    def loss(theta: Any) -> Any:
        theta = _point(theta, dimension, "quadratic")
        return ((curvatures.astype(theta.dtype) * theta**2) / 2).sum(axis=-1)

    def grad(theta: Any) -> Any:
        theta = _point(theta, dimension, "quadratic")
        return curvatures.astype(theta.dtype) * theta

    return Problem(
        "quadratic",
        loss,
        grad,
        minima=np.zeros((1, dimension)),
        start=np.resize([-4.0, 1.5], dimension),
        bounds=((-5.0, 5.0),) * dimension,
        trap="the steep direction limits the step, the flat one waits for it",
    )


def rosenbrock() -> Problem:
    """Rosenbrock's banana, (1 − x)² + 100 (y − x²)² (Rosenbrock 1960)."""
    return _plane(
        "rosenbrock",
        lambda x, y: (1 - x) ** 2 + 100 * (y - x**2) ** 2,
        lambda x, y: (-2 * (1 - x) - 400 * x * (y - x**2), 200 * (y - x**2)),
        minima=[[1, 1]],
        start=[-1.2, 1.0],
        bounds=((-2.0, 2.0), (-0.75, 2.25)),
        trap="the floor of a curved valley: finding it is easy, following it is not",
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

    return _plane(
        "beale",
        lambda x, y: sum(r**2 for r in residuals(x, y)),
        grad,
        minima=[[3, 0.5]],
        start=[1.0, 1.2],
        bounds=((-0.5, 4.0), (-1.25, 1.75)),
        trap="walls where gradients are thousands of times as large as on the plateau behind them",
    )


def saddle() -> Problem:
    """The saddle ½ (x² − y²): no minimum; the start is almost on the ridge, where the gradient points at the saddle."""
    return _plane(
        "saddle",
        lambda x, y: (x**2 - y**2) / 2,
        lambda x, y: (x, -y),
        minima=[],
        start=[1.5, 1e-3],
        bounds=((-2.0, 2.0), (-2.0, 2.0)),
        trap="a small gradient is not a minimum: who scales by its size leaves at once, who does not lingers",
    )


_PROBLEMS: dict[str, Callable[..., Problem]] = {
    function.__name__: function for function in (beale, quadratic, rosenbrock, saddle)
}


def names() -> list[str]:
    """The names of the problems, sorted."""
    return list(_PROBLEMS)


def get(name: str, **options: Any) -> Problem:
    """The problem called `name`; ``get("quadratic", condition=100, dimension=10)`` takes options.

    Raises ValueError for an unknown name, TypeError for an option that the problem does not have.
    """
    if name not in _PROBLEMS:
        raise ValueError(f"unknown problem {name!r}{nearest(name, names())}")
    return _PROBLEMS[name](**options)
