"""The directory that --out names."""

from __future__ import annotations

import tempfile
from pathlib import Path

__all__ = ["demand_writable"]


def demand_writable(directory: str) -> None:
    """Create a directory, and raise ValueError or OSError with a clear message where nothing can be written into it."""
    if not directory:
        raise ValueError("--out must name a directory")
    try:
        Path(directory).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise OSError(f"cannot write into {directory}: {error.strerror}") from None
