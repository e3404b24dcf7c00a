"""The time of a proof."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from refopt.bench.machine import circumstances
from refopt.bench.memory import peak
from refopt.bench.turns import quartiles
from refopt.catalogue import rule

__all__ = ["proof"]


def proof(rounds: int = 5) -> dict[str, Any]:
    """Proving Adam, 100 parameters for 100 steps in float64 with error budgets: the quartiles of `rounds` runs in seconds.

    ``plain_seconds`` are those of the same walk in float64, without a proof; ``peak_bytes`` the most memory of one more run.
    """
    from refopt.exact import prove

    rng = np.random.default_rng(1)
    theta, gradients = rng.normal(size=100), rng.normal(size=(100, 100))
    adam = rule("adam")

    def plain() -> None:
        x, state = theta, adam.init(theta)
        for g in gradients:
            x, state = adam.update(x, g, state)

    work = {"proof": lambda: prove(adam, theta, gradients), "plain": plain}
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            begin = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - begin)
    return {
        "what": "prove(adam(), 100 parameters, 100 steps), float64, with budgets",
        "rounds": rounds,
        "seconds": quartiles(seconds["proof"])[1],
        "spread": quartiles(seconds["proof"]),
        "plain_seconds": quartiles(seconds["plain"])[1],
        "ratio": quartiles([mine / its for mine, its in zip(seconds["proof"], seconds["plain"], strict=True)]),
        "peak_bytes": peak(work["proof"]),
        **circumstances("numpy", "python-flint"),
    }
