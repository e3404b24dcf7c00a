"""Draw figures/race.svg, the picture in the README: what ``refopt race`` draws."""

from pathlib import Path

from refopt import view
from refopt.training import TOYS, entrants, race, toy_race

racers = race(entrants())
toys = [toy_race(entrants(course=toy), toy) for toy in TOYS]
view.save(view.race_figure(racers, toys), Path(__file__).parent, "race", kinds=["svg"])
