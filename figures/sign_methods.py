"""A bowl a thousand times as steep one way as the other. Gradient descent has to creep; the sign methods do not notice, come down in
straight diagonals, and then cannot stop: their steps all have one length, so they end in a dance as wide as the learning rate. Adam
slows down by itself.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, new_axes

bowl = refopt.problems.get("quadratic", condition=1000.0)
rules = {
    "sgd, lr 0.0015": refopt.sgd(lr=0.0015),
    "signsgd, lr 0.02": refopt.signsgd(lr=0.02),
    "lion, lr 0.02": refopt.lion(lr=0.02),
    "adam, lr 0.1": refopt.adam(lr=0.1),
}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for (name, rule), style in zip(rules.items(), line_styles(list(rules)).values(), strict=True):
        thetas = [bowl.start, *(record["theta"] for record in refopt.walk(rule, bowl.start, bowl.grad, steps=600))]
        ax.plot(np.maximum(bowl.loss(np.array(thetas)), 1e-9), label=name, **(style | {"linewidth": 1.6}))
    ax.set(yscale="log", xlabel="step", ylabel="loss (log scale)", xlim=(0, 600), title="Signs do not see how steep it is")
    ax.legend(loc="lower left")
    view.save(ax.figure, Path(__file__).parent, "sign_methods", kinds=["svg"])
