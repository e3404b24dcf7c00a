"""Eight libraries' Adam over the same thousand gradients: how far each is from PyTorch's, in units of the last digit of
float64. Optax, tinygrad and braintools agree in every bit. The others put ε elsewhere or give it another value: ten million
to ten billion ulps, from the first step on.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import view
from refopt.frameworks import FRAMEWORKS
from refopt.frameworks.comparison import drift

draw = np.random.default_rng(0)
theta, gradients = draw.standard_normal(100), draw.standard_normal((1000, 100))
torch = refopt.rule("adam", framework="torch")
apart = {
    library: drift(torch, refopt.rule("adam", framework=library, lr=torch.lr), theta, gradients)
    for library, table in FRAMEWORKS.items()
    if "adam" in table and library != "torch"
}
with view.theme():
    ax = view.drift_panel(apart, "torch")
    ax.set_title("The same rule, the same gradients: Adam of several libraries")
    view.save(ax.figure, Path(__file__).parent, "dialects_divergence", kinds=["svg"])
