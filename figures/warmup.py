"""How far Adam moves in each step when gradients are nothing but noise. Its first step is a whole learning rate for every
parameter, whatever the gradient, because it knows nothing yet; after some steps the mean of noise is small, and so are the
steps. A warm-up of twenty steps takes away just that beginning.
"""

from pathlib import Path

import numpy as np

import refopt
from refopt import schedules, view
from refopt.view.style import line_styles, new_axes, note, palette

STEPS, SIZE = 60, 20_000
lines = {
    "adam": schedules.constant(lr=1.0),
    "adam, linear warm-up over 20 steps": schedules.warmup(inner=schedules.constant(lr=1.0), warmup=20),
}
noise = np.random.default_rng(0).standard_normal((STEPS, SIZE))
t = np.arange(1, STEPS + 1)
with view.theme():
    ax = new_axes(size=(7.2, 4.4))
    for (name, schedule), style in zip(lines.items(), line_styles(list(lines)).values(), strict=True):
        walk = refopt.walk(refopt.adam, np.zeros(SIZE), noise, lr=[schedule(k) for k in range(STEPS)])
        ax.plot(t, [np.sqrt(np.mean(record["update"] ** 2)) for record in walk], label=name, marker=".", **style)
    late = np.sqrt((1 - 0.9) / (1 + 0.9))
    ax.axhline(late, color=palette()[-1], linewidth=0.8, zorder=0)
    ax.annotate("√((1 − β1) / (1 + β1)): late steps", (STEPS, late), (0, 5), textcoords="offset points", ha="right", fontsize=9)
    ax.set(xlabel="step", ylabel="RMS step length ÷ learning rate", xlim=(0, STEPS), ylim=(0, 1.05))
    ax.set_title("Adam's first steps on pure noise are the longest; a warm-up takes them away", fontsize=10.5)
    note(ax.figure, "Gradients: standard normal noise, 20,000 parameters. β1 = 0.9, β2 = 0.999.")
    ax.legend()
    view.save(ax.figure, Path(__file__).parent, "warmup", kinds=["svg"])
