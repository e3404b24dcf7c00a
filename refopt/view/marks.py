"""How the names of a step are drawn: which of them are points, which directions, which sizes.

That is not looked up but seen: the step is made on the function as it is, on the function moved, and on the function mirrored.
What moves along is a point; what is mirrored is a direction; what is not, and is never negative, is a size.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from refopt.problems import Problem
from refopt.recurrence import Rule
from refopt.view.runs import Row, Run, rows, run

__all__ = ["Mark", "marks", "pair", "worth_seeing"]

PROBED = 3  # steps after which it shows what a name is


@dataclass(frozen=True)
class Mark:
    """How a name with two coordinates is drawn.

    "point"   a place in the plane
    "shift"   an arrow in the plane's own scale: added to theta (sense 1) or subtracted (-1) it leads to another point
    "arrow"   a direction in a scale of its own, drawn as it is (1) or, as it is with g, the other way round (-1)
    "size"    no direction: a half-axis for each coordinate
    """

    kind: str
    sense: int = 1


def pair(value: Any) -> np.ndarray | None:
    """The two coordinates of a value that has two, None of anything else, and where one of them is no finite number."""
    if not isinstance(value, np.ndarray) or value.size != 2 or value.ndim == 0 or value.dtype.kind != "f":
        return None
    return value.reshape(2) if np.isfinite(value).all() else None


def marks(rule: Rule, problem: Problem, runs: Sequence[Run]) -> list[Mark | None]:
    """How each of `rows` is drawn; None of what never is a pair of coordinates. `runs` are the walks that are drawn."""
    table, size = rows(rule), np.array([high - low for low, high in problem.bounds])
    worlds = (problem, _moved(problem, size), _moved(problem, -size), _mirrored(problem))
    probes = zip(*(run(rule, world, PROBED).columns for world in worlds), strict=True)
    signs, found = [0.0, 0.0], []
    for place, (row, columns) in enumerate(zip(table, probes, strict=True)):
        pairs = [_pairs(column) for column in columns]
        values = [two for one in runs for two in _pairs(one.columns[place])]
        if row.line is None and row.name == "g" and len(pairs[0]):
            signs = np.sign(pairs[0][0])
        found.append(_mark(row, size, signs, pairs, values))
    base = {row.layer: place for place, row in reversed(list(enumerate(table))) if row.line is None and row.name == "theta"}
    for place, (row, mark) in enumerate(zip(table, found, strict=True)):
        if mark is not None and mark.kind == "arrow":
            ends = [p for p, end in enumerate(found) if end and end.kind == "point" and table[p].layer == row.layer]
            sense = _leads(runs, base[row.layer], place, ends, size)
            found[place] = Mark("shift", sense) if sense else mark
    return found


def worth_seeing(rule: Rule, found: Sequence[Mark | None]) -> set[int]:
    """The rows that are drawn unless somebody chooses: of the outer rule the gradient, a mean and a size from the state, and
    all points but theta; of every rule the step to the next point."""
    table, chosen = rows(rule), set()

    def first(places: Iterable[int]) -> set[int]:
        return set(list(places)[:1])

    def of(kind: str, layer: int = 0) -> list[int]:
        return [
            p
            for p, (row, mark) in enumerate(zip(table, found, strict=True))
            if mark and (mark.kind, row.layer) == (kind, layer)
        ]

    def in_state(places: list[int]) -> list[int]:
        return [place for place in places if table[place].name in rule.state_names]

    arrows = [place for place in of("arrow") if table[place].name not in ("g", "g_prev")]
    chosen |= first(place for place in of("arrow") if table[place].name == "g")
    chosen |= first(in_state(arrows) or arrows[::-1]) | first(in_state(of("size")) or of("size"))
    chosen |= {place for place in of("point") if not table[place].name.endswith("_prev")}
    for layer in {row.layer for row in table}:
        chosen |= first(of("shift", layer)[::-1])
    return {place for place in chosen if table[place].name != "theta"}


def _moved(problem: Problem, by: np.ndarray) -> Problem:
    return replace(
        problem,
        loss=lambda theta: problem.loss(theta - by),
        grad=lambda theta: problem.grad(theta - by),
        start=problem.start + by,
    )


def _mirrored(problem: Problem) -> Problem:
    return replace(
        problem, loss=lambda theta: problem.loss(-theta), grad=lambda theta: -problem.grad(-theta), start=-problem.start
    )


def _pairs(column: Iterable[Any]) -> np.ndarray:
    """The values of a column that are pairs of finite numbers, (k, 2)."""
    return np.array([two for value in column if (two := pair(value)) is not None]).reshape(-1, 2)


def _mark(row: Row, size: np.ndarray, signs: Any, pairs: Sequence[np.ndarray], values: Sequence[np.ndarray]) -> Mark | None:
    """What a name is: from the function as it is, moved there and back, mirrored; and from its values in the walks."""
    count = min(map(len, pairs))
    if row.name.startswith("theta"):
        return Mark("point")
    if count == 0:
        return Mark("arrow", -1) if values else None  # it comes later: what a rule gets that is not asked at every step
    here, there, back, mirrored = (one[:count] for one in pairs)
    moves = np.array([(there[0] - here[0]) / size, (here[0] - back[0]) / size])
    if ((moves > 0.5) & (moves < 1.5)).all():
        return Mark("point")
    even = np.abs(mirrored - here).sum() < np.abs(mirrored + here).sum()
    if even and all((one >= 0).all() for one in (here, *values)):
        return Mark("size")
    against = any(signs) and all((np.sign(one[0]) == -np.asarray(signs)).all() for one in (here, there, back))
    return Mark("arrow", 1 if against else -1)


def _leads(runs: Sequence[Run], base: int, arrow: int, ends: Sequence[int], size: np.ndarray) -> int:
    """1 or -1 where theta plus or minus the arrow is one of the points at every step of every walk, else 0."""
    for sense in (-1, 1):
        for end in ends:
            longest = 0.0
            for one in runs:
                for triple in zip(one.columns[base], one.columns[arrow], one.columns[end], strict=True):
                    start, value, point = map(pair, triple)
                    if start is None or value is None or point is None:
                        continue
                    if np.any(np.abs(start + sense * value - point) > 1e-9 * (size + np.abs(start))):
                        longest = -math.inf
                    longest = max(longest, float(np.max(np.abs(value) / size))) if longest >= 0 else longest
            if longest > 1e-6:
                return sense
    return 0
