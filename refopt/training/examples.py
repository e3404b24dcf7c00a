"""What a net learns from and what it is measured on: checked once, and drawn in an order that the seed alone decides."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from refopt import numbers
from refopt.data import Split

__all__ = ["Examples", "digest", "dropout_seed", "orders", "taken"]

# The random numbers of a training are functions of the seed and of a place in the training, so that nothing has to be
# remembered to go on from any place. Beside the orders, which are drawn from the seed itself, there are these streams.
DROPOUT, HELD_OUT = 1, 2


class Examples(NamedTuple):
    """Inputs and targets to learn from, and those to measure on (None where there are none)."""

    x: np.ndarray
    y: np.ndarray
    x_validation: np.ndarray | None
    y_validation: np.ndarray | None


def orders(seed: int, examples: int, epoch: int = 1) -> Iterator[np.ndarray]:
    """The order of the examples in each epoch, from `epoch` on: the permutations that ``default_rng(seed)`` draws in turn."""
    rng = np.random.default_rng(seed)
    for _ in range(epoch - 1):
        rng.permutation(examples)
    while True:
        yield rng.permutation(examples)


def dropout_seed(seed: int, k: int) -> tuple[int, int, int]:
    """From what the masks of the update that comes after k updates are drawn."""
    return seed, DROPOUT, k


def taken(data: Any, validation: Any, seed: int, dtype: Any) -> Examples:
    """The examples of a training, floating-point ones in `dtype`.

    `data` is a `refopt.data.Split` or a pair (x, y). `validation` is a pair, a share of the examples to learn from, drawn by
    `seed`, or None: then the held-out part of a Split serves, and a pair has none.

    Raises TypeError for anything else, ValueError for lengths that differ, no examples, or numbers that are not finite.
    """
    if isinstance(data, Split):
        x, y = _pair(data[:2], "data's training part", dtype)
        held_out = data[2:] if validation is None and len(data.y_test) else None
    elif isinstance(data, (tuple, list)) and len(data) == 2:
        (x, y), held_out = _pair(data, "data", dtype), None
    else:
        raise TypeError(f"data must be a refopt.data.Split or a pair (x, y) of arrays, got {type(data).__name__}")
    if validation is None:
        pair = None if held_out is None else _pair(held_out, "data's held-out part", dtype)
        return Examples(x, y, *(pair or (None, None)))
    if isinstance(validation, (tuple, list)) and len(validation) == 2:
        return Examples(x, y, *_pair(validation, "validation", dtype))
    if not isinstance(validation, (float, np.floating)):
        raise TypeError(f"validation must be a pair (x, y) or a share between 0 and 1, got {validation!r}")
    count = round(float(validation) * len(y)) if 0 < validation < 1 else 0
    if not 0 < count < len(y):
        raise ValueError(
            f"validation={validation!r} of {len(y)} examples leaves nothing on one side; give a share between 0 and 1"
        )
    order = np.random.default_rng((seed, HELD_OUT)).permutation(len(y))
    held, kept = (numbers.beside(part, x) for part in np.split(order, [count]))
    return Examples(x[kept], y[kept], x[held], y[held])


def _pair(pair: Any, what: str, dtype: Any) -> tuple[np.ndarray, np.ndarray]:
    x, y = (part if hasattr(part, "shape") else np.asarray(part) for part in pair)
    for name, part in (("x", x), ("y", y)):
        if part.dtype.kind not in "biuf":
            raise TypeError(f"{name} of {what} must be an array of numbers, got dtype {part.dtype}")
        if not part.ndim:
            raise ValueError(f"{name} of {what} must hold one entry an example, got a single number")
    if len(x) != len(y):
        raise ValueError(f"{what} has {len(x)} inputs and {len(y)} targets; one target an example is needed")
    if not len(x):
        raise ValueError(f"{what} is empty; at least one example is needed")
    for name, part in (("x", x), ("y", y)):
        bad = part.size - int(np.isfinite(part).sum()) if part.dtype.kind == "f" else 0
        if bad:
            raise ValueError(f"{name} of {what} holds {bad} numbers that are not finite; remove or replace them first")
    return tuple(part.astype(dtype, copy=False) if part.dtype.kind == "f" else part for part in (x, y))  # type: ignore[return-value]


def digest(examples: Examples) -> str:
    """A fingerprint of the examples: a checkpoint goes on with the same ones only."""
    hash = hashlib.blake2b(digest_size=16)
    for part in examples:
        if part is not None:
            hash.update(f"{part.dtype.str}{part.shape}".encode())
            hash.update(np.ascontiguousarray(numbers.to_host(part)).data)
    return hash.hexdigest()
