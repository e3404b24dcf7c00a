"""Gradient descent on a bowl that is fifty times as steep one way as the other, a hundred steps with four momenta and one
learning rate. Without momentum it crawls along the flat direction; with 0.9 it arrives; with 0.99 it flies past and comes
back.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import refopt
from refopt import view

bowl = replace(refopt.problems.get("quadratic", condition=50.0), bounds=((-5.0, 5.0), (-2.2, 2.2)))
walks = {}
for momentum in (0.0, 0.5, 0.9, 0.99):
    records = refopt.walk(refopt.sgd(lr=0.003, momentum=momentum), bowl.start, bowl.grad, steps=100)
    walks[f"momentum {momentum:g}"] = np.array([bowl.start, *(record["theta"] for record in records)])
with view.theme():
    title = "Momentum 0.9 arrives; less is too slow, more swings"
    words = "Gradient descent on (x² + 50 y²) / 2: 100 steps, lr 0.003."
    figure = view.race_grid_figure(walks, bowl, columns=2, title=title, words=words)
view.save(figure, Path(__file__).parent, "momentum", kinds=["svg"])
