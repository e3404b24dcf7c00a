"""The race: every rule from the same start over the same batches, on handwritten digits and on toy functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refopt import problems
from refopt.catalogue import rule as find_rule
from refopt.data import Split, digits
from refopt.nets import MLP
from refopt.problems import Problem
from refopt.recurrence import Rule
from refopt.stepping import walk
from refopt.training.history import History
from refopt.training.loop import Epoch, train

__all__ = [
    "BATCH_SIZE", "EPOCHS", "LEARNING_RATES", "OPTIONS", "SIZES", "TOYS", "TOY_STEPS",
    "Racer", "ToyRun", "entrants", "race", "toy_race", "tune",
]  # fmt: skip

SIZES, BATCH_SIZE, EPOCHS = [64, 64, 10], 32, 40
TOYS, TOY_STEPS = ("rosenbrock", "beale"), 400
ACCURACY_GOAL = 0.95

# How the rules take part where their defaults are a bare method that nobody races with.
OPTIONS: dict[str, dict[str, Any]] = {"sgd": {"momentum": 0.9}, "lookahead": {"momentum": 0.9}}

# The learning rate of each rule on each course; `tune` (refopt race --tune) finds them again.
LEARNING_RATES: dict[str, dict[str, float]] = {
    "adadelta": {"digits": 3.0, "rosenbrock": 10.0, "beale": 10.0},
    "adagrad": {"digits": 0.03, "rosenbrock": 1.0, "beale": 1.0},
    "adam": {"digits": 0.003, "rosenbrock": 0.3, "beale": 0.3},
    "adamw": {"digits": 0.03, "rosenbrock": 0.3, "beale": 0.3},
    "amsgrad": {"digits": 0.003, "rosenbrock": 0.1, "beale": 0.1},
    "lion": {"digits": 0.0003, "rosenbrock": 0.01, "beale": 0.1},
    "lookahead": {"digits": 0.3, "rosenbrock": 0.003, "beale": 0.01},
    "rmsprop": {"digits": 0.01, "rosenbrock": 0.03, "beale": 0.03},
    "sgd": {"digits": 0.3, "rosenbrock": 0.003, "beale": 0.003},
}

GRID = tuple(round(digit * 10.0**power, 12) for power in range(-5, 2) for digit in (1, 3))


@dataclass
class Racer:
    """One rule on the digits, measured after every epoch (index 0: before the first step)."""

    name: str
    lr: float
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    seconds: float = 0.0
    state_bytes_per_parameter: float = 0.0
    history: History | None = None  # of the whole training, when it is over

    @property
    def train_loss(self) -> float:
        """Mean cross-entropy over the training images at the end, in nats."""
        return self.losses[-1]

    @property
    def test_accuracy(self) -> float:
        """Share of the held-out images that is recognised at the end."""
        return self.accuracies[-1]

    @property
    def epochs_to_95(self) -> int | None:
        """The first epoch that ends with at least 95 % test accuracy; None if there is none."""
        return next((epoch for epoch, accuracy in enumerate(self.accuracies) if accuracy >= ACCURACY_GOAL), None)


@dataclass
class ToyRun:
    """One rule on one toy function: the points it visited, (steps + 1, 2), and the loss at each."""

    name: str
    problem: str
    lr: float
    path: np.ndarray
    losses: np.ndarray


def remarks(names: Sequence[str]) -> str:
    """What a reader must know of how the named rules take part: a sentence, or nothing."""
    options = {name: OPTIONS[name] for name in names if name in OPTIONS}
    return "; ".join(f"{name} with {key} {value:g}" for name, given in options.items() for key, value in given.items())


def entrants(chosen: Sequence[str] | None = None, course: str = "digits") -> list[Rule]:
    """The chosen rules (default: all that have a learning rate in the table), ready to race on `course`."""
    ready = []
    for name in LEARNING_RATES if chosen is None else chosen:
        rule = find_rule(name)
        if name not in LEARNING_RATES:
            raise ValueError(
                f"{name} has no learning rate for the race: find it with refopt race --tune --rules {name} and add it to "
                "LEARNING_RATES in refopt/training/racing.py"
            )
        ready.append(rule(**OPTIONS.get(name, {}), lr=LEARNING_RATES[name][course]))
    return ready


def race(
    rules: Sequence[Rule],
    epochs: int = EPOCHS,
    seed: int = 0,
    progress: Callable[[Racer], None] | None = None,
    data: Split | None = None,
) -> list[Racer]:
    """Train the digits network with every rule from one start over the same batches.

    `seed` decides the start and the order of the batches; the images held out are the same in every race. `progress` is
    called after every epoch.
    """
    data = digits() if data is None else data
    net = MLP(SIZES)
    theta = net.init(seed, np.float32)
    racers = []
    for rule in rules:
        racer = Racer(rule.name, learning_rate(rule))
        racers.append(racer)

        def note(epoch: Epoch, racer: Racer = racer) -> None:
            racer.losses.append(epoch.row.train_loss)
            racer.accuracies.append(epoch.row.validation_accuracy or 0.0)
            racer.seconds = epoch.row.seconds
            racer.state_bytes_per_parameter = epoch.row.state_bytes / net.size
            if progress is not None:
                progress(racer)

        words: dict[str, Any] = dict(epochs=epochs, batch_size=BATCH_SIZE, seed=seed, theta=theta, callbacks=[note])
        racer.history = train(net, rule, data, **words)
    return racers


def learning_rate(rule: Rule) -> float:
    """The lr of a rule, or of the rule inside a wrapper; NaN for a rule that has none."""
    return rule.hyper.get("lr", math.nan) if rule.inner is None else learning_rate(rule.inner)


def toy_race(rules: Sequence[Rule | str], problem: str | Problem, steps: int = TOY_STEPS) -> list[ToyRun]:
    """Walk every rule on a toy function in float64 from the function's start. A walk that leaves for infinity is cut.

    A rule that is named has its paper's learning rate; `entrants` gives those that are tuned for a course.
    """
    toy = problems.get(problem)
    runs = []
    for rule in (find_rule(given) if isinstance(given, str) else given for given in rules):
        path = [toy.start]
        with np.errstate(all="ignore"):
            for record in walk(rule, toy.start, toy.grad, steps):
                if not np.isfinite(record["theta"]).all():
                    break
                path.append(record["theta"])
            points = np.array(path)
            runs.append(ToyRun(rule.name, toy.name, learning_rate(rule), points, toy.loss(points)))
    return runs


def tune(chosen: Sequence[str] | None = None, seeds: Sequence[int] = (0, 1, 2)) -> Iterator[tuple[str, str, float]]:
    """Find the table of learning rates again; yields (rule, course, lr) as each is found.

    The grid is 1 and 3 times the powers of ten from 1e-5 to 10. On the digits a quarter of the *training* images is held
    out and the rate with the best accuracy on it wins, as the mean over the last ten epochs of three seeds, the lower loss
    deciding ties: the images of the race's own test are never looked at. On a toy function the smallest loss wins, as the
    mean of its logarithm over the walk; a walk that leaves the function's box is out.
    """
    for name in LEARNING_RATES if chosen is None else chosen:
        base = find_rule(name)(**OPTIONS.get(name, {}))
        for course in ("digits", *TOYS):
            score = digits_score if course == "digits" else _toy_score
            yield name, course, min(GRID, key=lambda lr: score(base(lr=lr), course, seeds))


def digits_score(rule: Rule, _: str, seeds: Sequence[int]) -> tuple[float, float]:
    """(minus the sum of late accuracies on held-out training images, sum of losses): the rate with the least wins."""
    full, runs = digits(), []
    for seed in seeds:
        order = np.random.default_rng(seed).permutation(len(full.y_train))
        kept, held_out = np.split(order, [len(order) * 3 // 4])
        part = Split(full.x_train[kept], full.y_train[kept], full.x_train[held_out], full.y_train[held_out])
        (racer,) = race([rule], EPOCHS, seed, data=part)
        runs.append(racer)
    loss = sum(racer.train_loss for racer in runs)
    return -sum(float(np.mean(racer.accuracies[-10:])) for racer in runs), loss if math.isfinite(loss) else math.inf


def _toy_score(rule: Rule, course: str, _: Sequence[int]) -> float:
    (run,) = toy_race([rule], course)
    low, high = np.array(problems.get(course).bounds).T
    if len(run.path) <= TOY_STEPS or not ((run.path >= low) & (run.path <= high)).all():
        return math.inf
    return float(np.log(np.maximum(run.losses, 1e-16)).mean())
