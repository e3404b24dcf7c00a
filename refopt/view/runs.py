"""Runs of a rule as plain data: every name of every step, line by line.

Nothing is drawn here, and nothing computed: the numbers are those of `refopt.walk`, the lines those of `refopt.narrate`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.problems import Problem
from refopt.recurrence import Rule
from refopt.stepping import Layer, layers, narrate, walk
from refopt.view.mathml import Equation, equations

__all__ = ["Row", "Run", "bind", "plain", "rates", "rows", "run"]

LADDER = tuple(round(digit * 10.0**power, 12) for power in range(-5, 2) for digit in (1, 3))
SHOWN = 24  # entries of an array that are shown; of a larger one only the last row


@dataclass(frozen=True)
class Row:
    """A name that a layer of a rule gets or computes; `line` is the equation that computes it, None of what is given."""

    layer: int
    name: str
    line: Equation | None
    occurrence: int = 0  # a line may stand in a step twice


@dataclass(frozen=True)
class Run:
    """One walk: for each row its values (None where the line did not run), and the loss before and after every step."""

    rule: Rule
    columns: list[list[Any]]
    losses: list[float]

    @property
    def steps(self) -> int:
        """How many steps were made: fewer than asked for where the walk left for infinity."""
        return len(self.losses) - 1


def bind(rule: Rule, problem: Problem) -> Rule:
    """The rule with the functions that it needs, those of the problem."""
    return rule(**{name: {"grad": problem.grad, "loss": problem.loss}[name] for name in rule.needs}) if rule.needs else rule


def rows(rule: Rule) -> list[Row]:
    """What a step of the rule shows, in the order of its text: of each layer what it is given, then its lines."""
    found, layer = [], 0
    inside: Rule | None = rule
    while inside is not None:
        found += [Row(layer, "theta", None), Row(layer, "g", None)]
        seen: Counter[str] = Counter()
        for equation in equations(inside):
            found += [Row(layer, name, equation, seen[equation.source]) for name in equation.names]
            seen[equation.source] += 1
        inside, layer = inside.inner, layer + 1
    return found


def run(rule: Rule, problem: Problem, steps: int) -> Run:
    """Walk from the start of the problem; the walk ends where theta or the loss is no finite number any more."""
    rule, theta = bind(rule, problem), problem.start
    table, losses = rows(rule), [float(problem.loss(theta))]
    columns: list[list[Any]] = [[] for _ in table]
    state = rule.init(theta)
    with np.errstate(all="ignore"):
        for record in walk(rule, theta, problem.grad, steps):
            values = _values(layers(rule, theta, record["g"], state))
            for row, column in zip(table, columns, strict=True):
                column.append(values.get((row.layer, row.line and row.line.source, row.occurrence, row.name)))
            theta, state = record["theta"], {name: record[name] for name in rule.state_names}
            losses.append(float(problem.loss(theta)))
            if not (np.isfinite(theta).all() and math.isfinite(losses[-1])):
                break
    return Run(rule, columns, losses)


def _values(nest: Sequence[Layer]) -> dict[tuple[int, str | None, int, str], Any]:
    """The values of one step by layer, source line, occurrence of that line, and name."""
    values: dict[tuple[int, str | None, int, str], Any] = {}
    for depth, layer in enumerate(nest):
        values[depth, None, 0, "theta"], values[depth, None, 0, "g"] = layer.theta, layer.g
        seen: Counter[tuple[str, str]] = Counter()
        for line in narrate(*layer):
            values[depth, line.source, seen[line.source, line.name], line.name] = line.value
            seen[line.source, line.name] += 1
    return values


def rates(rule: Rule, problem: Problem, steps: int) -> list[float | None]:
    """The learning rate that was bound to the rule, if it is not the default.

    Else three: the one of a ladder that comes lowest within these steps, and those beside it. Only walks that stay in the
    problem's box count; where none does, it is the default. A rule without a learning rate has the one way to run, None.
    """
    try:
        own = rule.lr
    except TypeError:
        return [None]
    innermost = rule
    while "lr" not in innermost.hyper and innermost.inner:
        innermost = innermost.inner
    if own != innermost.defaults["lr"]:
        return [own]
    rule, (low, high), results = bind(rule, problem), np.transpose(problem.bounds), []
    with np.errstate(all="ignore"):
        for rate in LADDER:
            path = np.array([record["theta"] for record in walk(rule(lr=rate), problem.start, problem.grad, steps)])
            inside = bool(((path >= low) & (path <= high)).all())
            results.append(float(problem.loss(path[-1])) if inside else math.inf)
    if not any(map(math.isfinite, results)):
        return [own]
    best = results.index(min(results))
    return list(LADDER[max(best - 1, 0) : best + 2])


def plain(value: Any) -> Any:
    """A value as JSON has it, exactly: arrays and tuples as lists, numbers that JSON lacks as words, the rest as text.

    A large array is its shape and its last row; the state of a rule inside is None, for that rule's own lines show it.
    """
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "last": plain(value[-1])} if value.size > SHOWN else plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return None if isinstance(value, Mapping) else str(value)
