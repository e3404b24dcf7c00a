"""Draw figures/problems.svg: the toy functions of two variables, each a trap of its own. The darker, the lower (where values
range over decades, by their logarithm); a star is a minimum, a cross a saddle, a square the start.
"""

from pathlib import Path

from refopt import view

view.save(view.problems_figure(), Path(__file__).parent, "problems", kinds=["svg"])
