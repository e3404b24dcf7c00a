"""How long ``import refopt`` takes, beside ``import numpy``, without which it is nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

from refopt.bench.machine import circumstances
from refopt.bench.process import environment
from refopt.bench.turns import quartiles

__all__ = ["importing"]


def importing(rounds: int = 15) -> dict[str, Any]:
    """Seconds of a new process that imports refopt beyond one that imports nothing, and those of NumPy; in turns.

    Medians of `rounds`; ``spread`` are the quartiles, ``ratio`` those of the whole process beside one that imports NumPy.
    """
    lines = {"nothing": "pass", "numpy": "import numpy", "refopt": "import refopt"}
    seconds: dict[str, list[float]] = {name: [] for name in lines}
    for turn in range(-1, rounds):  # the first fetches files
        for name, line in lines.items():
            begin = time.perf_counter()
            subprocess.run([sys.executable, "-c", line], check=True, env=environment())
            if turn >= 0:
                seconds[name].append(time.perf_counter() - begin)
    beyond = {
        name: quartiles([mine - none for mine, none in zip(found, seconds["nothing"], strict=True)])
        for name, found in seconds.items()
    }
    return {
        "what": "a new process that imports refopt, beyond one that imports nothing",
        "rounds": rounds,
        "seconds": beyond["refopt"][1],
        "spread": beyond["refopt"],
        "of which numpy": beyond["numpy"][1],
        "ratio": quartiles([ours / its for ours, its in zip(seconds["refopt"], seconds["numpy"], strict=True)]),
        **circumstances("numpy"),
    }
