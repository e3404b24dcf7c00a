"""One look for every figure, light or dark: colours that colour-blind readers can tell apart (Okabe & Ito), dashes.

Every drawing function takes an ``ax`` and returns it; without one it makes a figure of its own. What it draws in, paper and
ink, it asks of ``matplotlib.rcParams``, so that a caller's style holds:
``with refopt.view.theme("dark"): refopt.view.contour(…)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

from refopt.recurrence import nearest

__all__ = ["COLORS", "DARK", "RC", "line_styles", "new_axes", "palette", "theme"]

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31", "#7F7F7F")
ON_DARK = ("#56B4E9", "#FF8C42", "#2FCB9A", "#E39BC4", "#F0C04A", "#4F9DE0", "#FFFFFF", "#C9A66B", "#A8A8A8")
DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.2)), (0, (6, 1.5, 1.5, 1.5)))

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

PAPER, INK, FAINT = "#14181f", "#e8eaed", "#3a414c"
DARK: dict[Any, Any] = RC | {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": FAINT,
    "axes.prop_cycle": cycler(color=ON_DARK),
}
THEMES = {"light": RC | {"axes.prop_cycle": cycler(color=COLORS)}, "dark": DARK}


def theme(name: str = "light") -> AbstractContextManager[None]:
    """The look of what is drawn inside a ``with``: "light" or "dark"."""
    if name not in THEMES:
        raise ValueError(f"unknown theme {name!r}{nearest(name, THEMES)}")
    return mpl.rc_context(THEMES[name])


def palette() -> tuple[str, ...]:
    """The colours of lines on the paper of now."""
    return ON_DARK if on_dark() else COLORS


def on_dark() -> bool:
    """Whether the paper of now is dark."""
    red, green, blue = mpl.colors.to_rgb(mpl.rcParams["axes.facecolor"])
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def new_axes(ax: Any = None, size: tuple[float, float] = (6.2, 4.6), **options: Any) -> Any:
    """`ax`, or where there is none the axes of a new figure of `size` inches (`options`: as of ``Figure.add_subplot``)."""
    if ax is not None:
        return ax
    with mpl.rc_context(RC) if not on_dark() else mpl.rc_context():
        return Figure(figsize=size, layout="constrained").add_subplot(**options)


def line_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour and a dash for each name, the same in every panel."""
    colors = palette()
    return {
        name: {"color": colors[i % len(colors)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 2.0}
        for i, name in enumerate(names)
    }
