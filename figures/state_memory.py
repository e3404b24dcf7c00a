"""What optimizers remember of a matrix of 1,024 × 1,024 parameters, measured: from nothing at all (plain SGD, signs), or
a row and a column (Adafactor), over one number a parameter (momentum) and two (Adam) to four (Adan).
"""

from pathlib import Path

import numpy as np
from matplotlib.ticker import MultipleLocator

import refopt
from refopt import view
from refopt.training.measuring import state_bytes
from refopt.view.style import new_axes, note, palette

theta = np.zeros((1024, 1024), np.float32)
rules = {
    "signsgd": refopt.signsgd,
    "adafactor": refopt.adafactor,
    "sgd, momentum 0.9": refopt.sgd(momentum=0.9),
    "lion": refopt.lion,
    "adagrad": refopt.adagrad,
    "adam_mini": refopt.adam_mini,
    "adam": refopt.adam,
    "amsgrad": refopt.amsgrad,
    "adan": refopt.adan,
}
held = {"sgd": 0.0}  # without momentum its buffer is multiplied by 0: nobody needs to keep it
for name, rule in rules.items():
    _, state = rule.update(theta, theta + 1e-3, rule.init(theta))
    held[name] = state_bytes(state) / theta.nbytes
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    held = dict(sorted(held.items(), key=lambda pair: pair[1]))
    ax.barh(range(len(held)), held.values(), 0.65, color=palette()[0], alpha=0.75)
    for i, share in enumerate(held.values()):
        ax.annotate(f"{share:.3g}", (share, i), (5, 0), textcoords="offset points", va="center")
    ax.set_yticks(range(len(held)), held)
    ax.set(
        xlabel="memory of the state ÷ memory of the parameters",
        title="Adam remembers two numbers for each weight, SGD none",
        ylim=(len(held) - 0.4, -0.6),
    )
    ax.set_xlim(0, 1.12 * max(held.values()))
    ax.xaxis.set_major_locator(MultipleLocator(1))
    note(
        ax.figure,
        "Measured on a matrix of 1,024 × 1,024 weights. Adafactor keeps a number for each row and each column. "
        "Plain SGD needs to keep none.",
    )
    ax.grid(False, axis="y")
    ax.set_axisbelow(True)
    view.save(ax.figure, Path(__file__).parent, "state_memory", kinds=["svg"])
