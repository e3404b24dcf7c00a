"""One step of Adam in mid-walk, three arrows: downhill is up and to the right by now, but the mean of past gradients still
points the old way, and the step is that mean with each coordinate divided by its usual size. The hollow dot is where it
lands.
"""

from pathlib import Path

import refopt
from refopt import view
from refopt.view.style import ink, note

beale, rule = refopt.problems.get("beale"), refopt.adam(lr=0.3)
*_, before, record = refopt.walk(rule, beale.start, beale.grad, steps=9)
theta = before["theta"]
with view.theme():
    ax = view.contour(beale)
    view.arrows(theta, record | {"g": beale.grad(theta)}, ("g", "m_hat", "update"), ax)
    path = [beale.start, *(record["theta"] for record in refopt.walk(rule, beale.start, beale.grad, steps=8))]
    ax.plot(*zip(*path, strict=True), color=ink(), linewidth=1.2, marker=".", markersize=4, zorder=4)
    ax.set_title("Adam's mean of gradients still points the old way")
    note(
        ax.figure,
        "Step 9 on Beale's function, lr 0.3; darker is lower. Thin: the way so far; circle: after the step. Arrows: directions "
        "only, their lengths stand in the legend; g is the gradient here, m_hat the mean of all so far.",
    )
    view.save(ax.figure, Path(__file__).parent, "step_arrows", kinds=["svg"])
