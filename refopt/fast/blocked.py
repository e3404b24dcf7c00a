"""Blocked: an elementwise rule in place, over pieces of the vector that stay in the cache.

The rule's text runs once on symbols (`refopt.fast.recording`). What it did to arrays becomes a straight list of ufunc calls that
write into the state, into theta or into a few scratch arrays; what it did to scalars (1 − β₁ᵗ) becomes a Python function of
the step count and the hyper-parameters. Replayed piece by piece, every number meets the same operations in the same order as in
the plain step, so every bit is the same; only memory is used better. Nothing here knows a formula.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from refopt import numbers
from refopt.fast.recording import SELECT, Operation, Recording, Scalar, Symbol, Unrecordable, record
from refopt.recurrence import Rule

__all__ = ["Bound", "Plan", "update_"]


def cache_bytes() -> int:
    """The size of a core's own (second-level) cache; a megabyte where the system does not say."""
    try:
        return max(os.sysconf("SC_LEVEL2_CACHE_SIZE"), 1 << 18)
    except (ValueError, OSError, AttributeError):
        return 1 << 20


class Plan:
    """A recorded step, ready to run in place.

    `scalars` are the names that may change from step to step (the step count, hyper-parameters); the others were recorded as
    they were. ``source`` is the text that runs.
    """

    def __init__(self, rule: Rule, dtype: Any, scalars: Mapping[str, Any]) -> None:
        self.dtype = np.dtype(dtype)
        states = {name: rule._kinds.get(name) for name in rule.state_names}
        self.states = [name for name, kind in states.items() if kind == "array"]
        self.counts = [name for name, kind in states.items() if kind in ("count", "number")]
        if len(self.states) + len(self.counts) != len(states):
            raise Unrecordable("the state holds more than arrays like theta and numbers")
        self.scalars = tuple(scalars)
        others = {name: value for name, value in rule._step_hyper.items() if name not in scalars}
        names = ["theta", "g", *self.states]
        tape = record(rule.recurrence, dict.fromkeys(names, self.dtype), scalars, others, ["theta", *rule.state_names])
        for name in ("theta", *self.states):
            if not isinstance(tape.results[name], Symbol):
                raise Unrecordable(f"{name} becomes a number")
        self._compile(tape)
        width = len(names) + self.scratch
        self.tile = max(cache_bytes() // 2 // (width * self.dtype.itemsize), 256)
        self._memory: list[Any] = []

    def _compile(self, tape: Recording) -> None:
        """Give every result a place, and write the calls down as text."""
        places = _Places(tape, ["theta", *self.states])
        constants: dict[str, str] = {}  # scalar text → name of the constant
        moving: list[str] = []  # the texts that read the step count or another number of the state
        always: dict[str, Any] = {"numbers": numbers}
        lines = []
        for number, operation in enumerate(tape.operations):
            operands = []
            for x in operation.inputs:
                if isinstance(x, Symbol):
                    operands.append(places.of[id(x)])
                elif isinstance(x, Scalar):
                    if x.text not in constants and x.reads & set(self.counts):
                        moving.append(x.text)
                    operands.append(constants.setdefault(x.text, f"c{len(constants)}"))
                else:
                    name = f"k{len(always)}"
                    always[name] = _constant(x, operation, self.dtype)
                    operands.append(name)
            out = places.take(number, operation)
            if operation.function is SELECT:
                always["copyto"] = np.copyto
                condition, a, b = operands
                lines += [f"copyto({out}, {b})", f"copyto({out}, {a}, where={condition})"]
            else:
                always[operation.function.__name__] = operation.function
                out = f"out={out}" if operation.function in (np.maximum, np.minimum) else out  # NumPy wants it said
                lines.append(f"{operation.function.__name__}({', '.join([*operands, out])})")
        for value, name in places.copies():
            always["copyto"] = np.copyto
            lines.append(f"copyto({name}, {value})")
        self.scratch, self._dtypes = len(places.dtypes), places.dtypes
        scratch = [f"r{i}" for i in range(self.scratch)]
        counts = []
        for name in self.counts:
            value = tape.results[name]
            if isinstance(value, Symbol):
                raise Unrecordable(f"{name} becomes an array")
            counts.append(value.text if isinstance(value, Scalar) else repr(value))
        still = [text for text in constants if text not in moving]
        arguments = ["theta", "g", *self.states, *scratch, *[constants[text] for text in (*still, *moving)]]

        def made(texts: list[str]) -> str:
            return f"({''.join(f'array({text}, dtype), ' for text in texts)})"

        self.source = "\n".join(
            [
                f"def still({', '.join(self.scalars)}):",
                f"    return {made(still)}",
                "",
                f"def moving({', '.join(self.scalars)}):",
                *(f"    if {text} is not {answer}: return None" for text, answer in tape.guards.items()),
                f"    return {made(moving)}, ({''.join(f'{count}, ' for count in counts)})",
                "",
                f"def tile({', '.join(arguments)}):",
                *(f"    {line}" for line in lines or ["pass"]),
            ]
        )
        space = {**always, "array": np.array, "dtype": self.dtype}
        exec(compile(self.source, "<recorded step>", "exec"), space)
        self.still: Callable[..., tuple[Any, ...]] = space["still"]
        self.moving: Callable[..., Any] = space["moving"]
        self.piece: Callable[..., None] = space["tile"]

    def over(self, arrays: list[Any], still: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """A function that makes one step over `arrays` (theta, g and the state's, contiguous vectors of one length), and what it
        takes before the constants that move: called ``run(*fixed, *moving)``.
        """
        size = arrays[0].size
        if size <= self.tile:
            return self.piece, [*arrays, *self._registers(size), *still]
        return self._run, [arrays, still]

    def _run(self, arrays: list[Any], still: tuple[Any, ...], *moving: Any) -> None:
        size, full = arrays[0].size, self._registers(self.tile)
        for start in range(0, size, self.tile):
            some = slice(start, start + self.tile)
            registers = full if start + self.tile <= size else [r[: size - start] for r in full]
            self.piece(*[x[some] for x in arrays], *registers, *still, *moving)

    def _registers(self, size: int) -> list[Any]:
        """Scratch arrays; they are made once for each size, because bound steps hold on to them."""
        if not self._memory or len(self._memory[0]) != size:
            self._memory = [np.empty(size, dtype) for dtype in self._dtypes]
        return self._memory


def _constant(x: Any, operation: Operation, dtype: Any) -> Any:
    """A Python number as NumPy would take it beside an array: in the array's dtype; an exponent of power stays as it is."""
    kinds = [y.dtype for y in operation.inputs if isinstance(y, Symbol) and y.dtype.kind == "f"]
    return np.array(x, kinds[0] if kinds else dtype)


class _Places:
    """Where each result lies: in the array that it becomes, as soon as nobody needs the old one; else in a scratch array."""

    def __init__(self, tape: Recording, outputs: list[str]) -> None:
        self.tape = tape
        self.of = {id(symbol): name for name, symbol in tape.arrays.items()}
        self.last: dict[int, int] = {}  # the last operation that reads a symbol
        for number, operation in enumerate(tape.operations):
            for x in operation.inputs:
                self.last[id(x)] = number
        self.becomes: dict[int, list[str]] = {}
        for name in outputs:
            self.becomes.setdefault(id(tape.results[name]), []).append(name)
        self.dtypes: list[Any] = []
        self.free: list[str] = []

    def take(self, number: int, operation: Operation) -> str:
        """The place of an operation's result."""
        result = operation.result
        dead = {id(x): x for x in operation.inputs if isinstance(x, Symbol) and self.last[id(x)] == number}
        for key, x in dead.items():
            place = self.of[key]
            if place.startswith("r") and place[1:].isdigit() and place not in self.free and operation.function is not SELECT:
                self.free.append(place)
        for name in self.becomes.get(id(result), []):
            old = self.tape.arrays[name]
            reader = self.last.get(id(old), -1)
            if (reader < number or (reader == number and operation.function is not SELECT)) and name not in self._claimed():
                self.of[id(result)] = name
                return name
        place = next((r for r in self.free if self.dtypes[int(r[1:])] == result.dtype), None)
        if place is None:
            place = f"r{len(self.dtypes)}"
            self.dtypes.append(result.dtype)
        else:
            self.free.remove(place)
        if operation.function is SELECT:  # its operands must not be overwritten by its own first copy
            for key in dead:
                if self.of[key].startswith("r") and self.of[key][1:].isdigit() and self.of[key] not in self.free:
                    self.free.append(self.of[key])
        self.of[id(result)] = place
        return place

    def _claimed(self) -> set[str]:
        """Arrays that already hold their new value."""
        return {self.of[key] for key, names in self.becomes.items() if self.of.get(key) in names and not self._is_input(key)}

    def _is_input(self, key: int) -> bool:
        return any(id(symbol) == key for symbol in self.tape.arrays.values())

    def copies(self) -> list[tuple[str, str]]:
        """What still has to be copied at the end, (place, array)."""
        moves = [(self.of[key], name) for key, names in self.becomes.items() for name in names if self.of[key] != name]
        written = {name for _, name in moves}
        if any(value in written for value, _ in moves):
            raise Unrecordable("results change places")
        return moves


BRANCHES = 16  # recordings of one rule; more means that it branches on something that changes at every step


class Bound:
    """A rule with the arrays that it steps over, checked once; valid as long as the caller brings the same arrays."""

    def __init__(self, rule: Rule, theta: Any, g: Any, state: dict[str, Any]) -> None:
        self.theta, self.g, self.rule = theta, g, rule
        self.states = [(name, value) for name, value in state.items() if type(value) is np.ndarray]
        self.counts = [name for name in rule.state_names if rule._kinds.get(name) in ("count", "number")]
        order = dict(self.states)
        self.arrays = [theta, g, *[order[name] for name in rule.state_names if name in order]]
        if not all(x.flags.c_contiguous and x.flags.writeable for x in (theta, *order.values())) or not g.flags.c_contiguous:
            raise Unrecordable("an array that is not contiguous or not writable")
        self.arrays = [x if x.ndim == 1 else x.reshape(-1) for x in self.arrays]
        hyper = {name: value for name, value in rule._step_hyper.items() if type(value) in (int, float)}
        self.names, self.hyper = list(hyper), list(hyper.values())
        self.plans: list[tuple[Any, Any, list[Any]]] = []

    def fits(self, theta: Any, g: Any, state: dict[str, Any]) -> bool:
        """Whether these are the arrays that were checked."""
        if theta is not self.theta or g is not self.g:
            return False
        for name, value in self.states:  # noqa: SIM110 (a generator would take as long as a ufunc)
            if state.get(name) is not value:
                return False
        return True

    def step(self, theta: Any, g: Any, state: dict[str, Any]) -> bool:
        """One step; False, with nothing changed, where these are not the arrays that were checked, or no recording fits."""
        if not self.fits(theta, g, state):
            return False
        counts = [state[name] for name in self.counts]
        for moving, run, fixed in self.plans:
            found = moving(*counts, *self.hyper)
            if found is not None:
                run(*fixed, *found[0])
                for name, count in zip(self.counts, found[1], strict=True):
                    state[name] = count
                return True
        return False

    def record(self, state: dict[str, Any]) -> None:
        """Find the recording for the branches that are right now, or make it. Raises `Unrecordable`."""
        scalars = dict(zip([*self.counts, *self.names], [*[state[name] for name in self.counts], *self.hyper], strict=True))
        others = tuple((name, value) for name, value in self.rule._step_hyper.items() if name not in scalars)
        known = _RECORDINGS.setdefault((self.rule.recurrence, self.theta.dtype, tuple(scalars), others), [])
        plan = next((plan for plan in known if plan.moving(*scalars.values()) is not None), None)
        if plan is None:
            if len(known) == BRANCHES:
                raise Unrecordable("it branches on what changes at every step")
            plan = Plan(self.rule, self.theta.dtype, scalars)
            known.append(plan)
        self.plans.append((plan.moving, *plan.over(self.arrays, plan.still(*scalars.values()))))


_RECORDINGS: dict[Any, list[Plan]] = {}  # of all rules: binding another learning rate needs no new recording


def update_(rule: Rule, theta: Any, g: Any, state: dict[str, Any]) -> bool:
    """One step of `rule` in place: theta and the arrays of `state` are overwritten. True where it ran blocked.

    Where the rule cannot be recorded, or the arrays are not contiguous NumPy arrays, the plain step runs and its results are
    copied; the numbers are the same.
    """
    try:
        bound = rule._blocked.get("bound")
        if bound is None or not bound.fits(theta, g, state):
            bound = rule._blocked["bound"] = _bound(rule, theta, g, state)
        if not bound.step(theta, g, state):
            bound.record(state)
            bound.step(theta, g, state)
        return True
    except Unrecordable:
        rule._blocked.pop("bound", None)
    new_theta, new_state = rule.update(theta, g, state)
    _overwrite(theta, new_theta)
    for name, value in new_state.items():
        state[name] = _overwritten(state[name], value)
    return False


def _bound(rule: Rule, theta: Any, g: Any, state: dict[str, Any]) -> Bound:
    if "never" in rule._blocked:
        raise rule._blocked["never"]
    if not rule._plain:
        never = f"its scope is {rule.scope!r}" if rule.scope != "element" else "a rule or a population is in it"
        rule._blocked["never"] = Unrecordable(never)
        raise rule._blocked["never"]
    if rule._everyday(theta, g, state) is None:
        raise Unrecordable("not NumPy arrays of one shape and dtype")
    return Bound(rule, theta, g, state)


def _overwrite(old: Any, new: Any) -> None:
    for key in old if isinstance(old, Mapping) else range(len(old)) if isinstance(old, (list, tuple)) else ():
        old[key][...] = new[key]
    if numbers.is_array(old):
        old[...] = new


def _overwritten(old: Any, new: Any) -> Any:
    if numbers.is_array(old) and numbers.is_array(new) and old.shape == new.shape:
        old[...] = new
        return old
    return new
