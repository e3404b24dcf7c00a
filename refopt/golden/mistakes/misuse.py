"""Loops that misuse a right rule: its caller's arrays, its counters, its state, its precision, the order of tensors.

Each is a subject as `refopt.golden.check` takes it, made from a rule with its hyper-parameters bound.
"""

# ruff: noqa: D102 (the class says what its methods do otherwise)

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.golden.subjects import subject
from refopt.recurrence import Rule

__all__ = [
    "ClippedNorm", "ClippedValues", "ColumnMajor", "CounterAnew", "EightBits", "EmptyState", "ForgetfulState",
    "InPlace", "KeptGradient", "KeptMomentum", "KeptState", "LateRate", "NoScalars", "OldRate", "Rows", "SharedCounter",
    "SharedState", "SingleState", "Singles", "SpentGradient", "SummedDecay", "WithoutZeroEntries", "WithoutZeroTensors",
]  # fmt: skip

Arrays = list[Any]


class Loop:
    """The right loop; those below differ in one thing."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.inside = subject(rule)()

    def init(self, params: Arrays) -> None:
        self.inside.init(params)

    def load(self, start: dict[str, Any]) -> None:
        self.inside.load(start)

    def set_lr(self, lr: float) -> None:
        self.inside.set_lr(lr)

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return self.inside.step(params, grads)

    def results(self) -> dict[str, Any]:
        return self.inside.results()


class InPlace(Loop):
    """Writes the new parameters into the arrays that it was given."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        for x, new in zip(params, super().step(params, grads), strict=True):
            x[...] = new
        return params


class SpentGradient(Loop):
    """Clears the gradients when it has used them."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        for g in grads:
            g[...] = 0
        return moved


class SummedDecay(Loop):
    """L2 regularization that adds λ·θ to the gradient in the caller's array."""

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule)
        assert rule.inner is not None
        self.inside = subject(rule.inner)()

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        for x, g in zip(params, grads, strict=True):
            g += self.rule.hyper["weight_decay"] * x
        return super().step(params, grads)


class KeptGradient(Loop):
    """Keeps the gradient array itself, and not a copy, as the gradient of the step before."""

    name = "g_prev"

    def __init__(self, rule: Rule) -> None:
        super().__init__(rule)
        self.kept: Arrays | None = None

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        if self.kept is not None:
            self.inside.state[self.name] = self.kept
        moved = super().step(params, grads)
        self.kept = self.keep(grads)
        return moved

    def keep(self, grads: Arrays) -> Arrays | None:
        return grads


class KeptMomentum(KeptGradient):
    """Takes the first gradient array itself, and not a copy, as the momentum."""

    name = "b"
    steps = 0

    def keep(self, grads: Arrays) -> Arrays | None:
        self.steps += 1
        return grads if self.steps == 1 else None


class KeptState(Loop):
    """Takes the caller's parameter arrays themselves as the start of a state that should be a copy."""

    name = "slow"

    def init(self, params: Arrays) -> None:
        super().init(params)
        self.kept = params

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        if self.inside.state["t"] < self.rule.hyper["k"]:  # until it is renewed
            self.inside.state[self.name] = self.kept
        return super().step(params, grads)


class LateRate(Loop):
    """A new learning rate counts from the step after."""

    waiting: float | None = None

    def set_lr(self, lr: float) -> None:
        self.waiting = lr

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        if self.waiting is not None:
            self.inside.set_lr(self.waiting)
        return moved


class OldRate(Loop):
    """Keeps the learning rate that it was made with."""

    def set_lr(self, lr: float) -> None:
        pass


class ForgetfulState(Loop):
    """Begins with a new state at every step."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        self.inside.init(params)
        return super().step(params, grads)


class EmptyState(Loop):
    """Restores the counter of a checkpoint, and not its arrays."""

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: value for name, value in start.items() if not isinstance(value, list)})


class CounterAnew(Loop):
    """Restores the arrays of a checkpoint, and not its step counter."""

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: value for name, value in start.items() if name != "t"})


class EightBits(Loop):
    """Counts the steps in eight bits."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        self.inside.state["t"] %= 256
        return super().step(params, grads)


class Singles(Loop):
    """Computes in float32."""

    def init(self, params: Arrays) -> None:
        super().init(_cast(params, np.float32))

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: _cast(value, np.float32) for name, value in start.items()})

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(_cast(params, np.float32), _cast(grads, np.float32))


class SingleState(Loop):
    """Computes in float64 and keeps the state in float32 between the steps, a loaded one too."""

    def load(self, start: dict[str, Any]) -> None:
        super().load(_cast(_cast(start, np.float32), np.float64))

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        with np.errstate(over="ignore"):
            self.inside.state = _cast(_cast(self.inside.state, np.float32), np.float64)
        return moved


class ClippedValues(Loop):
    """Clips every entry of the gradient to ±1, though nobody asked for it."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, [np.clip(g, -1.0, 1.0) for g in grads])


class ClippedNorm(Loop):
    """Scales the gradients to a norm of at most 1 over all tensors, though nobody asked for it."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        length = float(np.sqrt(sum(float(np.sum(g * g)) for g in grads)))
        return super().step(params, [g / max(length, 1.0) for g in grads])


class ScaledGradient(Loop):
    """Scales the gradients in the caller's arrays."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        for g in grads:
            g[...] = 0.5 * g
        return moved


class WithoutZeroEntries(Loop):
    """Treats an entry whose gradient is 0 as absent: neither its parameter nor its state moves."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        before = self.inside.state
        moved = super().step(params, grads)
        self.inside.state = {name: _where_moving(grads, value, before[name]) for name, value in self.inside.state.items()}
        return [np.where(g != 0, new, old) for g, new, old in zip(grads, moved, params, strict=True)]


def _where_moving(grads: Arrays, after: Any, before: Any) -> Any:
    if isinstance(after, dict):
        return {name: _where_moving(grads, value, before[name]) for name, value in after.items()}
    fits = isinstance(after, list) and [np.shape(x) for x in after] == [g.shape for g in grads]
    return [np.where(g != 0, x, y) for g, x, y in zip(grads, after, before, strict=True)] if fits else after


class ColumnMajor(Loop):
    """Reads a matrix of gradients column by column into the shape of the parameter."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, [g.reshape(-1, order="F").reshape(g.shape) for g in grads])


class Rows(Loop):
    """Takes every row of a tensor as a tensor of its own."""

    def init(self, params: Arrays) -> None:
        super().init(_rows(params))

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: _rows(value) if isinstance(value, list) else value for name, value in start.items()})

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = iter(super().step(_rows(params), _rows(grads)))
        return [np.array([next(moved) for _ in x]) if x.ndim > 1 else next(moved) for x in params]


def _rows(tensors: Arrays) -> Arrays:
    return [row for x in tensors for row in (x if np.ndim(x) > 1 else [x])]


class OneByOne:
    """The right loop over the tensors, each with a state of its own; those below differ in one thing."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.states: list[dict[str, Any]] = []
        self.rate: dict[str, float] = {}

    def init(self, params: Arrays) -> None:
        self.states = [self.rule.init([x]) for x in params]

    def load(self, start: dict[str, Any]) -> None:
        for i, state in enumerate(self.states):
            state |= {name: [value[i]] if isinstance(value, list) else value for name, value in start.items()}

    def set_lr(self, lr: float) -> None:
        self.rate = {"lr": lr}

    def one(self, i: int, x: Any, g: Any) -> Any:
        """Move one tensor."""
        (x,), self.states[i] = self.rule.update([x], [g], self.states[i], **self.rate)
        return x

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return [self.one(i, x, g) for i, (x, g) in enumerate(zip(params, grads, strict=True))]


class SharedCounter(OneByOne):
    """Counts every tensor as a step: one counter for all, increased in the loop over the tensors."""

    count = 0

    def load(self, start: dict[str, Any]) -> None:
        super().load(start)
        self.count = start["t"]

    def one(self, i: int, x: Any, g: Any) -> Any:
        self.states[i]["t"] = self.count
        x = super().one(i, x, g)
        self.count = self.states[i]["t"]
        return x


class SharedState(OneByOne):
    """Finds the state of a tensor by its shape, so that two of one shape share it."""

    def init(self, params: Arrays) -> None:
        super().init(params)
        first: dict[tuple[int, ...], int] = {}
        self.index = [first.setdefault(x.shape, i) for i, x in enumerate(params)]

    def one(self, i: int, x: Any, g: Any) -> Any:
        return super().one(self.index[i], x, g)


class NoScalars(OneByOne):
    """Leaves tensors without axes as they are."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        return super().one(i, x, g) if np.ndim(x) else x


class WithoutZeroTensors(OneByOne):
    """Skips a tensor whose gradient is all zero: no momentum, no decay, no count."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        return super().one(i, x, g) if np.any(g) else x


def _cast(value: Any, dtype: Any) -> Any:
    """Every array of something nested in another dtype."""
    if isinstance(value, dict):
        return {name: _cast(part, dtype) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_cast(part, dtype) for part in value)
    return value.astype(dtype) if isinstance(value, (np.ndarray, np.generic)) else value
