"""One look for every figure: colours that colour-blind readers can tell apart (Okabe & Ito), and a dash for each line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

__all__ = ["COLORS", "RC", "line_styles"]

RC: dict[Any, Any] = {
    "font.size": 11,
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "refopt",
}

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31", "#7F7F7F")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))


def line_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour and a dash for each name, the same in every panel."""
    return {
        name: {"color": COLORS[i % len(COLORS)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 2.0}
        for i, name in enumerate(names)
    }
