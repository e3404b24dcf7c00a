"""A loss at many points at once, in bounded memory."""

from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np

from refopt.landscape.objective import as_theta, whole

__all__ = ["evaluate", "losses_of"]

CHUNK = 1 << 24  # bytes of thetas in memory at once


def evaluate(
    loss: Callable[[Any], Any],
    centre: Any,
    directions: Any,
    coefficients: Any,
    *,
    vectorised: bool = False,
    chunk: int | None = None,
    threads: int = 1,
    progress: Callable[[int, int], Any] | None = None,
) -> np.ndarray:
    """The losses (m,) at centre + Σ_k coefficients[:, k]·directions[k], in float64.

    loss
        A function of theta (n,); with `vectorised` of thetas (chunk, n), as the toy functions' are.
    centre, directions, coefficients
        (n,), (k, n) and (m, k).
    chunk
        How many thetas are in memory at once (default: 16 MiB of them). The result does not depend on it: each theta is made
        and evaluated by itself.
    threads
        So many points at a time. Each thread has its own deep copy of the loss (a method is copied with its object,
        ``objective.loss`` with its network; a plain function is shared, and must bear it). Worth it where a point is much
        arithmetic, such as a convolution, and BLAS itself does not use the cores.
    progress
        Called with (points done, points in all) after every chunk.

    A point where the loss is not finite, or overflows, gets what the loss gives there: infinity or NaN.
    """
    centre = as_theta(centre, name="centre")
    directions = [as_theta(d, centre.size, "a direction") for d in directions]
    coefficients = np.asarray(coefficients, dtype=np.float64)
    if coefficients.ndim != 2 or coefficients.shape[1] != len(directions) or not np.isfinite(coefficients).all():
        raise ValueError(f"coefficients must be finite, (points, {len(directions)}), got shape {coefficients.shape}")

    def combined(start: int, stop: int) -> np.ndarray:
        thetas = np.broadcast_to(centre, (stop - start, centre.size)).copy()
        for column, d in zip(coefficients[start:stop].T, directions, strict=True):
            thetas += column[:, None] * d
        return thetas

    return _losses(loss, combined, (len(coefficients), centre.size), vectorised, chunk, threads, progress)


def losses_of(
    loss: Callable[[Any], Any],
    thetas: np.ndarray,
    *,
    vectorised: bool = False,
    chunk: int | None = None,
    threads: int = 1,
    progress: Callable[[int, int], Any] | None = None,
) -> np.ndarray:
    """The losses (m,) at thetas (m, n) that are given one by one; all else as `evaluate` has it."""
    return _losses(
        loss, lambda start, stop: thetas[start:stop].copy(), thetas.shape, vectorised, chunk, threads, progress
    )  # fmt: skip


def _losses(
    loss: Callable[[Any], Any],
    thetas_of: Callable[[int, int], np.ndarray],
    shape: tuple[int, ...],
    vectorised: bool,
    chunk: int | None,
    threads: int,
    progress: Callable[[int, int], Any] | None,
) -> np.ndarray:
    """The losses at the thetas that `thetas_of` makes from a start to a stop; `shape` is (how many, their size)."""
    count, size = shape
    threads = whole(threads, "threads")
    many = max(CHUNK // (8 * size), threads) if chunk is None else whole(chunk, "chunk")
    losses = np.empty(count)
    own = [loss, *(copy.deepcopy(loss) for _ in range(threads - 1))]

    def fill(start: int, stop: int, k: int) -> None:
        """One thread's share of a chunk."""
        thetas = thetas_of(start, stop)
        with np.errstate(all="ignore"):  # a thread has its own
            if vectorised:
                values = np.asarray(own[k](thetas), dtype=np.float64)
                if values.shape != (stop - start,):
                    raise ValueError(f"a vectorised loss of {stop - start} points must give as many values, got {values.shape}")
                losses[start:stop] = values
            else:
                losses[start:stop] = [_number(own[k](theta)) for theta in thetas]

    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(losses), many):
            stop = min(start + many, len(losses))
            cuts = np.linspace(start, stop, threads + 1).astype(int)
            spans = [(int(a), int(b), k) for k, (a, b) in enumerate(pairwise(cuts)) if b > a]
            if threads == 1:
                fill(*spans[0])
            else:
                for _ in pool.map(lambda span: fill(*span), spans):
                    pass
            if progress is not None:
                progress(stop, len(losses))
    return losses


def _number(value: Any) -> float:
    if np.ndim(value) != 0:
        raise ValueError(f"a loss must give one number for one theta, got shape {np.shape(value)}")
    return float(value)
