"""Walks over the ground of a toy function: trails that fade, steps as arrows, one small panel for each walk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from refopt import problems
from refopt.problems import Problem
from refopt.recurrence import nearest
from refopt.view.contour import contour, marks
from refopt.view.style import ink, line_styles, new_axes, new_figure, note, outline, palette

__all__ = ["arrows", "race_grid_figure", "taken", "trails"]

PIECES = 24  # of different strength in a trail: as smooth to the eye as one a step, and a small file


def taken(walks: Any) -> dict[str, np.ndarray]:
    """Walks as name → points (steps + 1, 2): of such a mapping, or of what `refopt.training.toy_race` or `refopt.race` gives.

    Raises TypeError for anything else, ValueError for points of another shape (those of many members, say), and where there
    are none.
    """
    try:
        given = dict(walks) if isinstance(walks, Mapping) else {run.name: run.path for run in walks}
    except (AttributeError, TypeError):
        raise TypeError(f"walks are a dict of names and points, or what toy_race gives; got {type(walks).__name__}") from None
    given = {name: getattr(walk, "paths", walk) for name, walk in given.items()}
    if not given:
        raise ValueError("there are no walks to draw")
    paths = {str(name): np.asarray(path, dtype=float) for name, path in given.items()}
    for name, path in paths.items():
        if path.ndim > 2 and path[0, ..., 0].size == 1:  # a race of one member
            paths[name] = path.reshape(len(path), -1)
    for name, path in paths.items():
        if path.ndim != 2 or path.shape[1] != 2 or not len(path):
            hint = "; choose one member: result[name].paths[:, 0]" if path.ndim > 2 else ""
            raise ValueError(f"a walk is an array of points (steps + 1, 2); {name} has shape {path.shape}{hint}")
    return paths


def trails(
    walks: Any, problem: Problem | str, ax: Any = None, *, fade: bool = True, legend: bool = True, styles: Any = None
) -> Any:
    """Several walks over the height lines of `problem`, fainter towards their beginnings, a dot where each ends.

    `walks` is a mapping of names to points (steps + 1, 2), or what `refopt.training.toy_race` or `refopt.race` (with one start
    and no grid) gives; `problem` is a problem or its name; `styles` is what
    `line_styles` gives for them, where several panels are to agree. The square is the start, a star a minimum, and the darker
    the ground, the lower. Points that are not finite are left out. Returns the axes.
    """
    paths, problem = taken(walks), problems.get(problem)
    ax = contour(problem, new_axes(ax))
    styles = line_styles(list(paths)) if styles is None else styles
    for name, path in paths.items():
        trail(ax, path[np.isfinite(path).all(axis=1)], styles[name], fade)
        ax.plot([], [], label=name, **styles[name])  # for the legend: the trail at its strongest
    marks(ax, problem)
    most = max(len(path) for path in paths.values()) - 1
    ax.set_title(f"{problem.name.replace('_', ' ').capitalize()}: {most} steps")
    if legend:
        ax.legend(loc="best", fontsize=9.5, handlelength=2.6, **box())
    return ax


def box() -> dict[str, Any]:
    """A legend that stands on drawn ground."""
    return {"frameon": True, "facecolor": outline(), "edgecolor": "none", "framealpha": 0.8}


def trail(ax: Any, path: np.ndarray, style: Mapping[str, Any], fade: bool = True) -> None:
    """The walk as a line in pieces, each stronger than the one before it, and a dot at its end."""
    steps = len(path) - 1
    if steps > 0:
        cuts = np.unique(np.linspace(0, steps, (PIECES if fade else 1) + 1).round().astype(int))
        pieces = [path[first : last + 1] for first, last in pairwise(cuts)]
        strength = np.linspace(0.45, 1.0, len(pieces)) if fade else np.ones(1)
        lines = LineCollection(pieces, colors=style["color"], linewidths=2.0, linestyles=[style["linestyle"]], zorder=3)
        lines.set_alpha(strength.tolist())
        ax.add_collection(lines, autolim=False)
    if len(path):
        ax.plot(*path[-1], "o", color=style["color"], markersize=6, markeredgecolor=outline(), zorder=4)


def arrows(
    theta: Any, record: Mapping[str, Any], names: str | Sequence[str] = ("g", "update"), ax: Any = None, share: float = 0.3
) -> Any:
    """Quantities of one step as arrows from the point `theta` where it was taken: which way each of them sends the walk.

    `record` is what ``rule.step`` gave (`g` may be added to it). A rule subtracts, so the arrow of a quantity x points along
    −x. Gradients and updates differ by orders of magnitude: every arrow is `share` of the axes wide, its true length stands
    in the legend; a hollow dot marks where the step ended. Without `ax` it is the surroundings of the step that are drawn.
    Returns the axes.

    Raises ValueError for a name that the record does not have, or that is not a pair of numbers there.
    """
    names = [names] if isinstance(names, str) else names
    if not names:
        raise ValueError("arrows need at least one name of the record")
    start = np.asarray(theta, dtype=float)
    if ax is None:
        ax, away = new_axes(), np.abs(np.asarray(record.get("theta", start), dtype=float) - start).max()
        (left, bottom), reach = start, 1.5 * away if 0 < away < math.inf else 1.0
        ax.set(xlim=(left - reach, left + reach), ylim=(bottom - reach, bottom + reach), xlabel="x", ylabel="y")
    size = share * min(abs(np.diff(ax.get_xlim())[0]), abs(np.diff(ax.get_ylim())[0]))
    styles = line_styles(names)
    for name in names:
        if name not in record:
            raise ValueError(f"the record has no {name!r}{nearest(name, list(record))}")
        value = np.asarray(record[name], dtype=float)
        if value.shape != (2,):
            raise ValueError(f"an arrow is a pair of numbers; {name} has shape {value.shape}")
        length = float(np.hypot(*value))
        color = styles[name]["color"]
        if 0 < length < math.inf:
            tip = start - value * (size / length)
            ax.annotate(
                "", tip, start, zorder=6, arrowprops={"arrowstyle": "-|>", "color": color, "lw": 2.4, "mutation_scale": 16,
                                                      "shrinkA": 0, "shrinkB": 0},
            )  # fmt: skip
        ax.plot([], [], color=color, linewidth=2.4, label=f"−{name}, length {length:.3g}")
    ax.plot(*start, "o", color=ink(), markersize=5, zorder=7)
    if "theta" in record:
        end = np.asarray(record["theta"], dtype=float)
        ax.plot(*end, "o", markerfacecolor="none", markeredgecolor=ink(), markersize=8, zorder=7)
    ax.legend(fontsize=9.5, **box())
    return ax


def race_grid_figure(walks: Any, problem: Problem | str, columns: int = 3, title: str | None = None, words: str = "") -> Figure:
    """One small panel for each walk, all on the same ground: who goes how, without crossing the others.

    Above each panel: the walk's name, and the loss where it ends. Below all: what the marks mean, and `words` of the caller.
    """
    paths, problem = taken(walks), problems.get(problem)
    if columns < 1:
        raise ValueError(f"a grid has at least one column, got {columns}")
    columns = min(columns, len(paths))
    rows = math.ceil(len(paths) / columns)
    with new_figure(3.6 * columns, 3.2 * rows + 0.9) as figure:
        panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        styles = {name: {"color": palette()[0], "linestyle": "-", "linewidth": 2.0} for name in paths}  # the panels part them
        for i, (ax, (name, path)) in enumerate(zip(panels.flat, paths.items(), strict=False)):
            trails({name: path}, problem, ax, legend=False, styles=styles)
            with np.errstate(all="ignore"):
                last = float(problem.loss(path[-1]))
            ax.set_title(f"{name}, loss {last:.2g}")
            ax.set_xlabel("x" if i + columns >= len(paths) else "")
            ax.set_ylabel("y" if i % columns == 0 else "")
            ax.tick_params(labelbottom=i + columns >= len(paths))
        for ax in panels.flat[len(paths) :]:
            ax.axis("off")
        most = max(len(path) for path in paths.values()) - 1
        figure.suptitle(title or f"{problem.name.replace('_', ' ').capitalize()}: {most} steps each", fontsize=15,
                        fontweight="bold")  # fmt: skip
        marked = "Square: start; dot: end, with its loss above; star: minimum. Darker is lower."
        note(figure, f"{words}\n{marked}" if words else marked)
    return figure
