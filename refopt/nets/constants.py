"""Small constant arrays, kept from call to call: making them anew would cost as much as using them.

Each has the dtype and lives in the memory (host or device) of the array `like`. They are read-only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

__all__ = ["counting", "one_hot", "ones"]


def ones(n: int, like: Any) -> Any:
    """n ones. ``ones(n, a).dot(a)`` sums the n rows of `a`, in half the time of ``a.sum(axis=0)`` where `a` is small."""
    return _kept(np.ones, n, like.dtype) if type(like) is np.ndarray else np.ones(n, like.dtype, like=like)


def counting(n: int, like: Any) -> Any:
    """0, 1, …, n − 1 as indices."""
    return _kept(np.arange, n, np.intp) if type(like) is np.ndarray else np.arange(n, dtype=np.intp, like=like)


def one_hot(n: int, like: Any) -> Any:
    """The unit matrix (n, n): column j is the one-hot vector of label j."""
    return _kept(np.eye, n, like.dtype) if type(like) is np.ndarray else np.eye(n, dtype=like.dtype, like=like)


@lru_cache(maxsize=64)
def _kept(make: Callable[..., Any], n: int, dtype: Any) -> Any:
    array = make(n, dtype=dtype)
    array.flags.writeable = False
    return array
