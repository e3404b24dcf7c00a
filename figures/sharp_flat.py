"""The same function may look sharp or flat. A ReLU network that has learnt the digits, and the same with all weights into the
hidden layer multiplied by 5 and those out of it divided by 5, compute the same outputs. Left: along three random directions the
loss of the second (dashed) rises far more steeply, as if it had ended in a sharper minimum. Right: the directions
normalised filter by filter (Li et al. 2018): the curves of both are one.

Draws figures/sharp_flat.svg.
"""

from pathlib import Path

from matplotlib.figure import Figure

import refopt
from refopt import landscape, view
from refopt.view.style import note

data, net = refopt.data.digits(), refopt.nets.MLP([64, 64, 10])
theta = refopt.train(net, refopt.adam(lr=2e-3), data, epochs=20, dtype="float64").theta
scaled = theta.copy()
for name, factor in (("W1", 5), ("b1", 5), ("W2", 1 / 5)):
    net.views(scaled)[name][...] *= factor
loss = landscape.Objective(net, data.x_train, data.y_train).loss
nets = {"as trained": (theta, "-"), "first layer × 5, second ÷ 5: the same function": (scaled, (0, (3, 2)))}
panels = (
    ("none", 0.12, "Random directions as drawn: one looks sharper"),
    ("filter", 1.0, "Directions normalised by filter: the same curves"),
)
with view.theme():
    figure = Figure(figsize=(13, 5.2), layout="constrained")
    for i, (how, span, title) in enumerate(panels):
        ax = figure.add_subplot(1, 2, i + 1)
        for j, (name, (at, dash)) in enumerate(nets.items()):
            directions = landscape.random_directions(at, net, count=3, normalise=how, seed=3)
            for k, d in enumerate(directions):
                line = landscape.line(loss, at, at + d, low=-span, high=span, points=101)
                label = name if k == 0 else None
                ax.plot(line.alphas, line.losses, color=view.style.palette()[j], linestyle=dash, linewidth=2.2, label=label)
        what = "α, in units of the drawn direction" if how == "none" else "α: 1 is as long as the weights themselves"
        ax.set(title=title, xlabel=what, ylabel="training loss (cross-entropy, nats)")
        ax.legend(loc="upper center")
        ax.set_ylim(0, 4.4)
    figure.suptitle("Sharp or flat is a matter of scale: two weights of one function", fontsize=15, fontweight="bold")
    note(
        figure,
        "Three random directions each, from the weights where training ended (α = 0). Network 64–64–10 with ReLU, trained on "
        "8 × 8 images of handwritten digits by Adam, 20 epochs.",
    )
    view.save(figure, Path(__file__).parent, "sharp_flat", kinds=["svg"])
