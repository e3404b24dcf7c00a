"""The ledger of a step: every source line of a rule, and the values that it gave."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from refopt.recurrence import INNER_STATE, Rule
from refopt.stepping import Line, layers, narrate
from refopt.view.style import ink, muted, new_axes, new_figure, note, on_dark, palette

__all__ = ["ledger", "ledger_figure"]

CODE, CELL, ROW = 0.092, 1.3, 0.29  # inches: a letter of the source, a coordinate, a line
MOST = 6  # coordinates that are shown


def ledger(lines: Sequence[Line], ax: Any = None, given: Mapping[str, Any] | None = None, most: int = MOST) -> Any:
    """A table of one step: a row for each line that `refopt.narrate` gives, a column for each coordinate.

    On top stands what the step was `given`, by name (theta, g). A number that has no coordinates (a step count, a bias
    correction) stands in the first column; of a matrix the entries stand in C order, of more than `most` the first ones; for
    a state of several arrays stands an ellipsis. Returns the axes.

    Raises ValueError for no lines.
    """
    if not lines:
        raise ValueError("a ledger needs at least one line; refopt.narrate gives them")
    rows = [("", name, value) for name, value in (given or {}).items()]
    start = len(rows)
    rows += [(_code(line.source), line.name, line.value) for line in lines]
    cells = [_cells(value, most) for _, _, value in rows]
    columns = max(map(len, cells))
    code = 0.6 + CODE * max(len(source) for source, _, _ in rows)
    name = 0.35 + CODE * max(len(name) for _, name, _ in rows)
    width, height = code + name + CELL * columns, ROW * (len(rows) + 1)
    ax = new_axes(ax, (width + 0.2, height + 0.5))
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.axis("off")
    mono = {"family": "monospace", "fontsize": 10.5, "va": "center"}
    heads = (
        ["source line", "name", "value"]
        if columns == 1
        else ["source line", "name", *(f"coordinate {i}" for i in range(columns))]
    )
    places = [0.1, code, *(code + name + CELL * (i + 1) - 0.12 for i in range(columns))]
    for place, head in zip(places, heads, strict=True):
        ax.text(place, ROW / 2, head, ha="left" if place in places[:2] else "right", fontsize=10, va="center", color=muted())
    ax.plot([0, width], [ROW, ROW], color=ink(), linewidth=1.0)
    if start:
        ax.plot([0, width], [ROW * (start + 1)] * 2, color=muted(), linewidth=0.6)
    made = palette()[0]
    for i, ((source, word, _), values) in enumerate(zip(rows, cells, strict=True)):
        y = ROW * (i + 1.5)
        if (i - start) % 2 and i >= start:
            ax.axhspan(ROW * (i + 1), ROW * (i + 2), color="#1e2530" if on_dark() else "#f1f3f6", zorder=0)
        ax.text(0.1, y, source or "given", color=ink() if source else muted(), **mono)
        ax.text(code, y, word, color=made, fontweight="bold", **mono)
        for place, value in zip(places[2:], values, strict=False):
            ax.text(place, y, value, ha="right", color=ink(), **mono)
    return ax


def ledger_figure(rule: Rule, theta: Any, g: Any, state: Mapping[str, Any], title: str | None = None) -> Figure:
    """The ledger of the step that `rule` makes from `theta` and `state` with gradient `g`, the real code watched line by line.

    Of a rule around a rule the table of the outer one stands above that of the one inside. What is needed to compute the step
    again is there: on top of a table theta, g and the state before the step, below all the numbers among the hyper-parameters.
    """
    nest = layers(rule, theta, g, state)
    tables = [(layer, narrate(*layer)) for layer in nest]
    given = [
        {"theta": layer.theta, "g": layer.g} | {name: value for name, value in layer.state.items() if name != INNER_STATE}
        for layer in nest
    ]
    heights = [ROW * (len(lines) + len(values) + 1) + 0.55 for (_, lines), values in zip(tables, given, strict=True)]
    most = max(max(len(_cells(line.value, MOST)) for line in lines) for _, lines in tables)
    letters = max(max(len(_code(line.source)) for line in lines) for _, lines in tables)
    names = max(max(len(line.name) for line in lines) for _, lines in tables)
    width = 1.3 + CODE * (letters + names) + CELL * most
    with new_figure(width, sum(heights) + 0.75 + 0.2 * len(tables)) as figure:
        panels = figure.subplots(len(tables), 1, squeeze=False, height_ratios=heights)[:, 0]
        for ax, (layer, lines), values in zip(panels, tables, given, strict=True):
            ledger(lines, ax, values)
            if len(tables) > 1:
                ax.set_title(layer.rule.name)
        step = int(state.get("t", 0)) + 1 if isinstance(state.get("t", 0), int) else None
        heading = title or (f"One step of {rule.name}" + (f": t = {step}" if step else ""))
        figure.suptitle(heading, fontsize=15, fontweight="bold")
        note(figure, "\n".join(_setting(layer.rule, len(tables) > 1) for layer in nest))
    return figure


def _setting(rule: Rule, named: bool) -> str:
    """The numbers among the hyper-parameters of a rule."""
    numbers = ", ".join(f"{name} = {value:g}" for name, value in rule.hyper.items() if type(value) in (int, float))
    return f"{rule.name}: {numbers}" if named else numbers


def _code(source: str) -> str:
    """The line without its comment, in one line."""
    return re.sub(r"\s*\n\s*", " ", source.partition("  #")[0].rstrip())


def _cells(value: Any, most: int) -> list[str]:
    if isinstance(value, (bool, np.bool_, str)) or value is None:
        return [str(value)]
    if isinstance(value, Mapping):
        return ["…"]
    if isinstance(value, (list, tuple)):
        return [cell for part in value for cell in _cells(part, most)][:most]
    if isinstance(value, (int, np.integer)):
        return [str(value)]
    flat = np.asarray(value, dtype=float).reshape(-1)
    return [f"{x:.7g}" for x in flat[:most]]
