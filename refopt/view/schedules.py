"""Schedules: one of one's own in a panel, all of them in small ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.figure import Figure

from refopt import schedules
from refopt.recurrence import nearest
from refopt.schedules.examples import EXAMPLES, LOSSES
from refopt.view.style import muted, new_axes, new_figure, palette

__all__ = ["schedule_panel", "schedules_figure"]

UPDATES = 100
COLUMNS = 5


def schedules_figure(names: Sequence[str] | None = None) -> Figure:
    """A panel for each schedule (default: all), over 100 updates, with the numbers of `refopt.schedules.examples`.

    Raises ValueError for an unknown name, and where there is none.
    """
    names = list(EXAMPLES) if names is None else list(names)
    unknown = next((name for name in names if name not in EXAMPLES), None)
    if unknown is not None:
        raise ValueError(f"unknown schedule {unknown!r}{nearest(unknown, schedules.names())}")
    if not names:
        raise ValueError("a figure of schedules needs at least one of them")
    columns = min(COLUMNS, len(names))
    rows = math.ceil(len(names) / columns)
    with new_figure(3.1 * columns, 2.35 * rows + 0.9) as figure:
        grid = figure.subplots(rows, columns, squeeze=False)
        for axes, name in zip(grid.flat, names, strict=False):
            _draw(axes, name)
        for axes in grid.flat[len(names) :]:
            axes.axis("off")
        for i, axes in enumerate(grid.flat[: len(names)]):
            if i + columns >= len(names):
                axes.set_xlabel("updates done")
            if i % columns == 0 or names[i].endswith("_momentum"):
                axes.set_ylabel("momentum" if names[i].endswith("_momentum") else "learning rate")
        figure.suptitle("Learning-rate schedules", fontsize=16, fontweight="bold")
        figure.supxlabel("Each over 100 updates; orange: a momentum, or the loss that is watched.", fontsize=11, color=muted())
    return figure


def schedule_panel(schedule: Any, updates: int = UPDATES, ax: Any = None, *, losses: Sequence[float] | None = None) -> Any:
    """What a schedule gives for each of so many updates, a step line; returns the axes.

    `schedule` is one of `refopt.schedules`, or any function of the number of updates done. One that watches a loss (plateau)
    is shown `losses`, one an update. Raises TypeError for what is no schedule, or watches losses that are not given.
    """
    if updates < 1:
        raise ValueError(f"a schedule is drawn over at least one update, got {updates}")
    values = _values(schedule, updates, losses)
    ax = new_axes(ax, (6.2, 3.6))
    # every value holds for a whole update, and a jump is a jump
    ax.plot(range(updates), values, color=palette()[0], linewidth=2.0, drawstyle="steps-post")
    ax.set(xlabel="updates done", ylabel="learning rate", xlim=(0, updates), ylim=(min(0.0, *values), None))
    ax.set_title(getattr(schedule, "name", getattr(schedule, "__name__", "schedule")))
    return ax


def _draw(axes: Any, name: str) -> None:
    values = _values(EXAMPLES[name], UPDATES, LOSSES)
    momentum = name.endswith("_momentum")
    width = 2.2 if name != "chebyshev" else 1.2
    axes.plot(range(UPDATES), values, color=palette()[1] if momentum else palette()[0], linewidth=width, drawstyle="steps-post")
    if name == "plateau":
        top = max(LOSSES)
        axes.plot(range(UPDATES), [loss / top for loss in LOSSES], color=palette()[1], linewidth=2.0, linestyle=(0, (4, 1.5)))
    axes.set_title(name, fontsize=13)
    axes.set_xlim(0, UPDATES)
    axes.set_xticks([0, 50, 100])
    low, high = (0.75, 1.0) if momentum else (0, max(values))
    axes.set_ylim(low - 0.03 * (high - low), high + 0.07 * (high - low))
    axes.locator_params(axis="y", nbins=3)
    axes.tick_params(labelsize=11)


def _values(schedule: Any, updates: int, losses: Sequence[float] | None) -> list[float]:
    """The learning rate of every update."""
    if not isinstance(schedule, schedules.Observer):
        if not callable(schedule):
            raise TypeError(f"a schedule is a function of the number of updates done, got {schedule!r}")
        return [float(schedule(k)) for k in range(updates)]
    if losses is None or len(losses) < updates:
        raise TypeError(f"{schedule.name} watches a loss: give losses=…, one for each of {updates} updates")
    state, values = schedule.init(), []
    for loss in losses[:updates]:
        values.append(schedule.value(state))
        state = schedule.observe(state, loss)
    return values
