"""The loss on straight lines through the space of the weights. Left: from the start of a training to its end (Goodfellow et al.
2015): no rule went this way, and yet it goes down all the way, for SGD as for Adam, on the training digits and on the held-out
ones. Right: from the end of one training by Adam to the end of another, which began at other random weights: both classify
well, and between them lies a ridge. The same features stand in other places.

Draws figures/interpolation.svg.
"""

from pathlib import Path

from matplotlib.figure import Figure

import refopt
from refopt import landscape, view
from refopt.view.style import note

data, net = refopt.data.digits(), refopt.nets.MLP([64, 64, 10])
losses = {
    "training": landscape.Objective(net, data.x_train, data.y_train).loss,
    "held out": landscape.Objective(net, data.x_test, data.y_test).loss,
}
rules = {"sgd": refopt.sgd(lr=0.1), "adam": refopt.adam(lr=2e-3)}
ends = {name: refopt.train(net, rule, data, epochs=30).theta for name, rule in rules.items()}
other = refopt.train(net, rules["adam"], data, epochs=30, theta=net.init(7, "float32")).theta
down, between = {}, {}
for name, loss in losses.items():
    for rule, end in ends.items():
        down[f"{rule}, {name}"] = landscape.line(loss, net.init(0), end, low=-0.25, high=1.5, points=101)
    between[name] = landscape.line(loss, ends["adam"], other, low=-0.25, high=1.25, points=101)
with view.theme():
    figure = Figure(figsize=(13, 5), layout="constrained")
    view.interpolation(down, figure.add_subplot(1, 2, 1), title="From start to end: downhill all the way", log=True)
    ax = view.interpolation(
        between,
        figure.add_subplot(1, 2, 2),
        ends=("one end", "the other"),
        title="From one end to that of another training: a ridge",
    )
    ax.set_ylim(0, None)
    figure.suptitle("Downhill from a training's start to its end, a ridge between two ends", fontsize=15, fontweight="bold")
    note(
        figure,
        "Straight lines in the space of all weights. Network 64–64–10 with ReLU on 8 × 8 images of handwritten digits, "
        "30 epochs; right: Adam from two random starts.",
    )
    view.save(figure, Path(__file__).parent, "interpolation", kinds=["svg"])
