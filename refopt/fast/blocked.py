"""Blocked: an elementwise rule in place, over pieces of the vector that stay in the cache.

The rule's text runs once on symbols (`refopt.fast.recording`). What it did to arrays becomes a straight list of ufunc calls
that write into the state, into theta or into a few scratch arrays; what it did to scalars (1 − β₁ᵗ) becomes a Python function
of the step count and the hyper-parameters. Replayed piece by piece, every number meets the same operations in the same order
as in the plain step, so every bit is the same; only memory is used better. Nothing here knows a formula, and nothing is taken
on trust: every recording is compared with the step itself before it is used.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from functools import cache, partial
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refopt import numbers
from refopt.catalogue import rule as find_rule
from refopt.fast.recording import FILL, SELECT, Operation, Recording, Scalar, Symbol, Unrecordable, record
from refopt.fast.threads import at_once, get_num_threads
from refopt.recurrence import INNER_STATE, SCOPES, Rule

__all__ = ["Bound", "Plan", "update_", "why_not"]


@cache
def cache_bytes() -> int:
    """The size of a core's own (second-level) cache, at most two megabytes; one where the system does not say."""
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):  # Linux
        with suppress(OSError, ValueError):
            if (index / "level").read_text().strip() == "2":
                return min(int((index / "size").read_text().strip().removesuffix("K")) << 10, 1 << 21)
    return 1 << 20


WORTH_A_THREAD = 1 << 18  # entries; waking another thread takes as long as some 100,000 entries of a step

LONGER = 4  # times: the pieces of threads, which at every call wait for Python's lock; that costs more than the cache gives

COPY = "copy"  # a result that must be moved to where it belongs


class Call(NamedTuple):
    """One call of the replay: a ufunc, SELECT, FILL or COPY, with the names of its operands, the dtypes in which it takes
    them, the name of the array that it writes, and that one's dtype."""

    function: Any
    operands: tuple[str, ...]
    dtypes: tuple[Any, ...]
    out: str
    dtype: Any


class Texts(NamedTuple):
    """The arithmetic of a recorded step on scalars, as Python's text: the constants with their dtypes in the order in which
    ``Plan.piece`` takes them, the guards with their answers, the new numbers of the state; and what the texts may name."""

    still: list[tuple[str, str]]
    moving: list[tuple[str, str]]
    guards: Mapping[str, bool]
    after: list[str]
    space: dict[str, Any]


class Plan:
    """A recorded step, ready to run in place.

    `scalars` are the names that may change from step to step (the step count, hyper-parameters); the others were recorded as
    they were. ``source`` is the text that runs: ``still`` and ``moving`` make the constants, ``moving`` also the new numbers of
    the state, or None where the recording does not hold; ``tile`` is the step of one piece. `texts` is the same arithmetic in
    parts, for a crowd of members with numbers of their own (`refopt.fast.crowd`). Raises `Unrecordable`.
    """

    def __init__(self, rule: Rule, dtype: Any, scalars: Mapping[str, Any]) -> None:
        self.dtype = np.dtype(dtype)
        self.states = [name for name in rule.state_names if rule._kinds.get(name) == "array"]
        self.counts = [name for name in rule.state_names if name not in self.states]
        self.whole = {name for name in self.counts if rule._kinds.get(name) == "count"}
        self.scalars = tuple(scalars)
        others = {name: value for name, value in rule._step_hyper.items() if name not in scalars}
        names = ["theta", "g", *self.states]
        for name in (*names, *self.scalars):
            if name.startswith("_") or name in ("abs", "bool", "float", "type"):
                raise Unrecordable(f"the name {name!r} is used by the recording")
        tape = record(rule.recurrence, dict.fromkeys(names, self.dtype), scalars, others, ["theta", *rule.state_names])
        for name in sorted(set(self.counts) - self.whole):  # int or float decides what becomes of an array of truth values
            tape.guard(f"(type({name}) is {type(scalars[name]).__name__})", True)
        for name in ("theta", *self.states):
            if not isinstance(tape.results[name], Symbol):
                raise Unrecordable(f"{name} becomes a number")
            if tape.results[name].dtype != self.dtype:
                raise Unrecordable(f"{name} becomes {tape.results[name].dtype}")
        self.sums = tape.sums
        self._compile(tape)
        width = len(names) + len(self._dtypes)
        self.tile = max(cache_bytes() // 2 // (width * self.dtype.itemsize), 256)

    def _compile(self, tape: Recording) -> None:
        """Give every result a place, and write the calls down as text. The names that the rule does not have begin with _."""
        places = _Places(tape, ["theta", *self.states])
        space: dict[str, Any] = {"_numbers": numbers, "_array": np.array, "_copyto": np.copyto}
        constants: dict[tuple[str, str], str] = {}  # (scalar's text, dtype) → name of the constant
        moving: list[tuple[str, str]] = []  # those that read the step count or another number of the state
        calls = []
        for number, operation in enumerate(tape.operations):
            operands = []
            for x, dtype in zip(operation.inputs, operation.dtypes, strict=True):
                if isinstance(x, Symbol):
                    operands.append(places.of[id(x)])
                elif isinstance(x, Scalar):
                    key = (x.text, dtype.name)
                    space[f"_{dtype.name}"] = dtype
                    if key not in constants and x.reads & set(self.counts):
                        moving.append(key)
                    operands.append(constants.setdefault(key, f"_c{len(constants)}"))
                else:
                    operands.append(f"_k{len(space)}")
                    space[operands[-1]] = np.array(x, dtype)
            out = places.take(number, operation)
            calls.append(Call(operation.function, tuple(operands), operation.dtypes, out, operation.result.dtype))
        calls += [Call(COPY, (place,), (self.dtype,), name, self.dtype) for place, name in places.copies()]
        self._dtypes = places.dtypes
        lines = self._lines(calls, space)
        numbers_after = []
        for name in self.counts:
            value = tape.results[name]
            if isinstance(value, Symbol) or type(value) not in (Scalar, int, float):
                raise Unrecordable(f"{name} becomes an array")
            numbers_after.append(value.text if isinstance(value, Scalar) else f"{value!r}")
        still = [key for key in constants if key not in moving]

        def made(keys: list[tuple[str, str]]) -> str:
            return f"({''.join(f'{self._constant(text, dtype)}, ' for text, dtype in keys)})"

        scratch = [f"_r{i}" for i in range(len(self._dtypes))]
        arguments = ["theta", "g", *self.states, *scratch, *[constants[key] for key in (*still, *moving)]]
        self.source = "\n".join(
            [
                f"def still({', '.join(name for name in self.scalars if name not in self.counts)}):",
                f"    return {made(still)}",
                "",
                f"def moving({', '.join(self.scalars)}):",
                *(f"    if {self._unlike(name)}: return None" for name in self.counts),
                *(f"    if {text} is not {answer}: return None" for text, answer in tape.guards.items()),
                f"    return {made(moving)}, ({''.join(f'{number}, ' for number in numbers_after)})",
                "",
                f"def tile({', '.join(arguments)}):",
                *(f"    {line}" for line in lines or ["pass"]),
            ]
        )
        exec(compile(self.source, "<recorded step>", "exec"), space)
        self.texts = Texts(still, moving, tape.guards, numbers_after, space)
        self.still: Callable[..., tuple[Any, ...]] = space["still"]
        self.moving: Callable[..., Any] = space["moving"]
        self.piece: Callable[..., None] = space["tile"]

    @classmethod
    def placed(cls, x: np.ndarray) -> Any:
        """A made-up array, where steps of this kind run."""
        return x

    @classmethod
    def empty(cls, size: int, dtype: Any) -> Any:
        """A scratch array, where steps of this kind run."""
        return np.empty(size, dtype)

    def _constant(self, text: str, dtype: str) -> str:
        """The text that makes an operand of a number."""
        return f"_array({text}, _{dtype})"

    def _lines(self, calls: list[Call], space: dict[str, Any]) -> list[str]:
        """The text of the calls; what it calls is put into `space`."""
        lines = []
        for function, operands, _, out, _ in calls:
            if function is SELECT:
                condition, a, b = operands
                lines += [f"_copyto({out}, {b})", f"_copyto({out}, {a}, where={condition})"]
            elif function in (FILL, COPY):
                lines.append(f"_copyto({out}, {operands[0]})")
            else:
                name = f"_{function.__name__}"
                if space.setdefault(name, function) is not function or not name.isidentifier():
                    raise Unrecordable(f"it calls a ufunc by the name {name[1:]!r}")
                out = f"out={out}" if function in (np.maximum, np.minimum) else out  # NumPy wants it said
                lines.append(f"{name}({', '.join([*operands, out])})")
        return lines

    def _unlike(self, name: str) -> str:
        """The text that asks whether a number of the state is not one: anything else goes through the plain step's checks."""
        whole = f"type({name}) is not int"
        return f"{whole} or {name} < 0" if name in self.whole else f"{whole} and type({name}) is not float"

    def over(self, arrays: list[Any]) -> tuple[Any, list[Any]]:
        """A function that makes one step over `arrays` (theta, g and the state's, contiguous vectors of one length), and what
        it takes before the constants, theta and g first: it is called ``run(*fixed, *still, *moving)``. It has scratch arrays
        of its own, so that two threads never share any.
        """
        size = arrays[0].size
        shares = min(get_num_threads(), size // WORTH_A_THREAD) or 1
        tile = self.tile * LONGER if shares > 1 else self.tile
        length = min(-(-size // shares), tile)
        registers = [[self.empty(length, dtype) for dtype in self._dtypes] for _ in range(shares)]
        if shares > 1:
            return self._shared, [arrays[0], arrays[1], arrays[2:], registers, tile]
        if size <= self.tile:
            return self.piece, [*arrays, *registers[0]]
        return self._run, [arrays[0], arrays[1], arrays[2:], registers[0], tile]

    def _shared(self, theta: Any, g: Any, states: list[Any], registers: list[Any], tile: int, *constants: Any) -> None:
        share = -(-theta.size // len(registers))
        parts = [slice(number * share, (number + 1) * share) for number in range(len(registers))]
        at_once(
            [
                partial(self._run, theta[some], g[some], [x[some] for x in states], own, tile, *constants)
                for some, own in zip(parts, registers, strict=True)
            ]
        )

    def _run(self, theta: Any, g: Any, states: list[Any], registers: list[Any], tile: int, *constants: Any) -> None:
        size = theta.size
        for start in range(0, size, tile):
            some = slice(start, start + tile)
            short = [r[: size - start] for r in registers]
            self.piece(theta[some], g[some], *[x[some] for x in states], *short, *constants)

    def demand(self, inputs: dict[str, Any], expected: dict[str, Any], scalars: Mapping[str, Any]) -> None:
        """Compare one replay, from `inputs`, with the outcome of the plain step, in every bit. Raises `Unrecordable`."""
        arrays = {name: inputs[name].copy() for name in ("theta", "g", *self.states)}
        found = self.moving(*scalars.values())
        if found is None:
            raise Unrecordable("its branches are not decided by its numbers")
        run, fixed = self.over(list(arrays.values()))
        still = self.still(*(value for name, value in scalars.items() if name not in self.counts))
        with np.errstate(all="ignore"):
            run(*fixed, *still, *found[0])
        for name, value in (arrays | dict(zip(self.counts, found[1], strict=True))).items():
            plain = expected[name] if name != "g" else inputs["g"]
            if type(plain) is not type(value) or getattr(plain, "dtype", None) != getattr(value, "dtype", None):
                raise Unrecordable(f"{name} becomes {getattr(plain, 'dtype', type(plain).__name__)}")
            if not _equal(value, plain):
                raise Unrecordable(f"its replay gives another {name} than the step")


def _equal(a: Any, b: Any) -> bool:
    """Whether two arrays, or two numbers, are equal in every bit; a NaN equals any NaN."""
    return bool(np.array_equal(a, b, equal_nan=True) and np.all((np.signbit(a) == np.signbit(b)) | np.isnan(a)))


# What must not write where it reads: the first copy of a selection would overwrite what its second one reads, and NumPy takes
# ten times as long for a sign in place (measured).
APART = (SELECT, np.sign)


class _Places:
    """Where each result lies, as near as can be to what it is made of: memory that is in the cache already costs least.

    Best is the array that it becomes, as soon as nobody needs the old one; then the place of an operand that nobody needs any
    more, an array that will be overwritten later too; then a scratch array.
    """

    def __init__(self, tape: Recording, outputs: list[str]) -> None:
        self.arrays = tape.arrays
        self.of = {id(symbol): name for name, symbol in tape.arrays.items()}
        self.last = {id(x): number for number, operation in enumerate(tape.operations) for x in operation.inputs}
        self.becomes: dict[int, list[str]] = {}
        for name in outputs:
            self.becomes.setdefault(id(tape.results[name]), []).append(name)
        end = len(tape.operations)
        for key, names in self.becomes.items():
            if names != [self.of.get(key)]:  # it may have to be copied at the end
                self.last[key] = end
        made = {id(operation.result): (number, operation) for number, operation in enumerate(tape.operations)}
        self.until: dict[str, int] = {}  # arrays that will be overwritten: the last call that may read what lies there before
        for name in outputs:
            key = id(tape.results[name])
            if self.of.get(key) != name:
                number, operation = made.get(key, (end, None))
                self.until[name] = number - (operation is None or operation.function in APART)
        self.holds = {name: id(symbol) for name, symbol in tape.arrays.items()}  # the result that lies there
        self.dtypes: list[Any] = []

    def take(self, number: int, operation: Operation) -> str:
        """The place of an operation's result."""
        result, inputs = operation.result, [x for x in operation.inputs if isinstance(x, Symbol)]
        at_once = operation.function not in APART

        def free(place: str) -> bool:
            last = self.last.get(self.holds[place], -1)
            return last < number or (last == number and at_once)

        scratch = [f"_r{i}" for i in range(len(self.dtypes))]
        own = self.becomes.get(id(result), [])
        for place in (*own, *(self.of[id(x)] for x in inputs), *scratch, *self.until):
            dtype = self.dtypes[int(place[2:])] if place in scratch else self.arrays[place].dtype
            lasting = place in own or place in scratch or self.last.get(id(result), -1) <= self.until.get(place, -1)
            if dtype == result.dtype and lasting and free(place):
                break
        else:
            place = f"_r{len(self.dtypes)}"
            self.dtypes.append(result.dtype)
        self.of[id(result)], self.holds[place] = place, id(result)
        return place

    def copies(self) -> list[tuple[str, str]]:
        """What still has to be copied at the end, (place, array), each before the place is overwritten."""
        left = {name: self.of[key] for key, names in self.becomes.items() for name in names if self.of[key] != name}
        moves = []
        while left:
            name = next((name for name in left if name not in left.values()), None)
            if name is None:
                raise Unrecordable("results change places")
            moves.append((left.pop(name), name))
        return moves


BRANCHES = 16  # recordings of one rule; more means that it branches on something that changes at every step
KEPT = 1000  # rules that are remembered; who makes functions in a loop must not fill the memory with their recordings


class Ready:
    """A recording over bound arrays. `constants` are those of the hyper-parameters, None until they are needed."""

    __slots__ = ("constants", "fixed", "moving", "run", "still")

    def __init__(self, plan: Plan, arrays: list[Any]) -> None:
        self.moving, self.still = plan.moving, plan.still
        self.constants: tuple[Any, ...] | None = None
        self.run, self.fixed = plan.over(arrays)


class Bound:
    """Arrays that a rule steps over, checked once; valid as long as the caller brings the same arrays.

    It does not hold the rule, which holds it: arrays must be let go when the rule is.
    """

    def __init__(self, rule: Rule, theta: Any, g: Any, state: dict[str, Any], entries: int | None = None) -> None:
        self.setting = _setting
        self.theta, self.g, self.length = theta, g, len(state)
        self.entries = theta.size if entries is None else entries  # of all that the plain step takes as one vector
        self.states = [(name, state[name]) for name in rule.state_names if rule._kinds[name] == "array"]
        self.counts = [name for name in rule.state_names if rule._kinds[name] != "array"]
        self.given = [theta, g, *(value for _, value in self.states)]
        self._demand()
        self.arrays = [x if x.ndim == 1 else x.reshape(-1) for x in self.given]
        self.hyper = rule._step_hyper
        self.names = [name for name, value in self.hyper.items() if type(value) in numbers.PYTHON]
        self.numbers = [self.hyper[name] for name in self.names]
        self.plans: list[Ready] = []

    def _demand(self) -> None:
        """Raises `Unrecordable` where these arrays cannot be stepped over in place."""
        flags = [x.flags for x in self.given]
        if not (flags[0].writeable and all(f.writeable for f in flags[2:])):
            raise Unrecordable("an array is read-only")
        if not self.theta.dtype.isnative:
            raise Unrecordable("theta is not in the machine's byte order")
        if not all(f.c_contiguous for f in flags):
            raise Unrecordable("an array is not contiguous")
        if any(np.may_share_memory(a, b) for a, b in combinations(self.given, 2)):
            raise Unrecordable("arrays share memory")

    def step(self, theta: Any, g: Any, state: Any, rule: Rule) -> bool:
        """One step; False, with nothing changed, where these are not the arrays that were checked, or no recording fits.

        `rule` is the one that was bound, or that one with other hyper-parameters.
        """
        if theta is not self.theta or type(state) is not dict or len(state) != self.length or self.setting is not _setting:
            return False
        if rule._step_hyper is not self.hyper and not self.turn(rule):
            return False
        if g is not self.g and not self.regard(g):
            return False
        for name, value in self.states:
            if not value.flags.writeable or state.get(name) is not value:
                return False
        return theta.flags.writeable and self.run(state)

    def run(self, state: Any) -> bool:
        """`step`, of what has been looked at."""
        counts = [state.get(name) for name in self.counts]
        for ready in self.plans:
            found = ready.moving(*counts, *self.numbers)
            if found is not None:
                if ready.constants is None:
                    ready.constants = ready.still(*self.numbers)
                ready.run(*ready.fixed, *ready.constants, *found[0])
                for name, count in zip(self.counts, found[1], strict=True):
                    state[name] = count
                return True
        return False

    def fits(self, state: dict[str, Any]) -> bool:
        """Whether there is a recording for the numbers of the state as they are now."""
        counts = [state.get(name) for name in self.counts]
        return any(ready.moving(*counts, *self.numbers) is not None for ready in self.plans)

    def turn(self, rule: Rule) -> bool:
        """Take the numbers of other hyper-parameters; False where more than numbers differs."""
        found = [rule._step_hyper[name] for name in self.names]
        if any(value is not rule._step_hyper[name] for name, value in self.hyper.items() if name not in self.names):
            return False
        if any(type(x) is not type(old) for x, old in zip(found, self.numbers, strict=True)):  # a population
            return False
        self.hyper, self.numbers = rule._step_hyper, found
        for ready in self.plans:
            ready.constants = None
        return True

    def regard(self, g: Any) -> bool:
        """Take another gradient, as most steps bring one; False where it is not such an array as the first."""
        if type(g) is not type(self.theta) or g.shape != self.theta.shape or g.dtype != self.theta.dtype:
            return False
        if not g.flags.c_contiguous or any(np.may_share_memory(g, x) for x in self.given if x is not self.g):
            return False
        self.g = self.given[1] = g
        self.arrays[1] = g if g.ndim == 1 else g.reshape(-1)
        for ready in self.plans:
            ready.fixed[1] = self.arrays[1]
        return True

    def record(self, rule: Rule, state: dict[str, Any]) -> None:
        """Find the recording for the branches that are right now, or make it. Raises `Unrecordable`."""
        if rule._everyday(self.theta, self.g, state) is None:  # the plain step sees to it: it converts, or refuses
            raise Unrecordable("not NumPy arrays of one shape and dtype, with Python's numbers")
        scalars = {name: state[name] for name in self.counts} | dict(zip(self.names, self.numbers, strict=True))
        plan = _recording(rule, self.theta.dtype, scalars)
        if plan.sums and self.entries == 1:
            raise Unrecordable("NumPy sums rows of one entry in another order")
        self.plans.append(Ready(plan, self.arrays))


_way: type[Plan] = Plan
_setting = object()  # another one as soon as the way, or the number of threads, is another
_RECORDINGS: dict[Any, list[Plan]] = {}  # of all rules: binding another learning rate needs no new recording
_REFUSED: dict[Any, str] = {}  # why there is none


def way() -> type[Plan]:
    """How recordings run now."""
    return _way


def setting() -> object:
    """What arrays are bound under; those that were bound under another one are bound again."""
    return _setting


def take(plan: type[Plan]) -> None:
    """Let recordings run this way from now on, those of rules that have stepped already too; see `refopt.fast.use`."""
    global _way, _setting
    _way = plan
    _setting = object()


def _recording(rule: Rule, dtype: Any, scalars: dict[str, Any], kind: type[Plan] | None = None) -> Plan:
    """The recording of a rule that holds for these numbers, of `kind` or to run the way of now. Raises `Unrecordable`."""
    kind = _way if kind is None else kind
    others = tuple((name, value) for name, value in rule._step_hyper.items() if name not in scalars)
    key = (kind, rule.recurrence, dtype, tuple(scalars), others)
    try:
        known = _RECORDINGS.get(key)
    except TypeError as error:
        raise Unrecordable(f"a hyper-parameter has no hash: {error}") from None
    refused = _REFUSED.get(key)
    if refused is not None:
        raise Unrecordable(refused)
    if known is None:
        if len(_RECORDINGS) >= KEPT:
            _RECORDINGS.clear()
            _REFUSED.clear()
        known = _RECORDINGS.setdefault(key, [])
    for plan in known:
        if plan.moving(*scalars.values()) is not None:
            return plan
    if len(known) >= BRANCHES:
        raise Unrecordable("it branches on what changes at every step")
    inputs, expected = _sample(rule, dtype, scalars, kind.placed)
    try:
        plan = kind(rule, dtype, scalars)
        plan.demand(inputs, expected, scalars)
    except Unrecordable as reason:
        _REFUSED[key] = str(reason)
        raise
    for other in known:  # another thread was faster
        if other.moving(*scalars.values()) is not None:
            return other
    known.append(plan)
    return plan


def _sample(
    rule: Rule, dtype: Any, scalars: Mapping[str, Any], placed: Callable[[Any], Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """A plain step from made-up numbers of both signs (what is no theta or g is mostly positive): inputs and outcome.

    `placed` brings an array to where the step is to run.
    """
    names = ["theta", "g", *(name for name in rule.state_names if name not in scalars)]
    waves = {name: np.sin((np.arange(41) + 1) * (number + 1.7)) for number, name in enumerate(names)}
    inputs = {name: placed((x if name in ("theta", "g") else x + 0.9).astype(dtype)) for name, x in waves.items()}
    arguments = {name: x.copy() for name, x in inputs.items()} | rule._step_hyper | dict(scalars)
    try:
        with np.errstate(all="ignore"):
            return inputs, rule.recurrence(**arguments)
    except Unrecordable:
        raise
    except Exception as error:  # it would come out of the plain step, too, and does so there
        raise Unrecordable(f"{type(error).__name__}: {error}") from None


def _refusal(rule: Rule) -> str | None:
    """Why a rule is not even tried."""
    if rule._own_needs:
        return f"it calls {' and '.join(rule._own_needs)}"
    if numbers.gaussian in rule.defaults.values():
        return "it draws random numbers, which depend on where an entry stands"
    if rule._own_scope != "element":
        return f"its scope is {rule._own_scope!r}: {SCOPES[rule._own_scope]}"
    if rule._populations:
        return f"{' and '.join(rule._populations)} holds an array"
    names = [name for name in rule.state_names if rule.inner is None or name != INNER_STATE]
    other = [name for name in names if rule._kinds.get(name) not in ("array", "stack", "count", "number")]
    if other:
        return f"{' and '.join(other)} in its state is neither an array like theta, nor rows of such, nor a number"
    if rule.inner is None:
        return None
    if sum(isinstance(value, Rule) for value in rule._step_hyper.values()) != 1:
        return "it takes more than one rule"
    inside = _refusal(rule.inner)
    return inside and f"inside it is {rule.inner.name}: {inside}"


def _is_nest(rule: Rule) -> bool:
    """Whether a state of the rule has parts that lie deeper; see `refopt.fast.nested`."""
    return rule.inner is not None or "stack" in rule._kinds.values()


def why_not(rule: Rule | str, dtype: Any = "float64") -> str | None:
    """Why ``rule.update_`` makes the plain step and copies, even on one contiguous array of `dtype`; None where it is blocked.

    `rule` may be a name. One that may be recorded is asked for its first step. One that needs the shape or norm of each tensor
    may run stacked instead, see `refopt.fast.why_not_stacked`.

    >>> refopt.fast.why_not(refopt.adam), refopt.fast.why_not(refopt.lamb)
    (None, "its scope is 'tensor': needs the shape or norm of each tensor: runs tensor by tensor")
    """
    rule = find_rule(rule) if isinstance(rule, str) else rule
    refusal = _refusal(rule)
    if refusal is not None:
        return refusal
    theta = np.zeros(2, dtype)
    state = rule.init(theta)
    try:
        _bound(rule, theta, np.ones(2, dtype), state, None).record(rule, state)
    except Unrecordable as reason:
        return str(reason)
    return None


def update_(rule: Rule, theta: Any, g: Any, state: dict[str, Any], kept: dict[str, Any]) -> bool:
    """`Rule.update_` for arrays that are not bound yet; they are bound in `kept`. True where the step ran blocked.

    Where the rule cannot be recorded, or the arrays are not contiguous NumPy arrays, the plain step runs and its results are
    copied; the numbers are the same.
    """
    try:
        bound = _bound(rule, theta, g, state, kept.get("bound"))
        if not bound.step(theta, g, state, rule):
            if hasattr(bound, "record"):  # the others find their recordings when they step
                bound.record(rule, state)
            if not bound.step(theta, g, state, rule):
                raise Unrecordable("its branches are not decided by its numbers")
        kept["bound"] = bound
        return True
    except Unrecordable:
        kept.pop("bound", None)
    _plain_step(rule, theta, g, state)
    return False


def _bound(rule: Rule, theta: Any, g: Any, state: dict[str, Any], old: Any) -> Any:
    """The arrays, or the containers, bound to the rule: a `Bound`, a `refopt.fast.together.Together` or a
    `refopt.fast.stacked.Stacked`; `old` is the last.
    """
    if rule.scope == "tensor":
        from refopt.fast.stacked import Stacked

        return Stacked(rule, theta, g, state)
    if "never" not in rule._blocked:
        rule._blocked["never"] = _refusal(rule)
    if rule._blocked["never"] is not None:
        raise Unrecordable(rule._blocked["never"])
    if _is_nest(rule):
        from refopt.fast.nested import Nested

        return Nested(rule, theta, g, state, old)
    bound: Bound
    if rule._everyday(theta, g, state) is not None:
        bound = Bound(rule, theta, g, state)
    elif isinstance(theta, (list, tuple, dict)):
        from refopt.fast.together import Together

        return Together(rule, theta, g, state)
    elif numbers.is_array(theta) and not isinstance(theta, np.ndarray):
        from refopt.fast.kernel import OnDevice

        bound = OnDevice(rule, theta, g, state)
    else:
        raise Unrecordable("not NumPy arrays of one shape and dtype")
    same = isinstance(old, Bound) and old.setting is bound.setting and old.hyper is bound.hyper
    if same and all(map(operator.is_, old.given, bound.given)):
        bound.plans = old.plans  # another branch, over the same arrays
    return bound


def _plain_step(rule: Rule, theta: Any, g: Any, state: Any) -> None:
    """The plain step, copied into theta and the state; whatever may fail is looked at before anything is written."""
    new_theta, new_state = rule.update(theta, g, state)
    if not isinstance(state, MutableMapping):
        raise TypeError(f"{rule.name}: a step in place writes into the state; it must be a dict, not a {type(state).__name__}")
    parameters, moments = list(_leaves(theta, "theta")), list(_leaves(state, "state"))
    moved = [x for _, x in _leaves(new_theta, "theta")]
    for (what, x), new in zip(parameters, moved, strict=True):
        if not numbers.is_array(x):
            raise TypeError(f"{what} must be an array to be overwritten, got {type(x).__name__}")
        if not np.can_cast(new.dtype, x.dtype, "equiv"):
            raise TypeError(f"{what} has dtype {x.dtype}, which does not hold what it becomes: {new.dtype}")
    for what, x in (*parameters, *moments):
        if isinstance(x, np.ndarray) and not x.flags.writeable:
            raise ValueError(f"{what} is read-only; a step in place writes into it")
    for what, x in parameters:
        if isinstance(x, np.ndarray) and x.size and any(not n and many > 1 for n, many in zip(x.strides, x.shape, strict=True)):
            raise ValueError(f"{what} has one memory for several entries; a step in place needs one for each")
    taken = _sharing([*parameters, *moments, *_leaves(g, "g")], len(parameters))
    for (_, x), new in zip(parameters, moved, strict=True):
        x[...] = new
    _put(state, new_state, taken)


def _leaves(tree: Any, what: str) -> Iterator[tuple[str, Any]]:
    """The arrays of a container, and of containers in it, with names for errors; theta's numbers too."""
    if isinstance(tree, (list, tuple, Mapping)):
        for key in tree if isinstance(tree, Mapping) else range(len(tree)):
            yield from _leaves(tree[key], f"{what}[{key!r}]")
    elif numbers.is_array(tree) or what.startswith("theta"):
        yield what, tree


def _sharing(leaves: list[tuple[str, Any]], parameters: int) -> set[int]:
    """The ids of arrays that share memory with another one; ValueError where both are among the first, theta's."""
    spans = []
    for number, (_, x) in enumerate(leaves):
        if (type(x) is np.ndarray or not numbers.on_host(x)) and x.size:
            spans.append((*numbers.span(x), number))
    found: set[int] = set()
    near: list[tuple[int, int, int]] = []  # those that end behind the start of the one at hand
    for span in sorted(spans):
        near = [other for other in near if other[1] > span[0]]
        for other in near:
            (one, a), (two, b) = leaves[other[2]], leaves[span[2]]
            if not numbers.overlap(a, b):
                continue
            if max(other[2], span[2]) < parameters:
                raise ValueError(f"{one} and {two} share memory; a step in place needs an array for each")
            found |= {id(a), id(b)}
        near.append(span)
    return found


def _put(old: Any, new: Any, taken: set[int]) -> Any:
    """`new` in the memory of `old` where that fits and is its own; what stands in its place otherwise."""
    if isinstance(old, MutableMapping) and isinstance(new, Mapping) and set(old) == set(new):
        for key in old:
            old[key] = _put(old[key], new[key], taken)
        return old
    if isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)) and len(old) == len(new):
        parts = [_put(a, b, taken) for a, b in zip(old, new, strict=True)]
        if isinstance(old, list):
            old[:] = parts
            return old
        return tuple(parts)
    fits = numbers.is_array(old) and numbers.is_array(new) and old.shape == new.shape and id(old) not in taken
    fits = fits and numbers.on_host(old) is numbers.on_host(new)
    if fits and np.can_cast(new.dtype, old.dtype, "equiv"):
        old[...] = new
        return old
    return new
