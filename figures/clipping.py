"""Descent towards a cliff, as recurrent networks have them: a gentle slope, then a wall. Plain gradient descent meets the
wall and is thrown far out of the picture; it comes back in the end. With gradients clipped to length 1 the step at the wall
is like any other.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import note

HEIGHT, STEEP = 10.0, 25.0


def wall(x):
    """From 0 to 1, steeply."""
    return 1 / (1 + np.exp(-STEEP * x))


# a bowl around (-0.3, 0), and beyond x = 0 a plateau that is ten higher
cliff = replace(
    refopt.problems.get("quadratic"),
    name="cliff",
    loss=lambda theta: ((theta[..., 0] + 0.3) ** 2 + theta[..., 1] ** 2) / 2 + HEIGHT * wall(theta[..., 0]),
    grad=lambda theta: np.stack(
        [theta[..., 0] + 0.3 + HEIGHT * STEEP * wall(theta[..., 0]) * (1 - wall(theta[..., 0])), theta[..., 1]], axis=-1
    ),
    minima=np.array([[-0.3, 0.0]]),
    start=np.array([1.65, 1.0]),
    bounds=((-3.0, 2.0), (-1.0, 1.5)),
)
lr = 0.15
rules = {
    "sgd": refopt.sgd(lr=lr),
    "sgd, gradients clipped to 1": refopt.clip_by_global_norm(inner=refopt.sgd(lr=lr), max_norm=1.0),
}
walks = {
    name: np.array([cliff.start, *(record["theta"] for record in refopt.walk(rule, cliff.start, cliff.grad, steps=60))])
    for name, rule in rules.items()
}
with view.theme():
    ax = view.trails(walks, cliff, fade=False)
    ax.get_legend().set_loc("lower right")
    ax.set_title("At a cliff, clipping keeps the walk near")
    note(
        ax.figure,
        "A bowl, then a wall ten high at x = 0 and a plateau. Darker is lower. Square: start; star: minimum; dots: ends. "
        f"lr {lr:g}, 60 steps; without clipping the step at the wall ends at x = −{-walks['sgd'][:, 0].min():.0f}.",
    )
    view.save(ax.figure, Path(__file__).parent, "clipping", kinds=["svg"])
