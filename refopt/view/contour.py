"""A function of two variables from above: the ground on which walks are drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from refopt import problems
from refopt.problems import Problem
from refopt.view.style import new_axes, on_dark

__all__ = ["contour", "ground", "marks", "plane_only"]


def contour(problem: Problem | str, ax: Any = None, points: int = 300) -> Any:
    """Height lines of `problem` over its box; returns the axes.

    The lines stand at heights above the lowest point that grow geometrically: near the minimum they are as dense as far away.
    """
    problem = problems.get(problem)
    plane_only(problem)
    ax = new_axes(ax)
    (left, right), (bottom, top) = problem.bounds
    x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
    ground(ax, x, y, problem.loss(np.stack([x, y], axis=-1)))
    ax.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y", title=problem.name.replace("_", " ").capitalize())
    return ax


def plane_only(problem: Problem) -> None:
    """ValueError for a problem that no map and no surface can show."""
    if problem.dimension != 2:
        raise ValueError(f"only a problem in two variables can be drawn; {problem.name} has {problem.dimension}")


def ground(ax: Any, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> None:
    """Shades and height lines of `values` on the grid x, y: on light paper and on dark, darker is lower."""
    *shades, line = (
        ("#0b0f15", "#121821", "#1e2632", "#303b4b", "#4c586d")
        if on_dark()
        else ("#b3c1d5", "#c6d1e0", "#e1e7ef", "#fbfcfd", "#a3aebf")
    )
    lowest = np.nanmin(values)
    height = max(np.nanmax(values) - lowest, 1e-9)
    levels = np.geomspace(height * 1e-5, height, 16)
    # most of a ground is high: there the shades change most
    shade = LinearSegmentedColormap.from_list("dusk", list(zip((0.0, 0.5, 0.8, 1.0), shades, strict=True)))
    ax.contourf(x, y, np.log10(values - lowest + levels[0] / 10), levels=24, cmap=shade).set_rasterized(True)
    ax.contour(x, y, values - lowest, levels=levels, colors=line, linewidths=0.6).set_rasterized(True)
    ax.grid(False)


def marks(ax: Any, problem: Problem) -> None:
    """A square at the start; a star at every minimum, behind the walks, so that it hides no end of one."""
    ax.plot(*problem.start, "s", color="white", markeredgecolor="black", markersize=8, zorder=5)
    for minimum in problem.minima:
        ax.plot(*minimum, "*", color="white", markeredgecolor="black", markersize=16, zorder=2.5)
