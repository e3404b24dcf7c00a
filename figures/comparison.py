"""Six optimizers on the handwritten digits from eight sides: how low the losses go, how fast, how steadily, and at which
price in time (of the machine that drew this) and memory. Adam's state is twice as large as the parameters, RMSprop's with all
its means three times.

What ``refopt race --compare`` draws of all rules that race.
"""

from pathlib import Path

from refopt import view
from refopt.training import entrants, race

racers = race(entrants(["sgd", "adagrad", "rmsprop", "adam", "adamw", "lion"]), epochs=30)
figure = view.comparison_figure({racer.name: racer.history for racer in racers}, "Six optimizers on the handwritten digits")
view.save(figure, Path(__file__).parent, "comparison", kinds=["svg"])
