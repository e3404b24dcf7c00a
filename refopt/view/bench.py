"""The figure of ``refopt bench step``: time per parameter against the number of parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure

from refopt.view.style import line_styles, muted, new_axes, new_figure, on_dark

__all__ = ["updates", "updates_figure"]

ORDER = (
    "refopt, fused", "refopt, blocked", "NumPy, plain", "torch", "torch, foreach", "torch, fused", "optax, jit",
)  # fmt: skip


def updates(result: Mapping[str, Any], rule: str = "adam", ax: Any = None) -> Any:
    """Nanoseconds per parameter of one update by `rule`, a line for each library, and the line of the memory alone.

    `result` is what `refopt.bench.step` returns; its cases of one tensor are drawn. A flat line costs the same per parameter
    however many there are; at the left the calls cost more than the work. ValueError where `rule` has fewer than two sizes.
    """
    rows = sorted(
        (row for row in result["cases"] if row["rule"] == rule and row["tensors"] == 1), key=lambda r: r["parameters"]
    )
    if len(rows) < 2:
        raise ValueError(f"a line needs two sizes of {rule} at least, got {len(rows)}")
    ax = new_axes(ax, (7.4, 5.0))
    libraries = [name for name in ORDER if any(name in row["libraries"] for row in rows)]
    styles = line_styles(libraries)
    sizes = [row["parameters"] for row in rows]
    limit = [row["memory_us"] * 1e3 / row["parameters"] for row in rows]
    ax.fill_between(
        sizes, limit, 1e-3, color="#2b3442" if on_dark() else "#e6e9ef", label="memory alone: read, write", linewidth=0
    )
    for name in libraries:
        there = [row for row in rows if name in row["libraries"]]
        cost = [row["libraries"][name]["us"] * 1e3 / row["parameters"] for row in there]
        ax.plot([row["parameters"] for row in there], cost, marker="o", markersize=4, label=name, **styles[name])
    ax.set(xscale="log", yscale="log", xlabel="parameters (log scale)", ylabel="ns per parameter and update (log scale)")
    ax.set_ylim(bottom=min(limit) / 1.5)
    ax.set_title(f"{rule.capitalize()}: what one update costs per parameter (float32, one thread)")
    ax.legend(ncols=2)
    return ax


def updates_figure(result: Mapping[str, Any]) -> Figure:
    """The same with what it was measured on: date, versions, processor."""
    with new_figure(7.4, 5.2) as figure:
        updates(result, ax=figure.add_subplot())
        words = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        figure.supxlabel(f"{result['date']}, {result['cpu']}\n{words}", fontsize=8.5, color=muted())
    return figure
