"""A training step beside other libraries, on one thread.

BLAS and XLA read how many threads they may use when they are loaded, which has happened by the time anybody calls `train`. So
the timing runs in a process of its own, ``python -m refopt.bench``, whose environment says one. Where the system can do it
(Linux) that process also keeps to one core. For XLA hands small programs to a second thread all the same, and waking another
core took longer than the step: 145 µs instead of 63 µs for the smallest network. Whether one thread worked is measured:
processor time over clock time.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

import refopt
from refopt.bench import steps
from refopt.bench.cases import CASES
from refopt.bench.machine import cpu, versions
from refopt.bench.turns import Timing, interleaved
from refopt.recurrence import nearest

__all__ = ["one_core", "one_thread", "timed", "train"]

ONE_THREAD = (  # OpenMP (PyTorch, some BLAS), then the usual BLAS libraries, the last of them Apple's
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def one_thread(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that computes on one thread, and finds the refopt that runs here."""
    return {
        **environment,
        **dict.fromkeys(ONE_THREAD, "1"),
        "XLA_FLAGS": f"{environment.get('XLA_FLAGS', '')} {XLA}".strip(),
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(refopt.__file__).parent.parent), environment.get("PYTHONPATH")])),
    }


def one_core() -> None:
    """Keep this process, and every thread that it starts from now on, to one core, where the system can do it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def train(
    only: Sequence[str] | None = None, blocks: int = 30, said: Callable[[dict[str, Any]], None] = lambda row: None
) -> dict[str, Any]:
    """One training step (loss, gradient, Adam) of each case in `CASES`, or of those in `only`, in refopt and other libraries.

    All are compared with PyTorch, perceptrons with JAX and Optax, too, where these are installed; convolutions with PyTorch in
    both orders of memory. float32, one thread, the same start, batches and optimizer (torch.optim.Adam with its default
    arguments); they take turns of one block of steps each, `blocks` times. `said` is called with the row of each case as soon
    as it is there. All cases take about 40 s.

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
    command = [sys.executable, "-m", "refopt.bench", str(blocks), *chosen]
    rows = []
    with subprocess.Popen(command, env=one_thread(os.environ), stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                rows.append(json.loads(line))
                said(rows[-1])
        except BaseException:  # nobody waits for the rest
            process.kill()
            raise
    if process.returncode:
        raise OSError(f"the process that measures ended with status {process.returncode}")
    return {
        "what": "one training step (loss, gradient, Adam), float32, one thread; medians",
        "cases": rows,
        "versions": versions("numpy", "torch", "jax", "optax"),
        "cpu": cpu(),
    }


def timed(name: str, blocks: int) -> dict[str, Any]:
    """The row of one case, measured here and now, on as many threads as the libraries take.

    Its ``libraries`` hold the microseconds of a step (``us``), the ``loss`` after a block, and how many threads were ``busy``;
    all but refopt also the lower quartile, median and upper quartile over the blocks of how many times as long as refopt they
    took (``ratio``). None stands for a library that is not installed.
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
    timings = interleaved(runs, blocks, case.steps)
    found = {library: _result(timing, timings["refopt"]) for library, timing in timings.items()}
    return {
        "case": name,
        "network": case.line,
        "batch": case.batch,
        "parameters": len(theta),
        "steps": case.steps,
        "blocks": blocks,
        "libraries": found if case.channels else {**found, "jax": found.get("jax")},
    }


def _result(timing: Timing, ours: Timing) -> dict[str, Any]:
    """What a row says of one library."""
    said = {"us": timing.seconds * 1e6, "loss": timing.loss, "busy": timing.busy}
    return said if timing is ours else said | {"ratio": timing.times_as_long_as(ours)}
