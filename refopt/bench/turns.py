"""Taking turns: a machine whose speed drifts slows all that are compared alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["WARM_UP", "Timing", "interleaved"]

WARM_UP = 2  # blocks that are not counted: memory is fetched, programs are compiled


@dataclass
class Timing:
    """What the counted blocks of one run took.

    `blocks` holds each block's median of the seconds of one step; `loss` is what the last step of a block returned; `cpu` and
    `wall` are the seconds of all counted blocks, of processor and clock.
    """

    blocks: list[float] = field(default_factory=list)
    loss: float = float("nan")
    cpu: float = 0.0
    wall: float = 0.0

    @property
    def seconds(self) -> float:
        """Seconds of one step: the median of the blocks."""
        return statistics.median(self.blocks)

    @property
    def busy(self) -> float:
        """Seconds of processor time for each second of the clock: how many threads really worked."""
        return self.cpu / self.wall

    def times_as_long_as(self, other: Timing) -> tuple[float, float, float]:
        """The ratio of two runs that took turns: lower quartile, median and upper quartile over the blocks."""
        ratios = [mine / its for mine, its in zip(self.blocks, other.blocks, strict=True)]
        if len(ratios) == 1:
            return ratios[0], ratios[0], ratios[0]
        low, middle, high = statistics.quantiles(ratios, n=4, method="inclusive")
        return low, middle, high


def interleaved(runs: Mapping[str, Callable[[], Callable[[], Any]]], blocks: int, steps: int) -> dict[str, Timing]:
    """Time `blocks` turns, after some to warm up, in which every run starts anew and makes `steps` steps.

    A run is a function that makes everything ready and returns its step; the step returns the loss, or a function that knows.
    """
    timings = {name: Timing() for name in runs}
    for turn in range(-WARM_UP, blocks):
        for name, start in runs.items():
            step, seconds, timing = start(), [], timings[name]
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(steps):
                begin = time.perf_counter()
                loss = step()
                seconds.append(time.perf_counter() - begin)
            if turn >= 0:
                timing.blocks.append(statistics.median(seconds))
                timing.cpu += time.process_time() - cpu
                timing.wall += time.perf_counter() - wall
                timing.loss = float(loss() if callable(loss) else loss)
    return timings
