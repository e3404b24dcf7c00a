"""A network's loss over fixed examples: a function of theta alone."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from operator import index
from typing import Any

import numpy as np

from refopt.training.measuring import PART

__all__ = ["Objective", "as_theta", "whole"]


def as_theta(theta: Any, size: int | None = None, name: str = "theta") -> np.ndarray:
    """`theta` as a float64 vector. ValueError for anything but a vector of finite numbers (of `size`, if given)."""
    try:
        vector = np.asarray(theta, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{name} must be a vector of numbers, got {type(theta).__name__}") from None
    if vector.ndim != 1 or not vector.size or size not in (None, vector.size):
        raise ValueError(f"{name} must be a vector of {'' if size is None else f'{size} '}numbers, got shape {vector.shape}")
    if not np.isfinite(vector).all():
        raise ValueError(f"{name} holds NaN or infinity")
    return vector


def whole(value: Any, name: str, least: int = 1) -> int:
    """`value` as a whole number of at least `least`. ValueError for anything else."""
    try:
        number = None if isinstance(value, bool) else index(value)
    except TypeError:
        number = None
    if number is None or number < least:
        allowed = "a positive whole number" if least == 1 else f"a whole number of at least {least}"
        raise ValueError(f"{name} must be {allowed}, got {value!r}")
    return number


class Objective:
    """The loss of `net` over the examples x, y as a function of theta, with its slope and curvature, all in float64.

    It has the words of a toy function, so that either can be looked at: ``loss(theta)``, ``grad(theta)``, and
    ``hvp(theta, v)``, the Hessian times v. Every theta is a vector of ``net.size`` numbers.

    The examples pass in parts of `batch_size` (default: as many as are 4 MiB), whose means are weighted by their sizes, so the
    result does not depend on it but for rounding. With batch normalisation it would: give the `running` statistics, or
    everything is one batch.

    >>> net, data = refopt.nets.MLP([64, 10]), refopt.data.digits()
    >>> objective = Objective(net, data.x_train, data.y_train)
    >>> round(objective.loss(np.zeros(net.size)), 6)  # log 10
    2.302585
    """

    def __init__(self, net: Any, x: Any, y: Any, *, running: Any = None, batch_size: int | None = None) -> None:
        x, y = np.asarray(x), np.asarray(y)
        if not x.ndim or not y.ndim or not len(y) or len(x) != len(y):
            raise ValueError(f"x and y must hold the same number of examples, at least one; got shapes {x.shape} and {y.shape}")
        self.net, self.size = net, net.size
        self.x = x.astype(np.float64, copy=False) if x.dtype.kind == "f" else x
        self.y = y.astype(np.float64, copy=False) if y.dtype.kind == "f" else y
        self.words = {} if running is None else {"running": as_theta(running, name="running")}
        one = getattr(net, "running_size", 0) and running is None
        if batch_size is None:
            batch_size = len(y) if one else max(PART * len(y) // max(self.x.nbytes, 1), 1)
        elif whole(batch_size, "batch_size") < len(y) and one:
            raise ValueError("with batch normalisation the parts would have statistics of their own; give running=")
        self.batch_size = index(batch_size)

    def __repr__(self) -> str:
        return f"Objective({self.net}, {len(self.y)} examples)"

    def __deepcopy__(self, memo: Any) -> Objective:
        """Another network, which may compute in another thread, over the same examples."""
        other = copy.copy(self)
        other.net = copy.deepcopy(self.net, memo)
        return other

    def loss(self, theta: Any) -> float:
        """The mean loss over the examples, and the net's penalty."""
        theta = as_theta(theta, self.size)
        return math.fsum(share * float(self.net.loss(theta, x, y, **self.words)) for share, x, y in self.parts())

    def grad(self, theta: Any) -> np.ndarray:
        """Its gradient, (n,)."""
        theta = as_theta(theta, self.size)
        return self._sum(share * self.net.loss_and_grad(theta, x, y, **self.words)[1] for share, x, y in self.parts())

    def hvp(self, theta: Any, v: Any) -> np.ndarray:
        """Its Hessian at theta times the vector v, (n,), exact to rounding."""
        theta, v = as_theta(theta, self.size), as_theta(v, self.size, "v")
        return self._sum(share * self.net.hvp(theta, v, x, y, **self.words) for share, x, y in self.parts())

    def parts(self) -> Iterator[tuple[float, np.ndarray, np.ndarray]]:
        """The examples in parts, each with its share of them all."""
        for start in range(0, len(self.y), self.batch_size):
            part = slice(start, start + self.batch_size)
            yield len(self.y[part]) / len(self.y), self.x[part], self.y[part]

    def _sum(self, vectors: Any) -> np.ndarray:
        total = np.zeros(self.size)
        for vector in vectors:
            total += vector
        return total
