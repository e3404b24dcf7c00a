"""Populations: many starts and many hyper-parameters of a rule at once, on a toy function.

The members of a population never see each other, so what is true of one is true alone: each comes to the very bits that
`refopt.walk` gives it. An elementwise rule runs over all of them as one array program, the rule's own text replayed
(`refopt.fast.crowd`), in blocks that fit the cache; a rule that looks at a norm walks with one member after the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import index
from types import MappingProxyType
from typing import Any

import numpy as np

from refopt import numbers, problems
from refopt.catalogue import rule as find_rule
from refopt.fast.blocked import cache_bytes
from refopt.fast.crowd import Crowd, Nest, Parted, Unrecordable, nest_of, refusal
from refopt.problems import Problem
from refopt.recurrence import Rule, nearest
from refopt.stepping import walk

__all__ = ["MEMORY", "Population", "lattice", "race"]

MEMORY = 2 << 30  # bytes that the result of one race may take, unless the caller allows more
ON_DEVICE = 2 << 30  # bytes of members that make their steps at once on a device, for which every call is long

TOGETHER = "all members in one array program"
BY_HYPER = "one array program for each choice of hyper-parameters"
ALONE = "one member after the other"


@dataclass(frozen=True)
class Population:
    """One rule from many starts, with many hyper-parameters.

    The axes of the members are those of `grids`, in their order, then those of the starts: with two grids of 20 and 30
    values and 1,000 starts of 2 coordinates `members` is (20, 30, 1000), and one of them is ``paths[:, i, j, k]``.

    name      what the race calls it
    rule      the rule, without the hyper-parameters of the grids
    problem   what it walked on
    grids     hyper-parameters by name, and the values that each took
    starts    (…, n)
    steps     how many steps were made
    at        the numbers of steps done after which a point was kept, (kept,), the last one always among them
    paths     the points kept, (kept, *members, n)
    losses    the loss at each, (kept, *members)
    best      the lowest loss that is a number at any of the points, kept or not, the start among them, (*members)
    how       how the members ran: TOGETHER, BY_HYPER or ALONE
    """

    name: str
    rule: Rule
    problem: Problem
    grids: Mapping[str, tuple[Any, ...]]
    starts: np.ndarray
    steps: int
    at: np.ndarray
    paths: np.ndarray = field(repr=False)
    losses: np.ndarray = field(repr=False)
    best: np.ndarray = field(repr=False)
    how: str

    @property
    def members(self) -> tuple[int, ...]:
        """The lengths of the axes of the members."""
        return self.best.shape

    @property
    def theta(self) -> np.ndarray:
        """Where the members are after the last step, (*members, n)."""
        return self.paths[-1]

    @property
    def finite(self) -> np.ndarray:
        """Which members ended at a finite point with a finite loss: truth values, (*members)."""
        return np.isfinite(self.losses[-1]) & np.isfinite(self.theta).all(axis=-1)

    def distances(self) -> np.ndarray:
        """How far the points that were kept are from the nearest minimum, (kept, *members)."""
        return np.stack([self._from_minima(points).min(axis=-1) for points in self.paths])

    def converged(self, loss: float | None = None, distance: float | None = None) -> np.ndarray:
        """After how many steps each member was first at a loss of at most `loss`, or within `distance` of a minimum.

        Whole numbers, (*members); -1 where it never was. Only points that were kept are looked at. Raises ValueError unless
        one of the two is given, and where nothing but the last point was kept.
        """
        if (loss is None) == (distance is None):
            raise ValueError("converged: give either loss=… or distance=…")
        if len(self.at) == 1 and self.steps:
            raise ValueError('converged: only the last points were kept; race with keep="all" or a number')
        with np.errstate(invalid="ignore"):
            there = self.losses <= loss if loss is not None else self.distances() <= distance
        return np.where(there.any(axis=0), numbers.beside(self.at, there).take(there.argmax(axis=0)), -1)

    def basin(self, tol: float = 1e-2) -> np.ndarray:
        """Which minimum each member ended at: its row in ``problem.minima``, -1 where none is within `tol`, (*members)."""
        distances = self._from_minima(self.theta)
        nearest_one = distances.argmin(axis=-1)
        return np.where(distances.min(axis=-1) <= tol, nearest_one, -1)

    def _from_minima(self, points: np.ndarray) -> np.ndarray:
        """The distance of each point from each minimum, infinite where the point is not finite, (…, minima)."""
        if not len(self.problem.minima):
            raise ValueError(f"{self.problem.name} has no minimum to be near to")
        with np.errstate(all="ignore"):
            ways = points[..., None, :] - numbers.beside(self.problem.minima, points)
            distances = np.sqrt(np.einsum("...i,...i->...", ways, ways))
        return np.where(np.isnan(distances), np.inf, distances)


def lattice(problem: Problem | str, points: int | tuple[int, int] = 200) -> np.ndarray:
    """Starts all over the box of a function of two variables, (rows, columns, 2): y grows with the row, x with the column.

    `points` is how many there are along each axis, (rows, columns) or one number for both.
    """
    problem = _problem(problem)
    if len(problem.bounds) != 2:
        raise ValueError(f"lattice: {problem.name} has {len(problem.bounds)} variables; a lattice is of two")
    both = tuple(points) if isinstance(points, (tuple, list)) else (points, points)
    if len(both) != 2:
        raise ValueError(f"lattice: points must be one whole number or two, got {points!r}")
    rows, columns = (_count("points", number, "lattice") for number in both)
    if min(rows, columns) < 1:
        raise ValueError(f"lattice: points must be at least 1 along each axis, got {points!r}")
    (left, right), (bottom, top) = problem.bounds
    return np.stack(np.meshgrid(np.linspace(left, right, columns), np.linspace(bottom, top, rows)), axis=-1)


def race(
    rules: Any,
    problem: Problem | str,
    starts: Any = None,
    steps: int = 200,
    grids: Mapping[str, Any] | None = None,
    seed: int = 0,
    keep: str | int = "all",
    memory: int = MEMORY,
) -> dict[str, Population]:
    """Run each rule from every start with every choice of the hyper-parameters in `grids`; a `Population` for each rule.

    rules     a rule or its name, several of them, or a dict of them under names of their own
    problem   the function, or its name; its loss and gradient take points along the last axis
    starts    points (…, n); a number of them, drawn evenly from the function's box with `seed`; None: the function's start.
              Points on a device are walked from there, and what comes back lives there
    grids     values by the name of a hyper-parameter; every rule runs with each combination of them
    keep      the points to keep: "all", "last", or every so many steps (the first and the last always)
    memory    bytes that the result may take

    Each member comes to the same bits as by itself in ``walk(rule, start, problem.grad, steps, loss=problem.loss)``, where
    the gradient of many points is that of each of them; one that leaves for infinity goes there without a word. Raises
    TypeError and ValueError for what does not fit, ValueError for a result that is larger than `memory`.

    >>> found = refopt.race([refopt.sgd, refopt.adam], "quadratic", starts=500, steps=1000, grids={"lr": [0.01, 0.1]})
    >>> found["adam"].losses.shape, (found["sgd"].basin() == 0).mean(axis=1)  # 0.1 is beyond the limit, 2/25
    ((1001, 2, 500), array([1., 0.]))
    """
    chosen, problem = _rules(rules), _problem(problem)
    points = _starts(starts, problem, seed, _count("memory", memory))
    if _count("steps", steps) < 0:
        raise ValueError(f"race: steps must be at least 0, got {steps}")
    grids = {} if grids is None else grids
    if not isinstance(grids, Mapping):
        raise TypeError(f"race: grids must be a dict of hyper-parameters and their values, got {type(grids).__name__}")
    at = _kept(keep, steps)
    courses = [_Course(name, rule, problem, grids, points, steps, at) for name, rule in chosen.items()]
    _demand_memory(courses, keep, memory)
    with np.errstate(all="ignore"):
        return {course.name: course.run() for course in courses}


def _rules(rules: Any) -> dict[str, Rule]:
    def one(given: Any) -> Rule:
        found = find_rule(given) if isinstance(given, str) else given
        if not isinstance(found, Rule):
            raise TypeError(f"race: rules must be rules or their names, got {given!r}")
        return found

    if isinstance(rules, (Rule, str)):
        rules = [rules]
    if isinstance(rules, Mapping):
        chosen = {str(name): one(given) for name, given in rules.items()}
    elif isinstance(rules, Sequence):
        found = [one(given) for given in rules]
        chosen = {rule.name: rule for rule in found}
        if len(chosen) < len(found):
            names = [rule.name for rule in found]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"race: {twice} takes part more than once; give a dict with a name for each")
    else:
        raise TypeError(f"race: rules must be a rule, several of them or a dict of them, got {type(rules).__name__}")
    if not chosen:
        raise ValueError("race: at least one rule is needed")
    return chosen


def _problem(problem: Any) -> Problem:
    if isinstance(problem, str):
        return problems.get(problem)
    if not isinstance(problem, Problem):
        raise TypeError(f"problem must be a Problem or a name, got {problem!r}{nearest(problem, problems.names())}")
    return problem


def _count(what: str, value: Any, who: str = "race") -> int:
    try:
        return index(value)
    except TypeError:
        raise TypeError(f"{who}: {what} must be a whole number, got {value!r}") from None


def _starts(starts: Any, problem: Problem, seed: int, memory: int) -> np.ndarray:
    n = len(problem.start)
    if starts is None:
        return np.array(problem.start, dtype=float)
    if isinstance(starts, (int, np.integer)) and not isinstance(starts, bool):
        if starts < 1:
            raise ValueError(f"race: starts must be at least 1, got {starts}")
        if (needed := int(starts) * n * 8) > memory:  # before they are drawn
            raise ValueError(
                f"race: {starts} starts need {_size(needed)}, more than the {_size(memory)} of memory=…; race fewer at a time"
            )
        low, high = np.array(problem.bounds, dtype=float).T
        return np.random.default_rng(seed).uniform(low, high, (int(starts), n))
    if not numbers.is_array(starts):
        starts = np.asarray(starts)
        starts = starts.astype(float) if starts.dtype.kind in "iu" else starts
    points = numbers.array(starts, "starts")
    if points.dtype.kind != "f":
        raise TypeError(f"race: starts has dtype {points.dtype}; allowed are real floating-point arrays")
    if points.ndim == 0 or points.shape[-1] != n or not points.size:
        raise ValueError(f"race: starts must be points (…, {n}) of {problem.name}, at least one; got shape {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("race: starts holds NaN or infinity; a member begins at a finite point")
    return points.copy()


def _kept(keep: Any, steps: int) -> np.ndarray:
    """The numbers of steps after which points are kept."""
    if keep == "all":
        keep = 1
    if keep == "last":
        return np.array([steps])
    if isinstance(keep, str) or _count("keep", keep) < 1:
        raise ValueError(f'race: keep must be "all", "last" or a number of steps of at least 1, got {keep!r}')
    return np.unique([*range(0, steps, keep), steps])


def _demand_memory(courses: Sequence[_Course], keep: Any, memory: int) -> None:
    needed = sum(course.bytes(len(course.at)) for course in courses)
    if needed <= memory:
        return
    least = sum(course.bytes(1) for course in courses)
    advice = f'keep="last" needs {_size(least)}; keep=k keeps every k-th step' if keep != "last" else "race fewer at a time"
    raise ValueError(f"race: the result needs {_size(needed)}, more than the {_size(memory)} of memory=…; {advice}")


def _size(number: float) -> str:
    return f"{number / 2**30:.2f} GiB" if number >= 2**29 else f"{number / 2**20:.2f} MiB"


class _Course:
    """One rule of a race: what goes in, and the arrays that fill up. The members are numbered in the order of their axes."""

    def __init__(
        self,
        name: str,
        rule: Rule,
        problem: Problem,
        grids: Mapping[str, Any],
        starts: np.ndarray,
        steps: int,
        at: np.ndarray,
    ) -> None:
        self.name, self.rule, self.problem, self.steps, self.at = name, rule, problem, steps, at
        self.shape, self.n = starts.shape[:-1], starts.shape[-1]
        self.starts = starts.reshape(-1, self.n)
        self.grids = {str(key): self._values(key, values) for key, values in grids.items()}
        self.lengths = tuple(map(len, self.grids.values()))
        self.choices = math.prod(self.lengths)
        self.size = self.choices * len(self.starts)

    def _values(self, key: Any, values: Any) -> tuple[Any, ...]:
        """The values of one hyper-parameter, each checked by the rule."""
        if isinstance(values, np.ndarray):
            values = values.tolist()
        if isinstance(values, (str, Mapping)) or not isinstance(values, Sequence):
            raise TypeError(f"race: the grid of {key} must be a list of values, got {values!r}")
        if not values:
            raise ValueError(f"race: the grid of {key} is empty")
        checked = []
        for value in values:
            if numbers.is_array(value) and value.ndim:
                raise TypeError(f"race: the grid of {key} must hold single values, got an array of shape {value.shape}")
            checked.append(_bound(self.rule(**{str(key): value}), str(key)))
        return tuple(checked)

    def bytes(self, kept: int) -> int:
        """What the result takes where so many points of each member are kept."""
        return self.size * self.starts.itemsize * (kept * (self.n + 1) + 1)

    def run(self) -> Population:
        """Run all members."""
        dtype = self.starts.dtype
        self.paths = np.empty((len(self.at), self.size, self.n), dtype, like=self.starts)
        self.losses = np.empty((len(self.at), self.size), dtype, like=self.starts)
        self.best = np.empty(self.size, dtype, like=self.starts)
        how = self._run()
        members = (*self.lengths, *self.shape)
        return Population(
            name=self.name,
            rule=self.rule,
            problem=self.problem,
            grids=MappingProxyType(self.grids),
            starts=self.starts.reshape(*self.shape, self.n),
            steps=self.steps,
            at=self.at,
            paths=self.paths.reshape(-1, *members, self.n),
            losses=self.losses.reshape(-1, *members),
            best=self.best.reshape(members),
            how=how,
        )

    def _run(self) -> str:
        if refusal(self.rule) is None:
            near = cache_bytes() if numbers.on_host(self.starts) else ON_DEVICE
            block = max(near // (24 * self.starts.itemsize * self.n), 64)
            try:
                for first in range(0, self.size, block):
                    self._together(np.arange(first, min(first + block, self.size)))
                return TOGETHER
            except (Unrecordable, ArithmeticError):
                pass  # the plain step says what is wrong, and for which hyper-parameters
        alone = self.rule.scope != "element" or bool(self.rule.needs) or (self.n == 1 and _has_rows(self.rule))
        count = len(self.starts)
        for choice in range(self.choices):
            rule = self._chosen(np.unravel_index(choice, self.lengths))
            members = range(choice * count, (choice + 1) * count)
            try:
                if alone:
                    for member, start in zip(members, self.starts, strict=True):
                        self._follow(self._walk(rule, start), slice(member, member + 1))
                else:
                    self._follow(self._plain(rule), slice(members[0], members[-1] + 1))
            except ArithmeticError as error:
                raise ValueError(f"race: {rule!r} cannot step: {error}") from error
        return ALONE if alone else BY_HYPER

    def _chosen(self, places: Sequence[Any]) -> Rule:
        """The rule with the values at these places of the grids."""
        given = {key: values[place] for (key, values), place in zip(self.grids.items(), places, strict=True)}
        return self.rule(**given) if given else self.rule

    def _follow(self, points: Iterator[np.ndarray], rows: Any) -> None:
        """Note where the members `rows` are before the first step and after each."""
        kept, best = 0, None
        for done, theta in enumerate(points):
            losses = _array(self.problem.loss(theta))
            if losses.shape != theta.shape[:-1]:
                raise ValueError(
                    f"race: the loss of {self.problem.name} must be one number for each of the points {theta.shape}, "
                    f"got shape {losses.shape}"
                )
            best = losses.copy() if best is None else np.fmin(best, losses)
            if done == self.at[kept]:
                self.paths[kept, rows], self.losses[kept, rows] = theta, losses
                kept += 1
        self.best[rows] = best

    def _gradient(self, theta: np.ndarray) -> np.ndarray:
        """The gradient at theta, in memory of its own."""
        g = _array(self.problem.grad(theta))
        if g.shape != theta.shape:
            raise ValueError(
                f"race: the gradient of {self.problem.name} must have the shape of the points, {theta.shape}; got {g.shape}"
            )
        g = np.ascontiguousarray(g, dtype=theta.dtype, like=g)
        return g.copy() if np.may_share_memory(g, theta) else g

    def _walk(self, rule: Rule, start: np.ndarray) -> Iterator[np.ndarray]:
        """One member by itself."""
        yield start[None]
        for record in walk(rule, start, self.problem.grad, self.steps, loss=self.problem.loss):
            yield record["theta"][None]

    def _plain(self, rule: Rule) -> Iterator[np.ndarray]:
        """All starts with one choice of hyper-parameters: the plain step on all of them."""
        theta, state = self.starts, rule.init(self.starts)
        yield theta
        for _ in range(self.steps):
            theta, state = rule.update(theta, self._gradient(theta), state)
            yield theta

    def _together(self, members: np.ndarray) -> None:
        """Members of any hyper-parameters in one array program; where they part at a branch, in several."""
        *places, starts = np.unravel_index(members, (*self.lengths, len(self.starts)))
        split = [i for i, values in enumerate(self.grids.values()) if not all(type(value) in (int, float) for value in values)]
        apart = tuple(i for i in split if len(np.unique(places[i])) > 1)
        try:
            if apart:
                raise Parted(apart)
            in_one = members[-1] - members[0] + 1 == len(members)
            rows = slice(members[0], members[-1] + 1) if in_one else numbers.beside(members, self.starts)
            self._follow(self._crowd(places, starts), rows)
        except Parted as parted:
            groups = np.stack([places[axis] for axis in parted.axes])
            _, group = np.unique(groups, axis=1, return_inverse=True)
            for number in range(group.max() + 1):
                self._together(members[group.reshape(-1) == number])

    def _crowd(self, places: Sequence[np.ndarray], starts: np.ndarray) -> Iterator[np.ndarray]:
        used, indices = [], []
        for place in places:
            values, back = np.unique(place, return_inverse=True)
            used.append(values)
            indices.append(back.reshape(-1))
        theta = self.starts[numbers.beside(starts, self.starts)]
        fixed = {key: values[used[i][0]] for i, (key, values) in enumerate(self.grids.items()) if len(used[i]) == 1}
        rule = self.rule(**fixed) if fixed else self.rule
        hyper = {
            key: _along([values[place] for place in used[i]], i, len(used))
            for i, (key, values) in enumerate(self.grids.items())
            if len(used[i]) > 1
        }
        arrays, counts, nest = self._initial(rule, theta, hyper, indices)
        if nest is not None:
            rule, hyper = nest.rule(rule), {nest.word(key): values for key, values in hyper.items()}
        crowd = Crowd(rule, theta, arrays, counts, hyper, indices)
        yield theta
        for _ in range(self.steps):
            crowd.step(self._gradient(theta))
            yield theta

    def _initial(
        self, rule: Rule, theta: np.ndarray, hyper: Mapping[str, np.ndarray], indices: Sequence[np.ndarray]
    ) -> tuple[dict[str, np.ndarray], dict[str, Any], Nest | None]:
        """The state before the first step: its arrays, and its numbers as object arrays along the axes on which they depend.

        Of a rule around others under the names of one rule, which is the third.
        """
        at_start = {key: values for key, values in hyper.items() if _at_start(rule, key)}
        shape = np.broadcast_shapes((1,) * len(indices), *(values.shape for values in at_start.values()))
        arrays: dict[str, np.ndarray] = {}
        counts: dict[str, Any] = {}
        nest: Nest | None = None
        for place in np.ndindex(shape):
            chosen = {key: np.broadcast_to(values, shape)[place] for key, values in at_start.items()}
            mine = np.ones(len(theta), dtype=bool)
            for axis, i in enumerate(place):
                mine &= (indices[axis] == i) if shape[axis] > 1 else True
            state = rule(**chosen).init(theta[numbers.beside(mine, theta)])
            here = nest_of(rule, state)
            if any(place) and here != nest:  # not as many rows
                raise Parted(tuple(axis for axis, length in enumerate(shape) if length > 1))
            nest = here
            state = state if nest is None else nest.flattened(state)
            for name, value in state.items():
                if numbers.is_array(value):
                    arrays.setdefault(name, np.empty_like(theta))[numbers.beside(mine, theta)] = value
                else:
                    counts.setdefault(name, np.empty(shape, dtype=object))[place] = value
        return arrays, counts, nest


def _has_rows(rule: Rule | None) -> bool:
    """Whether there are rows in the state, also of a rule inside: NumPy sums those of one entry in an order of their own."""
    return rule is not None and ("stack" in rule._kinds.values() or _has_rows(rule.inner))


def _at_start(rule: Rule | None, key: str) -> bool:
    """Whether a hyper-parameter is read at the start, by the rule or one inside it."""
    return rule is not None and (key in rule._start_names or _at_start(rule.inner, key))


def _array(x: Any) -> Any:
    return x if numbers.is_array(x) else np.asarray(x)


def _along(values: Sequence[Any], axis: int, axes: int) -> np.ndarray:
    """Python numbers along one of so many axes."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array.reshape([-1 if i == axis else 1 for i in range(axes)])


def _bound(rule: Rule | None, key: str) -> Any:
    """The value of a hyper-parameter, of the rule or one inside it."""
    if rule is None:
        return None
    return rule.hyper[key] if key in rule.hyper else _bound(rule.inner, key)
