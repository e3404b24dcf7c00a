"""Where Adam goes the wrong way: of 101 gradients one is 1010, the others are −10, so on the whole x = −1 is best. Adam
forgets the rare large one before it can weigh as much as it should, and ends at +1, the worst point. AMSGrad's maximum does
not forget.

The online problem of Reddi, Kale and Kumar 2018, section 3, on [−1, 1].
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, new_axes

STEPS, EVERY = 20_000, 101
rules = {"adam": refopt.adam, "amsgrad": refopt.amsgrad}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for (name, rule), style in zip(rules.items(), line_styles(list(rules)).values(), strict=True):
        x, path = np.zeros(1), [0.0]
        rule = rule(beta1=0.9, beta2=0.99)
        state = rule.init(x)
        for t in range(1, STEPS + 1):
            g = np.array([1010.0 if t % EVERY == 1 else -10.0])
            x, state = rule.update(x, g, state, lr=0.5 / np.sqrt(t))
            x = np.clip(x, -1, 1)  # the feasible set
            path.append(float(x[0]))
        ax.plot(range(0, STEPS + 1, 20), path[::20], label=name, **style)
    ax.axhline(-1, color="#7f7f7f", linewidth=0.8)
    ax.annotate("the best point", (STEPS, -1), (0, 4), textcoords="offset points", ha="right", fontsize=9)
    ax.set(
        xlabel="step", ylabel="x", ylim=(-1.1, 1.1), xlim=(0, STEPS), title="A problem on which Adam fails and AMSGrad does not"
    )
    ax.legend(loc="center right")
    view.save(ax.figure, Path(__file__).parent, "amsgrad_counterexample", kinds=["svg"])
