"""What a training on a device puts off: whether the numbers of an update were finite is asked once an epoch.

A loop that reads each loss waits for the device at each step, and the device waits for the loop. Here losses and the parts of
gradient norms stay where they were computed until the epoch is over, or until a checkpoint is due; then they are brought to the
host in one piece. Where one of them is not finite the training goes back to where it stood when it asked last, which was
kept, and makes again the updates before that one. They are functions of that place alone, so that the history is the same as
if each number had been looked at in time.
"""

from __future__ import annotations

import math
from copy import copy, deepcopy
from typing import Any

import numpy as np

from refopt import numbers
from refopt.training.measuring import Parts
from refopt.training.run import Run

__all__ = ["Later", "first_not_finite"]


class Later:
    """The numbers of up to `updates` updates that wait on the device of `theta`, and the run as it stood before them."""

    def __init__(self, theta: Any, updates: int) -> None:
        self._told = np.empty((updates, 1 + len(Parts._fields)), np.float64, like=theta)
        self.waiting = 0
        self._before: Run | None = None

    def begin(self, run: Run) -> None:
        """Remember where the training stands; `run` goes on in arrays that are its own."""
        self._before = copy(run)
        self._before.theta, self._before.state = run.theta.copy(), deepcopy(run.state)

    def note(self, loss: Any, g: Any) -> None:
        """Put down the loss and the gradient of an update."""
        for place, number in enumerate((loss, *Parts.of(g))):
            self._told[self.waiting, place] = number
        self.waiting += 1

    def read(self) -> tuple[list[float], list[float]]:
        """The losses and the gradient norms that waited, brought to the host."""
        rows = numbers.to_host(self._told[: self.waiting])
        self.waiting = 0
        return rows[:, 0].tolist(), [Parts(*row).norm for row in rows[:, 1:].tolist()]

    def go_back(self, run: Run) -> None:
        """Let the run stand where it stood at `begin`."""
        before = self._before
        assert before is not None
        run.theta, run.state, run.running = before.theta, before.state, before.running
        run.updates, run.batch, run.dropout, run.update_norm = before.updates, before.batch, before.dropout, None
        del run.lrs[before.updates :]


def first_not_finite(losses: list[float], lengths: list[float]) -> int | None:
    """Which update had a loss or a gradient that is not finite, the first one; None: all were finite."""
    pairs = zip(losses, lengths, strict=True)
    return next((k for k, pair in enumerate(pairs) if not all(map(math.isfinite, pair))), None)
