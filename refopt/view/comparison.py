"""Eight panels that compare trainings: how low, how fast, how steadily, at which price."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from refopt.training.history import History
from refopt.view.style import line_styles, muted, new_figure, outline

__all__ = ["comparison_figure", "convergence_ratio", "rolling_variance", "seconds_per_epoch"]


def convergence_ratio(history: History) -> np.ndarray:
    """By what an epoch has multiplied the training loss so far, as the geometric mean: (lossₑ / loss₀)^(1/e) for e = 1, 2, ….

    Below 1 training gains; a method that converges linearly ends at its rate. NaN where a loss is not positive.
    """
    loss, epoch = history["train_loss"], history["epoch"]
    with np.errstate(all="ignore"):
        ratio = (loss[1:] / loss[0]) ** (1 / (epoch[1:] - epoch[0]))
    return np.where((loss[1:] > 0) & (loss[0] > 0), ratio, np.nan)


def rolling_variance(values: np.ndarray, window: int) -> np.ndarray:
    """The variance of each `window` values in a row: shape (len(values) − window + 1,), divided by `window`.

    >>> rolling_variance(np.array([1.0, 2.0, 3.0, 7.0]), 2).tolist()
    [0.25, 0.25, 4.0]
    """
    if window < 1:
        raise ValueError(f"a window holds at least 1 value, got {window}")
    if len(values) < window:
        return np.empty(0)
    with np.errstate(all="ignore"):
        return np.lib.stride_tricks.sliding_window_view(np.asarray(values, dtype=float), window).var(axis=1)


def seconds_per_epoch(history: History) -> np.ndarray:
    """The seconds that the updates of each epoch took, measured while it was trained."""
    return np.diff(history["seconds"])


def comparison_figure(histories: Mapping[str, History], title: str | None = None) -> Figure:
    """Eight panels over trainings by name: training loss, validation loss, validation accuracy, convergence ratio, time of an
    epoch, last losses, variance of the batch losses, memory of the rule's state.

    They should be trainings of one net from one start over the same batches; time and memory are what was measured in them.
    What a training has not measured is missing in its panel. Raises ValueError where there is none.
    """
    if not histories:
        raise ValueError("a comparison needs at least one training")
    styles = line_styles(list(histories))
    with new_figure(15.0, 8.2) as figure:
        grid = figure.add_gridspec(3, 4, height_ratios=(1, 0.14, 1))
        for i, draw in enumerate(_PANELS):
            draw(figure.add_subplot(grid[0 if i < 4 else 2, i % 4]), histories, styles)
        legend = figure.add_subplot(grid[1, :])
        legend.axis("off")
        handles = [legend.plot([], [], label=name, **styles[name])[0] for name in histories]
        legend.legend(handles=handles, loc="center", ncols=min(len(histories), 9), fontsize=12, handlelength=3.0)
        figure.suptitle(title or f"{len(histories)} trainings side by side", fontsize=16, fontweight="bold")
    return figure


def _lines(column: str, title: str, what: str) -> Callable[..., None]:
    def draw(ax: Any, histories: Mapping[str, History], styles: Any) -> None:
        for name, history in histories.items():
            ax.plot(history["epoch"], history[column], label=name, **styles[name])
        _epochs(ax, title, what)
        if column.endswith("accuracy"):
            every = np.concatenate([history[column] for history in histories.values()])
            best = np.nanmax(every) if np.isfinite(every).any() else 1.0
            ax.set_ylim(max(0.0, best - 0.15), min(1.0, best + 0.01))
            ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        else:
            _log(ax)

    return draw


def _ratio(ax: Any, histories: Mapping[str, History], styles: Any) -> None:
    for name, history in histories.items():
        ax.plot(history["epoch"][1:], convergence_ratio(history), label=name, **styles[name])
    ax.axhline(1.0, color=muted(), linewidth=0.8)
    _epochs(ax, "Convergence ratio", "mean factor of the loss\nper epoch (lower: faster)")
    ax.set_ylim(0, max(1.1, min(ax.get_ylim()[1], 1.5)))


def _time(ax: Any, histories: Mapping[str, History], styles: Any) -> None:
    for i, (name, history) in enumerate(histories.items()):
        times = 1000 * seconds_per_epoch(history)
        if len(times):
            _bar(ax, i, float(times.min()), styles[name], f"{times.min():.3g}", inside=True)
            ax.plot(times, i + np.linspace(-0.22, 0.22, len(times)), ".", color=styles[name]["color"], markersize=3,
                    markeredgecolor="none")  # fmt: skip
    _names(ax, histories, "Time of an epoch", "ms, the fastest (dots: each epoch)")
    _from_zero(ax, 1.7)


def _last(ax: Any, histories: Mapping[str, History], styles: Any) -> None:
    for i, (name, history) in enumerate(histories.items()):
        train, held = history["train_loss"][-1], history["validation_loss"][-1]
        color = styles[name]["color"]
        ax.plot([train, held], [i, i], color=color, linewidth=1.2)
        ax.plot(train, i, "o", color=color, markersize=8, markeredgecolor=outline())
        ax.plot(held, i, "D", color=outline(), markeredgecolor=color, markeredgewidth=2.0, markersize=7)
    _names(ax, histories, "Last losses", "● training   ◇ validation (nats, log scale)")
    _log(ax, "x")


def _variance(ax: Any, histories: Mapping[str, History], styles: Any) -> None:
    for name, history in histories.items():
        updates = [row.updates / row.epoch for row in history.rows if row.epoch]
        if not updates:
            continue
        window = max(round(max(updates)), 1)
        values = rolling_variance(history.steps.loss, window)
        places = (np.arange(len(values)) + window) / window
        ax.plot(places, values, label=name, **(styles[name] | {"linewidth": 1.4}))
    _epochs(ax, "Variance of the batch loss", "over the last epoch's batches\n(nats², log scale)")
    _log(ax)


def _memory(ax: Any, histories: Mapping[str, History], styles: Any) -> None:
    for i, (name, history) in enumerate(histories.items()):
        held, theta = history.rows[-1].state_bytes / 1024, np.asarray(history.theta).nbytes / 1024
        _bar(ax, i, held, styles[name], f"{held:.3g}  ({held / theta:.2g} × θ)" if theta else f"{held:.3g}")
    _names(ax, histories, "Memory of the rule's state", "KiB, measured (arrays)")
    _from_zero(ax, 1.8)


def _bar(ax: Any, i: int, value: float, style: Any, label: str, inside: bool = False) -> None:
    ax.barh(i, value, 0.62, color=style["color"], alpha=0.55)
    ax.annotate(label, (0 if inside else value, i), (5, 0), textcoords="offset points", va="center", fontsize=10)


def _from_zero(ax: Any, room: float) -> None:
    """From 0 to the largest bar, with room for what stands beside it; a dot far outside must not make the bars small."""
    widest = max((bar.get_width() for bar in ax.patches), default=0.0)
    ax.set_xlim(0, room * widest or 1.0)


def _names(ax: Any, histories: Mapping[str, History], title: str, what: str) -> None:
    ax.set_yticks(range(len(histories)), list(histories))
    ax.set(ylim=(len(histories) - 0.4, -0.6), xlabel=what, title=title)
    ax.grid(False, axis="y")


def _epochs(ax: Any, title: str, what: str) -> None:
    ax.set(title=title, xlabel="epoch", ylabel=what)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0.01)
    if np.diff(ax.get_xlim()) < 1:  # a single epoch: room for its number
        ax.set_xlim(np.add(ax.get_xlim(), (-0.5, 0.5)))


def _log(ax: Any, axis: str = "y") -> None:
    """A logarithmic axis, where everything drawn is above 0."""
    values = [np.asarray(line.get_ydata() if axis == "y" else line.get_xdata(), dtype=float) for line in ax.get_lines()]
    every = np.concatenate(values) if values else np.empty(0)
    every = every[np.isfinite(every)]
    if every.size and every.min() > 0:
        ax.set(**{f"{axis}scale": "log"})


_PANELS = (
    _lines("train_loss", "Training loss", "mean loss (nats, log scale)"),
    _lines("validation_loss", "Validation loss", "mean loss (nats, log scale)"),
    _lines("validation_accuracy", "Validation accuracy", "share of right answers"),
    _ratio,
    _time,
    _last,
    _variance,
    _memory,
)
