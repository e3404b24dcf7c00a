"""How long ``import refopt`` takes, beside ``import numpy``, without which it is nothing."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import Any

from refopt.bench.machine import cpu, versions
from refopt.bench.process import environment

__all__ = ["importing"]


def importing(rounds: int = 15) -> dict[str, Any]:
    """Seconds of a new process that imports nothing, NumPy or refopt, in turns, medians of `rounds`."""
    lines = {"nothing": "pass", "numpy": "import numpy", "refopt": "import refopt"}
    seconds: dict[str, list[float]] = {name: [] for name in lines}
    for turn in range(-1, rounds):  # the first fetches files
        for name, line in lines.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", line], check=True, env=environment())
            if turn >= 0:
                seconds[name].append(time.perf_counter() - begin)
    medians = {name: statistics.median(found) for name, found in seconds.items()}
    return {
        "what": "a new process that imports refopt, beyond one that imports nothing; median",
        "seconds": medians["refopt"] - medians["nothing"],
        "of which numpy": medians["numpy"] - medians["nothing"],
        **versions("numpy"),
        "cpu": cpu(),
    }
