"""How long Adam's first steps are while the gradient is always 1. With both corrections each is exactly one learning rate
long. Without them the second moment, which takes a hundred times as long to fill as the first, is still too small: steps are
up to 6.6 times too long, and a quarter too long after a thousand of them.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, new_axes, note

records = list(refopt.walk(refopt.adam(lr=1.0), np.zeros(1), np.ones((5000, 1))))
t = np.arange(1, len(records) + 1)
steps = {
    "with both corrections": [record["update"][0] for record in records],
    "without: m / √v": [(record["m"] / np.sqrt(record["v"]))[0] for record in records],
    "only v corrected: m / √v_hat": [(record["m"] / np.sqrt(record["v_hat"]))[0] for record in records],
}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for name, style in line_styles(list(steps)).items():
        ax.plot(t, steps[name], label=name, **style)
    ax.set(xscale="log", xlabel="step t (log scale)", ylabel="length of the step, in learning rates", xlim=(1, t[-1]))
    ax.set(title="Without the bias corrections Adam's first steps are too long", ylim=(0, None))
    ax.legend()
    note(ax.figure, "The gradient is always 1, so that a step should be one learning rate long; β1 = 0.9, β2 = 0.999.")
    view.save(ax.figure, Path(__file__).parent, "adam_bias_correction", kinds=["svg"])
