"""The loss of a small network on the digits as a relief. Left: around where Adam's training has ended, along two random
directions, each filter of which is as long as the filter of the weights that it moves: at a distance of 1 as much is random as
is learnt, and still it is one smooth bowl. Right: the plane that the path of the training spans most, with the path laid on it
from the start (square) to the end (star): down a slope, then along a valley that falls slowly.

Draws figures/landscape_surface.svg.
"""

from pathlib import Path

from matplotlib.figure import Figure

import refopt
from refopt import landscape, view
from refopt.view.style import note

data, net, path = refopt.data.digits(), refopt.nets.MLP([64, 64, 10]), landscape.Trajectory()
theta = refopt.train(net, refopt.adam(lr=2e-3), data, epochs=30, callbacks=[path]).theta
loss = landscape.Objective(net, data.x_train, data.y_train).loss
around = landscape.surface(loss, landscape.random_plane(theta, net, seed=1), points=33)
along = landscape.surface(loss, landscape.pca_plane(path.thetas), points=33, path=path.thetas)
with view.theme():
    figure = Figure(figsize=(10.2, 4.9), layout="constrained")
    left, right = (figure.add_subplot(1, 2, i, projection="3d") for i in (1, 2))
    view.landscape_surface(around, left, title="Along two random directions, filter by filter")
    view.landscape_surface(along, right, title="Along the path")
    figure.suptitle("Where training ends, the loss of a small network is one smooth bowl", fontsize=15, fontweight="bold")
    note(
        figure,
        "Square: start; star: end of 30 epochs of Adam. Darker is lower. Network 64–64–10 on handwritten digits (8 × 8).",
    )
    view.save(figure, Path(__file__).parent, "landscape_surface", kinds=["svg"])
