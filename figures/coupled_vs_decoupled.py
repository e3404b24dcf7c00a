"""How much of a parameter is left after 2,000 steps of weight decay, against the size of its noisy gradients. Decay in the
gradient (L2) is divided by that size, as all of the gradient is: who has large gradients hardly shrinks. Decoupled decay
shrinks all alike.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import line_styles, new_axes, note

STEPS, LR, DECAY = 2000, 1e-3, 0.5
sizes = np.repeat(np.geomspace(1e-2, 1e3, 26), 40)  # forty parameters of each size, to see past the noise
signs = np.sign(np.random.default_rng(0).standard_normal((STEPS, sizes.size)))
rules = {
    "L2 in the gradient: adam": refopt.l2(inner=refopt.adam(lr=LR), weight_decay=DECAY),
    "decoupled: adamw": refopt.adamw(lr=LR, weight_decay=DECAY),
}
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for (name, rule), style, dash in zip(rules.items(), line_styles(list(rules)).values(), ("-", ""), strict=True):
        *_, last = refopt.walk(rule, np.ones_like(sizes), (sign * sizes for sign in signs), steps=STEPS)
        ax.plot(
            sizes[::40],
            last["theta"].reshape(-1, 40).mean(axis=1),
            marker="o",
            markersize=5,
            label=name,
            **style | {"linestyle": dash},
        )
    share = (1 - LR * DECAY) ** STEPS
    ax.axhline(
        share, color="black", linewidth=1.0, linestyle=":", label=f"adamw in theory: (1 − lr · decay)^{STEPS} = {share:.2f}"
    )
    ax.set(xscale="log", xlabel="size of a parameter's gradients (log scale)", ylim=(0, 1.1))
    ax.set(ylabel=f"share of the start value left after {STEPS:,} steps")
    ax.set_title("In Adam, L2 decay depends on the gradient's size; AdamW's does not", fontsize=11.5)
    ax.legend(loc="upper left", fontsize=9.5)
    note(
        ax.figure,
        f"Gradients of one size and random sign; each point is the mean of 40 parameters. Decay {DECAY:g}, lr {LR:g}.",
    )
    view.save(ax.figure, Path(__file__).parent, "coupled_vs_decoupled", kinds=["svg"])
