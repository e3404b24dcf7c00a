"""The time of a proof."""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

from refopt.bench.machine import cpu, versions
from refopt.catalogue import rule

__all__ = ["proof"]


def proof(rounds: int = 5) -> dict[str, Any]:
    """Proving Adam, 100 parameters for 100 steps in float64 with error budgets: the median of `rounds` runs in seconds."""
    from refopt.exact import prove

    rng = np.random.default_rng(1)
    theta, gradients = rng.normal(size=100), rng.normal(size=(100, 100))
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        prove(rule("adam"), theta, gradients)
        seconds.append(time.perf_counter() - begin)
    return {
        "what": "prove(adam(), 100 parameters, 100 steps), float64, with budgets",
        "seconds": statistics.median(seconds),
        **versions("numpy", "python-flint"),
        "cpu": cpu(),
    }
