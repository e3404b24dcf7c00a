"""Weight decay on a bowl that is steep in x and flat in y, minimum at the star. With L2 in the gradient Adam walks to the
minimum of the sum (the cross), where the flat direction has given in. AdamW, whose steps do not know how steep a direction
is, stays at the star.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.view.style import note
from refopt.view.walks import box

CURVATURES, DECAY, LR = np.array([10.0, 0.02]), 0.05, 0.02
target = np.array([1.0, 1.0])
bowl = replace(
    refopt.problems.get("quadratic"),
    name="bowl",
    loss=lambda theta: (CURVATURES * (np.asarray(theta) - target) ** 2 / 2).sum(axis=-1),
    grad=lambda theta: CURVATURES * (np.asarray(theta) - target),
    minima=target[None],
    start=np.array([-0.6, 1.6]),
    bounds=((-1.0, 2.0), (-0.25, 2.0)),
)
rules = {
    "adam with L2": refopt.l2(inner=refopt.adam(lr=LR), weight_decay=DECAY),
    "adamw": refopt.adamw(lr=LR, weight_decay=DECAY),
}
walks = {
    name: np.array([bowl.start, *(record["theta"] for record in refopt.walk(rule, bowl.start, bowl.grad, steps=800))])
    for name, rule in rules.items()
}
with view.theme():
    ax = view.trails(walks, bowl, fade=False)
    ends = CURVATURES * target / (CURVATURES + DECAY)
    ax.plot(*ends, "X", color="black", markeredgecolor="white", markersize=13, zorder=3.5, label="minimum of loss + L2 term")
    edge = {"color": "white", "markeredgecolor": "black", "linestyle": "none"}
    ax.plot([], [], "*", markersize=13, label="minimum of the loss", **edge)
    ax.plot([], [], "s", markersize=8, label="start", **edge)
    ax.legend(loc="lower left", fontsize=9.5, handlelength=2.6, **box())
    ax.set_title("AdamW ends at the minimum, Adam with L2 elsewhere")
    note(
        ax.figure,
        f"Loss 5 (x − 1)² + 0.01 (y − 1)², darker is lower. lr {LR:g}, weight decay {DECAY:g}, 800 steps; dots: ends.",
    )
    view.save(ax.figure, Path(__file__).parent, "adam_vs_adamw", kinds=["svg"])
