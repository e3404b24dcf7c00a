"""Initialisation of weights: random, with a variance that keeps signals at one size from layer to layer.

`fan_in` is how many numbers a unit reads, `fan_out` how many units read one number.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refopt.recurrence import nearest

__all__ = ["INITIALISATIONS", "glorot", "he", "initial", "orthogonal", "small"]

Shape = tuple[int, ...]


def he(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> Any:
    """Variance 2/fan_in, for ReLU, which stops half of the signal (He et al. 2015, arXiv:1502.01852, equation 10)."""
    return rng.normal(0.0, math.sqrt(2 / fan_in), shape)


def glorot(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> Any:
    """Variance 2/(fan_in + fan_out), for tanh (Glorot & Bengio 2010, equation 12)."""
    return rng.normal(0.0, math.sqrt(2 / (fan_in + fan_out)), shape)


def orthogonal(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> Any:
    """A random rotation, whose powers neither grow nor shrink: for what is applied at every time step (Saxe et al. 2014,
    arXiv:1312.6120). The rows, or the columns where these are fewer, are orthonormal."""
    rows, columns = math.prod(shape[:-1]), shape[-1]
    q, r = np.linalg.qr(rng.normal(size=(max(rows, columns), min(rows, columns))))
    q = q * np.sign(np.diag(r))  # without this the rotations would not be uniform
    return (q if rows >= columns else q.T).reshape(shape)


def small(rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> Any:
    """Standard deviation 0.02, for embeddings (Radford et al. 2018, section 4.1)."""
    return rng.normal(0.0, 0.02, shape)


INITIALISATIONS = {"he": he, "glorot": glorot, "orthogonal": orthogonal, "small": small}


def initial(name: str, rng: np.random.Generator, shape: Shape, fan_in: int, fan_out: int) -> Any:
    """A starting value by the initialisation called `name`; ValueError if there is none."""
    if name not in INITIALISATIONS:
        raise ValueError(f"unknown initialisation {name!r}{nearest(name, INITIALISATIONS)}")
    return INITIALISATIONS[name](rng, shape, fan_in, fan_out)
