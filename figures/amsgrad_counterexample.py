"""Where Adam goes the wrong way: of 101 gradients one is 1010, the others are −10, so on the whole x = −1 is best. Adam
forgets the rare large one before it can weigh as much as it should, and ends at +1, the worst point. AMSGrad's maximum does
not forget.

The online problem of Reddi, Kale and Kumar 2018, section 3, on [−1, 1].
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, muted, new_axes, note

STEPS, EVERY = 198 * 101, 101
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
        rounds = np.reshape(path[1:], (-1, EVERY)).mean(axis=1)
        ax.plot(np.arange(len(rounds)) * EVERY + EVERY / 2, rounds, label=name, **style)
    for place, words, above in ((1, "x = 1: the worst point", 4), (-1, "x = −1: the best point", -13)):
        ax.axhline(place, color=muted(), linewidth=0.8, zorder=0)
        ax.annotate(words, (STEPS, place), (0, above), textcoords="offset points", ha="right", fontsize=10)
    ax.set(xlabel="step", ylabel="x, mean over each round of 101 steps", ylim=(-1.2, 1.2), xlim=(0, STEPS))
    ax.set_title("Adam ends at the worst point, AMSGrad creeps to the best")
    ax.legend(loc="center right")
    note(ax.figure, "In each round one gradient is 1010, a hundred are −10. lr 0.5 / √t, β1 = 0.9, β2 = 0.99; x in [−1, 1].")
    view.save(ax.figure, Path(__file__).parent, "amsgrad_counterexample", kinds=["svg"])
