"""The same six walks on one ground, fainter where they began: all meet in the minimum, and no two come the same way.

``refopt race --animate race.html`` shows them step by step.
"""

from pathlib import Path

from refopt import problems, view
from refopt.training import entrants, toy_race
from refopt.view.style import note

names = ["sgd", "adagrad", "rmsprop", "adam", "amsgrad", "lion"]
with view.theme():
    ax = view.trails(toy_race(entrants(names, "beale"), "beale", 100), problems.get("beale"))
    ax.get_legend().set_loc("lower left")
    ax.set_title("Six optimizers on Beale's function: no two ways alike")
    note(ax.figure, "100 steps, each at its tuned lr. Square: start; dots: ends; star: minimum. Darker is lower.")
    view.save(ax.figure, Path(__file__).parent, "trails", kinds=["svg"])
