"""Functions to minimise that tests write themselves, with no more than they need."""

import numpy as np

from refopt.problems import Problem


def own_problem(name, loss, grad, minima, bounds):
    """A problem on the box `bounds`, which starts at ones."""
    return Problem(name, loss, grad, start=np.ones(len(bounds)), minima=minima, bounds=bounds)


def himmelblau():
    """(x² + y − 11)² + (x + y² − 7)², with four minima."""

    def loss(theta):
        x, y = theta[..., :1], theta[..., 1:]
        return ((x**2 + y - 11) ** 2 + (x + y**2 - 7) ** 2)[..., 0]

    def grad(theta):
        x, y = theta[..., :1], theta[..., 1:]
        first, second = x**2 + y - 11, x + y**2 - 7
        return np.concatenate([4 * x * first + 2 * second, 2 * first + 4 * y * second], axis=-1)

    minima = [[3, 2], [-2.805118086952745, 3.131312518250573], [-3.779310253377747, -3.283185991286170],
              [3.584428340330492, -1.848126526964404]]  # fmt: skip
    return own_problem("himmelblau", loss, grad, minima, ((-5.0, 5.0), (-5.0, 5.0)))
