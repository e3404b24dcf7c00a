"""Examples to learn from and examples held out: the form in which all data of refopt come."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refopt.data import checks

__all__ = ["Split", "class_counts", "cut", "split"]


class Split(NamedTuple):
    """Examples to learn from and examples held out.

    `x` is (n, features); images are (n, height, width, channels), sequences (n, steps, features), tokens (n, steps) of whole
    numbers. `y` holds whole-number labels (n,) as int64, or the targets of a regression (n, outputs) in the dtype of `x`.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def split(x: Any, y: Any, held_out: float = 0.25, seed: int = 0, stratify: bool = False) -> Split:
    """Examples of your own, shuffled by `seed` and split. Every example lands in exactly one part.

    The test part has ``round(held_out * n)`` examples. With `stratify` each class gives its share: at most one example more
    or less than `held_out` times its number, so that the parts hold the classes in the same proportions. That takes labels
    (n,); without it `x` and `y` may be any arrays with one entry an example along the first axis.

    >>> x, y = np.arange(8.0).reshape(8, 1), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    >>> parts = split(x, y, held_out=0.5, stratify=True)
    >>> class_counts(parts.y_train), class_counts(parts.y_test)
    ({0: 3, 1: 1}, {0: 3, 1: 1})
    """
    x, y = checks.examples(x, y)
    order = checks.generator(seed).permutation(len(x))
    if stratify:
        order = order[_classes_in_proportion(checks.labels(y)[order], _held_out(len(x), held_out))]
    return cut(x[order], y[order], held_out)


def cut(x: np.ndarray, y: np.ndarray, held_out: float) -> Split:
    """Examples in random order already: the last ones are the test part. The parts are views."""
    train = len(x) - _held_out(len(x), held_out)
    return Split(x[:train], y[:train], x[train:], y[train:])


def _held_out(n: int, held_out: float) -> int:
    test = round(checks.share(held_out) * n)
    if not 0 < test < n:
        raise ValueError(f"both parts need an example, but held_out={held_out!r} of {n} examples holds out {test}")
    return test


def _classes_in_proportion(y: np.ndarray, test: int) -> np.ndarray:
    """An order of the examples whose last `test` hold the classes in proportion; the parts keep the order they had.

    Each class gives its quota rounded down, and the classes with the largest remainders one more until the number is right.
    """
    _, y, counts = np.unique(y, return_inverse=True, return_counts=True)
    given, remainder = np.divmod(counts * test, len(y))  # in whole numbers, so that ties are ties
    given[np.argsort(-remainder, kind="stable")[: test - given.sum()]] += 1
    by_class = np.argsort(y, kind="stable")
    rank = np.empty_like(y)
    rank[by_class] = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)  # which of its class an example is
    return np.argsort(rank < given[y], kind="stable")


def class_counts(y: Any) -> dict[int, int]:
    """How many examples each label has, in order of the labels.

    >>> class_counts(np.array([2, 0, 2, 2]))
    {0: 1, 2: 3}
    """
    found, counts = np.unique(checks.labels(y), return_counts=True)
    return dict(zip(found.tolist(), counts.tolist(), strict=True))
