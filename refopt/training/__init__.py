"""Training: the loop around a rule, and races between rules."""

from refopt.training.loop import Epoch, train
from refopt.training.racing import LEARNING_RATES, TOYS, Racer, ToyRun, entrants, race, toy_race, tune

__all__ = ["LEARNING_RATES", "TOYS", "Epoch", "Racer", "ToyRun", "entrants", "race", "toy_race", "train", "tune"]
