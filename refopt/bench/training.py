"""A training step beside other libraries, on one thread: processor time over clock time says whether one worked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from refopt import fast
from refopt.bench import process, steps
from refopt.bench.cases import CASES
from refopt.bench.machine import circumstances
from refopt.bench.memory import peak
from refopt.bench.turns import Timing, interleaved
from refopt.recurrence import nearest

__all__ = ["timed", "train"]


def train(
    only: Sequence[str] | None = None, blocks: int = 30, said: Callable[[dict[str, Any]], None] = lambda row: None
) -> dict[str, Any]:
    """One training step (loss, gradient, Adam) of each case in `CASES`, or of those in `only`, in refopt and other libraries.

    All are compared with PyTorch, perceptrons with JAX and Optax, too, where these are installed; convolutions with PyTorch in
    both orders of memory. refopt's updates are fused where numba is installed; then it takes part a second time without.
    float32, one thread, the same start, batches and optimizer (torch.optim.Adam with its default arguments); they take turns
    of one block of steps each, `blocks` times. `said` is called with the row of each case as soon as it is there. All cases
    take about 40 s.

    Returns ``cases``, the rows that `timed` describes, and the circumstances. ValueError for an unknown case or a case named
    twice, ImportError without PyTorch.
    """
    chosen = list(CASES) if only is None else list(only)
    for name in chosen:
        if name not in CASES:
            raise ValueError(f"unknown case {name!r}{nearest(name, CASES)}")
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"name each case once, and at least one; got {', '.join(chosen) or 'none'}")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
    if find_spec("torch") is None:
        raise ImportError("train compares with PyTorch, which is not installed: pip install torch")
    rows = process.rows("train", blocks, chosen, said)
    return {
        "what": "one training step (loss, gradient, Adam), float32, one thread; medians",
        "cases": rows,
        **circumstances("numpy", "numba", "torch", "jax", "optax"),
    }


def timed(name: str, blocks: int) -> dict[str, Any]:
    """The row of one case, measured here and now, on as many threads as the libraries take.

    Its ``libraries`` hold the microseconds of a step (``us``), the ``loss`` after a block, and how many threads were ``busy``;
    all but refopt also the lower quartile, median and upper quartile over the blocks of how many times as long as refopt they
    took (``ratio``), and the most memory that parameters, optimizer and three steps need (``peak_bytes``; None where the system
    does not say). What is compiled is so before the blocks that count. None stands for a library that is not installed.
    """
    case = CASES[name]
    theta, batches = case.network.init(0, np.float32), case.batches()
    fused = find_spec("numba") is not None
    runs = {"refopt": steps.refopt_step(case, theta, batches, "fused" if fused else "blocked")}
    if fused:
        runs["refopt, NumPy alone"] = steps.refopt_step(case, theta, batches, "blocked")
    runs["torch"] = steps.torch_step(case, theta, batches)
    if case.channels:
        runs["torch, channels_last"] = steps.torch_step(case, theta, batches, channels_last=True)
    elif find_spec("jax") is not None and find_spec("optax") is not None:
        runs["jax"] = steps.jax_step(case, theta, batches)
    with fast.using(fast.way()):  # each run takes its own
        timings = interleaved(runs, blocks, case.steps)
        peaks = {library: _peak(start) for library, start in runs.items()}
    found = {
        library: _result(timing, timings["refopt"]) | {"peak_bytes": peaks[library]} for library, timing in timings.items()
    }
    return {
        "case": name,
        "network": case.line,
        "batch": case.batch,
        "parameters": len(theta),
        "steps": case.steps,
        "blocks": blocks,
        "libraries": found if case.channels else {**found, "jax": found.get("jax")},
    }


def _peak(start: steps.Start) -> int | None:
    def run() -> None:
        step = start()
        for _ in range(3):
            step()

    return peak(run)


def _result(timing: Timing, ours: Timing) -> dict[str, Any]:
    """What a row says of one library."""
    spread = [seconds * 1e6 for seconds in timing.spread]
    said = {"us": timing.seconds * 1e6, "us_spread": spread, "loss": timing.loss, "busy": timing.busy}
    return said if timing is ours else said | {"ratio": timing.times_as_long_as(ours)}
