"""Leaving a saddle, from a thousandth beside the ridge. Gradient descent goes where the gradient is large, to the saddle, and
lingers there; Adam, which divides by that size, takes both directions alike and is gone after some steps.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import note

saddle = refopt.problems.get("saddle")
rules = {"sgd": refopt.sgd(lr=0.1), "sgd, momentum 0.9": refopt.sgd(lr=0.1, momentum=0.9), "adam": refopt.adam(lr=0.1)}
walks = {}
for name, rule in rules.items():
    thetas = np.array([saddle.start, *(record["theta"] for record in refopt.walk(rule, saddle.start, saddle.grad, steps=120))])
    left = np.abs(thetas[:, 1]) > 1.6
    walks[name] = thetas[: int(np.argmax(left)) + 1] if left.any() else thetas
with view.theme():
    ax = view.trails(walks, saddle, fade=False)
    for text, (name, path) in zip(ax.get_legend().get_texts(), walks.items(), strict=True):
        text.set_text(f"{name}: {len(path) - 1} steps")
    ax.get_legend().set_loc("lower right")
    ax.set_title(f"Adam leaves a saddle in {len(walks['adam']) - 1} steps, gradient descent in {len(walks['sgd']) - 1}")
    note(
        ax.figure,
        "Loss (x² − y²) / 2; darker is lower. lr 0.1. Square: start, at y = 0.001; dots: the first point with |y| > 1.6.",
    )
    view.save(ax.figure, Path(__file__).parent, "saddle", kinds=["svg"])
