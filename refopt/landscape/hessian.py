"""The Hessian as something that multiplies vectors."""

from __future__ import annotations

from collections.abc import Callable
from operator import index
from typing import Any

import numpy as np

from refopt.landscape.objective import as_theta

__all__ = ["Hessian", "as_product", "hessian"]

DENSE = 1 << 30  # bytes that a dense Hessian may take


class Hessian:
    """A symmetric matrix (n, n) of which only its product with a vector is known: ``H @ v``, for v (n,) or (n, k)."""

    def __init__(self, product: Callable[[np.ndarray], Any], size: int) -> None:
        self.product, self.size = product, index(size)
        self.shape = (self.size, self.size)

    def __repr__(self) -> str:
        return f"Hessian({self.size})"

    def __matmul__(self, v: Any) -> np.ndarray:
        v = np.asarray(v, dtype=np.float64)
        if v.ndim == 2:
            return np.stack([self @ column for column in v.T], axis=1)
        made = np.asarray(self.product(as_theta(v, self.size, "v")), dtype=np.float64)
        if not np.isfinite(made).all():
            raise ArithmeticError("the Hessian is not finite here")
        return made

    def dense(self) -> np.ndarray:
        """The whole matrix (n, n), from n products. ValueError where it would take more than a gigabyte."""
        if 8 * self.size**2 > DENSE:
            raise ValueError(f"a dense Hessian of {self.size} parameters takes {8 * self.size**2 / 1e9:.1f} GB")
        return self @ np.eye(self.size)


def hessian(objective: Any, theta: Any) -> Hessian:
    """The Hessian of an `Objective` at theta, by exact products; or of a toy function, which knows it: ``hessian(theta)``.

    >>> net = refopt.nets.MLP([1, 1], loss="mse")  # (2 w + b − 1)²
    >>> hessian(refopt.landscape.Objective(net, [[2.0]], [[1.0]]), np.zeros(2)).dense()
    array([[8., 4.],
           [4., 2.]])
    """
    theta = as_theta(theta, getattr(objective, "size", None))
    if hasattr(objective, "hvp"):
        return Hessian(lambda v: objective.hvp(theta, v), theta.size)
    if not hasattr(objective, "hessian"):
        raise TypeError(f"a Hessian is found for what has hvp(theta, v) or hessian(theta), got {type(objective).__name__}")
    matrix = np.asarray(objective.hessian(theta), dtype=np.float64)
    return Hessian(lambda v: matrix @ v, theta.size)


def as_product(H: Any) -> Hessian:
    """A `Hessian`, or any square symmetric matrix as one."""
    if isinstance(H, Hessian):
        return H
    shape = np.shape(H)
    if len(shape) != 2 or shape[0] != shape[1] or not shape[0]:
        raise ValueError(f"a Hessian is a square matrix or a refopt.landscape.Hessian, got shape {shape}")
    matrix = np.asarray(H, dtype=np.float64)
    if not np.isfinite(matrix).all() or np.abs(matrix - matrix.T).max() > 1e-8 * np.abs(matrix).max():
        raise ValueError("a Hessian is symmetric and finite; this matrix is not")
    return Hessian(lambda v: matrix @ v, shape[0])
