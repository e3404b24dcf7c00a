"""Pixels as files hold them, bytes from 0 to 255, become numbers from 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["scaled"]


def scaled(x: np.ndarray, dtype: np.dtype[Any], images: bool = True) -> np.ndarray:
    """Images (n, height, width, channels) of uint8 in `dtype`, contiguous: floating-point from 0 to 1, uint8 as they are.

    Without `images` every image becomes a row (n, height · width · channels).
    """
    x = np.ascontiguousarray(x) if dtype == np.uint8 else np.divide(x, 255, dtype=dtype, order="C")
    return x if images else x.reshape(len(x), -1)
