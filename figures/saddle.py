"""Leaving a saddle, from a thousandth beside the ridge. Gradient descent goes where the gradient is large, to the saddle, and
lingers there; Adam, which divides by that size, takes both directions alike and is gone after some steps.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view

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
    ax.set_title("How many steps to leave a saddle")
    view.save(ax.figure, Path(__file__).parent, "saddle", kinds=["svg"])
