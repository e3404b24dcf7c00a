"""Training: the loop around a rule, what it leaves, checkpoints, races between rules, an experiment."""

from refopt.training.checkpoint import load_checkpoint, save_checkpoint
from refopt.training.effective import EffectiveRate, effective_rates
from refopt.training.groups import Group, no_decay
from refopt.training.history import Best, History, Row, Steps
from refopt.training.loop import Epoch, train
from refopt.training.population import Population, lattice
from refopt.training.racing import LEARNING_RATES, TOYS, Racer, ToyRun, entrants, race, toy_race, tune
from refopt.training.signals import AdaptiveDropout

__all__ = [
    "LEARNING_RATES", "TOYS", "AdaptiveDropout", "Best", "EffectiveRate", "Epoch", "Group", "History", "Population",
    "Racer", "Row", "Steps", "ToyRun", "effective_rates", "entrants", "lattice", "load_checkpoint", "no_decay", "race",
    "save_checkpoint", "toy_race", "train", "tune",
]  # fmt: skip
