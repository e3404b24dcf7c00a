"""Which of Himmelblau's four minima is reached from where. Each pixel is a walk that starts there, in the colour of the star
where it ends; fainter means later. Gradient descent falls into the nearest valley; momentum flies over ridges, and its basins
fray; rules that divide by the size of the gradient cut the plane along other lines.
"""

from pathlib import Path

from refopt import view

view.save(view.basins_figure("himmelblau"), Path(__file__).parent, "basins", kinds=["svg"])
