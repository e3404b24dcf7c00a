"""A bowl a thousand times as steep one way as the other. Gradient descent has to creep; the sign methods do not notice, come
down in straight diagonals, and then cannot stop: their steps all have one length, so they end in a dance as wide as the
learning rate. Adam slows down by itself.
"""

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import refopt
from refopt import view
from refopt.view.style import ink, line_styles, new_axes, note

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
        worst = sliding_window_view(bowl.loss(np.array(thetas)), 10).max(axis=1)  # else a dance is a solid block of ink
        ax.plot(range(9, len(thetas)), worst, label=name, **style)
    ax.set(yscale="log", xlabel="step", ylabel="loss (log scale)", xlim=(0, 600), ylim=(3e-3, 4e3))
    ax.set_title("Sign steps ignore how steep it is, and stall at a floor set by lr")
    ax.legend(loc="upper right", ncols=2)
    words = {"fontsize": 9.5, "color": ink()}
    ax.text(330, 6, "sgd waits for the flat direction", **words)
    ax.text(330, 0.08, "floor: these steps never shrink", **words)
    ax.text(170, 5e-3, f"adam goes on: {worst[-1]:.0e} after 600 steps", **words)
    note(
        ax.figure,
        "A bowl a thousand times as steep one way as the other: (x² + 1000 y²) / 2. Shown is the largest loss of the last ten "
        "steps, for sign steps jump to and fro across the minimum.",
    )
    view.save(ax.figure, Path(__file__).parent, "sign_methods", kinds=["svg"])
