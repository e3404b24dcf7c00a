"""The toy functions: one as a surface in space, all of two variables as small maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from refopt import problems
from refopt.problems import Problem
from refopt.view.contour import plane_only
from refopt.view.style import here, new_axes, on_dark, palette

__all__ = ["problems_figure", "surface"]


def surface(problem: Problem | str, ax: Any = None, points: int = 160) -> Any:
    """The surface of a problem in two variables over its box, with its minima and its start; returns the 3-D axes.

    `ax`: axes made with ``projection="3d"``. Where the top is more than 30 times as high as the median, the height is
    logarithmic, log(1 + h/s) of the height h above the lowest point, with s a ten-thousandth of the highest.
    """
    problem = problems.get(problem)
    if ax is not None and not hasattr(ax, "plot_surface"):
        raise TypeError('a surface needs three-dimensional axes: figure.add_subplot(projection="3d")')
    x, y, values = _over_the_box(problem, points)
    height, ticks = _scale(values, 30)
    if ax is None:
        ax = new_axes(None, (7.0, 5.6), projection="3d")
        ax.figure.set_layout_engine("none")  # the constrained one gives up on what is drawn here, with a warning
        ax.set_position((0.03, 0.02, 0.94, 0.9))
    faces = dict(cmap=_shades(), rcount=points // 2, ccount=points // 2, linewidth=0, antialiased=False, rasterized=True)
    ax.plot_surface(x, y, height(values), **faces)
    _, star, square = _marks()
    for style, places in ((star, problem.minima), (square, problem.start[None])):
        if places.size:
            ax.plot(*places.T, height(problem.loss(places)), **(style | {"zorder": 10}))
    ax.set(xlabel="x", ylabel="y", title=_title(problem), xlim=problem.bounds[0], ylim=problem.bounds[1])
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color((0, 0, 0, 0))
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    if ticks is not None:
        ax.set_zticks([height(tick) for tick in ticks], list(ticks.values()))
    ax.set_zlabel("loss" if ticks is None else "loss (logarithmic)", labelpad=10)
    ax.computed_zorder = False  # marks lie on the surface, not inside it
    ax.view_init(elev=38, azim=-125)
    ax.set_box_aspect(None, zoom=0.86)  # room for the labels, which Matplotlib's layouts do not see
    ax.legend(loc="upper right", numpoints=1)
    return ax


def problems_figure(names: Sequence[str] | None = None) -> Figure:
    """Maps of all problems in two variables, or of those that are named, the darker the lower: start, minima, saddles.

    Without names the noisy quadratic is left out: its ground is that of the quadratic.
    """
    every = [problem for problem in map(problems.get, problems.names()) if problem.dimension == 2]
    every = [problem for problem in every if problem.name != "noisy_quadratic"]
    chosen = every if names is None else [problems.get(name) for name in names]
    if not chosen:
        raise ValueError("name at least one problem")
    columns = min(len(chosen), 5)
    rows = -(-len(chosen) // columns)
    with here():
        figure = Figure(figsize=(2.6 * columns + 0.4, 2.6 * rows + 1.2))
        bottom = 1.0 / figure.get_figheight()
        panels = figure.subplots(rows, columns, squeeze=False).reshape(-1)
        figure.subplots_adjust(left=0.75 / figure.get_figwidth(), right=0.985, bottom=bottom, top=1 - 0.85 * bottom)
        figure.subplots_adjust(wspace=0.3, hspace=0.34)
        for axes in panels[len(chosen) :]:
            axes.axis("off")
        for axes, problem in zip(panels, chosen, strict=False):
            _map(axes, problem)
        for axes in panels[::columns]:
            axes.set_ylabel("y", rotation=0)
        for axes in panels[max(len(chosen) - columns, 0) : len(chosen)]:
            axes.set_xlabel("x")
        handles = [Line2D([], [], **style) for style in reversed(_marks())]
        figure.legend(handles=handles, loc="lower center", ncols=3, fontsize=13)
        count = "A toy function" if len(chosen) == 1 else f"{len(chosen)} toy functions"
        edge = 0.75 / figure.get_figwidth()
        if columns > 2:
            heading = f"{count}, seen from above: darker is lower"
            figure.suptitle(heading, x=edge, y=1 - bottom / 6, ha="left", va="top", fontsize=17, fontweight="bold")
    return figure


def _map(axes: Any, problem: Problem) -> None:
    """The box of a problem from above in bands of equal shade, and what is known of it."""
    x, y, values = _over_the_box(problem, 160)
    height, _ = _scale(values, 6)
    heights = height(values)
    levels = np.linspace(heights.min(), heights.max(), 15)
    bands = axes.contourf(x, y, heights, levels=levels, cmap=_shades(), antialiased=False)
    bands.set_rasterized(True)
    size = _room(problem)
    for style, places in zip(_marks(), (problem.saddles, problem.minima, problem.start[None]), strict=True):
        axes.plot(*places.T, **(style | {"markersize": style["markersize"] * (1.0 if style["marker"] == "s" else size)}))
    axes.set(title=_title(problem), xlim=problem.bounds[0], ylim=problem.bounds[1])
    axes.grid(False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.tick_params(labelsize=9)


def _room(problem: Problem) -> float:
    """How large the marks of a map may be: 1, or less where a saddle lies so close to a minimum that they would overlap."""
    if not (len(problem.saddles) and len(problem.minima)):
        return 1.0
    low, high = np.transpose(problem.bounds)
    apart = (problem.saddles[:, None] - problem.minima) / (high - low)
    return float(np.clip(12 * np.hypot(*apart.T).min(), 0.5, 1.0))


def _scale(values: np.ndarray, huge: float) -> tuple[Any, Any]:
    """How high to draw a loss, and which losses get which labels; None where the scale is linear, for any will do.

    It is logarithmic where the top is more than `huge` times as high above the lowest point as the median is.
    """
    lowest, highest = float(values.min()), float(values.max())
    if highest - lowest <= huge * (float(np.median(values)) - lowest):
        return lambda loss: loss, None
    unit = (highest - lowest) / 1e4
    powers = {10.0**k: f"$10^{{{k}}}$" for k in range(-12, 13) if lowest + unit < 10.0**k <= highest}
    ticks = {lowest: f"{lowest:.2g}"} | dict(list(powers.items())[-4:])
    return lambda loss: np.log10(1 + np.maximum(loss - lowest, 0) / unit), ticks


def _shades() -> LinearSegmentedColormap:
    """From low to high: dark to light on light paper and on dark, as a relief lit from above."""
    colors = ("#0d2b45", "#2a6592", "#5d9fc9", "#a9cbe0") if on_dark() else ("#1f5f8b", "#6fa8cc", "#b9d5e8", "#eef4f9")
    return LinearSegmentedColormap.from_list("relief", colors)


def _marks() -> list[dict[str, Any]]:
    """How saddles, minima and the start are drawn, in this order; each lies on the ones before."""
    orange, yellow = palette()[1], palette()[4]
    edge: dict[str, Any] = {"linestyle": "none", "markeredgecolor": "black", "markeredgewidth": 0.8, "clip_on": False}
    return [
        edge | {"marker": "X", "color": "white", "markersize": 7.5, "label": "saddle, where known", "zorder": 4},
        edge | {"marker": "*", "color": yellow, "markersize": 14, "label": "global minimum", "zorder": 5},
        edge | {"marker": "s", "color": orange, "markersize": 6.5, "label": "start", "zorder": 6},
    ]


def _title(problem: Problem) -> str:
    return TITLES.get(problem.name, problem.name.replace("_", " ").capitalize())


TITLES = {
    "dixon_price": "Dixon–Price",
    "goldstein_price": "Goldstein–Price",
    "six_hump_camel": "Six-hump camel",
    "styblinski_tang": "Styblinski–Tang",
    "three_hump_camel": "Three-hump camel",
}


def _over_the_box(problem: Problem, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    plane_only(problem)
    (left, right), (bottom, top) = problem.bounds
    x, y = np.meshgrid(np.linspace(left, right, points), np.linspace(bottom, top, points))
    return x, y, problem.loss(np.stack([x, y], axis=-1))
