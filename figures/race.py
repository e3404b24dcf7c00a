"""One start, one order of batches, nine rules, each at its tuned learning rate. Above: nearly every rule passes 95 % on the
digits within a few epochs; Lion, whose steps all have one length, takes longer. Below: the same rules on two functions where
you can watch them.

What ``refopt race`` draws.
"""

from pathlib import Path

from refopt import view
from refopt.training import TOYS, entrants, race, toy_race

racers = race(entrants())
toys = [toy_race(entrants(course=toy), toy) for toy in TOYS]
view.save(view.race_figure(racers, toys), Path(__file__).parent, "race", kinds=["svg"])
