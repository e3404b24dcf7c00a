"""The figure of a conformance report: libraries across, rules down, one cell for each optimizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from refopt.golden.conformance import VERDICTS, Conformity
from refopt.view.style import muted, new_figure

__all__ = ["conformance_figure"]

# A colour, a letter and a hatch: none of them alone must carry the meaning.
LOOKS = {
    "paper": ("#cfe5f3", "", ""),
    "dialect": ("#fbe3b5", "D", ""),
    "defect": ("#D55E00", "!", ""),
    "float32": ("#e3e3e3", "32", "////"),
    "stops": ("#CC79A7", "E", ""),
    "unlike": ("#444444", "?", ""),
}


def conformance_figure(found: Sequence[Conformity], columns: int = 2) -> Figure:
    """The rules in so many columns of panels, each with every library."""
    rules = sorted({one.rule for one in found})
    libraries = list(dict.fromkeys(one.framework for one in found))
    cells = {(one.rule, one.framework): one for one in found}
    rows = math.ceil(len(rules) / columns)
    height = 1.2 + 0.27 * rows
    width = max(1.5 + columns * (1.6 + 0.52 * len(libraries)), 13.0)  # for the caption
    with new_figure(width, height + 2.2) as figure:
        grid = figure.add_gridspec(2, columns, height_ratios=(height, 0.8))
        for number in range(columns):
            panel = figure.add_subplot(grid[0, number])
            _draw(panel, rules[number * rows : (number + 1) * rows], rows, libraries, cells)
        patches = [
            Patch(
                facecolor=color, edgecolor="#666666", hatch=hatch, label=f"{letter + ': ' if letter else ''}{VERDICTS[verdict]}"
            )
            for verdict, (color, letter, hatch) in LOOKS.items()
            if any(one.verdict == verdict for one in found)
        ]
        legend = figure.add_subplot(grid[1, :])
        legend.axis("off")
        legend.legend(handles=patches, loc="center", ncols=2, fontsize=11.5)
        figure.suptitle("Which library runs which optimizer as its paper has it", fontsize=16, fontweight="bold")
        figure.supxlabel(_caption(found), fontsize=10.5, color=muted())
    return figure


def _draw(
    axes: Any, rules: Sequence[str], rows: int, libraries: Sequence[str], cells: dict[tuple[str, str], Conformity]
) -> None:
    axes.grid(False)
    for y, rule in enumerate(rules):
        for x, library in enumerate(libraries):
            one = cells.get((rule, library))
            if one is None:
                axes.plot(x, y, ".", color="#cccccc", markersize=2)
                continue
            color, letter, hatch = LOOKS[one.verdict]
            axes.add_patch(
                Rectangle((x - 0.47, y - 0.44), 0.94, 0.88, facecolor=color, edgecolor="#999999", hatch=hatch, lw=0.5)
            )
            text = letter or ("0" if one.ulps < 0.5 else f"{one.ulps:.0f}")
            dark = one.verdict in ("defect", "unlike", "stops")
            axes.text(x, y, text, ha="center", va="center", fontsize=9, color="white" if dark else "black",
                      fontweight="bold" if letter else "normal")  # fmt: skip
    axes.set(xlim=(-0.6, len(libraries) - 0.4), ylim=(rows - 0.4, -0.6))
    axes.set_xticks(range(len(libraries)), libraries, rotation=55, ha="left", rotation_mode="anchor", fontsize=10)
    axes.xaxis.tick_top()
    axes.set_yticks(range(len(rules)), rules, fontsize=10.5, family="monospace")
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _caption(found: Sequence[Conformity]) -> str:
    versions = list(dict.fromkeys(f"{one.framework} {one.version}" for one in found))
    half = math.ceil(len(versions) / 2)
    same = sum(one.verdict == "paper" for one in found)
    return "\n".join(
        (
            f"{same} of {len(found)} optimizers give the paper's numbers; the number in a cell says by how many units in the "
            "last place of float64 a parameter was off at most.",
            "The others speak a dialect: same name, other arithmetic. Look along a row to see whom a port may be compared to.",
            *filter(None, (", ".join(versions[:half]), ", ".join(versions[half:]))),
        )
    )
