"""Mini-batches as indices, in an order that can be found again in the middle of a run."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from refopt.data import checks
from refopt.recurrence import nearest

__all__ = ["LAST", "batches"]

LAST = {
    "drop": "the examples left over after the last full batch wait for the next epoch's order",
    "keep": "they make a smaller batch",
}


def batches(n: int, batch_size: int, seed: int = 0, epoch: int = 0, last: str = "drop") -> list[np.ndarray]:
    """The batches of one epoch: arrays of indices into `n` examples, drawn without replacement.

    The order is a function of `n`, `seed` and `epoch` alone (a generator of its own for each epoch, spawned from the seed),
    so a run that is resumed at an epoch sees what it would have seen. `last` says what becomes of the examples left over:
    "drop" gives full batches only, "keep" ends with a smaller one.

    >>> [len(batch) for batch in batches(10, 4)], [len(batch) for batch in batches(10, 4, last="keep")]
    ([4, 4], [4, 4, 2])
    """
    n = checks.whole("n", n)
    batch_size = checks.whole("batch_size", batch_size, most=n)
    seed, epoch = checks.whole("seed", seed, least=0), checks.whole("epoch", epoch, least=0)
    if last not in LAST:
        raise ValueError(f"unknown last {last!r}{nearest(last, LAST)}")
    # spawn_key and not [seed, epoch]: default_rng([seed, 0]) gives the bits of default_rng(seed), which the data had
    order = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(epoch,))).permutation(n)
    starts: Iterable[int] = range(0, n if last == "keep" else n - n % batch_size, batch_size)
    return [order[start : start + batch_size] for start in starts]
