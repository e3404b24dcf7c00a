"""What is known of a function to minimise, and how a formula becomes a function of points along the last axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.numbers import beside, on_host

__all__ = ["Problem", "diagonal", "filled", "of_coordinates", "of_points", "plane", "whole"]


def _unknown_hessian(theta: Any) -> Any:
    raise NotImplementedError("nothing is known of this problem's Hessian: give it to the Problem as hessian=…")


@dataclass(frozen=True)
class Problem:
    """A function to minimise. Points lie along the last axis: one point, a thousand starts, the grid of a contour plot.

    loss, grad, hessian   value (…), gradient (…, n) and Hessian (…, n, n) at points (…, n), in the dtype of the points
    start        where a race begins, (n,)
    minima       the points where it is least, one a row (of a whole valley, some); empty where it has no minimum
    saddles      saddle points, one a row: those that are known in closed form, or lie where one walks; empty says nothing
    bounds       the box to draw, (low, high) for each axis; by default three times the start's distance from 0, at least 3
    trap         what it teaches
    paper        where it comes from
    sample       of a sum over random terms, ``sample(theta, t, rng)``: the gradient of the t-th term (t = 1, 2, …), whose
                 mean is `grad`; one draw of `rng` for each point where the terms are noise. None where nothing is random
    project      of a function on part of the space, the nearest allowed point; None where every point is allowed

    One's own function needs a name, `loss`, `grad` and a start:

    >>> bowl = refopt.problems.Problem("bowl", lambda theta: (theta**2).sum(-1), lambda theta: 2 * theta, start=[2, 1])
    >>> refopt.race("sgd", bowl, grids={"lr": [0.1, 1.5]})["sgd"].finite.tolist()
    [True, True]

    Raises ValueError where start, minima, saddles and bounds do not fit each other.
    """

    name: str
    loss: Callable[[Any], Any]
    grad: Callable[[Any], Any]
    hessian: Callable[[Any], Any] = _unknown_hessian
    start: Any = None
    minima: Any = ()
    saddles: Any = ()
    bounds: Any = None
    trap: str = ""
    paper: str = ""
    sample: Callable[[Any, int, Any], Any] | None = None
    project: Callable[[Any], Any] | None = None

    def __post_init__(self) -> None:
        for word in ("loss", "grad", "hessian"):
            if not callable(getattr(self, word)):
                raise TypeError(f"{word} of a problem must be a function of theta, got {getattr(self, word)!r}")
        if self.start is None:
            raise ValueError(f"the problem {self.name!r} needs a start, for instance start=[1.0, 2.0]")
        start = np.array(self.start, dtype=float)
        if start.ndim != 1 or not start.size or not np.isfinite(start).all():
            raise ValueError(f"the start of a problem must be one point of finite numbers, got {self.start!r}")
        points = {word: np.array(getattr(self, word), dtype=float) for word in ("minima", "saddles")}
        for word, found in points.items():
            points[word] = found.reshape(-1, start.size) if not found.size else found
            if points[word].ndim != 2 or points[word].shape[1] != start.size:
                raise ValueError(f"{word} of a problem must be points, one a row, of {start.size} coordinates as the start has")
        room = np.maximum(3 * np.abs(start), 3.0)
        box = np.array(list(zip(-room, room, strict=True)) if self.bounds is None else self.bounds, dtype=float)
        if box.shape != (start.size, 2) or not np.isfinite(box).all() or not (box[:, 0] < box[:, 1]).all():
            raise ValueError(f"bounds must be (low, high) for each of {start.size} axes, low below high; got {self.bounds!r}")
        for word, value in {"start": start, **points, "bounds": tuple(map(tuple, box.tolist()))}.items():
            object.__setattr__(self, word, value)

    @property
    def dimension(self) -> int:
        """The number of coordinates of a point."""
        return self.start.size


def of_points(
    name: str,
    dimension: int,
    loss: Callable[[Any], Any],
    grad: Callable[[Any], Any],
    hessian: Callable[[Any], Any],
    *,
    minima: Any,
    start: Any,
    bounds: tuple[tuple[float, float], ...],
    trap: str,
    paper: str,
    saddles: Any = (),
    sample: Callable[[Any, int, Any], Any] | None = None,
    project: Callable[[Any], Any] | None = None,
) -> Problem:
    """A problem from formulas on rows: `loss` takes (k, n) and gives (k,), `grad` (k, n), `hessian` (k, n, n)."""

    def lifted(formula: Callable[..., Any]) -> Callable[..., Any]:
        def at(theta: Any, *others: Any) -> Any:
            theta = _checked(theta, dimension, name)
            # Always rows, in one order in memory: then a point alone runs the same loops, to the same bits, as among others.
            values = formula(theta.reshape(-1, dimension).copy(), *others)
            return values.reshape(theta.shape[:-1] + values.shape[1:])[()]

        return at

    return Problem(
        name=name,
        loss=lifted(loss),
        grad=lifted(grad),
        hessian=lifted(hessian),
        minima=np.array(minima, dtype=float).reshape(-1, dimension),
        saddles=np.array(saddles, dtype=float).reshape(-1, dimension),
        start=np.array(start, dtype=float),
        bounds=bounds,
        trap=trap,
        paper=paper,
        sample=sample and lifted(sample),
        project=project and lifted(project),
    )


def _checked(theta: Any, dimension: int, name: str) -> Any:
    if not hasattr(theta, "shape"):
        theta = np.asarray(theta)
    if theta.dtype.kind in "biu":
        theta = theta.astype(float)
    if theta.dtype.kind not in "fcO":
        raise TypeError(f"{name} takes points of numbers, got an array of dtype {theta.dtype}")
    if theta.ndim == 0 or theta.shape[-1] != dimension:
        count = "1 coordinate" if dimension == 1 else f"{dimension} coordinates"
        raise ValueError(f"{name} takes points with {count} along the last axis, got shape {theta.shape}")
    return theta


def plane(
    name: str,
    loss: Callable[[Any, Any], Any],
    grad: Callable[[Any, Any], tuple[Any, Any]],
    hessian: Callable[[Any, Any], tuple[Any, Any, Any]],
    **known: Any,
) -> Problem:
    """A problem in two variables from formulas in x and y; `hessian` gives (∂xx, ∂xy, ∂yy), each an array or a number."""

    def value(points: Any) -> Any:
        return loss(*points.T.copy())

    def slopes(points: Any) -> Any:
        return np.stack(grad(*points.T.copy()), axis=-1)

    def curvatures(points: Any) -> Any:
        x, y = points.T.copy()
        xx, xy, yy = (part if hasattr(part, "shape") else filled(x, part) for part in hessian(x, y))
        return np.stack([xx, xy, xy, yy], axis=-1).reshape(-1, 2, 2)

    return of_points(name, 2, value, slopes, curvatures, **known)


def of_coordinates(
    name: str,
    dimension: int,
    term: Callable[[Any], Any],
    slope: Callable[[Any], Any],
    curvature: Callable[[Any], Any],
    **known: Any,
) -> Problem:
    """A problem that is a sum over the coordinates: the terms of (k, n), their first and their second derivatives."""
    return of_points(name, dimension, lambda x: term(x).sum(axis=-1), slope, lambda x: diagonal(curvature(x)), **known)


def filled(like: Any, value: Any, *shape: int) -> Any:
    """An array of `value` in `shape` (that of `like` if none), of the kind of number that `like` holds."""
    out = np.empty(shape or like.shape, dtype=like.dtype, like=like)
    out[...] = like.reshape(-1)[0] * 0 + value if like.dtype == object and like.size else value
    return out


def constant(values: Any) -> Callable[[Any], Any]:
    """An array of numbers as a function of the points x that it meets: in the dtype of x, and where x lives.

    It is brought to a device once, and kept there.
    """
    brought: dict[Any, Any] = {}

    def of(x: Any) -> Any:
        if on_host(x):
            return values.astype(x.dtype)
        key = type(x), x.dtype
        if key not in brought:
            brought[key] = beside(values.astype(x.dtype), x)
        return brought[key]

    return of


def diagonal(entries: Any) -> Any:
    """Diagonal matrices (k, n, n) from their diagonals (k, n)."""
    count, n = entries.shape
    matrices = filled(entries, 0, count, n, n)
    i = np.arange(n, like=entries)
    matrices[:, i, i] = entries
    return matrices


def whole(name: str, word: str, value: Any, least: int) -> int:
    """The option `word` of the problem `name`, a whole number of at least `least`."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name}: {word} must be a whole number, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: {word} must be at least {least}, got {value!r}")
    return int(value)
