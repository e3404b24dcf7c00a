"""Where gradient descent with momentum is stable on a bowl. Each cell is a walk with its own learning rate and momentum; the
colour is the factor by which the error changes at each step, dark is fast, hatched is growth. The walks (left) part exactly at
the theoretical limit, and agree with the closed form (right); the star is Polyak's choice, the fastest there is.
"""

from pathlib import Path

from refopt import view

view.save(view.stability_figure(), Path(__file__).parent, "stability", kinds=["svg"])
