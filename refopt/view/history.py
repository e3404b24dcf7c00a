"""The figure of a training: loss, accuracy, learning rate and norms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from refopt.recurrence import nearest
from refopt.training.history import History
from refopt.view.style import COLORS, RC

__all__ = ["history_figure"]

BATCH, TRAIN, VALIDATION, RATE = "#9fb8cc", COLORS[0], COLORS[1], COLORS[2]


def history_figure(
    history: History,
    panels: Sequence[str] | None = None,
    axes: Sequence[Any] | None = None,
    title: str | None = None,
    size: tuple[float, float] | None = None,
) -> Figure:
    """Draw the panels "loss", "accuracy", "lr" and "norms" of a `History`; returns the figure and shows nothing.

    `panels` chooses some of them, in that order (default: those of which there is something to show). They are drawn into
    `axes`, one a panel, or into a new figure of `size` inches with `title` above.

    Raises ValueError for an unknown panel, one that holds nothing, or another number of axes than of panels.
    """
    empty = [name for name, shown in _SHOWN.items() if not shown(history)]
    names = [name for name in _PANELS if name not in empty] if panels is None else list(panels)
    for name in names:
        if name not in _PANELS:
            raise ValueError(f"unknown panel {name!r}{nearest(name, _PANELS)}")
        if name in empty:
            raise ValueError(f"this history has nothing to show in the panel {name!r}")
    if not names:
        raise ValueError(f"panels names no panel{nearest('', _PANELS)}")
    if axes is not None:
        if len(axes) != len(names):
            raise ValueError(f"{len(names)} panels ({', '.join(names)}) need as many axes, got {len(axes)}")
        for name, place in zip(names, axes, strict=True):
            _PANELS[name](place, history)
        return axes[0].figure
    with mpl.rc_context(RC):
        columns = 1 if len(names) == 1 else 2
        rows = -(-len(names) // columns)
        figure = Figure(figsize=size or (6.2 * columns, 3.9 * rows), layout="constrained")
        for i, name in enumerate(names):
            _PANELS[name](figure.add_subplot(rows, columns, i + 1), history)
        if title is not None:
            figure.suptitle(title, fontsize=15, fontweight="bold")
        figure.draw_without_rendering()  # lay out once: a layout done again at every save moves by rounding
        figure.set_layout_engine("none")
    return figure


def _draw_loss(axes: Any, history: History) -> None:
    epochs, best = history["epoch"], history.best
    _line(axes, _at_updates(history), history.steps.loss, BATCH, "each batch")
    _line(axes, epochs, history["train_loss"], TRAIN, "training")
    if not np.isnan(history["validation_loss"]).all():
        _line(axes, epochs, history["validation_loss"], VALIDATION, "validation")
    mark = {"color": "white", "markeredgecolor": "black", "markersize": 7, "zorder": 5}
    axes.plot(best.epoch, best.loss, "o", label=f"best: epoch {best.epoch}", **mark)
    every = np.concatenate([history.steps.loss, history["train_loss"], history["validation_loss"]])
    every = every[np.isfinite(every)]
    scale = "log" if every.size and every.min() > 0 else "linear"
    _label(axes, history, "Loss", "mean loss" + (" (log scale)" if scale == "log" else ""), yscale=scale)
    axes.legend()


def _draw_accuracy(axes: Any, history: History) -> None:
    _line(axes, history["epoch"], history["train_accuracy"], TRAIN, "training")
    if not np.isnan(history["validation_accuracy"]).all():
        _line(axes, history["epoch"], history["validation_accuracy"], VALIDATION, "validation")
    _label(axes, history, "Accuracy", "share of right answers")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend()


def _draw_lr(axes: Any, history: History) -> None:
    _line(axes, _at_updates(history), history.steps.lr, RATE, "lr")
    _label(axes, history, "Learning rate", "lr", ylim=(0, None))


def _draw_norms(axes: Any, history: History) -> None:
    epochs = history["epoch"]
    _line(axes, _at_updates(history), history.steps.grad_norm, BATCH, "gradient ‖g‖, each update")
    axes.plot(epochs, history["grad_norm"], "o", color=TRAIN, markersize=4, label="gradient ‖g‖, last of the epoch")
    axes.plot(epochs, history["update_norm"], "s", color=VALIDATION, markersize=4.5, label="step ‖Δθ‖, last of the epoch")
    _label(axes, history, "Norms", "Euclidean norm (log scale)", yscale="log")
    axes.legend()


def _line(axes: Any, x: np.ndarray, y: np.ndarray, color: str, label: str) -> None:
    """A line; thin for single batches, dashed for validation, with dots where there are too few points to see it."""
    width, dash = (0.8, "-") if color == BATCH else (2.0, (0, (5, 1.5)) if color == VALIDATION else "-")
    dots = {"marker": "o", "markersize": 3} if np.isfinite(y).sum() < 3 else {}
    axes.plot(x, y, color=color, linewidth=width, linestyle=dash, label=label, **dots)


def _at_updates(history: History) -> np.ndarray:
    """The place of each update on the axis of epochs: update t of an epoch of n at t / n. The last epoch may be cut short."""
    whole = max((row.updates / row.epoch for row in history.rows if row.epoch), default=1.0)
    return np.arange(1, len(history.steps.loss) + 1) / max(whole, 1.0)


def _label(axes: Any, history: History, title: str, what: str, **options: Any) -> None:
    last = max(history.rows[-1].epoch, 1)
    axes.set(title=title, xlabel="epoch", ylabel=what, xlim=(-0.01 * last, 1.01 * last), **options)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


_PANELS = {"loss": _draw_loss, "accuracy": _draw_accuracy, "lr": _draw_lr, "norms": _draw_norms}
_SHOWN = {
    "loss": lambda history: True,
    "accuracy": lambda history: not np.isnan(history["train_accuracy"]).all(),
    "lr": lambda history: not np.isnan(history.steps.lr).all(),
    "norms": lambda history: len(history.steps.grad_norm) > 0,
}
