"""On what a timing was measured."""

from __future__ import annotations

import datetime
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

__all__ = ["circumstances", "cores", "cpu", "versions"]


def cpu() -> str:
    """The processor and how many cores there are, as far as the system says."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:  # not Linux
        pass
    return f"{name}, {os.cpu_count()} cores"


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def versions(*packages: str) -> dict[str, str]:
    """The versions of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def circumstances(*packages: str) -> dict[str, Any]:
    """What every result of a bench says of its origin: ``versions``, ``date``, ``cpu``, ``system``."""
    return {
        "versions": versions(*packages),
        "date": datetime.date.today().isoformat(),
        "cpu": cpu(),
        "system": f"{platform.system()} {platform.machine()}".strip(),
    }
