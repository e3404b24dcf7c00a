"""Inputs on which wrong optimizers part from right ones.

Several tensors at once (matrix, vector, 0-d); entries of ±1, 1e-9 and 1e4; exact zeros for a while and for good; one step in
which every gradient is zero; runs of one sign and flips. Fixed gradients, so each step tests the rule alone.
"""

import numpy as np

SHAPES = {"W": (3, 4), "b": (5,), "scale": ()}
STEPS = 20


def start():
    """Parameters at the start: a dict of float64 arrays.

    Zero where gradients are 1e-9 or wake up late, so that what these do is seen and not lost beside a parameter of size 1.
    """
    rng = np.random.default_rng(7)
    theta = {name: rng.normal(size=shape) for name, shape in SHAPES.items()}
    theta["W"][0, 0] = theta["W"][1, 0] = theta["W"][1, 1] = theta["b"][0] = 0.0
    return {name: np.asarray(array) for name, array in theta.items()}


def gradients(steps=STEPS):
    """`steps` gradients, each a dict like `start()`."""
    rng = np.random.default_rng(11)
    out = []
    for t in range(1, steps + 1):
        g = {name: np.asarray(rng.normal(size=shape)) for name, shape in SHAPES.items()}
        g["W"][0, 0] = 1.0
        g["W"][0, 1] = -1.0 if t % 2 else 1.0  # flips at every step
        g["W"][0, 2] = 0.0  # never sees a gradient
        g["W"][1, 0] = 0.0 if t < 4 else -0.5  # wakes up late
        g["W"][1, 1] *= 1e-9
        g["W"][1, 2] = 1e4 * 0.5**t  # a spike that decays
        g["W"][2, 3] = 1e4 if t == 6 else 0.25
        g["b"][0] = 1e-9 * (1 if t < 7 else -1)
        g["b"][1] *= 1e4
        out.append({name: np.asarray(array * (t != 9)) for name, array in g.items()})  # step 9: nothing at all
    return out
