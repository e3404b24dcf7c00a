"""Initialisation of weight matrices: normal, with a variance that keeps signals at one size from layer to layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["INITIALISATIONS", "glorot", "he"]


def he(rng: np.random.Generator, n_in: int, n_out: int) -> Any:
    """Variance 2/n_in, for ReLU, which stops half of the signal (He et al. 2015, arXiv:1502.01852, equation 10)."""
    return rng.normal(0.0, math.sqrt(2 / n_in), (n_in, n_out))


def glorot(rng: np.random.Generator, n_in: int, n_out: int) -> Any:
    """Variance 2/(n_in + n_out), for tanh (Glorot & Bengio 2010, equation 12)."""
    return rng.normal(0.0, math.sqrt(2 / (n_in + n_out)), (n_in, n_out))


INITIALISATIONS = {"he": he, "glorot": glorot}
