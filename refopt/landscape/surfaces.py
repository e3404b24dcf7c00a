"""The loss along a line and over a plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.landscape.evaluation import evaluate, losses_of
from refopt.landscape.objective import as_theta, whole
from refopt.landscape.planes import Plane, rows_of

__all__ = ["Line", "Surface", "line", "surface"]


@dataclass(frozen=True)
class Line:
    """losses (m,) at start + alphas·(end − start): α = 0 is the start, 1 the end. `distance` is the length of end − start."""

    alphas: np.ndarray
    losses: np.ndarray
    distance: float


@dataclass(frozen=True)
class Surface:
    """losses (k, m): row i at b[i], column j at a[j], along the two directions of `plane`. The rest only where there is a path.

    path (t, 2): the path projected on the plane; path_losses (t,): the losses of the path itself, which does not lie in the
    plane; off_plane (t,): how far beside it, see `Plane.off_plane`.
    """

    a: np.ndarray
    b: np.ndarray
    losses: np.ndarray
    plane: Plane
    path: np.ndarray | None = None
    path_losses: np.ndarray | None = None
    off_plane: np.ndarray | None = None

    @property
    def lowest(self) -> tuple[float, float, float]:
        """(a, b, loss) of the lowest point of the grid. ValueError where no loss is finite."""
        return self._at(np.where(np.isfinite(self.losses), self.losses, np.inf).argmin())

    @property
    def highest(self) -> tuple[float, float, float]:
        """(a, b, loss) of the highest point of the grid whose loss is finite."""
        return self._at(np.where(np.isfinite(self.losses), self.losses, -np.inf).argmax())

    def _at(self, place: Any) -> tuple[float, float, float]:
        i, j = np.unravel_index(place, self.losses.shape)
        if not np.isfinite(self.losses[i, j]):
            raise ValueError("this surface has no finite loss")
        return float(self.a[j]), float(self.b[i]), float(self.losses[i, j])


def line(
    loss: Callable[[Any], Any], start: Any, end: Any, *, low: float = 0.0, high: float = 1.0, points: int = 51, **more: Any
) -> Line:
    """The loss on the straight line from `start` to `end`, α from `low` to `high` (Goodfellow et al. 2015, arXiv:1412.6544).

    `more` goes to `evaluate`: threads, chunk, progress, vectorised.

    >>> line(refopt.problems.get("quadratic").loss, [2.0, 0.0], [0.0, 0.0], points=5).losses
    array([2.   , 1.125, 0.5  , 0.125, 0.   ])
    """
    start, end = as_theta(start, name="start"), as_theta(end, name="end")
    if start.shape != end.shape:
        raise ValueError(f"start and end must have one shape, got {start.shape} and {end.shape}")
    alphas = _axis((low, high), points)
    return Line(
        alphas, evaluate(loss, start, [end - start], alphas[:, None], **more), float(np.linalg.norm(end - start))
    )  # fmt: skip


def surface(
    loss: Callable[[Any], Any],
    plane: Plane,
    *,
    span: Any = None,
    points: int | tuple[int, int] = 41,
    path: Any = None,
    **more: Any,
) -> Surface:
    """The loss over a grid of the plane.

    span
        How far it goes: a number s for −s … s along both directions, or ((low, high), (low, high)). Default: 1; with a path
        its box and a fifth of its size more on each side.
    points
        How many along each direction: a number or two. Odd numbers have the centre on the grid where the span is a number.
    path
        thetas (t, n) to be projected on the plane; their own losses are found, too.
    more
        To `evaluate`: threads, chunk, progress, vectorised.

    >>> plane = Plane(np.zeros(2), np.eye(2))
    >>> surface(refopt.problems.get("quadratic").loss, plane, span=2, points=3, vectorised=True).losses
    array([[52., 50., 52.],
           [ 2.,  0.,  2.],
           [52., 50., 52.]])
    """
    walked = None if path is None else rows_of(path, plane.centre.size)
    seen = None if walked is None else plane.coordinates(walked)
    sides = _sides(span, seen)
    counts = points if isinstance(points, (tuple, list)) else (points, points)
    if len(counts) != 2:
        raise ValueError(f"points must be one whole number or two, got {points!r}")
    a, b = (_axis(side, count) for side, count in zip(sides, counts, strict=True))
    grid = np.stack(np.meshgrid(a, b), axis=-1).reshape(-1, 2)
    losses = evaluate(loss, plane.centre, plane.directions, grid, **more).reshape(len(b), len(a))
    if walked is None or seen is None:
        return Surface(a, b, losses, plane)
    quiet = {word: value for word, value in more.items() if word != "progress"}
    return Surface(a, b, losses, plane, seen, losses_of(loss, walked, **quiet), plane.off_plane(walked))


def _axis(side: tuple[Any, Any], points: Any) -> np.ndarray:
    low, high = side
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(f"a span must run from a finite number to a larger one, got {low!r} to {high!r}")
    axis = np.linspace(low, high, whole(points, "points", 2))
    return (axis - axis[::-1]) / 2 if low == -high else axis  # by its mirror image: 0 in the middle, not 1e-16


def _sides(span: Any, path: np.ndarray | None) -> tuple[tuple[float, float], tuple[float, float]]:
    if span is None and path is not None:
        low, high = path.min(axis=0), path.max(axis=0)
        margin = 0.2 * np.maximum(high - low, 0.1 * (high - low).max() or 1.0)
        (left, bottom), (right, top) = low - margin, high + margin
        return (float(left), float(right)), (float(bottom), float(top))
    if span is None:
        span = 1.0
    if np.shape(span) == () and not isinstance(span, (str, bool)):
        if not 0 < span < np.inf:
            raise ValueError(f"span must be a positive number, got {span!r}")
        return (-float(span), float(span)), (-float(span), float(span))
    if np.shape(span) != (2, 2):
        raise ValueError(f"span must be a positive number or ((low, high), (low, high)), got {span!r}")
    (left, right), (bottom, top) = span
    return (float(left), float(right)), (float(bottom), float(top))
