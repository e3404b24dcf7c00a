"""A process of its own for timings on one thread, or on so many.

BLAS and XLA read how many threads they may use when they are loaded, which has happened by the time anybody asks for a timing.
So it runs in a process of its own, ``python -m refopt.bench``, whose environment says how many. Where the system can do it
(Linux) that process also keeps to as many cores. For XLA hands small programs to a second thread all the same, and waking
another core took longer than the step: 145 µs instead of 63 µs for the smallest network.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import refopt
from refopt.bench.machine import cores

__all__ = ["demand_cores", "environment", "keep_to", "on_threads", "rows"]

THREADS = (  # OpenMP (PyTorch, some BLAS), then the usual BLAS libraries, the last of them Apple's
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)  # fmt: skip
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def environment() -> dict[str, str]:
    """The environment of a process that finds the refopt that runs here."""
    here = str(Path(refopt.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}


def on_threads(environment: Mapping[str, str], count: int) -> dict[str, str]:
    """The environment of a process that computes on `count` threads."""
    found = {**environment, **dict.fromkeys(THREADS, str(count)), "NPROC": str(count), "JAX_PLATFORMS": "cpu"}
    if count == 1:
        found["XLA_FLAGS"] = f"{environment.get('XLA_FLAGS', '')} {XLA}".strip()
    return found


def demand_cores(threads: int) -> None:
    """ValueError where `threads` is not a number of threads that can run at once here."""
    if not isinstance(threads, int) or isinstance(threads, bool) or not 1 <= threads <= cores():
        raise ValueError(f"threads must be from 1 to {cores()}, the cores that this process may use; got {threads}")


def keep_to(count: int) -> None:
    """Keep this process, and every thread that it starts from now on, to `count` cores, where the system can do it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-count:])


def rows(
    what: str, blocks: int, names: list[str], said: Callable[[dict[str, Any]], None], threads: int = 1
) -> list[dict[str, Any]]:
    """The rows of a bench, timed in a process of its own; `said` is called with each as soon as it is there.

    OSError where the process fails.
    """
    found = []
    command = [sys.executable, "-m", "refopt.bench", what, str(blocks), str(threads), *names]
    surroundings = on_threads(environment(), threads)
    with subprocess.Popen(command, env=surroundings, stdout=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                found.append(json.loads(line))
                said(found[-1])
        except BaseException:  # nobody waits for the rest
            process.kill()
            raise
    if process.returncode:
        raise OSError(f"the process that measures ended with status {process.returncode}")
    return found
