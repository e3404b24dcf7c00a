"""Writing figures: whole files or none, and the same bytes for the same figure."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl

from refopt.view.style import RC

__all__ = ["save"]


def save(figure: Any, directory: str | Path, name: str, kinds: str | Sequence[str] = ("png", "svg")) -> list[Path]:
    """Write a figure, or the one that axes belong to, to ``directory/name.kind`` for each kind; returns the paths.

    The directory is made where there is none. A file appears under its name only when it is complete.
    """
    figure, kinds = figure.figure, [kinds] if isinstance(kinds, str) else kinds
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for kind in kinds:
        handle, partial = tempfile.mkstemp(suffix=f".{kind}", dir=directory)
        os.close(handle)
        try:
            with mpl.rc_context(RC):  # the ids inside an SVG must not be random
                paper, about = figure.get_facecolor(), {"Date": None} if kind == "svg" else None
                dots = 110 if kind == "svg" else 150  # an inch; in an SVG only the grounds are made of dots
                figure.savefig(partial, format=kind, dpi=dots, facecolor=paper, metadata=about)
            os.chmod(partial, 0o644)
            os.replace(partial, directory / f"{name}.{kind}")
        except BaseException:
            os.unlink(partial)
            raise
        paths.append(directory / f"{name}.{kind}")
    return paths
