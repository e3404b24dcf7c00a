"""The figure of a training: loss, accuracy, learning rate and norms; each panel alone, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from refopt.recurrence import nearest
from refopt.training.history import History
from refopt.view.style import new_axes, new_figure, on_dark, outline, palette

__all__ = ["accuracy_panel", "history_figure", "loss_panel", "lr_panel", "norms_panel"]


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
    names = [name for name in _PANELS if _SHOWN[name](history)] if panels is None else list(panels)
    for name in names:
        if name not in _PANELS:
            raise ValueError(f"unknown panel {name!r}{nearest(name, _PANELS)}")
        _demand(history, name)
    if not names:
        raise ValueError(f"panels names no panel{nearest('', _PANELS)}")
    if axes is not None:
        if len(axes) != len(names):
            raise ValueError(f"{len(names)} panels ({', '.join(names)}) need as many axes, got {len(axes)}")
        for name, place in zip(names, axes, strict=True):
            _PANELS[name](history, place)
        return axes[0].figure
    columns = 1 if len(names) == 1 else 2
    rows = -(-len(names) // columns)
    with new_figure(*(size or (6.2 * columns, 3.9 * rows))) as figure:
        for i, name in enumerate(names):
            _PANELS[name](history, figure.add_subplot(rows, columns, i + 1))
        if title is not None:
            figure.suptitle(title, fontsize=15, fontweight="bold")
    return figure


def loss_panel(history: History, ax: Any = None) -> Any:
    """The mean loss of each batch, and of all training and validation examples after each epoch; returns the axes."""
    ax = new_axes(ax)
    epochs, best = history["epoch"], history.best
    _line(ax, _at_updates(history), history.steps.loss, "batch", "each batch")
    _line(ax, epochs, history["train_loss"], "training", "training")
    if not np.isnan(history["validation_loss"]).all():
        _line(ax, epochs, history["validation_loss"], "validation", "validation")
    mark = {"color": "white", "markeredgecolor": "black", "markersize": 7, "zorder": 5}
    ax.plot(best.epoch, best.loss, "o", label=f"best: epoch {best.epoch}", **mark)
    every = np.concatenate([history.steps.loss, history["train_loss"], history["validation_loss"]])
    every = every[np.isfinite(every)]
    scale = "log" if every.size and every.min() > 0 else "linear"
    _label(ax, history, "Loss", "mean loss" + (" (log scale)" if scale == "log" else ""), yscale=scale)
    ax.legend()
    return ax


def accuracy_panel(history: History, ax: Any = None) -> Any:
    """The share of right answers on training and validation examples after each epoch; returns the axes.

    Raises ValueError for the history of a net that does not classify.
    """
    _demand(history, "accuracy")
    ax = new_axes(ax)
    _line(ax, history["epoch"], history["train_accuracy"], "training", "training")
    if not np.isnan(history["validation_accuracy"]).all():
        _line(ax, history["epoch"], history["validation_accuracy"], "validation", "validation")
    _label(ax, history, "Accuracy", "share of right answers")
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.legend()
    return ax


def lr_panel(history: History, ax: Any = None) -> Any:
    """The learning rate of every update; returns the axes. Raises ValueError for the history of a rule without one."""
    _demand(history, "lr")
    ax = new_axes(ax)
    _line(ax, _at_updates(history), history.steps.lr, "lr", "lr")
    _label(ax, history, "Learning rate", "lr", ylim=(0, None))
    return ax


def norms_panel(history: History, ax: Any = None) -> Any:
    """Euclidean norms of the gradient at every update, and of the last step of each epoch; returns the axes.

    Raises ValueError for a history without updates.
    """
    _demand(history, "norms")
    ax = new_axes(ax)
    epochs, (training, validation) = history["epoch"], palette()[:2]
    _line(ax, _at_updates(history), history.steps.grad_norm, "batch", "gradient ‖g‖, each update")
    ax.plot(epochs, history["grad_norm"], "o", color=training, markersize=4, label="gradient ‖g‖, last of the epoch")
    ax.plot(epochs, history["update_norm"], "s", color=validation, markersize=4.5, label="step ‖Δθ‖, last of the epoch")
    _label(ax, history, "Norms", "Euclidean norm (log scale)", yscale="log")
    ax.legend()
    return ax


def _demand(history: History, panel: str) -> None:
    if not _SHOWN[panel](history):
        raise ValueError(f"this history has nothing to show in the panel {panel!r}")


def _line(axes: Any, x: np.ndarray, y: np.ndarray, kind: str, label: str) -> None:
    """A line; thin for single batches, dashed for validation, with dots where there are too few points to see it."""
    training, validation, rate, *_ = palette()
    color = {"batch": "#5f7f99" if on_dark() else "#9fb8cc", "training": training, "validation": validation, "lr": rate}[kind]
    width, dash = (0.8, "-") if kind == "batch" else (2.0, (0, (5, 1.5)) if kind == "validation" else "-")
    dots = {"marker": "o", "markersize": 3, "markeredgecolor": outline()} if np.isfinite(y).sum() < 3 else {}
    axes.plot(x, y, color=color, linewidth=width, linestyle=dash, label=label, **dots)


def _at_updates(history: History) -> np.ndarray:
    """The place of each update on the axis of epochs: update t of an epoch of n at t / n. The last epoch may be cut short."""
    whole = max((row.updates / row.epoch for row in history.rows if row.epoch), default=1.0)
    return np.arange(1, len(history.steps.loss) + 1) / max(whole, 1.0)


def _label(axes: Any, history: History, title: str, what: str, **options: Any) -> None:
    last = max(history.rows[-1].epoch, 1)
    axes.set(title=title, xlabel="epoch", ylabel=what, xlim=(-0.01 * last, 1.01 * last), **options)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


_PANELS: dict[str, Callable[..., Any]] = {
    "loss": loss_panel,
    "accuracy": accuracy_panel,
    "lr": lr_panel,
    "norms": norms_panel,
}
_SHOWN: dict[str, Callable[[History], bool]] = {
    "loss": lambda history: True,
    "accuracy": lambda history: not np.isnan(history["train_accuracy"]).all(),
    "lr": lambda history: not np.isnan(history.steps.lr).all(),
    "norms": lambda history: len(history.steps.grad_norm) > 0,
}
