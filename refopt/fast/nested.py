"""Nested: a rule with rules inside it, or with stacked arrays in its state, in place like any other.

What steps in place knows rules whose state is arrays like theta and numbers. A nest of rules is made one: what lies deeper
gets a name of its own, ``inner_state_m`` in the state, ``inner_lr`` among the hyper-parameters, ``b_0`` for the first row of
stacked arrays. Its step puts the parts back in their places and calls the outermost rule's own step, with something in the
place of the rule inside that calls that one's. No formula is written here, and each recording is compared with a step of the
nest itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from refopt.containers import Layout
from refopt.fast import blocked
from refopt.fast.recording import Scalar, Symbol, Unrecordable
from refopt.fast.rows import Rows
from refopt.recurrence import INNER_STATE, Rule

__all__ = ["Nest", "Nested"]


class Entry(NamedTuple):
    """A part of the state: how deep its rule lies, its name there, which row (None: it is not one of several), its flat name,
    and its kind: "array", "count" or "number"."""

    level: int
    name: str
    row: int | None
    flat: str
    kind: str


class Word(NamedTuple):
    """A hyper-parameter: how deep its rule lies, its name there, which part of a tuple (None: it is not one), its flat name."""

    level: int
    name: str
    part: int | None
    flat: str


@dataclass(frozen=True)
class Nest:
    """The step of a rule with all that is in it, from flat names to flat names. Equal for rules of the same text.

    recurrences  the steps of the rules, from the outside in
    places       for each the hyper-parameter that holds the rule inside; None at the last
    rules        the rules, with nothing bound to them, for the plain step that a recording is compared with
    """

    recurrences: tuple[Callable[..., dict[str, Any]], ...]
    places: tuple[str | None, ...]
    entries: tuple[Entry, ...]
    words: tuple[Word, ...]
    rules: tuple[Rule, ...] = field(compare=False)

    @classmethod
    def of(cls, rule: Rule, state: Any) -> Nest:
        """Of a rule and a state of it, which says how many rows there are. Raises `Unrecordable` where it is no such state."""
        layers = layers_of(rule)
        entries = []
        taken = {"theta", "g"}
        for level, layer in enumerate(layers):
            if type(state) is not dict or set(state) != set(layer.state_names):
                raise Unrecordable("the state is not one of the rule's")
            before = f"{INNER_STATE}_" * level
            for name in layer.state_names:
                kind = layer._kinds.get(name)
                if kind == "stack":
                    rows = range(len(state[name]) if isinstance(state[name], np.ndarray) and state[name].ndim else 0)
                    if not rows:
                        raise Unrecordable(f"{name} in its state is not an array of rows")
                    entries += [Entry(level, name, row, _free(f"{before}{name}_{row}", taken), "array") for row in rows]
                elif kind is not None:
                    entries.append(Entry(level, name, None, _free(before + name, taken), kind))
            state = state.get(INNER_STATE)
        made: list[Rule] = []  # without what is bound to their arrays
        for layer in reversed(layers):
            made.insert(0, layer(**{str(place_of(layer)): made[0]}) if made else layer())
        recurrences = tuple(layer.recurrence for layer in layers)
        return cls(recurrences, tuple(map(place_of, layers)), tuple(entries), _words(layers, taken), tuple(made))

    def rule(self, rule: Rule) -> Rule:
        """A rule of this step, with the hyper-parameters that `rule` and those inside it have now."""
        hypers = [layer.hyper for layer in layers_of(rule)]
        found = {}
        for word in self.words:
            value = hypers[word.level][word.name]
            found[word.flat] = value if word.part is None else value[word.part]
        flat = object.__new__(Rule)
        flat.__dict__.update(rule.__dict__)
        flat.__dict__.update(
            recurrence=self,
            state_names=tuple(entry.flat for entry in self.entries),
            hyper=MappingProxyType(found),
            inner=None,
            _kinds={entry.flat: entry.kind for entry in self.entries},
            _step_hyper=found,
            _plain=True,
            _blocked={"never": None},
        )
        return flat

    def word(self, name: str) -> str:
        """The flat name of a hyper-parameter, of the outermost rule that has it, as where a rule is called with it."""
        return next(word.flat for word in self.words if word.name == name and word.part is None)

    def fits(self, rule: Rule) -> bool:
        """Whether `rule` has this step, with any hyper-parameters."""
        layers = layers_of(rule)
        if tuple(layer.recurrence for layer in layers) != self.recurrences or tuple(map(place_of, layers)) != self.places:
            return False
        return _words(layers, {"theta", "g", *(entry.flat for entry in self.entries)}) == self.words

    def flattened(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The parts of a nested state by their flat names."""
        levels = _levels(state, len(self.recurrences))
        return {
            entry.flat: levels[entry.level][entry.name] if entry.row is None else levels[entry.level][entry.name][entry.row]
            for entry in self.entries
        }

    def nested(self, parts: Mapping[str, Any], stack: Callable[[list[Any]], Any]) -> dict[str, Any]:
        """The inverse of `flattened`; `stack` makes one of several rows."""
        levels: list[dict[str, Any]] = [{} for _ in self.recurrences]
        for entry in self.entries:
            if entry.row is None:
                levels[entry.level][entry.name] = parts[entry.flat]
            else:
                levels[entry.level].setdefault(entry.name, []).append(parts[entry.flat])
        for level in levels:
            level.update({name: stack(value) for name, value in level.items() if isinstance(value, list)})
        for outer, inside in pairwise(levels):
            outer[INNER_STATE] = inside
        return levels[0]

    def hypers(self, parts: Mapping[str, Any]) -> list[dict[str, Any]]:
        """For each rule its hyper-parameters, without the rule inside."""
        levels: list[dict[str, Any]] = [{} for _ in self.recurrences]
        for word in self.words:
            if word.part is None:
                levels[word.level][word.name] = parts[word.flat]
            else:
                levels[word.level][word.name] = (*levels[word.level].get(word.name, ()), parts[word.flat])
        return levels

    def __call__(self, theta: Any, g: Any, **parts: Any) -> dict[str, Any]:
        """One step: on symbols by the steps of the rules, on arrays by `Rule.update`, the plain step itself."""
        hypers = self.hypers(parts)
        if not isinstance(theta, Symbol):
            theta, state = self._plain(hypers).update(theta, g, self.nested(parts, np.stack))
            return {"theta": theta, **self.flattened(self._demand(state))}
        state = self.nested(parts, Rows.stacked)
        inside = None
        for level in reversed(range(len(self.rules))):
            if inside is not None:
                hypers[level][str(self.places[level])] = inside
            inside = Inside(self.rules[level], hypers[level], theta.dtype)
        assert inside is not None
        theta, state = inside.update(theta, g, state)
        return {"theta": theta, **self.flattened(self._demand(state))}

    def _plain(self, hypers: list[dict[str, Any]]) -> Rule:
        made: Rule | None = None
        for rule, place, hyper in reversed(list(zip(self.rules, self.places, hypers, strict=True))):
            made = rule(**hyper) if place is None or made is None else rule(**{**hyper, place: made})
        assert made is not None
        return made

    def _demand(self, state: Any) -> dict[str, Any]:
        """The state, after a step. Raises `Unrecordable` where it did not keep its form."""
        level = state
        for rule, place in zip(self.rules, self.places, strict=True):
            if not isinstance(level, dict) or set(level) != set(rule.state_names):
                raise Unrecordable(f"the state of {rule.name} becomes something else")
            level = level[INNER_STATE] if place is not None else None
        levels = _levels(state, len(self.rules))
        rows = [entry for entry in self.entries if entry.row is not None]
        for (level, name), number in Counter((entry.level, entry.name) for entry in rows).items():
            if not isinstance(levels[level][name], (Rows, np.ndarray)) or len(levels[level][name]) != number:
                raise Unrecordable(f"{name} becomes something else than {number} rows")
        return state


class Inside:
    """Stands in for a rule inside while the step around it is recorded: its own step, on symbols.

    `Rule.update` casts and checks what a wrapper gives to the rule inside. Here nothing is cast: what it would have to change
    cannot be recorded.
    """

    def __init__(self, rule: Rule, hyper: dict[str, Any], dtype: Any) -> None:
        self.rule, self.hyper, self.dtype = rule, hyper, dtype

    @property
    def lr(self) -> Any:
        """As `Rule.lr`."""
        if "lr" in self.hyper:
            return self.hyper["lr"]
        return next(value for value in self.hyper.values() if isinstance(value, Inside)).lr

    def step(self, theta: Any, g: Any, state: Mapping[str, Any]) -> dict[str, Any]:
        """As `Rule.step`."""
        self._demand("theta", theta, "array")
        self._demand("g", g, "array")
        if not isinstance(state, dict) or set(state) != set(self.rule.state_names):
            raise Unrecordable(f"it gives the rule {self.rule.name} another state")
        for name in self.rule.state_names:
            if name != INNER_STATE or self.rule.inner is None:
                self._demand(name, state[name], self.rule._kinds[name])
        hyper = {name: value for name, value in self.hyper.items() if name in self.rule._step_names}
        return self.rule.recurrence(theta, g, **state, **hyper)

    def update(self, theta: Any, g: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """As `Rule.update`."""
        record = self.step(theta, g, state)
        return record["theta"], {name: record[name] for name in self.rule.state_names}

    def propose(self, theta: Any, g: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """As `Rule.propose`."""
        record = self.step(theta, g, state)
        if "update" not in record:
            raise Unrecordable(f"{self.rule.name} does not say what it subtracts")
        return record["update"], {name: record[name] for name in self.rule.state_names}

    def _demand(self, name: str, value: Any, kind: str) -> None:
        """Raise `Unrecordable` where `Rule.update` would have to convert a value, or would refuse it."""
        if kind in ("array", "stack"):
            right = type(value) is (Rows if kind == "stack" else Symbol) and value.dtype == self.dtype
        else:
            number = value.value if isinstance(value, Scalar) else value
            right = type(number) is int or (kind == "number" and type(number) is float)
            if right and kind == "count" and not (isinstance(value, Scalar) and value.text in value.reads):
                right = bool(value >= 0)  # a guard; of what came in itself the recording asks that anyway
        if not right:
            raise Unrecordable(f"the rule {self.rule.name} inside is given another {name}")


class Nested:
    """A nest of rules bound to arrays, or containers: it hands their parts to what steps over those.

    Like that it does not hold the rule. Raises `Unrecordable` where something is not as it must be.
    """

    nest: Nest
    flat: tuple[Any, Rule]  # hyper-parameters as the rule has them, and the flat rule that has them
    rows: dict[str, Any]
    bound: Any

    def __init__(self, rule: Rule, theta: Any, g: Any, state: Any, old: Any = None) -> None:
        nest = Nest.of(rule, state)
        self.nest, self.flat = nest, (rule._step_hyper, nest.rule(rule))
        if isinstance(old, Nested) and old.flat[0] is rule._step_hyper and old.nest == nest:
            self.nest, self.flat = old.nest, old.flat
        levels = _levels(state, len(nest.recurrences))
        self.lengths = [len(level) for level in levels]
        self.counts = [(entry.level, entry.name, entry.flat) for entry in nest.entries if entry.kind != "array"]
        self.single = [(entry.level, entry.name, entry.flat) for entry in nest.entries if entry.row is None]
        stacked = [entry for entry in nest.entries if entry.row is not None]
        first = [entry for entry in stacked if entry.row == 0]
        self.stacks: list[tuple[int, str, Any]] = [(x.level, x.name, levels[x.level][x.name]) for x in first]
        if (
            isinstance(old, Nested)
            and old.nest is self.nest
            and all(a[2] is b[2] for a, b in zip(self.stacks, old.stacks, strict=True))
        ):
            self.rows = old.rows  # the same views: another branch, over the same arrays
        else:
            self.rows = {entry.flat: _row(theta, levels[entry.level][entry.name], entry) for entry in stacked}
        parts = {entry.flat: levels[entry.level][entry.name] for entry in nest.entries if entry.row is None} | self.rows
        self.bound = blocked._bound(self.flat[1], theta, g, parts, old.bound if isinstance(old, Nested) else None)

    def _parts(self, state: Any) -> dict[str, Any] | None:
        """The state by flat names; None where it is another one than at the beginning."""
        levels: list[Any] = []
        for length in self.lengths:
            if type(state) is not dict or len(state) != length:
                return None
            levels.append(state)
            state = state.get(INNER_STATE)
        for level, name, stack in self.stacks:
            if levels[level].get(name) is not stack or not stack.flags.writeable:
                return None
        parts = {flat: levels[level].get(name) for level, name, flat in self.single}
        parts.update(self.rows)
        return parts

    def _rule(self, rule: Rule) -> Rule | None:
        """`rule` as one flat rule; None where it is another nest."""
        hyper, flat = self.flat
        if rule._step_hyper is hyper:
            return flat
        if not self.nest.fits(rule):
            return None
        flat = self.nest.rule(rule)
        self.flat = rule._step_hyper, flat
        return flat

    def step(self, theta: Any, g: Any, state: Any, rule: Rule) -> bool:
        """As that of `refopt.fast.blocked.Bound`."""
        flat, parts = self._rule(rule), self._parts(state)
        if flat is None or parts is None or not self.bound.step(theta, g, parts, flat):
            return False
        levels = _levels(state, len(self.lengths))
        for level, name, key in self.counts:
            levels[level][name] = parts[key]
        return True

    def record(self, rule: Rule, state: Any) -> None:
        """As that of `refopt.fast.blocked.Bound`."""
        flat, parts = self._rule(rule), self._parts(state)
        if flat is None or parts is None:
            raise Unrecordable("the state is not one of the rule's")
        if hasattr(self.bound, "record"):
            self.bound.record(flat, parts)


def _row(theta: Any, stack: Any, entry: Entry) -> Any:
    """A row of stacked arrays as the recording takes it: like theta, in its container if theta is in one."""
    try:
        layout = Layout(theta)
    except (TypeError, ValueError):
        raise Unrecordable("not NumPy arrays of one shape and dtype") from None
    if type(stack) is not np.ndarray or stack.shape[1:] != layout.vector_shape or stack.dtype != layout.dtype:
        raise Unrecordable(f"the rows of {entry.name} are not like theta")
    if not stack.flags.c_contiguous or not stack.flags.writeable:
        raise Unrecordable(f"{entry.name} is not contiguous, or is read-only")
    return layout.tree(stack[entry.row])


def layers_of(rule: Rule) -> list[Rule]:
    """A rule and those inside it, from the outside in."""
    layers = [rule]
    while layers[-1].inner is not None:
        layers.append(layers[-1].inner)
    return layers


def place_of(rule: Rule) -> str | None:
    """The hyper-parameter that holds the rule inside."""
    return next((name for name, value in rule._step_hyper.items() if isinstance(value, Rule)), None)


def _words(layers: list[Rule], taken: set[str]) -> tuple[Word, ...]:
    """The hyper-parameters of a nest, by names that are not `taken`."""
    words = []
    for level, layer in enumerate(layers):
        for name, value in layer.hyper.items():
            parts = range(len(value)) if isinstance(value, tuple) else [None]
            for part in parts if not isinstance(value, Rule) else []:
                flat = "inner_" * level + (name if part is None else f"{name}_{part}")
                words.append(Word(level, name, part, _free(flat, taken)))
    return tuple(words)


def _levels(state: Any, count: int) -> list[Any]:
    """The states of the rules of a nest, from the outside in."""
    levels = [state]
    while len(levels) < count:
        levels.append(levels[-1][INNER_STATE])
    return levels


def _free(name: str, taken: set[str]) -> str:
    """`name`, or with something added where it is taken already; it is taken then."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name
