"""The time of a population: many starts as one array program, beside a loop that runs them one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from refopt import problems
from refopt.bench.machine import circumstances
from refopt.bench.memory import peak
from refopt.bench.turns import interleaved
from refopt.catalogue import rule
from refopt.training.population import race

__all__ = ["population"]


def population(blocks: int = 15, starts: int = 1000, steps: int = 200, sample: int = 10) -> dict[str, Any]:
    """Adam from many starts on Rosenbrock's function, in seconds: all together, and one by one.

    One by one is the everyday loop of ``rule.update``, over the first `sample` starts, scaled up to all of them; the two take
    turns. `ratio` holds the quartiles of how many times as long the loop takes. `loss` is the mean loss that each comes to on
    the sample: the same to the last bit. ``peak_bytes`` is the most memory that all together need.
    """
    if min(blocks, starts, sample) < 1 or steps < 0:
        raise ValueError(f"a bench needs at least one block, start and sample; got {blocks}, {starts} and {sample}")
    adam, rosenbrock = rule("adam", lr=0.1), problems.get("rosenbrock")
    (low, high), sample = np.array(rosenbrock.bounds).T, min(sample, starts)
    points = np.random.default_rng(0).uniform(low, high, (starts, 2))

    def together() -> Callable[[], Any]:
        def run() -> float:
            found = race(adam, rosenbrock, points, steps, keep="last")["adam"]
            return float(rosenbrock.loss(found.theta[:sample]).mean())

        return run

    def alone() -> Callable[[], Any]:
        def run() -> float:
            ends = []
            for theta in points[:sample]:
                state = adam.init(theta)
                for _ in range(steps):
                    theta, state = adam.update(theta, rosenbrock.grad(theta), state)
                ends.append(theta)
            return float(rosenbrock.loss(np.array(ends)).mean())

        return run

    timings = interleaved({"together": together, "alone": alone}, blocks, 1)
    scale = starts / sample
    low_ratio, ratio, high_ratio = timings["alone"].times_as_long_as(timings["together"])
    return {
        "what": f"adam on rosenbrock, {starts} starts, {steps} steps, float64",
        "seconds": timings["together"].seconds,
        "one_by_one": timings["alone"].seconds * scale,
        "sample": sample,
        "blocks": blocks,
        "ratio": [low_ratio * scale, ratio * scale, high_ratio * scale],
        "loss": {name: timing.loss for name, timing in timings.items()},
        "peak_bytes": peak(together()),
        **circumstances("numpy"),
    }
