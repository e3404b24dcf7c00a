"""The lowest loss on Rosenbrock's valley within 500 steps, over the learning rate and a β: each cell is a walk of its own, dark
is low, the star is the lowest. The best momentum depends on the learning rate, and the other way round: along the dark ridge
of SGD a β ten times nearer to 1 makes up for a tenth of the learning rate. Beyond it walks oscillate, or
end higher than they began (hatched).
"""

from pathlib import Path

from refopt import view

view.save(view.lr_beta_figure(), Path(__file__).parent, "lr_beta", kinds=["svg"])
