"""Loss landscapes and curvature: what `refopt.landscape` has computed, drawn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from refopt.landscape import Density, Line, Stability, Surface
from refopt.view.style import line_styles, new_axes, new_figure, on_dark, palette

__all__ = [
    "edge_of_stability", "interpolation", "landscape_contour", "landscape_figure", "landscape_surface", "spectrum",
]  # fmt: skip

LOSS = "loss (cross-entropy, nats)"


def landscape_contour(surface: Surface, ax: Any = None, *, title: str = "", loss: str = LOSS, top: float | None = None) -> Any:
    """Height lines of a `Surface`, numbered with their loss, and the path on it; returns the axes.

    The lines stand at losses that grow geometrically: valleys are drawn as finely as slopes. `loss` names the height; `top`
    cuts it off (default: the largest finite loss). A square is where the path starts, a star where it ends, a white dot the
    centre of a plane without a path; the axes of a PCA say how much of the path's variance lies along them.
    """
    ax = new_axes(ax, (6.6, 5.4))
    heights, norm, levels = _heights(surface, top)
    ax.contourf(surface.a, surface.b, heights, levels=_fine(norm), norm=norm, cmap=_shades(), extend="max").set_rasterized(True)
    ink = "#aab4c4" if on_dark() else "#4a5568"
    lines = ax.contour(surface.a, surface.b, heights, levels=levels, colors=ink, linewidths=0.7)
    ax.clabel(lines, fmt=_number, fontsize=8.5, inline_spacing=3)
    _walk(ax, surface)
    across, up = _axis_names(surface)
    ax.set(
        xlabel=f"{across}\nlines: {loss}",
        ylabel=up,
        title=title or "Loss landscape",
        xlim=surface.a[[0, -1]],
        ylim=surface.b[[0, -1]],
    )
    ax.grid(False)
    return ax


def landscape_surface(
    surface: Surface,
    ax: Any = None,
    *,
    title: str = "",
    loss: str = LOSS,
    top: float | None = None,
    log: bool = False,
    view: tuple[float, float] = (34, -122),
) -> Any:
    """A `Surface` as a relief, with the path on it; returns the axes, which are three-dimensional ones.

    `log`: the height is the logarithm of the loss. `top` cuts off what is higher. `view`: elevation and azimuth in degrees.

    Raises ValueError with `log` for losses that are not positive.
    """
    heights, norm, _ = _heights(surface, top)
    if log and heights.min() <= 0:
        raise ValueError(f"a logarithmic height needs losses above 0; the lowest here is {heights.min():.3g}")
    ax = new_axes(ax, (6.6, 5.6), projection="3d")
    rise = np.log10 if log else np.asarray
    a, b = np.meshgrid(surface.a, surface.b)
    colors = _shades()(norm(heights))
    # draw every line of up to 33 a side: more only blacken the relief
    sheet = ax.plot_surface(a, b, rise(heights), facecolors=colors, rcount=33, ccount=33, linewidth=0.15, shade=False)
    sheet.set_edgecolor("#00000030")
    sheet.set_rasterized(True)
    if surface.path is not None:
        on_ground = _height_at(surface, heights, surface.path)
        lifted = rise(on_ground) + 0.012 * np.ptp(rise(heights))
        ax.plot(*surface.path.T, lifted, color=palette()[1], linewidth=2.2, marker="o", markersize=2.6, zorder=10)
        ax.plot(*surface.path[0], lifted[0], "s", color="white", markeredgecolor="black", markersize=7, zorder=11)
        ax.plot(*surface.path[-1], lifted[-1], "*", color="white", markeredgecolor="black", markersize=13, zorder=11)
    across, up = _axis_names(surface, short=True)
    ax.set(xlabel=across, ylabel=up, title=title or "Loss landscape")
    ax.set_zlabel(f"log₁₀ {loss}" if log else loss, labelpad=5)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_major_locator(MaxNLocator(4))
        axis.set_tick_params(labelsize=9.5)
    ax.view_init(*view)
    paper = (0, 0, 0, 0)
    for axis in (ax.xaxis, ax.yaxis, ax.zaxis):
        axis.set_pane_color(paper)
    ax.set_box_aspect((1, 1, 0.72), zoom=0.88)
    return ax


def landscape_figure(surface: Surface, title: str = "", loss: str = LOSS) -> Figure:
    """A `Surface` from above and as a relief, side by side."""
    with new_figure(13.2, 5.9) as figure:
        landscape_contour(surface, figure.add_subplot(1, 2, 1), title="From above", loss=loss)
        landscape_surface(surface, figure.add_subplot(1, 2, 2, projection="3d"), title="The same as a relief", loss=loss)
        if title:
            figure.suptitle(title, fontsize=15, fontweight="bold")
    return figure


def interpolation(
    lines: Mapping[str, Line],
    ax: Any = None,
    *,
    ends: tuple[str, str] = ("start", "end"),
    title: str = "",
    loss: str = LOSS,
    log: bool = False,
) -> Any:
    """Losses along straight lines, by name, which share their two ends; returns the axes. `ends` names α = 0 and α = 1.

    Raises ValueError where there is no line, and with `log` where no loss is positive.
    """
    if not lines:
        raise ValueError("there are no lines to draw")
    if log and not any((line.losses > 0).any() for line in lines.values()):
        raise ValueError("a logarithmic scale needs losses above 0")
    ax = new_axes(ax)
    styles = line_styles(list(lines))
    for name, line in lines.items():
        ax.plot(line.alphas, line.losses, label=name, **styles[name])
    ink = "#8a94a6"
    low, high = min(line.alphas[0] for line in lines.values()), max(line.alphas[-1] for line in lines.values())
    for alpha, name in zip((0, 1), ends, strict=True):
        if low <= alpha <= high:
            ax.axvline(alpha, color=ink, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
            side = "left" if alpha == 0 else "right"
            ax.text(alpha, 1.0, f" {name} ", transform=ax.get_xaxis_transform(), ha=side, va="top", fontsize=9.5)
    ax.set(xlabel="α: share of the way from the one to the other", ylabel=loss, title=title or "Loss on a straight line")
    if log:
        ax.set_yscale("log")
    ax.margins(x=0.01)
    if len(lines) > 1:
        ax.legend()
    return ax


def spectrum(
    found: Density, ax: Any = None, *, top: Any = None, parameters: int | None = None, title: str = "", label: str = ""
) -> Any:
    """The density of a Hessian's eigenvalues on a logarithmic scale; returns the axes. May be called again on the same axes.

    `top`: eigenvalues to be marked by ticks below. With `parameters`, how many there are, the density counts eigenvalues for
    each unit, not shares; a dotted line, "one", is then as high as the bell of a single eigenvalue.
    """
    ax = new_axes(ax)
    many = 1 if parameters is None else parameters
    height = many * found.density
    floor = max(many / (parameters or 1e5) * 1e-2 / (found.sigma * np.sqrt(2 * np.pi)), 1e-12)
    used = sum(1 for line in ax.get_lines() if line.get_gid() == "density")
    color = palette()[used % len(palette())]
    ax.fill_between(found.at, floor, np.maximum(height, floor), color=color, alpha=0.22, linewidth=0)
    (line,) = ax.plot(found.at, np.maximum(height, floor), color=color, linewidth=1.2, label=label or None)
    line.set_gid("density")
    if top is not None and len(top):
        ax.plot(
            top,
            np.full(len(top), 0.018 + 0.03 * used),
            "|",
            transform=ax.get_xaxis_transform(),
            color=palette()[(used + 1) % len(palette())] if not label else color,
            markersize=11,
            markeredgewidth=1.8,
            clip_on=False,
            label=None if label else f"the {len(top)} largest eigenvalues",
            zorder=5,
        )
    if parameters is not None and not used:
        peak = 1 / (found.sigma * np.sqrt(2 * np.pi))
        ax.axhline(peak, color="#8a94a6", linewidth=1, linestyle=(0, (1.5, 2)), zorder=0)
        ax.text(1, peak, " one", transform=ax.get_yaxis_transform(), va="center", fontsize=9, color="#8a94a6")
    unit = "share of the eigenvalues per unit" if parameters is None else "eigenvalues per unit"
    ax.set(yscale="log", xlabel="eigenvalue λ of the Hessian", ylabel=f"{unit} (log scale)")
    ax.set_title(title or "Spectrum of the Hessian")
    low = floor if not used else min(floor, ax.get_ylim()[0])
    ax.set_ylim(low, None)
    if label or top is not None:
        ax.legend(loc="upper right")
    return ax


def edge_of_stability(runs: Mapping[str, Stability], ax: Any = None, *, losses: Any = None, title: str = "") -> Any:
    """Sharpness against steps of gradient descent, one line a run, each with its threshold dashed; returns the axes.

    `losses`: axes for the losses of the same steps (logarithmic). Raises ValueError where there is no run.
    """
    if not runs:
        raise ValueError("there are no runs to draw")
    ax = new_axes(ax)
    colors = palette()
    for i, (name, run) in enumerate(runs.items()):
        color = colors[i % len(colors)]
        ax.plot(run.at, run.sharpness, color=color, linewidth=1.8, label=name)
        ax.axhline(run.threshold, color=color, linewidth=1.3, linestyle=(0, (5, 3)))
        bound = "2/lr" if not run.momentum else "(2 + 2β)/lr"
        ax.text(
            1, run.threshold, f" {bound} = {run.threshold:.3g}",
            transform=ax.get_yaxis_transform(), color=color, va="center", fontsize=9.5,
        )  # fmt: skip
        if losses is not None:
            losses.plot(run.losses, color=color, linewidth=1.2, label=name)
    ax.set(xlabel="full-batch steps", ylabel="sharpness: largest eigenvalue λ of the Hessian", ylim=(0, None))
    ax.set_title(title or "The edge of stability")
    ax.margins(x=0)
    ax.legend(loc="lower right")
    if losses is not None:
        losses.set(
            yscale="log", xlabel="full-batch steps", ylabel="loss (log scale)", title="The loss jumps, and goes on falling"
        )
        losses.margins(x=0)
        losses.legend()
    return ax


def _heights(surface: Surface, top: float | None) -> tuple[np.ndarray, Any, np.ndarray]:
    """The losses as they are drawn: cut off at the top; how they are coloured; at what losses lines stand."""
    finite = surface.losses[np.isfinite(surface.losses)]
    if not finite.size:
        raise ValueError("this surface has no finite loss: there is nothing to draw")
    high = float(finite.max() if top is None else min(top, finite.max()))
    heights = np.minimum(np.where(np.isfinite(surface.losses), surface.losses, high), high)
    low = float(heights.min())
    if low > 0 and high > 1.5 * low:
        return heights, LogNorm(low, high), np.geomspace(low, high, 13)[1:-1]
    high = high if high > low else low + 1
    return heights, Normalize(low, high), np.linspace(low, high, 13)[1:-1]


def _fine(norm: Any) -> np.ndarray:
    space = np.geomspace if isinstance(norm, LogNorm) else np.linspace
    return space(norm.vmin, norm.vmax * (1 + 1e-9), 49)


def _shades() -> LinearSegmentedColormap:
    """From the valley to the heights: on light paper and on dark, darker is lower."""
    light = ("#5b8fbd", "#93b7d3", "#c6d9e6", "#ebe7d8", "#fbf3df")
    dark = ("#071b33", "#123a63", "#2a5a86", "#5a6f7d", "#8a7a55")
    return LinearSegmentedColormap.from_list("valley", dark if on_dark() else light)


def _walk(ax: Any, surface: Surface) -> None:
    """The path on its plane; a dot at the centre where there is none."""
    edge = {"color": "white", "markeredgecolor": "black", "zorder": 6}
    if surface.path is None:
        ax.plot(0, 0, "o", markersize=8, **edge)
        return
    ax.plot(*surface.path.T, color=palette()[1], linewidth=2.0, marker="o", markersize=3.4, zorder=5)
    ax.plot(*surface.path[0], "s", markersize=8.5, **edge)
    ax.plot(*surface.path[-1], "*", markersize=16, **edge)


def _height_at(surface: Surface, heights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The heights of the drawn sheet below points (t, 2), bilinear; NaN outside."""
    from scipy.interpolate import RegularGridInterpolator

    return RegularGridInterpolator((surface.b, surface.a), heights, bounds_error=False)(places[:, ::-1])


def _axis_names(surface: Surface, short: bool = False) -> tuple[str, str]:
    plane = surface.plane
    if short and plane.explained is not None:
        return tuple(f"principal {i} ({share:.1%})" for i, share in enumerate(plane.explained, 1))  # type: ignore[return-value]
    if short:
        return "a", "b"
    if plane.explained is not None:
        first, second = plane.explained
        return f"1st principal direction ({first:.1%} of the path)", f"2nd principal direction ({second:.1%})"
    return f"a: along the 1st direction ({plane.kind})", f"b: along the 2nd direction ({plane.kind})"


def _number(value: float) -> str:
    return f"{value:.2g}"
