"""The figure of ``refopt bench step``: time per parameter by the number of parameters, and how far it is from the memory's."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from refopt.view.style import ink, muted, new_axes, new_figure, note, on_dark, outline, palette

__all__ = ["distances", "updates", "updates_figure"]

# Who belongs together has one colour (its place in the palette; None: as quiet as a note), and a dash of his own.
LOOKS: dict[str, tuple[int | None, Any, float]] = {
    "refopt, fused": (0, "-", 3.2),
    "refopt, blocked": (1, "-", 3.2),
    "NumPy, plain": (None, (0, (1.2, 1.2)), 1.8),
    "torch": (3, "-", 1.8),
    "torch, foreach": (3, (0, (5, 1.5)), 1.8),
    "torch, fused": (3, (0, (1.5, 1.2)), 1.8),
    "optax, jit": (2, (0, (6, 1.5, 1.5, 1.5)), 1.8),
}


def updates(result: Mapping[str, Any], rule: str = "adam", ax: Any = None) -> Any:
    """Nanoseconds per parameter of one update by `rule`, a line for each library, and the line of the memory alone.

    `result` is what `refopt.bench.step` returns; its cases of one tensor are drawn. A flat line costs the same per parameter
    however many there are; at the left the calls cost more than the work. ValueError where `rule` has fewer than two sizes.
    """
    rows, ax = _rows(result, rule), new_axes(ax, (7.4, 4.6))
    sizes = [row["parameters"] for row in rows]
    limit = [row["memory_us"] * 1e3 / row["parameters"] for row in rows]
    ax.fill_between(sizes, limit, 1e-3, color="#2b3442" if on_dark() else "#e0e4ec", linewidth=0)
    ends = _lines(ax, rows, lambda row, us: us * 1e3 / row["parameters"])
    ax.set_ylim(bottom=min(limit) / 1.5)
    ax.text(sizes[-1], min(limit) / 1.35, "memory alone: read, write ", ha="right", va="bottom", fontsize=10, color=muted())
    _labels(ax, ends, lambda name, y: f"{name}  {_short(y)}")
    ax.set_ylabel("ns per parameter and update")
    ax.set_title(f"{rule.capitalize()}: what one update costs per parameter")
    return ax


def distances(result: Mapping[str, Any], rule: str = "adam", ax: Any = None) -> Any:
    """How many times as long an update by `rule` takes as reading and writing its numbers alone, a line for each library.

    Arguments and errors as for `updates`. One is as fast as the memory allows.
    """
    rows, ax = _rows(result, rule), new_axes(ax, (7.4, 3.4))
    ends = _lines(ax, rows, lambda row, us: us / row["memory_us"])
    ax.axhline(1, color=ink(), linewidth=1.2)
    _labels(ax, ends, lambda name, y: f"{_short(y)} ×", first=1.0)
    ax.set_ylabel("times the memory's time")
    ax.set_ylim(bottom=0.7)
    return ax


def updates_figure(result: Mapping[str, Any], rule: str = "adam") -> Figure:
    """Both, one above the other, with what they were measured on: date, versions, machine."""
    rows = _rows(result, rule)
    threads = result.get("threads", 1)
    with new_figure(7.4, 7.2) as figure:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[5, 4])
        updates(result, rule, above)
        distances(result, rule, below)
        last = rows[-1]
        name, best = min(last["libraries"].items(), key=lambda item: item[1]["us"])
        above.set_title(
            f"{rule.capitalize()}: a flat line is good, the grey is the floor.\n"
            f"{_power(last['parameters'])} parameters: {name} in {_short(best['us'] / last['memory_us'])} × the memory's time"
        )
        above.set_xlabel("")
        below.set_xlabel("parameters")
        words = ", ".join(f"{package} {version}" for package, version in result["versions"].items())
        system = f", {result['system']}" if "system" in result else ""
        many = "one thread" if threads == 1 else f"{threads} threads"
        note(
            figure,
            f"One update, float32, {many}; medians of {last['blocks']} blocks, in turns; log scales. The memory: "
            f"reading and writing as many bytes, measured in turns with the others.\n"
            f"{result['date']}; {result['cpu']}{system}; {words}.",
        )
    return figure


def _short(number: float) -> str:
    return f"{number:.1f}" if number < 10 else f"{number:.0f}"


def _power(count: int) -> str:
    """A number of parameters as a title has it; a power of ten in short."""
    return f"1e{len(str(count)) - 1}" if str(count).strip("0") == "1" else f"{count:,}".replace(",", " ")


def _rows(result: Mapping[str, Any], rule: str) -> list[Any]:
    """The cases of one tensor by size."""
    rows = [row for row in result["cases"] if row["rule"] == rule and row["tensors"] == 1]
    if len(rows) < 2:
        raise ValueError(f"a line needs two sizes of {rule} at least, got {len(rows)}")
    return sorted(rows, key=lambda row: row["parameters"])


def _lines(ax: Any, rows: Sequence[Any], height: Any) -> list[tuple[float, float, str, str]]:
    """A line for each library; where each ends, with its name and colour."""
    ends = []
    ax.set(xscale="log", yscale="log", xlabel="parameters")
    for order, (name, (place, dash, width)) in enumerate(LOOKS.items()):
        there = [row for row in rows if name in row["libraries"]]
        if not there:
            continue
        x = [row["parameters"] for row in there]
        y = [height(row, row["libraries"][name]["us"]) for row in there]
        color = muted() if place is None else palette()[place]
        edge = dict(markeredgecolor=outline(), markeredgewidth=0.6)
        ax.plot(
            x, y, color=color, linestyle=dash, linewidth=width, marker="o", markersize=4.5, zorder=9 - order, label=name, **edge
        )
        ends.append((x[-1], y[-1], name, color))
    return ends


def _labels(ax: Any, ends: Sequence[tuple[float, float, str, str]], words: Any, first: float = 0.0) -> None:
    """Words at the right of each line, in its colour, moved apart where lines end close together.

    `first` is a height below which none of them may lie.
    """
    low, high = (math.log10(y) for y in ax.get_ylim())
    inches = ax.figure.get_figheight() * ax.get_position().height
    apart = (high - low) * 0.155 / inches  # a line of this size
    below = math.log10(first) - apart if first else -math.inf
    for x, y, name, color in sorted(ends, key=lambda end: end[1]):
        at = max(math.log10(y), below + apart)
        below = at
        ax.annotate(
            words(name, y), (x, y), (1.015, 10**at), textcoords=("axes fraction", "data"), color=color, fontsize=10,
            fontweight="bold" if name.startswith("refopt") else "normal", va="center", annotation_clip=False,
        )  # fmt: skip
