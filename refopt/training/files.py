"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["discard_partials", "write_whole"]


def write_whole(path: str | Path, write: Callable[[BinaryIO], Any]) -> Path:
    """Let `write` fill a file beside `path`, bring it to the disk, and only then give it the name; returns the path.

    Whenever the process or the machine stops, `path` is the old file or the new one. Creates no directories.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no directory {path.parent}")
    handle, partial = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
    _sync_directory(path.parent)
    return path


def discard_partials(path: str | Path) -> None:
    """Remove what writers of `path` that were killed have left beside it."""
    path = Path(path)
    for partial in path.parent.glob(".*.partial"):
        if partial.name.startswith(f".{path.name}."):
            partial.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Bring the new name to the disk too, where the system lets a directory be opened."""
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
