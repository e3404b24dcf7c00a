"""Descent with noisy gradients. At a constant learning rate it does not arrive but wanders around the minimum; sixteen times
the batch lowers the floor sixteenfold; a tenth of the learning rate lowers it nearly as far and takes ten times as long. The
average of all points ends lowest, for free.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, new_axes, note

STEPS, RUNS = 3000, 400
curvatures = np.array([1.0, 5.0])
start = np.tile([-4.0, 1.5], (RUNS, 1))  # four hundred walks at once, to see the mean


def walk(rule, batch, key="theta"):
    """The mean loss over all walks, after each step."""
    draw = np.random.default_rng(0)
    losses = []
    for record in refopt.walk(
        rule, start, lambda theta: curvatures * theta + draw.standard_normal(start.shape) / batch**0.5, STEPS
    ):
        losses.append((curvatures * record[key] ** 2 / 2).sum(axis=1).mean())
    return losses


lines = {
    "lr 0.1": walk(refopt.sgd(lr=0.1), 1),
    "lr 0.1, batch of 16": walk(refopt.sgd(lr=0.1), 16),
    "lr 0.01": walk(refopt.sgd(lr=0.01), 1),
    "lr 0.1, mean of all points so far": walk(refopt.polyak_ruppert(inner=refopt.sgd(lr=0.1)), 1, "average"),
}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for name, style in line_styles(list(lines)).items():
        ax.plot(range(1, STEPS + 1), lines[name], label=name, **style)
    ax.set(xscale="log", yscale="log", xlabel="step (log scale)", ylabel="mean loss (log scale)", xlim=(1, STEPS))
    ax.set_title("Gradient noise sets a floor; there are three ways below it")
    ax.legend(loc="lower left")
    note(ax.figure, "Gradient descent on (x² + 5 y²) / 2, each gradient with standard normal noise; mean of 400 walks.")
    view.save(ax.figure, Path(__file__).parent, "noise", kinds=["svg"])
