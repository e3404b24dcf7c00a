"""The loss of a small network on the digits, on the plane that the path of its training spans most, for three optimizers from
one start (square). Each picture has axes of its own: the two principal directions of that path, with their shares of it. The
paths bend and go slower as the ground gets flatter; where they end (star) is not the lowest point of the plane, since training
moves in 4,808 other directions, too: the percentages say how far beside the plane the epochs lie, as shares of their distance
from the end.

Draws figures/landscape_contour.svg.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import refopt
from refopt import landscape, view
from refopt.view.style import note

data, net = refopt.data.digits(), refopt.nets.MLP([64, 64, 10])
objective = landscape.Objective(net, data.x_train, data.y_train)
with view.theme():
    figure = Figure(figsize=(15.5, 5.6), layout="constrained")
    for i, rule in enumerate((refopt.sgd(lr=0.1), refopt.sgd(lr=0.1, momentum=0.9), refopt.adam(lr=1e-3))):
        path = landscape.Trajectory()
        refopt.train(net, rule, data, epochs=30, callbacks=[path])
        plane = landscape.pca_plane(path.thetas)
        surface = landscape.surface(objective.loss, plane, points=41, path=path.thetas)
        name = ("sgd", "sgd, momentum 0.9", "adam")[i]
        ax = view.landscape_contour(
            surface, figure.add_subplot(1, 3, i + 1), title=f"{name}: ends at {surface.path_losses[-1]:.2g}"
        )
        beside = np.median(surface.off_plane)
        ax.text(0.02, 0.02, f"half the epochs lie over {beside:.0%} beside the plane", transform=ax.transAxes, fontsize=9.5)
    figure.suptitle("Three ways down, each on the plane of its own path (30 epochs)", fontsize=15, fontweight="bold")
    note(
        figure,
        "Square: start; dots: epochs; star: end. Darker is lower. Network 64–64–10 on 8 × 8 images of handwritten digits.",
    )
    view.save(figure, Path(__file__).parent, "landscape_contour", kinds=["svg"])
