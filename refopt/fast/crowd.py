"""Crowd: one recorded step over many members, each with hyper-parameters of its own.

The members' parameters lie in one vector. What the rule's text does to arrays runs over all of them at once, as in
`refopt.fast.blocked`. What it does to scalars (1 − β₁ᵗ) runs in Python's own arithmetic, once for each different value, and is
then spread over the members: NumPy's power of an array may differ from Python's in the last bit, and each member shall come
to the very bits that it has alone. On a device a step is one kernel; what is sent there is one number for each different
value, and only where members differ in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from refopt.fast.blocked import BRANCHES, Plan, _is_nest, _recording, _refusal
from refopt.fast.nested import Nest
from refopt.fast.recording import Unrecordable
from refopt.numbers import beside, on_host
from refopt.recurrence import Rule

__all__ = ["Crowd", "Nest", "Parted", "Unrecordable", "nest_of", "refusal"]

refusal = _refusal


def nest_of(rule: Rule, state: Mapping[str, Any]) -> Nest | None:
    """What makes one rule of a rule around others, which a crowd takes instead; None of a rule that is one already."""
    return Nest.of(rule, state) if _is_nest(rule) else None


class Parted(Exception):
    """The members do not take one branch: those that differ in the hyper-parameters of these axes must run apart."""

    def __init__(self, axes: tuple[int, ...]) -> None:
        super().__init__(f"a branch parts the members along {axes}")
        self.axes = axes


class _Text(NamedTuple):
    """Python's arithmetic on scalars as a function on object arrays, which NumPy applies to every combination."""

    names: tuple[str, ...]
    function: Any

    @classmethod
    def of(cls, text: str, plan: Plan) -> _Text:
        code = compile(text, "<recorded scalar>", "eval")
        names = tuple(name for name in plan.scalars if name in code.co_names)
        function = eval(f"lambda {', '.join(names)}: {text}", plan.texts.space)
        return cls(names, np.frompyfunc(function, len(names), 1) if names else function())

    def __call__(self, values: Mapping[str, Any]) -> Any:
        return self.function(*[values[name] for name in self.names]) if self.names else _one(self.function)


class _Texts(NamedTuple):
    still: list[tuple[_Text, Any]]
    moving: list[tuple[_Text, Any]]
    guards: list[tuple[_Text, bool]]
    after: list[_Text]


@lru_cache(maxsize=256)
def _texts(plan: Plan) -> _Texts:
    """The scalar arithmetic of a recording, compiled once."""
    still, moving = ([(_Text.of(text, plan), np.dtype(name)) for text, name in part] for part in plan.texts[:2])
    guards = [(_Text.of(text, plan), answer) for text, answer in plan.texts.guards.items()]
    return _Texts(still, moving, guards, [_Text.of(text, plan) for text in plan.texts.after])


def _one(value: Any) -> Any:
    """A number that all members share, as an object array."""
    array = np.empty((), dtype=object)
    array[()] = value
    return array


class Crowd:
    """Members that step together, in place.

    theta     (members, n), C-contiguous, of one of NumPy's floating-point dtypes, on the host or a device: it is overwritten
    arrays    the arrays of the state by name, each like theta and of its own memory: they are overwritten
    numbers   the numbers of the state by name, object arrays of Python numbers
    hyper     hyper-parameters that differ between members, by name: object arrays like those of `numbers`
    places    for each axis of these object arrays (all have as many axes, of length 1 where nothing differs) the place of
              every member, (members,)

    Raises `Unrecordable` where the rule cannot be recorded, now or at a later step; `Parted` where the members take
    different branches. Neither leaves anything that could be gone on with.
    """

    def __init__(
        self,
        rule: Rule,
        theta: np.ndarray,
        arrays: Mapping[str, np.ndarray],
        numbers: Mapping[str, Any],
        hyper: Mapping[str, Any],
        places: Sequence[np.ndarray],
    ) -> None:
        reason = _refusal(rule)
        if reason is not None:
            raise Unrecordable(reason)
        own = {key: _one(value) for key, value in rule._step_hyper.items() if type(value) in (int, float)}
        self.rule, self.theta, self.places = rule, theta, places
        self.way: type[Plan] = Plan  # compiled loops take one number for all, kernels of a device an array, too
        if not on_host(theta):
            from refopt.fast.kernel import kernels_for

            self.way = kernels_for(theta)
        self.counts = [name for name in rule.state_names if name not in arrays]
        self.numbers = {name: numbers[name] for name in self.counts}
        self.hyper = own | {key: value for key, value in hyper.items() if key in own}
        self.vectors = [arrays[name].reshape(-1) for name in rule.state_names if name in arrays]
        self.plans: list[tuple[Plan, list[Any], list[Any]]] = []
        self.spread: dict[tuple[int, ...], np.ndarray] = {}

    def step(self, g: np.ndarray) -> None:
        """One step; `g` (members, n) is C-contiguous, of theta's dtype and of other memory."""
        values = {**self.numbers, **self.hyper}
        plan, scratch, still = self._plan(values)
        texts = _texts(plan)
        moving = [self._constant(text(values), dtype) for text, dtype in texts.moving]
        after = [text(values) for text in texts.after]
        plan.piece(self.theta.reshape(-1), g.reshape(-1), *self.vectors, *scratch, *still, *moving)
        self.numbers = {name: _array(number) for name, number in zip(self.counts, after, strict=True)}

    def _plan(self, values: dict[str, Any]) -> tuple[Plan, list[Any], list[Any]]:
        """The recording that holds for the numbers of now, made if there is none."""
        for found in self.plans:
            if self._holds(found[0], values):
                return found
        if len(self.plans) >= BRANCHES:
            raise Unrecordable("it branches on what changes at every step")
        first = {name: value.reshape(-1)[0] for name, value in values.items()}
        plan = _recording(self.rule, self.theta.dtype, first, self.way)
        if plan.sums and (self.theta.shape[1] == 1 or not on_host(self.theta)):
            raise Unrecordable("rows of one entry, and rows on a device, are summed in another order")
        if not self._holds(plan, values):
            raise Unrecordable("its branches are not decided by its numbers")
        scratch = [plan.empty(self.theta.size, dtype) for dtype in plan._dtypes]
        still = [self._constant(text(values), dtype) for text, dtype in _texts(plan).still]
        self.plans.append((plan, scratch, still))
        return self.plans[-1]

    def _holds(self, plan: Plan, values: dict[str, Any]) -> bool:
        """Whether all members take the branches of `plan`; raises `Parted` where some do."""
        for text, answer in _texts(plan).guards:
            found = _array(text(values))
            agree = found.reshape(-1) == answer
            if not agree.any():
                return False
            if not agree.all():
                raise Parted(tuple(axis for axis, length in enumerate(found.shape) if length > 1))
        return True

    def _constant(self, value: Any, dtype: Any) -> Any:
        """A constant as the step of one member takes it, or where members differ one for each entry of theta."""
        value = _array(value)
        plain = value.astype(dtype)
        if plain.size == 1:
            return plain.reshape(()) if on_host(self.theta) else plain.reshape(-1)[0]
        return beside(plain.reshape(-1), self.theta).take(self._entries(plain.shape))

    def _entries(self, shape: tuple[int, ...]) -> np.ndarray:
        """For each entry of theta the place in an array of `shape`, flattened."""
        if shape not in self.spread:
            place = np.zeros(len(self.theta), dtype=np.intp)
            for length, places in zip(shape, self.places, strict=True):
                place = place * length + (places if length > 1 else 0)
            self.spread[shape] = beside(np.repeat(place, self.theta.shape[1]), self.theta)
        return self.spread[shape]


def _array(value: Any) -> Any:
    """What NumPy made of object arrays; of those without axes it makes the bare number."""
    return value if isinstance(value, np.ndarray) else _one(value)
