"""The first step of Adam against the size of the gradient, ε = 10⁻⁸ in three places where libraries have it. Large gradients
do not tell them apart. Below 10⁻⁴ they part: inside the root, √ε = 10⁻⁴ counts; beside the uncorrected moment ("epsilon hat")
it counts 31.6 times at the first step.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.dialects.denominator import eps_hat, eps_inside, eps_outside
from refopt.view.style import line_styles, new_axes, note

g = np.geomspace(1e-13, 1.0, 400)
places = {
    "√v_hat + ε: the paper, torch, optax": eps_outside,
    "√v_hat + ε / √c2: keras, scikit-learn": eps_hat,
    "√(v_hat + ε): RMSprop of keras and optax": eps_inside,
}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for (name, place), style in zip(places.items(), line_styles(list(places)).values(), strict=True):
        rule = refopt.adam(lr=1.0, denominator=place)
        record = rule.step(np.zeros_like(g), g, rule.init(g))
        ax.plot(g, record["update"], label=name, **style)
    ax.set(xscale="log", yscale="log", xlabel="size of the gradient (log scale)", xlim=(g[0], g[-1]), ylim=(1e-9, 3))
    ax.set(ylabel="length of the first step, in learning rates", title="Where ε stands matters for small gradients")
    ax.legend(loc="lower right")
    note(
        ax.figure,
        "Adam with ε = 1e-8, β2 = 0.999. Were ε 0, the first step would be one learning rate long for every gradient.",
    )
    view.save(ax.figure, Path(__file__).parent, "eps_placement", kinds=["svg"])
