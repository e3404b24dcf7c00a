"""Gradient descent finds the edge of what it can bear. A tanh network of four hidden layers fits a Chebyshev polynomial at 20
points by full-batch gradient descent with three learning rates. The sharpness, the largest eigenvalue of the Hessian, rises to
2/lr (dashed), where descent on a quadratic would begin to diverge, overshoots, and settles there; the loss jumps, and goes on
falling (Cohen et al. 2021).

Draws figures/edge_of_stability.svg.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import refopt
from refopt import landscape, view
from refopt.view.style import note

net = refopt.nets.MLP([1, 20, 20, 20, 20, 1], "tanh", loss="mse")
x = np.linspace(-1, 1, 20)[:, None]
objective = landscape.Objective(net, x, np.cos(4 * np.arccos(x)))  # the Chebyshev polynomial of degree 4
runs = {f"lr 1/{n}": landscape.edge_of_stability(objective, net.init(0), lr=1 / n, steps=6000, every=20) for n in (30, 20, 10)}
with view.theme():
    figure = Figure(figsize=(13, 5.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1.2, 1))
    view.edge_of_stability(runs, left, losses=right, title="The sharpness rises past 2/lr and settles there")
    note(
        figure,
        "A tanh network (1–20–20–20–20–1) fits the Chebyshev polynomial of degree 4 at 20 points "
        "by full-batch gradient descent. Dashed: 2/lr.",
    )
    view.save(figure, Path(__file__).parent, "edge_of_stability", kinds=["svg"])
