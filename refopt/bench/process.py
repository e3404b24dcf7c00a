"""A process of its own for timings on one thread.

BLAS and XLA read how many threads they may use when they are loaded, which has happened by the time anybody asks for a timing.
So it runs in a process of its own, ``python -m refopt.bench``, whose environment says one. Where the system can do it (Linux)
that process also keeps to one core. For XLA hands small programs to a second thread all the same, and waking another core took
longer than the step: 145 µs instead of 63 µs for the smallest network.
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

__all__ = ["environment", "one_core", "one_thread", "rows"]

ONE_THREAD = (  # OpenMP (PyTorch, some BLAS), then the usual BLAS libraries, the last of them Apple's
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMBA_NUM_THREADS",
)  # fmt: skip
XLA = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"


def environment() -> dict[str, str]:
    """The environment of a process that finds the refopt that runs here."""
    here = str(Path(refopt.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH")]))}


def one_thread(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that computes on one thread."""
    return {
        **environment,
        **dict.fromkeys(ONE_THREAD, "1"),
        "XLA_FLAGS": f"{environment.get('XLA_FLAGS', '')} {XLA}".strip(),
        "JAX_PLATFORMS": "cpu",
    }


def one_core() -> None:
    """Keep this process, and every thread that it starts from now on, to one core, where the system can do it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def rows(what: str, blocks: int, names: list[str], said: Callable[[dict[str, Any]], None]) -> list[dict[str, Any]]:
    """The rows of a bench, timed in a process of its own; `said` is called with each as soon as it is there.

    OSError where the process fails.
    """
    found = []
    command = [sys.executable, "-m", "refopt.bench", what, str(blocks), *names]
    with subprocess.Popen(command, env=one_thread(environment()), stdout=subprocess.PIPE, encoding="utf-8") as process:
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
