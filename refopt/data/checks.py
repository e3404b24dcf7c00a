"""What the arguments of this room may be: each check returns the argument as a plain value, or says what is allowed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["examples", "floating", "generator", "labels", "pixels", "real", "share", "whole"]


def whole(name: str, value: Any, least: int = 1, most: int | None = None) -> int:
    """A whole number from `least` to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    if value < least or (most is not None and value > most):
        raise ValueError(f"{name} must be {f'at least {least}' if most is None else f'from {least} to {most}'}, got {value!r}")
    return int(value)


def real(name: str, value: Any, least: float = 0.0, most: float = math.inf) -> float:
    """A finite number from `least` to `most`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name} must be a number, got {value!r}")
    if not (math.isfinite(value) and least <= value <= most):
        bounds = f"finite and at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise ValueError(f"{name} must be {bounds}, got {value!r}")
    return float(value)


def share(held_out: Any) -> float:
    """The share of the test part, strictly between 0 and 1."""
    if isinstance(held_out, (bool, np.bool_)) or not isinstance(held_out, (int, float, np.integer, np.floating)):
        raise TypeError(f"held_out must be a share between 0 and 1, got {held_out!r}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out must be a share between 0 and 1, got {held_out!r}")
    return float(held_out)


def generator(seed: Any) -> np.random.Generator:
    """``np.random.default_rng(seed)`` of a whole number: the same seed gives the same bits."""
    return np.random.default_rng(whole("seed", seed, least=0))


def floating(dtype: Any) -> np.dtype[Any]:
    """A real floating-point dtype of NumPy."""
    return _dtype(dtype, lambda given: given.kind == "f", "a floating-point type such as np.float32")


def pixels(dtype: Any) -> np.dtype[Any]:
    """The dtype of pixels: floating-point (from 0 to 1), or uint8 as in the file."""
    allowed = "a floating-point type such as np.float32, or np.uint8 for pixels as they are in the file"
    return _dtype(dtype, lambda given: given.kind == "f" or given == np.uint8, allowed)


def _dtype(dtype: Any, allows: Any, allowed: str) -> np.dtype[Any]:
    try:
        given = np.dtype(dtype)
    except (TypeError, ValueError):
        raise TypeError(f"dtype must be {allowed}, got {dtype!r}") from None
    if dtype is None or not allows(given):
        raise TypeError(f"dtype must be {allowed}, got {dtype!r}")
    return given.newbyteorder("=")


def examples(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Two arrays with one entry an example along the first axis."""
    x, y = np.asarray(x), np.asarray(y)
    if not x.ndim or not y.ndim or len(x) != len(y):
        raise ValueError(f"x and y must have one entry an example along the first axis, got shapes {x.shape} and {y.shape}")
    return x, y


def labels(y: Any) -> np.ndarray:
    """Labels: whole numbers from 0, one an example."""
    y = np.asarray(y)
    if y.ndim != 1 or y.dtype.kind not in "iu":
        raise ValueError(f"labels must be whole numbers, one an example, in an array of shape (n,); got {y.dtype} {y.shape}")
    if len(y) and y.min() < 0:
        raise ValueError(f"labels must be whole numbers from 0, got {y.min()}")
    return y
