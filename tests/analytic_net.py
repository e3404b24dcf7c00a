"""A net with all that training asks of one, small enough to be worked out by hand: a line through centred, thinned-out inputs.

z = (x − centre) · mask / (1 − rate), loss = mean of ½ (z·w + b − y)². In training `centre` is the mean of the batch (its
statistics) and the mask is drawn from the seed; in evaluation `centre` is what runs, and nothing is left out.
"""

import numpy as np

from refopt.nets.views import Views


class AnalyticNet:
    task = "regression"

    def __init__(self, features=3, rate=0.25):
        self.features, self.rate = features, rate
        self.views = Views({"w": (features, 1), "b": (1,)})
        self.size = self.views.size
        self.heard = []  # the keywords of each call of loss_and_grad

    def __repr__(self):
        return f"AnalyticNet({self.features}, rate={self.rate})"

    def init(self, seed=0, dtype=np.float64):
        return np.random.default_rng(seed).normal(size=self.size).astype(dtype)

    def init_running(self, dtype):
        return np.zeros(self.features, dtype)

    def predict(self, theta, x, running=None):
        centre = x.mean(axis=0) if running is None else running
        return (x - centre) @ theta[:-1] + theta[-1]

    def loss(self, theta, x, y, running=None):
        return 0.5 * np.mean((self.predict(theta, x, running) - y) ** 2)

    def loss_and_grad(self, theta, x, y, *, seed=None, dropout=None, statistics=None, out=None):
        self.heard.append({"seed": seed, "dropout": dropout, "statistics": statistics is not None, "out": out is not None})
        centre = x.mean(axis=0)
        if statistics is not None:
            statistics[...] = centre
        z = (x - centre) * (self.factors(seed, dropout, x.shape) if seed is not None else 1)
        error = (z @ theta[:-1] + theta[-1] - y).astype(theta.dtype)
        g = np.empty_like(theta) if out is None else out
        g[:-1], g[-1] = z.T @ error / len(y), error.mean()
        return 0.5 * np.mean(error**2), g

    def factors(self, seed, dropout, shape):
        rate = self.rate if dropout is None else dropout
        return (np.random.default_rng(seed).random(shape) >= rate) / (1 - rate)


class CountingNet:
    """theta counts the updates, under SGD with lr = 1; losses are read from scripts, one entry an epoch of `batches`."""

    task = "regression"

    def __init__(self, training, validation=None, batches=1):
        self.scripts, self.batches = {4: training, 2: training if validation is None else validation}, batches
        self.views, self.size = Views({"count": (1,)}), 1

    def __repr__(self):
        return "CountingNet()"

    def init(self, seed=0, dtype=np.float64):
        return np.zeros(1, dtype)

    def loss(self, theta, x, y):
        return self.scripts[len(y)][int(theta[0]) // self.batches]

    def loss_and_grad(self, theta, x, y):
        return 1.0, -np.ones_like(theta)

    data = (np.zeros((4, 1)), np.zeros(4))
    held_out = (np.zeros((2, 1)), np.zeros(2))


def line(examples=40, features=3, seed=0):
    """Inputs, and targets that a line explains but for a little noise."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(examples, features))
    return x, x @ np.arange(1.0, features + 1) + 0.1 * rng.normal(size=examples)
