"""All eigenvalues of the Hessian of a network of 4,810 parameters that learns ten classes of digits, before training and after,
estimated by stochastic Lanczos quadrature from products with the Hessian alone. Nearly all stand at zero: directions in which
the loss is flat. Before, the others lie on both sides: the loss bends up and down. After, hardly any is negative, and about as
many as there are classes stand far out (ticks: the largest ten, found one by one; dotted: the height of a single eigenvalue).
How far out the last one stands limits the learning rate of gradient descent to 2/λ.

Draws figures/spectrum.svg.
"""

from pathlib import Path

from matplotlib.figure import Figure

import refopt
from refopt import landscape, view
from refopt.view.style import note

data, net = refopt.data.digits(), refopt.nets.MLP([64, 64, 10])
objective = landscape.Objective(net, data.x_train, data.y_train)
trained = refopt.train(net, refopt.adam(lr=1e-3), data, epochs=20).theta
with view.theme():
    figure = Figure(figsize=(13, 5), layout="constrained")
    for i, (title, theta) in enumerate((("Before training", net.init(0)), ("After 20 epochs of Adam", trained))):
        H = landscape.hessian(objective, theta)
        top = landscape.eigenpairs(H, 10).values
        total = landscape.trace(H, 200)
        title += f": λ up to {top[0]:.2g}, trace {total.value:.1f} ± {total.error:.1f}"
        found = landscape.density(H, steps=80, probes=10)
        view.spectrum(found, figure.add_subplot(1, 2, i + 1), top=top, parameters=net.size, title=title)
    figure.suptitle("Most directions are flat; about as many as there are classes stand out", fontsize=15, fontweight="bold")
    note(
        figure,
        "Hessian of the training loss, network 64–64–10 (4,810 parameters), ten classes of digits. Dotted: one eigenvalue.",
    )
    view.save(figure, Path(__file__).parent, "spectrum", kinds=["svg"])
