"""A function of two variables from above: the ground on which walks are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from refopt.problems import Problem
from refopt.view.style import new_axes, on_dark

__all__ = ["contour", "ground", "marks"]


def contour(problem: Problem, ax: Any = None, points: int = 300) -> Any:
    """Height lines of `problem` over its box; returns the axes.

    The lines stand at heights above the lowest point that grow geometrically: near the minimum they are as dense as far away.
    """
    if len(problem.bounds) != 2:
        raise ValueError(f"only a function of two variables can be drawn from above; {problem.name} has {len(problem.bounds)}")
    ax = new_axes(ax)
    (left, right), (bottom, top) = problem.bounds
    x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
    ground(ax, x, y, problem.loss(np.stack([x, y], axis=-1)))
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y", title=problem.name.replace("_", " ").capitalize())
    return ax


def ground(ax: Any, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> None:
    """Shades and height lines of `values` on the grid x, y."""
    paper, middle, deep, line = (
        ("#14181f", "#1c222c", "#2b3442", "#465064") if on_dark() else ("#ffffff", "#f3f4f7", "#d3d8e2", "#b5bcc9")
    )
    lowest = np.nanmin(values)
    height = max(np.nanmax(values) - lowest, 1e-9)
    levels = np.geomspace(height * 1e-5, height, 16)
    shade = LinearSegmentedColormap.from_list("dusk", [paper, middle, deep])
    ax.contourf(x, y, np.log10(values - lowest + levels[0] / 10), levels=24, cmap=shade).set_rasterized(True)
    ax.contour(x, y, values - lowest, levels=levels, colors=line, linewidths=0.6).set_rasterized(True)
    ax.grid(False)


def marks(ax: Any, problem: Problem) -> None:
    """A square at the start, a star at every minimum."""
    ax.plot(*problem.start, "s", color="white", markeredgecolor="black", markersize=8, zorder=5)
    for minimum in problem.minima:
        ax.plot(*minimum, "*", color="white", markeredgecolor="black", markersize=16, zorder=5)
