"""How much of a parameter is left after 2,000 steps of weight decay, against the size of its noisy gradients. Decay in the
gradient (L2) is divided by that size, as all of the gradient is: who has large gradients hardly shrinks. Decoupled decay
shrinks all alike.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, new_axes

STEPS, LR, DECAY = 2000, 1e-3, 0.5
sizes = np.repeat(np.geomspace(1e-2, 1e3, 26), 40)  # forty parameters of each size, to see past the noise
signs = np.sign(np.random.default_rng(0).standard_normal((STEPS, sizes.size)))
rules = {
    "L2 in the gradient: adam": refopt.l2(inner=refopt.adam(lr=LR), weight_decay=DECAY),
    "decoupled: adamw": refopt.adamw(lr=LR, weight_decay=DECAY),
}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for (name, rule), style in zip(rules.items(), line_styles(list(rules)).values(), strict=True):
        *_, last = refopt.walk(rule, np.ones_like(sizes), (sign * sizes for sign in signs), steps=STEPS)
        ax.plot(sizes[::40], last["theta"].reshape(-1, 40).mean(axis=1), marker="o", markersize=4, label=name, **style)
    share = (1 - LR * DECAY) ** STEPS
    ax.set(xscale="log", xlabel=f"size of a parameter's gradients (log scale); decay {DECAY:g}, lr {LR:g}", ylim=(0, 1.1))
    ax.set(ylabel=f"what is left of it after {STEPS:,} steps", title="Inside Adam, L2 decays whom it likes")
    ax.axhline(share, color="#7f7f7f", linewidth=0.8, zorder=0)
    ax.annotate(f"(1 − lr · decay)^{STEPS} = {share:.2f}", (sizes[0], share), (0, -14), textcoords="offset points", fontsize=9)
    ax.legend(loc="lower right")
    view.save(ax.figure, Path(__file__).parent, "coupled_vs_decoupled", kinds=["svg"])
