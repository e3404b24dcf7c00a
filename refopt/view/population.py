"""Populations drawn: maps over two hyper-parameters, basins of attraction, many walks over one ground."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm, Normalize, to_rgb
from matplotlib.figure import Figure

from refopt import problems
from refopt.catalogue import rule as find_rule
from refopt.problems import Problem
from refopt.training.population import Population, lattice, race
from refopt.training.stability import best_heavy_ball, heavy_ball_limit, heavy_ball_rate
from refopt.view.contour import contour
from refopt.view.style import new_axes, new_figure, note, outline, palette

__all__ = ["basins", "basins_figure", "heatmap", "lr_beta_figure", "stability_figure", "swarm"]

NOWHERE = "#8a8a8a"  # members that end at no minimum
GREEK = {"lr": "learning rate", "beta1": "β₁", "beta2": "β₂", "momentum": "momentum β"}


def heatmap(
    found: Population,
    ax: Any = None,
    values: Any = None,
    label: str | None = None,
    norm: Normalize | None = None,
    bar: bool = True,
) -> Any:
    """A colour for each choice of two hyper-parameters, the first grid of `found` to the right, the second upwards.

    `values` (len of the first, len of the second) and their `label`; by default the lowest loss that was reached, the median
    over the starts. Hatched cells hold no finite value. A grid of equal ratios gets a logarithmic axis, one that nears 1 by
    equal ratios (β = 0, 0.9, 0.99) an axis of the distance to 1. `norm` scales the colours: by default logarithmic where all
    values are positive. `bar`: beside it what the colours mean. Returns the axes.
    """
    if len(found.grids) != 2:
        raise ValueError(f"a heat map is of two hyper-parameters; {found.name} ran with {list(found.grids) or 'no grid'}")
    (across, x), (upwards, y) = ((key, _coordinates(key, grid)) for key, grid in found.grids.items())
    if values is None:
        best = found.best.reshape(len(x), len(y), -1)
        values, label = np.median(best, axis=-1), label or "lowest loss reached"
    values = np.asarray(values, dtype=float)
    if values.shape != (len(x), len(y)):
        raise ValueError(f"the values of a heat map must have the shape of its grids, {(len(x), len(y))}; got {values.shape}")
    known = np.ma.masked_invalid(values.T)
    if norm is None:
        low, high = (float(known.min()), float(known.max())) if known.count() else (1.0, 1.0)
        norm = LogNorm(max(low, high * 1e-16), high) if low > 0 else Normalize(low, high)
    ax = new_axes(ax)
    ax.patch.set(hatch="////", facecolor="none", edgecolor=NOWHERE)
    mesh = ax.pcolormesh(_edges(x), _edges(y), known, norm=norm, cmap="viridis", rasterized=True)
    _scale(ax.xaxis, x)
    _scale(ax.yaxis, y)
    ax.set(xlabel=GREEK.get(across, across), ylabel=GREEK.get(upwards, upwards), title=found.name)
    ax.grid(False)
    if bar:
        extend = "min" if known.count() and float(known.min()) < float(norm.vmin or 0.0) else "neither"
        ax.figure.colorbar(mesh, ax=ax, label=label or "", extend=extend)
    return ax


def basins(found: Population, ax: Any = None, tol: float = 1e-2, shades: bool = True) -> Any:
    """Every start in the colour of the minimum where it ended: a map of the basins of attraction; returns the axes.

    The starts are those of `lattice`, without grids. The colours are those of the stars, which stand on the minima; grey is
    no minimum within `tol`. With `shades` the fainter, the more steps until then, on a logarithmic scale (where every so many
    steps were kept).
    """
    starts = found.starts
    if found.grids or starts.ndim != 3 or starts.shape[-1] != 2 or min(starts.shape) < 2:
        raise ValueError(
            "basins are of starts on a lattice, (rows, columns, 2), at least two rows and columns, and of no grids; "
            f"{found.name} has starts {starts.shape} and grids {list(found.grids)}"
        )
    colors = [palette()[i % len(palette())] for i in range(len(found.problem.minima))]
    paper = outline()
    base = np.array([to_rgb(NOWHERE), *map(to_rgb, colors)])[found.basin(tol) + 1]
    if shades and len(found.at) > 1:
        taken = found.converged(distance=tol)
        strength = 1 - 0.75 * np.clip(np.log1p(np.maximum(taken, 0)) / np.log1p(max(found.steps, 1)), 0, 1) ** 3
        strength = np.where(found.basin(tol) < 0, 1.0, strength)[..., None]
        base = strength * base + (1 - strength) * np.array(to_rgb(paper))
    ax = new_axes(ax)
    low, high = starts[0, 0], starts[-1, -1]
    half = (high - low) / (np.maximum(starts.shape[1::-1], 2) - 1) / 2
    (left, bottom), (right, top) = low - half, high + half
    ax.imshow(base, origin="lower", extent=(left, right, bottom, top), interpolation="nearest", aspect="auto")
    for color, minimum in zip(colors, found.problem.minima, strict=True):
        ax.plot(*minimum, "*", color=color, markeredgecolor="black", markersize=15, zorder=5, clip_on=False)
    ax.set(xlabel="x", ylabel="y", title=found.name, xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.grid(False)
    return ax


def swarm(found: Population, ax: Any = None, most: int = 200, tol: float = 1e-2) -> Any:
    """The walks of many starts over the height lines of the function, a dot where each ended; returns the axes.

    Each has the colour of the minimum where it ended, grey where it is at none. Of more than `most` members an even choice
    is drawn. What leaves the box is cut off.
    """
    if found.starts.shape[-1] != 2:
        raise ValueError(f"a swarm is drawn over two variables; {found.problem.name} has {found.starts.shape[-1]}")
    paths = found.paths.reshape(len(found.at), -1, 2)
    chosen = np.unique(np.linspace(0, paths.shape[1] - 1, min(most, paths.shape[1])).astype(int))
    ends = found.basin(tol).reshape(-1) if len(found.problem.minima) else np.full(paths.shape[1], -1)
    colors = [NOWHERE if end < 0 else palette()[end % len(palette())] for end in ends[chosen]]
    width, height = (high - low for low, high in found.problem.bounds)
    middle, reach = np.mean(found.problem.bounds, axis=1), 10 * max(width, height)
    with np.errstate(invalid="ignore"):
        inside = np.isfinite(paths).all(axis=-1) & (np.abs(paths - middle).max(axis=-1) < reach)
    lines = [paths[inside[:, member], member] for member in chosen]
    ax = contour(found.problem, new_axes(ax))
    ax.add_collection(LineCollection(lines, colors=colors, linewidths=0.8, alpha=0.45, zorder=2), autolim=False)
    for points, color in zip(lines, colors, strict=True):
        ax.plot(*points[-1], "o", color=color, markersize=3.5, zorder=3)
    for minimum in found.problem.minima:
        ax.plot(*minimum, "*", color="white", markeredgecolor="black", markersize=15, zorder=5)
    ax.set_title(f"{found.name}: {len(chosen)} starts, {found.steps} steps")
    return ax


def stability_figure(condition: float = 25.0, points: int = 120, steps: int = 300) -> Figure:
    """Where gradient descent with momentum is stable on a bowl, measured by walking and by the closed form."""
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    bowl = problems.get("quadratic", condition=condition)
    grids = {"lr": np.linspace(0.0, 5 / condition, points + 1)[1:], "momentum": np.linspace(0, 0.99, points)}
    found = race("sgd", bowl, steps=steps, grids=grids, keep="last")["sgd"]
    lrs, momenta = (np.array(values) for values in found.grids.values())
    measured = (np.abs(found.theta).max(axis=-1) / np.abs(bowl.start).max()) ** (1 / steps)
    exact = np.maximum(*(heavy_ball_rate(lrs[:, None], momenta, curvature) for curvature in (1.0, condition)))
    with new_figure(12.4, 6.0) as figure:
        left, right = figure.subplots(1, 2, sharey=True)
        for ax, values, title in ((left, measured, f"Measured over {steps} steps"), (right, exact, "Closed form")):
            stable = np.where(values < 1, values, np.nan)
            heatmap(found, ax, stable, norm=Normalize(0.6, 1.0), bar=False)
            limit = heavy_ball_limit(momenta, condition)
            ax.plot(limit, momenta, color=palette()[1], linewidth=2.6)
            best = best_heavy_ball(1.0, condition)
            ax.plot(*best, "*", color="white", markeredgecolor="black", markersize=18, zorder=5)
            ax.annotate(
                "Polyak: the fastest", best, (-12, 4), textcoords="offset points", color="white", fontsize=11, ha="right"
            )
            box = {"facecolor": outline(), "edgecolor": "none", "pad": 2}
            place = limit[points // 3] + 0.04 / condition, momenta[points // 3]
            ax.text(*place, r"lr = 2 (1 + β) / $\lambda_{\max}$", color=palette()[1], fontsize=13, va="top", bbox=box)
            ax.set_title(title)
            ax.locator_params(axis="x", nbins=5)
        right.set_ylabel("")
        figure.colorbar(left.collections[0], ax=[left, right], label="factor of the error at each step; hatched: it grows")
        figure.suptitle("Momentum widens the stable learning rates, by as much as theory says", fontsize=15, fontweight="bold")
        note(
            figure,
            f"Gradient descent with momentum on a bowl with curvatures 1 and {condition:g} (λmax). Each cell left is a walk; "
            "dark is fast. The panels agree.",
        )
    return figure


# The rules of the basins, each at a learning rate that brings nearly every start to some minimum.
ATTRACTED: dict[str, tuple[str, dict[str, Any]]] = {
    "gradient descent, lr 0.01": ("sgd", {"lr": 0.01}),
    "momentum 0.9, lr 0.01": ("sgd", {"lr": 0.01, "momentum": 0.9}),
    "Nesterov 0.9, lr 0.01": ("sgd", {"lr": 0.01, "momentum": 0.9, "nesterov": True}),
    "Adam, lr 0.3": ("adam", {"lr": 0.3}),
    "RMSprop, lr 0.03": ("rmsprop", {"lr": 0.03}),
    "Rprop, lr 0.1": ("rprop", {"lr": 0.1}),
}


def basins_figure(
    problem: Problem | str, rules: Mapping[str, Any] | None = None, points: int = 140, steps: int = 500, columns: int = 3
) -> Figure:
    """The basins of attraction of a function of two variables, a panel for each rule, six of them by default.

    A start belongs to the minimum that it is within 0.1 of at the end: rules of steps that do not shrink circle around it.
    """
    if columns < 1:
        raise ValueError(f"a figure has at least one column, got {columns}")
    rules = {name: find_rule(word, **hyper) for name, (word, hyper) in ATTRACTED.items()} if rules is None else rules
    problem = problems.get(problem)
    all_found = race(rules, problem, lattice(problem, points), steps, keep=5)
    rows = -(-len(all_found) // columns)
    with new_figure(4.3 * columns, 4.1 * rows + 0.9) as figure:
        panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for ax, found in zip(panels.flat, all_found.values(), strict=False):
            basins(found, ax, tol=0.1).label_outer()
        for ax in panels.flat[len(all_found) :]:
            ax.axis("off")
        title = problem.name.replace("_", " ").capitalize()
        figure.suptitle(f"{title}: the start decides the minimum, and so does the rule", fontsize=15, fontweight="bold")
        figure.supxlabel(
            f"Each start in the colour of the minimum (star) that it reaches; fainter: later; grey: none within {steps} steps.",
            fontsize=11,
        )
    return figure


def lr_beta_figure(problem: Problem | str = "rosenbrock", points: int = 80, steps: int = 500) -> Figure:
    """The lowest loss that SGD reaches over lr × momentum, Adam over lr × β₁ and lr × β₂; the star is the lowest of all.

    Hatched are walks that end higher than they began, or nowhere: how low one was thrown on its way out would say nothing.
    Losses count from the minimum, where that is not 0. Raises ValueError for a function without a minimum.
    """
    problem = problems.get(problem)
    if not len(problem.minima):
        raise ValueError(f"{problem.name} has no minimum, from which losses are counted")
    floor = float(problem.loss(problem.minima).min())
    begin = float(problem.loss(problem.start)) - floor
    to_one = 1 - np.geomspace(1, 1e-3, points)
    maps = [
        ("sgd", "momentum", np.geomspace(1e-5, 1e-1, points), "SGD with momentum"),
        ("adam", "beta1", np.geomspace(1e-3, 1e1, points), "Adam, β₂ = 0.999"),
        ("adam", "beta2", np.geomspace(1e-3, 1e1, points), "Adam, β₁ = 0.9"),
    ]
    least = 1e-10 * min(begin, 1.0)
    norm = LogNorm(least, begin)
    with new_figure(12.6, 5.2) as figure:
        panels = figure.subplots(1, 3)
        for ax, (name, beta, lrs, title) in zip(panels, maps, strict=True):
            found = race(name, problem, steps=steps, grids={"lr": lrs, beta: to_one}, keep="last")[name]
            reached = np.where(found.losses[-1] - floor <= begin, found.best - floor, np.nan).reshape(points, points)
            heatmap(found, ax, np.maximum(reached, least / 10), norm=norm, bar=False)
            lowest = np.unravel_index(np.nanargmin(reached), reached.shape)
            ax.plot(lrs[lowest[0]], to_one[lowest[1]], "*", color="white", markeredgecolor="black", markersize=17, zorder=5)
            ax.set_title(title)
            ax.set_xlabel("learning rate (log scale)", fontsize=12)
            ax.set_ylabel(GREEK[beta], fontsize=15)
        label = f"lowest loss{' − minimum' if floor else ''} within {steps} steps (log scale)"
        figure.colorbar(panels[0].collections[0], ax=panels, label=label, extend="min")
        heading = problem.name.replace("_", " ").capitalize()
        figure.suptitle(f"{heading}: learning rate and β must be tuned together", fontsize=15, fontweight="bold")
        note(
            figure,
            f"Each cell is a walk from the same start, where the loss is {begin:.3g}; star: the best. Hatched: ended higher "
            "than it began. Upwards each tick is ten times nearer to 1.",
        )
    return figure


def _coordinates(key: str, values: Sequence[Any]) -> np.ndarray:
    """The values of a grid along an axis."""
    if not all(type(value) in (int, float) for value in values):
        raise ValueError(f"a heat map is of numbers; the grid of {key} holds {values!r}")
    numbers = np.array(values, dtype=float)
    if len(numbers) < 2 or not (np.diff(numbers) > 0).all():
        raise ValueError(f"the grid of {key} must hold at least two values that rise, to be an axis; got {list(values)}")
    return numbers


def _kind(values: np.ndarray) -> str:
    """How the values of an axis are spaced: "log", "to one", or "linear"."""

    def even(numbers: np.ndarray) -> bool:
        ratios = numbers[1:] / numbers[:-1]
        return bool(np.allclose(ratios, ratios[0], rtol=1e-6))

    if len(values) < 3 or np.allclose(np.diff(values), values[1] - values[0], rtol=1e-6):
        return "linear"
    if (values > 0).all() and even(values):
        return "log"
    return "to one" if (values < 1).all() and even(1 - values) else "linear"


_THERE: dict[str, Any] = {"linear": lambda x: x, "log": np.log, "to one": lambda x: -np.log(np.maximum(1 - x, 1e-300))}
_BACK: dict[str, Any] = {"linear": lambda u: u, "log": np.exp, "to one": lambda u: 1 - np.exp(-u)}


def _edges(values: np.ndarray) -> np.ndarray:
    """The borders of the cells around the values, half way between them on their own scale."""
    kind = _kind(values)
    u = _THERE[kind](values)
    middle = (u[1:] + u[:-1]) / 2
    return _BACK[kind](np.concatenate([[2 * u[0] - middle[0]], middle, [2 * u[-1] - middle[-1]]]))


def _scale(axis: Any, values: np.ndarray) -> None:
    kind, name = _kind(values), axis.axis_name
    edges = _edges(values)
    set_scale, set_lim = getattr(axis.axes, f"set_{name}scale"), getattr(axis.axes, f"set_{name}lim")
    if kind == "log":
        set_scale("log")
    elif kind == "to one":
        set_scale("function", functions=(_THERE[kind], _BACK[kind]))
        ticks = [1 - 10.0**-k for k in range(17) if edges[0] <= 1 - 10.0**-k <= edges[-1]]
        axis.set_ticks(ticks, labels=[f"{tick:.10g}" for tick in ticks])
        axis.set_ticks([], minor=True)
    set_lim(edges[0], edges[-1])
