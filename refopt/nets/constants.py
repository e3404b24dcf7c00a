"""Small constant arrays, kept from call to call: making them anew would cost as much as using them.

`kind` is the type of the arrays that they meet, so that a constant lives where those live (host or device). They must not be
written to.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from types import ModuleType
from typing import Any

__all__ = ["library", "ones", "scalar", "smoothed"]


@lru_cache(maxsize=64)
def ones(n: int, dtype: Any, kind: type) -> Any:
    """n ones. ``ones(…).dot(a)`` sums the rows of `a`, in half the time of ``a.sum(axis=0)`` where `a` is small."""
    return library(kind).ones(n, dtype=dtype)


@lru_cache(maxsize=64)
def scalar(value: float, dtype: Any, kind: type) -> Any:
    """The number as an array of its own: a ufunc takes a quarter of a microsecond longer to make one of a Python number."""
    return library(kind).array(value, dtype=dtype)


@lru_cache(maxsize=64)
def smoothed(n: int, smoothing: float, dtype: Any, kind: type) -> Any:
    """(1 − smoothing)·unit matrix + smoothing/n, (n, n): column j is the distribution that label j stands for."""
    unit = library(kind).eye(n, dtype=dtype)
    return unit if not smoothing else unit * (1 - smoothing) + smoothing / n


def library(kind: type) -> ModuleType:
    """The module that an array type comes from: numpy, cupy."""
    return sys.modules[kind.__module__.partition(".")[0]]
