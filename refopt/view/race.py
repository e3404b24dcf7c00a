"""The figure of a race: loss and accuracy on the digits, and the walks on the toy functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from refopt import problems
from refopt.training.racing import Racer, ToyRun, remarks
from refopt.view.contour import contour, marks
from refopt.view.style import line_styles, muted, new_figure, outline

__all__ = ["race_figure"]


def race_figure(racers: Sequence[Racer], toys: Sequence[Sequence[ToyRun]]) -> Figure:
    """Two panels for the digits, one for each toy function (`toys`: the runs on one function after the other)."""
    columns = max(2, len(toys))
    with new_figure(6.2 * columns, 10.6) as figure:
        styles = line_styles([racer.name for racer in racers])
        grid = figure.add_gridspec(3, columns, height_ratios=(1, 0.13, 1.08))
        losses, accuracies = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[0, 1])
        _draw_losses(losses, racers, styles)
        _draw_accuracies(accuracies, racers, styles)
        legend = figure.add_subplot(grid[1, :])
        legend.axis("off")
        handles, labels = losses.get_legend_handles_labels()
        legend.legend(handles, labels, loc="center", ncols=5, fontsize=11.5, handlelength=3.2, columnspacing=1.8)
        for column, runs in enumerate(toys):
            _draw_toy(figure.add_subplot(grid[2, column]), runs, styles)
        count = {1: "One optimizer", 9: "Nine optimizers"}.get(len(racers), f"{len(racers)} optimizers")
        figure.suptitle(f"{count}, one race", fontsize=16, fontweight="bold")
        figure.supxlabel(_caption(racers), fontsize=10.5, color=muted())
    return figure


def _caption(racers: Sequence[Racer]) -> str:
    ends = [racer.test_accuracy for racer in racers]
    lines = [
        "Same start, same batches, each rule at its tuned learning rate (lr: the one for the digits). "
        f"On the digits they end between {min(ends):.1%} and {max(ends):.1%};",
        "watch the way there. Below, from the square: dots mark the end of each walk, the star is the minimum.",
        remarks([racer.name for racer in racers]),
    ]
    return "\n".join(filter(None, lines))


def _draw_losses(axes: Any, racers: Sequence[Racer], styles: dict[str, dict[str, Any]]) -> None:
    for racer in racers:
        axes.plot(np.maximum(racer.losses, 1e-12), label=f"{racer.name}  lr {racer.lr:g}", **styles[racer.name])
    axes.set(yscale="log", xlabel="epoch", ylabel="training loss (cross-entropy, nats)", title="Digits: training loss")
    axes.margins(x=0.01)


def _draw_accuracies(axes: Any, racers: Sequence[Racer], styles: dict[str, dict[str, Any]]) -> None:
    for racer in racers:
        axes.plot(racer.accuracies, **styles[racer.name])
    top = max(max(racer.accuracies) for racer in racers)
    axes.set(xlabel="epoch", ylabel="accuracy on held-out digits", title="Digits: test accuracy")
    axes.set_ylim(max(0.0, top - 0.125), min(1.0, top + 0.01))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.margins(x=0.01)


def _draw_toy(axes: Any, runs: Sequence[ToyRun], styles: dict[str, dict[str, Any]]) -> None:
    problem = problems.get(runs[0].problem)
    contour(problem, axes)
    for run in runs:
        style = styles[run.name] | {"linewidth": 1.8}
        axes.plot(*run.path.T, **style)
        axes.plot(*run.path[-1], "o", color=style["color"], markersize=6, markeredgecolor=outline(), zorder=4)
    marks(axes, problem)
    steps = max(len(run.path) for run in runs) - 1
    axes.set_title(f"{problem.name.capitalize()}: {steps} steps")
