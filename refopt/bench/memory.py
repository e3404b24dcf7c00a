"""How much memory a run takes at its peak, asked of the system: what a library allocates by itself no tracer of Python sees."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

__all__ = ["peak", "resident"]

STATUS, PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(highest: bool = False) -> int | None:
    """The bytes of this process that lie in memory now, or the most there were since `peak` last began; None but on Linux."""
    with suppress(OSError):
        for line in STATUS.read_text().splitlines():
            if line.startswith("VmHWM:" if highest else "VmRSS:"):
                return int(line.split()[1]) * 1024
    return None


def peak(run: Callable[[], Any]) -> int | None:
    """By how many bytes the memory of this process grows at most while `run` runs; None where the system does not say.

    Memory that was freed earlier is handed back first, as far as that can be asked for: `run` could use it unseen.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
    try:
        PEAK.write_text("5")  # the peak begins anew
    except OSError:
        return None
    before = resident()
    run()
    after = resident(highest=True)
    return None if before is None or after is None else max(after - before, 0)
