"""One look for every figure, light or dark: colours that colour-blind readers can tell apart (Okabe & Ito), dashes.

Every drawing function takes an ``ax`` and returns it; without one it makes a figure of its own. What it draws in, paper and
ink, it asks of ``matplotlib.rcParams``, so that a caller's style holds:
``with refopt.view.theme("dark"): refopt.view.contour(…)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from textwrap import wrap
from typing import Any

import matplotlib as mpl
from cycler import cycler
from matplotlib.figure import Figure

from refopt.recurrence import nearest

__all__ = [
    "COLORS", "DARK", "RC", "ink", "line_styles", "muted", "new_axes", "new_figure", "note", "on_dark", "outline",
    "palette", "theme",
]  # fmt: skip

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31", "#7F7F7F")
ON_DARK = ("#56B4E9", "#FF8C42", "#2FCB9A", "#E39BC4", "#F0C04A", "#A394FF", "#FFFFFF", "#C9A66B", "#A8A8A8")
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


def on_dark(paper: Any = None) -> bool:
    """Whether a paper is dark; by default the paper of now."""
    red, green, blue = mpl.colors.to_rgb(mpl.rcParams["axes.facecolor"] if paper is None else paper)
    return 0.299 * red + 0.587 * green + 0.114 * blue < 0.5


def ink() -> str:
    """The colour of what is written and of what must be seen at once, on the paper of now."""
    return INK if on_dark() else "#1a1a1a"


def muted() -> str:
    """The colour of captions and notes; of guide lines that must not be taken for data."""
    return "#b4bbc6" if on_dark() else "#4a4a4a"


def outline() -> str:
    """The colour around marks, that sets them off from lines of their own colour: the paper's."""
    return PAPER if on_dark() else "#ffffff"


def here() -> AbstractContextManager[None]:
    """The theme whose paper is that of now, whole: for figures that are made outside any ``with theme(…)`` too."""
    return theme("dark" if on_dark() else "light")


@contextmanager
def new_figure(width: float, height: float) -> Iterator[Figure]:
    """A figure of so many inches, to be filled inside the ``with``; after it the layout is done and stays.

    A layout that is done again at every save moves by rounding.
    """
    with here():
        figure = Figure(figsize=(width, height), layout="constrained")
        yield figure
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def new_axes(ax: Any = None, size: tuple[float, float] = (6.2, 4.6), **options: Any) -> Any:
    """`ax`, or where there is none the axes of a new figure of `size` inches (`options`: as of ``Figure.add_subplot``)."""
    if ax is not None:
        return ax
    with here():
        return Figure(figsize=size, layout="constrained").add_subplot(**options)


def note(figure: Any, words: str) -> None:
    """Words below a whole figure: what marks mean, what was set. They are broken into lines that fit its width."""
    width, lines = figure.get_figwidth(), list[str]()
    size = 9.5 if width < 10 else 12.0  # wide figures are seen smaller
    for part in words.split("\n"):
        letters = int(135 * width / size)  # of this size and font in the mean
        while letters > 1 and len(wrap(part, letters - 1)) == len(wrap(part, letters)):
            letters -= 1  # no last line of one word
        lines += wrap(part, letters)
    figure.supxlabel("\n".join(lines), fontsize=size, color=muted())


def line_styles(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """A colour and a dash for each name, the same in every panel."""
    colors = palette()
    return {
        name: {"color": colors[i % len(colors)], "linestyle": DASHES[i % len(DASHES)], "linewidth": 2.0}
        for i, name in enumerate(names)
    }
