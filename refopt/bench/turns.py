"""Taking turns: a machine whose speed drifts slows all that are compared alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["WARM_UP", "Timing", "clocked", "interleaved", "quartiles"]

WARM_UP = 2  # blocks that are not counted: memory is fetched, programs are compiled


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median and upper quartile; of one value that value."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


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
    def spread(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of the seconds of one step over the blocks."""
        return quartiles(self.blocks)

    @property
    def busy(self) -> float:
        """Seconds of processor time for each second of the clock: how many threads really worked."""
        return self.cpu / self.wall

    def times_as_long_as(self, other: Timing) -> tuple[float, float, float]:
        """The ratio of two runs that took turns: lower quartile, median and upper quartile over the blocks."""
        return quartiles([mine / its for mine, its in zip(self.blocks, other.blocks, strict=True)])


def clocked(step: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that a step takes, by the clock, and what it returns."""
    begin = time.perf_counter()
    loss = step()
    return time.perf_counter() - begin, loss


def interleaved(
    runs: Mapping[str, Callable[[], Callable[[], Any]]],
    blocks: int,
    steps: int,
    clocked: Callable[[Callable[[], Any]], tuple[float, Any]] = clocked,
) -> dict[str, Timing]:
    """Time `blocks` turns, after some to warm up, in which every run starts anew and makes `steps` steps.

    A run is a function that makes everything ready and returns its step; the step returns the loss, or a function that knows.
    What a run made ready is let go before the next one starts. `clocked` measures one step.
    """
    timings = {name: Timing() for name in runs}
    for turn in range(-WARM_UP, blocks):
        for name, start in runs.items():
            step, seconds, timing = start(), [], timings[name]
            cpu, wall = time.process_time(), time.perf_counter()
            for _ in range(steps):
                taken, loss = clocked(step)
                seconds.append(taken)
            if turn >= 0:
                timing.blocks.append(statistics.median(seconds))
                timing.cpu += time.process_time() - cpu
                timing.wall += time.perf_counter() - wall
                timing.loss = float(loss() if callable(loss) else loss)
            del step, loss
    return timings
