"""Adam's second step, line by line, on three coordinates whose gradients are 1, 0.001 and 0. The first two move by nearly the
same length though their gradients differ a thousandfold; the third stays where it is, with only ε below it.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view

rule, theta = refopt.adam(lr=0.1), np.array([1.0, -2.0, 0.5])
theta, state = rule.update(theta, np.array([0.5, 5e-4, 0.0]), rule.init(theta))
with view.theme():
    figure = view.ledger_figure(rule, theta, np.array([1.0, 1e-3, 0.0]), state, "Adam's second step, line by line")
view.save(figure, Path(__file__).parent, "adam_ledger", kinds=["svg"])
