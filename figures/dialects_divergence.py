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
from refopt.view.style import note

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
    equal = sum(not values.any() for values in apart.values())
    ax.set_title(f"{equal} of {len(apart)} libraries have torch's Adam to the bit; the others part at step 1", fontsize=11.5)
    note(ax.figure, "The same 100 parameters, the same 1,000 random gradients, float64. An ulp: a unit in the last place.")
    view.save(ax.figure, Path(__file__).parent, "dialects_divergence", kinds=["svg"])
