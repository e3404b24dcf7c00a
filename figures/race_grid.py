"""Six optimizers on Beale's function, a hundred steps each, one panel each: who bounces off the wall, who follows the valley
floor, who walks in steps of one length.
"""

from pathlib import Path

from refopt import problems, view
from refopt.training import entrants, toy_race

names = ["sgd", "adagrad", "rmsprop", "adam", "amsgrad", "lion"]
title = "Six optimizers on Beale's function: no two ways alike"
words = "100 steps each, each at its tuned learning rate."
with view.theme():
    figure = view.race_grid_figure(
        toy_race(entrants(names, "beale"), "beale", 100), problems.get("beale"), title=title, words=words
    )
view.save(figure, Path(__file__).parent, "race_grid", kinds=["svg"])
