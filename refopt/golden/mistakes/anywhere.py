"""Mistakes of the loop around a rule that can be made with any rule: `diagnose` tries them all.

Those of `misuse` that the catalogue applies to chosen rules, where a vector is known to notice them, and more.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from refopt.golden.mistakes import misuse
from refopt.golden.mistakes.misuse import Arrays, Loop, OneByOne
from refopt.recurrence import Rule

__all__ = ["WHERE", "Where", "loops"]


def loops(rule: Rule) -> Iterator[tuple[str, str, Callable[[Rule], Any], bool]]:
    """Every wrong loop around a rule: its name, what it does in words, the loop, and whether it is about precision."""
    for name, words, loop in ALWAYS:
        yield name, words, loop, False
    for name, words, loop in ROUNDING:
        yield name, words, loop, True
    arrays = [state for state, kind in rule._kinds.items() if kind == "array"]
    for one, two in itertools.combinations(arrays, 2):
        words = f"A checkpoint brings back {one} as {two}, and {two} as {one}."
        yield f"{one} and {two} swapped in a checkpoint", words, partial(SwappedRestore, one=one, two=two), False
    for state, word in itertools.product(arrays, rule.hyper):
        if isinstance(rule.hyper[word], float):
            words = f"{state} begins as {word} and not as the rule says."
            yield f"{state} begins as {word}", words, partial(BeginsAsHyper, name=state, word=word), False
    for state, kind in rule._kinds.items():
        for kinds, name, words, loop, rounding in OF_STATE:
            if kind in kinds:
                yield name.format(state), words.format(state), partial(loop, name=state), rounding


class OwnArrays(Loop):
    """Keeps the parameters, and returns its own arrays, which the next step changes."""

    kept: Arrays | None = None

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(self.kept or params, grads)
        if self.kept is None:
            self.kept = moved
        for x, new in zip(self.kept, moved, strict=True):
            x[...] = new
        return self.kept


class Stale(Loop):
    last: Arrays | None = None

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        now, self.last = self.last, [None if g is None else g.copy() for g in grads]
        return super().step(params, now or [None if g is None else 0 * g for g in grads])


class Late(Loop):
    """The parameters are moved with the step of the call before."""

    last: Arrays | None = None

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        now, self.last = self.last, [x - y for x, y in zip(moved, params, strict=True)]
        return [x + y for x, y in zip(params, now, strict=True)] if now else [x.copy() for x in params]


class Summed(Loop):
    total: Arrays | None = None

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        before = self.total or [None if g is None else 0 * g for g in grads]
        self.total = [None if g is None else s + g for s, g in zip(before, grads, strict=True)]
        return super().step(params, self.total)


class Twice(Loop):
    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(super().step(params, grads), grads)


class IdleFirst(Loop):
    """The first call only fills the state."""

    begun = False

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        begun, self.begun = self.begun, True
        return moved if begun else [x.copy() for x in params]


class Repeating(Loop):
    """The first gradient is used in every step."""

    first: Arrays | None = None

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        self.first = self.first or [None if g is None else g.copy() for g in grads]
        return super().step(params, self.first)


class RestartOnRate(Loop):
    """A new learning rate begins with a new optimizer."""

    lr: float | None = None
    anew = False

    def set_lr(self, lr: float) -> None:
        self.anew = self.anew or (self.lr is not None and lr != self.lr)
        self.lr = lr
        super().set_lr(lr)

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        if self.anew:
            self.inside.init(params)
            self.anew = False
        return super().step(params, grads)


class RestartOnEqualRate(Loop):
    """Every call that sets the learning rate begins with a new optimizer, an equal one too."""

    anew = False

    def set_lr(self, lr: float) -> None:
        self.anew = True
        super().set_lr(lr)

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        if self.anew:
            self.inside.init(params)
            self.anew = False
        return super().step(params, grads)


class ProductRate(Loop):
    """A new learning rate is multiplied with that at the start."""

    def set_lr(self, lr: float) -> None:
        super().set_lr(lr * self.rule.lr)


class ScaledByRate(Loop):
    """A new learning rate rescales every array of the state by new / old, or by old / new."""

    power = 1.0
    lr: float | None = None

    def set_lr(self, lr: float) -> None:
        before = self.rule.lr if self.lr is None else self.lr
        if lr != before:
            factor = (lr / before) ** self.power
            self.inside.state = {
                name: [x * factor for x in value] if isinstance(value, list) else value
                for name, value in self.inside.state.items()
            }
        self.lr = lr
        super().set_lr(lr)


class ScaledBack(ScaledByRate):
    power = -1.0


class KeptAs(Loop):
    """An array of the state is the caller's gradient array: after every step, or after the first."""

    def __init__(self, rule: Rule, name: str, first: bool = False) -> None:
        super().__init__(rule)
        self.name, self.first, self.kept, self.steps = name, first, None, 0

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        if self.kept is not None:
            self.inside.state[self.name] = self.kept
        moved = super().step(params, grads)
        self.steps += 1
        self.kept = None if any(g is None for g in grads) or (self.first and self.steps > 1) else grads  # type: ignore[assignment]
        return moved


BEGINNINGS: dict[str, Callable[[Any, Any], Any]] = {
    "the first gradient": lambda x, g: g.copy(),
    "the square of the first gradient": lambda x, g: g * g,
    "the size of the first gradient": lambda x, g: np.abs(g),
    "the negative first gradient": lambda x, g: -g,
    "the sign of the first gradient": lambda x, g: np.sign(g),
    "one": lambda x, g: np.ones_like(x),
    "a tenth": lambda x, g: np.full_like(x, 0.1),
    "zero": lambda x, g: np.zeros_like(x),
    "the first parameters": lambda x, g: x.copy(),
}


class BeginsAs(Loop):
    def __init__(self, rule: Rule, name: str, value: Callable[[Any, Any], Any]) -> None:
        super().__init__(rule)
        self.name, self.value, self.begun = name, value, False

    def load(self, start: dict[str, Any]) -> None:
        self.begun = True
        super().load(start)

    def begin(self, params: Arrays, grads: Arrays) -> None:
        there = self.inside.state[self.name]
        new = zip(params, grads, there, strict=True)
        self.inside.state[self.name] = [s if g is None else self.value(x, g) for x, g, s in new]

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        if not self.begun:
            self.begin(params, grads)
        self.begun = True
        return super().step(params, grads)


class FirstIs(BeginsAs):
    """What an array of the state is after the first step; the step itself is made as if it had been so."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = Loop.step(self, params, grads)
        if not self.begun:
            self.begin(params, grads)
        self.begun = True
        return moved


class RestoredAs(BeginsAs):
    """After a checkpoint an array begins anew, with the next gradient."""

    def load(self, start: dict[str, Any]) -> None:
        Loop.load(self, start)
        self.begun = False

    def init(self, params: Arrays) -> None:
        super().init(params)
        self.begun = True


class Unrestored(Loop):
    def __init__(self, rule: Rule, name: str) -> None:
        super().__init__(rule)
        self.name = name

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: value for name, value in start.items() if name != self.name})


class ShiftedCounter(Loop):
    """A checkpoint brings back a step count that is off by one."""

    by = 1

    def load(self, start: dict[str, Any]) -> None:
        super().load(start | {"t": start["t"] + self.by})


class ShiftedBack(ShiftedCounter):
    by = -1


class SingleCheckpoint(Loop):
    """A checkpoint is stored in float32."""

    def load(self, start: dict[str, Any]) -> None:
        super().load({
            name: [x.astype(np.float32).astype(np.float64) for x in value] if isinstance(value, list) else value
            for name, value in start.items()
        })  # fmt: skip


class Unloaded(Loop):
    """A checkpoint is not read at all."""

    def load(self, start: dict[str, Any]) -> None:
        pass


class ResetOnRate(Loop):
    def __init__(self, rule: Rule, name: str) -> None:
        super().__init__(rule)
        self.name, self.lr = name, None

    def set_lr(self, lr: float) -> None:
        if self.lr is not None and lr != self.lr:
            self.inside.state[self.name] = [0 * x for x in self.inside.state[self.name]]
        self.lr = lr  # type: ignore[assignment]
        super().set_lr(lr)


class OneShared(OneByOne):
    """One array of the state is shared by the tensors of one shape, the others are not."""

    def __init__(self, rule: Rule, name: str) -> None:
        super().__init__(rule)
        self.name = name

    def init(self, params: Arrays) -> None:
        super().init(params)
        first: dict[tuple[int, ...], int] = {}
        self.index = [first.setdefault(x.shape, i) for i, x in enumerate(params)]

    def one(self, i: int, x: Any, g: Any) -> Any:
        self.states[i][self.name] = self.states[self.index[i]][self.name]
        moved = super().one(i, x, g)
        self.states[self.index[i]][self.name] = self.states[i][self.name]
        return moved


class ArraysByShape(OneByOne):
    """The arrays of the state are shared by the tensors of one shape; each counts for itself."""

    def init(self, params: Arrays) -> None:
        super().init(params)
        first: dict[tuple[int, ...], int] = {}
        self.index = [first.setdefault(x.shape, i) for i, x in enumerate(params)]

    def one(self, i: int, x: Any, g: Any) -> Any:
        own, shared = self.states[i], self.states[self.index[i]]
        self.states[i] = {name: shared[name] if isinstance(value, list) else value for name, value in own.items()}
        moved = super().one(i, x, g)
        if self.index[i] != i:
            new = self.states[i]
            shared |= {name: value for name, value in new.items() if isinstance(value, list)}
        return moved


class CountsMoving(OneByOne):
    """Each tensor counts only the steps in which its gradient is not all zero."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        t = self.states[i].get("t")
        if t is not None and not np.any(g):
            if t == 0:
                return x
            self.states[i]["t"] = t - 1
        return super().one(i, x, g)


class SharedNumbers(OneByOne):
    """Numbers of the state are one for all tensors, and renewed by each of them."""

    def __init__(self, rule: Rule, kinds: tuple[str, ...]) -> None:
        super().__init__(rule)
        self.names = [name for name, kind in rule._kinds.items() if kind in kinds]
        self.shared: dict[str, Any] = {}

    def load(self, start: dict[str, Any]) -> None:
        super().load(start)
        self.shared = {name: start[name] for name in self.names}

    def one(self, i: int, x: Any, g: Any) -> Any:
        self.states[i] |= self.shared
        moved = super().one(i, x, g)
        self.shared = {name: self.states[i][name] for name in self.names}
        return moved


class ForgetfulScalars(OneByOne):
    """The state of tensors without axes never changes, but for the count."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        before = self.states[i]
        moved = super().one(i, x, g)
        if np.ndim(x) == 0:
            self.states[i] = {name: before[name] if isinstance(v, list) else v for name, v in self.states[i].items()}
        return moved


class Breaking(Loop):
    """The loop over the tensors ends at one that it should pass over: an empty one, or one without a gradient."""

    def __init__(self, rule: Rule, at: Callable[[Any, Any], bool]) -> None:
        super().__init__(rule)
        self.at = at

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        before, moved = self.inside.state, super().step(params, grads)
        pairs = list(zip(params, grads, strict=True))
        stop = next((i for i, (x, g) in enumerate(pairs) if self.at(x, g)), len(moved))
        for name, value in self.inside.state.items():
            if isinstance(value, list):
                self.inside.state[name] = [*value[:stop], *before[name][stop:]]
        return [*moved[:stop], *(x.copy() for x in params[stop:])]


class Reordered(Loop):
    """An array of the state is stored column by column and read row by row."""

    def __init__(self, rule: Rule, name: str) -> None:
        super().__init__(rule)
        self.name = name

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        here = self.inside.state[self.name]
        self.inside.state[self.name] = [x.reshape(-1, order="F").reshape(x.shape) for x in here]
        return moved


class BeginsAsHyper(Loop):
    """An array of the state begins as a hyper-parameter."""

    def __init__(self, rule: Rule, name: str, word: str) -> None:
        super().__init__(rule)
        self.name, self.word = name, word

    def init(self, params: Arrays) -> None:
        super().init(params)
        self.inside.state[self.name] = [np.full_like(x, self.rule.hyper[self.word]) for x in params]


class SwappedRestore(Loop):
    """A checkpoint brings back two arrays in each other's places."""

    def __init__(self, rule: Rule, one: str, two: str) -> None:
        super().__init__(rule)
        self.one, self.two = one, two

    def load(self, start: dict[str, Any]) -> None:
        super().load(start | {self.one: start[self.two], self.two: start[self.one]})


class OnlyFirst(OneByOne):
    def one(self, i: int, x: Any, g: Any) -> Any:
        return x if i else super().one(i, x, g)


class NotLast(OneByOne):
    def one(self, i: int, x: Any, g: Any) -> Any:
        return x if i + 1 == len(self.states) else super().one(i, x, g)


class MatricesOnly(OneByOne):
    def one(self, i: int, x: Any, g: Any) -> Any:
        return x if np.ndim(x) < 2 else super().one(i, x, g)


class WithoutDecay(OneByOne):
    """Some tensors get no weight decay: those of fewer than two axes."""

    least = 2

    def one(self, i: int, x: Any, g: Any) -> Any:
        if np.ndim(x) >= self.least or not self.rule.hyper.get("weight_decay"):
            return super().one(i, x, g)
        (x,), self.states[i] = self.rule.update([x], [g], self.states[i], weight_decay=0.0, **self.rate)
        return x


class ScalarsWithoutDecay(WithoutDecay):
    least = 1


class SharedByAll(OneByOne):
    """A list of states that is one state: the number of steps goes up with every tensor, the arrays are the last one's."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        return super().one(0, x, g)


class IdleStep(Loop):
    """A step in which all gradients are zero is left out."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, grads) if any(g is not None and np.any(g) for g in grads) else [x.copy() for x in params]


class IdleOnZero(Loop):
    """A step in which any gradient entry is zero is left out."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, grads) if all(g is None or np.all(g) for g in grads) else [x.copy() for x in params]


class FrozenEntries(Loop):
    """Where the gradient is zero the parameter stays, though the state goes on."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        return [x if g is None else np.where(g != 0, y, x) for x, y, g in zip(params, moved, grads, strict=True)]


class FrozenTensors(Loop):
    """Where all of a tensor's gradient is zero the tensor stays, though the state goes on."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        return [y if g is None or np.any(g) else x.copy() for x, y, g in zip(params, moved, grads, strict=True)]


class IdleTensors(OneByOne):
    """A tensor whose gradient is all zero is left alone, and only its step count goes on."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        before = self.states[i]
        moved = super().one(i, x, g)
        if np.any(g):
            return moved
        self.states[i] = {name: before[name] if isinstance(v, list) else v for name, v in self.states[i].items()}
        return x


class MissingAsZero(Loop):
    """A missing gradient is taken as zero."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, [0 * x if g is None else g for x, g in zip(params, grads, strict=True)])


class MissingAsNaN(Loop):
    """A missing gradient is turned into an array, which makes it NaN; comparisons may hide that."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, [np.full_like(x, np.nan) if g is None else g for x, g in zip(params, grads, strict=True)])


class FrozenRows(OneByOne):
    """A row of a matrix whose gradient is all zero is left alone, with its state."""

    def one(self, i: int, x: Any, g: Any) -> Any:
        before = self.states[i]
        moved = super().one(i, x, g)
        if np.ndim(x) < 2:
            return moved
        moving = np.any(g != 0, axis=tuple(range(1, g.ndim)), keepdims=True)
        for name, value in self.states[i].items():
            if isinstance(value, list) and np.shape(value[0]) == np.shape(x):
                self.states[i][name] = [np.where(moving, value[0], before[name][0])]
        return np.where(moving, moved, x)


class Columns(Loop):
    """Takes every column of a matrix as a tensor of its own."""

    def init(self, params: Arrays) -> None:
        super().init(_columns(params))

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: _columns(value) if isinstance(value, list) else value for name, value in start.items()})

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = iter(super().step(_columns(params), _columns(grads)))
        return [np.stack([next(moved) for _ in range(x.shape[-1])], axis=-1) if x.ndim > 1 else next(moved) for x in params]


def _columns(tensors: Arrays) -> Arrays:
    return [part for x in tensors for part in ([x[..., i] for i in range(x.shape[-1])] if np.ndim(x) > 1 else [x])]


class Lines(Loop):
    """Takes every line along the last axis of a tensor as a tensor of its own."""

    def init(self, params: Arrays) -> None:
        super().init(_lines(params))

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: _lines(value) if isinstance(value, list) else value for name, value in start.items()})

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = iter(super().step(_lines(params), _lines(grads)))
        return [
            np.array([next(moved) for _ in x.reshape(-1, x.shape[-1])]).reshape(x.shape) if x.ndim > 1 else next(moved)
            for x in params
        ]


def _lines(tensors: Arrays) -> Arrays:
    return [line for x in tensors for line in (x.reshape(-1, x.shape[-1]) if np.ndim(x) > 1 else [x])]


class Where(OneByOne):
    """Does as another rule says, but only with some tensors."""

    def __init__(self, rule: Rule, plain: Rule, where: Callable[[int], bool]) -> None:
        super().__init__(rule)
        words = plain._words()
        self.plain = plain(**{word: value for word, value in rule.hyper.items() if word in words})
        self.where = where

    def one(self, i: int, x: Any, g: Any) -> Any:
        """Move one tensor, by the one rule or the other."""
        rule = self.rule if self.where(np.ndim(x)) else self.plain
        (x,), self.states[i] = rule.update([x], [g], self.states[i], **self.rate)
        return x


class Matrices(Loop):
    """A tensor of more than two axes is taken as a matrix: its first axis, and all others as one."""

    def init(self, params: Arrays) -> None:
        super().init(_matrices(params))

    def load(self, start: dict[str, Any]) -> None:
        super().load({name: _matrices(value) if isinstance(value, list) else value for name, value in start.items()})

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(_matrices(params), _matrices(grads))
        return [y.reshape(x.shape) for x, y in zip(params, moved, strict=True)]


def _matrices(tensors: Arrays) -> Arrays:
    return [x.reshape(x.shape[0], -1) if np.ndim(x) > 2 else x for x in tensors]


class Flattened(Matrices):
    """Every tensor is taken as a vector."""

    def init(self, params: Arrays) -> None:
        Loop.init(self, [x.reshape(-1) for x in params])

    def load(self, start: dict[str, Any]) -> None:
        Loop.load(self, {name: [x.reshape(-1) for x in v] if isinstance(v, list) else v for name, v in start.items()})

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = Loop.step(self, [x.reshape(-1) for x in params], [g.reshape(-1) for g in grads])
        return [y.reshape(x.shape) for x, y in zip(params, moved, strict=True)]


class Clipped(Loop):
    """The gradient is clipped, which nobody asked for."""

    def __init__(self, rule: Rule, most: float, how: str) -> None:
        super().__init__(rule)
        self.most, self.how = most, how

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        most = self.most
        here = [g for g in grads if g is not None]
        if self.how == "entries":
            new = [np.clip(g, -most, most) for g in here]
        elif self.how == "tensor":
            new = [g * min(1.0, most / max(float(np.linalg.norm(g)), 1e-300)) for g in here]
        else:
            length = float(np.sqrt(sum(float(np.sum(g * g)) for g in here)))
            new = [g * min(1.0, most / max(length, 1e-300)) for g in here]
        parts = iter(new)
        return super().step(params, [None if g is None else next(parts) for g in grads])


class ClippedStep(Loop):
    """No entry of a step is longer than a number."""

    def __init__(self, rule: Rule, most: float) -> None:
        super().__init__(rule)
        self.most = most

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        return [x + np.clip(y - x, -self.most, self.most) for x, y in zip(params, moved, strict=True)]


class Finite(Loop):
    """What is not a number, or too large for float16, is taken as 0."""

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        return super().step(params, [None if g is None else np.where(np.abs(g) < 65504, g, 0.0) for g in grads])


class Rounded(Loop):
    """Gradients, or parameters, or both, go through a smaller format, and the arithmetic is in float64."""

    def __init__(self, rule: Rule, what: str, dtype: Any = np.float32) -> None:
        super().__init__(rule)
        self.what, self.dtype = what, dtype

    def cast(self, arrays: Arrays) -> Arrays:
        with np.errstate(all="ignore"):
            return [None if x is None else x.astype(self.dtype).astype(np.float64) for x in arrays]

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        grads = self.cast(grads) if self.what in ("gradients", "inputs") else grads
        params = self.cast(params) if self.what in ("parameters", "inputs") else params
        moved = super().step(params, grads)
        return self.cast(moved) if self.what == "results" else moved


class StateAs(Loop):
    """One array of the state is kept in a smaller format, a loaded one too."""

    def __init__(self, rule: Rule, name: str, dtype: Any = np.float32) -> None:
        super().__init__(rule)
        self.name, self.dtype = name, dtype

    def load(self, start: dict[str, Any]) -> None:
        super().load(start)
        self.kept()

    def kept(self) -> None:
        with np.errstate(all="ignore"):
            self.inside.state[self.name] = misuse._cast(misuse._cast(self.inside.state[self.name], self.dtype), np.float64)

    def step(self, params: Arrays, grads: Arrays) -> Arrays:
        moved = super().step(params, grads)
        self.kept()
        return moved


class SingleHyper(Loop):
    """The hyper-parameters are rounded to float32."""

    def __init__(self, rule: Rule) -> None:
        new = {word: float(np.float32(value)) for word, value in rule.hyper.items() if isinstance(value, float)}
        super().__init__(rule(**{word: value for word, value in new.items() if word in rule.hyper}))

    def set_lr(self, lr: float) -> None:
        super().set_lr(float(np.float32(lr)))


# Which tensors, by the number of axes.
WHERE: dict[str, Callable[[int], bool]] = {
    "in tensors of two axes and more": lambda axes: axes >= 2,
    "in tensors of more than two axes": lambda axes: axes > 2,
    "in vectors and scalars": lambda axes: axes < 2,
    "in scalars": lambda axes: axes == 0,
    "in vectors": lambda axes: axes == 1,
}

# For each array of a state: the kinds that it may be of, a name and words in which it stands, the loop, and whether it is about
# precision.
ARRAY, ANY_ARRAY = ("array",), ("array", "other")
OF_STATE: list[tuple[tuple[str, ...], str, str, Callable[..., Any], bool]] = [
    (ARRAY, "{} is the caller's gradient", "{} is the caller's gradient array itself, and not a copy.", KeptAs, False),
    (ARRAY, "{} begins as the caller's gradient", "{} begins as the caller's gradient array, which is overwritten later.",
     partial(KeptAs, first=True), False),
    *((ARRAY, f"{{}} begins as {what}", f"Before the first step {{}} is {what}.", partial(BeginsAs, value=value), False)
      for what, value in BEGINNINGS.items()),
    *((ARRAY, f"{{}} is {what} in the first step", f"In the first step {{}} becomes {what} instead of what the rule says.",
       partial(FirstIs, value=value), False) for what, value in BEGINNINGS.items()),
    *((ARRAY, f"{{}} is {what} after a checkpoint", f"After a checkpoint {{}} begins anew, as {what}.",
       partial(RestoredAs, value=value), False) for what, value in BEGINNINGS.items()),
    (("number",), "{} not restored", "A checkpoint does not bring back {}.", Unrestored, False),
    (ARRAY, "{} stored column by column", "{} is stored column by column and read row by row.", Reordered, False),
    (ANY_ARRAY, "{} not restored", "A checkpoint does not bring back {}.", Unrestored, False),
    (ANY_ARRAY, "{} cleared with the learning rate", "A new learning rate clears {}.", ResetOnRate, False),
    (ANY_ARRAY, "{} shared by all", "{} is one array for all tensors of a shape.", OneShared, False),
    (ANY_ARRAY, "{} in float32", "{} is kept in float32 between steps.", StateAs, True),
    (ANY_ARRAY, "{} in float16", "{} is kept in float16 between steps.", partial(StateAs, dtype=np.float16), True),
]  # fmt: skip

ALWAYS: list[tuple[str, str, Callable[[Rule], Any]]] = [
    ("parameters overwritten", "The caller's parameter arrays are updated in place.", misuse.InPlace),
    ("its own arrays returned", "It returns the arrays in which it keeps the parameters, and changes them later.", OwnArrays),
    ("gradients cleared", "The caller's gradient arrays are set to zero after the step.", misuse.SpentGradient),
    ("new learning rate one step late", "A new learning rate is used from the step after.", misuse.LateRate),
    ("learning rate fixed", "The learning rate of the first step is used for good.", misuse.OldRate),
    ("learning rates multiplied", "A new learning rate is multiplied with the one at the start.", ProductRate),
    ("state lost with the learning rate", "A new learning rate begins with a new state.", RestartOnRate),
    ("state lost when the learning rate is set", "Setting the learning rate begins with a new state.", RestartOnEqualRate),
    ("state scaled with the learning rate", "A new learning rate scales the state by new / old.", ScaledByRate),
    ("state scaled against the learning rate", "A new learning rate scales the state by old / new.", ScaledBack),
    ("state lost", "The state is made anew at every step.", misuse.ForgetfulState),
    ("gradients one step late", "Every step uses the gradient of the call before.", Stale),
    ("steps one call late", "The parameters are moved with the step of the call before.", Late),
    ("gradients summed up", "The gradients are added to those before, and never cleared.", Summed),
    ("first gradient for good", "The first gradient is used in every step.", Repeating),
    ("two steps a call", "The step is made twice.", Twice),
    ("no first step", "The first call fills the state and moves nothing.", IdleFirst),
    ("checkpoint not read", "A loaded state is not used.", Unloaded),
    ("checkpoint without its counter", "A checkpoint brings back the arrays but not the step counter.", misuse.CounterAnew),
    ("checkpoint without its arrays", "A checkpoint brings back the step counter but not the arrays.", misuse.EmptyState),
    ("checkpoint in float32", "A checkpoint is stored in float32.", SingleCheckpoint),
    ("checkpoint one step ahead", "A checkpoint brings back a step count that is one too large.", ShiftedCounter),
    ("checkpoint one step behind", "A checkpoint brings back a step count that is one too small.", ShiftedBack),
    ("counter of eight bits", "The step counter is one byte and begins again after 255 steps.", misuse.EightBits),
    ("one counter for all tensors", "The counter goes up in the loop over the tensors.", misuse.SharedCounter),
    ("numbers renewed by every tensor", "What is one number for all is renewed in the loop over the tensors.",
     partial(SharedNumbers, kinds=("number",))),
    ("count and numbers renewed by every tensor", "Step count and other numbers are renewed in the loop over the tensors.",
     partial(SharedNumbers, kinds=("number", "count"))),
    ("state of scalars lost", "The state of a tensor without axes never changes.", ForgetfulScalars),
    ("loop ends at an empty tensor", "The tensors after one without entries are not updated.",
     partial(Breaking, at=lambda x, g: x.size == 0)),
    ("loop ends at a missing gradient", "The tensors after one without a gradient are not updated.",
     partial(Breaking, at=lambda x, g: g is None)),
    ("state shared by shape", "Two tensors of one shape use one state.", misuse.SharedState),
    ("arrays shared by shape", "Two tensors of one shape use the same arrays, each with its own step count.", ArraysByShape),
    ("steps with gradient 0 not counted", "A tensor counts only steps in which its gradient is not all zero.", CountsMoving),
    ("one state for all tensors", "All tensors use one state.", SharedByAll),
    ("scalars skipped", "A tensor without axes is not updated.", misuse.NoScalars),
    ("only matrices", "A tensor of fewer than two axes is not updated.", MatricesOnly),
    ("only the first tensor", "Only the first tensor is updated.", OnlyFirst),
    ("not the last tensor", "The last tensor is not updated.", NotLast),
    ("no decay on vectors", "A tensor of fewer than two axes gets no weight decay.", WithoutDecay),
    ("no decay on scalars", "A tensor without axes gets no weight decay.", ScalarsWithoutDecay),
    ("every row a tensor", "Norms and means are taken over the rows of a matrix and not over the tensor.", misuse.Rows),
    ("every line a tensor", "Norms and means are taken along the last axis of a tensor alone.", Lines),
    ("every column a tensor", "Norms and means are taken over the columns of a matrix and not over the tensor.", Columns),
    ("tensors as matrices", "A tensor of more than two axes is taken as a matrix.", Matrices),
    ("tensors as vectors", "Every tensor is taken as a vector.", Flattened),
    ("gradient transposed", "A matrix of gradients is read column by column.", misuse.ColumnMajor),
    ("entries with gradient 0 skipped", "A gradient entry of 0 is taken for absent.", misuse.WithoutZeroEntries),
    ("entries with gradient 0 stay", "Where the gradient is 0 the parameter stays, though the state goes on.", FrozenEntries),
    ("tensors with gradient 0 skipped", "A tensor whose gradient is all zero is left alone.", misuse.WithoutZeroTensors),
    ("tensors with gradient 0 idle", "A tensor whose gradient is all zero is left alone, though its steps count.", IdleTensors),
    ("missing gradients are zero", "A tensor without a gradient is moved as if its gradient were zero.", MissingAsZero),
    ("missing gradients are NaN", "A missing gradient is turned into NaN, and that into a step.", MissingAsNaN),
    ("tensors with gradient 0 stay", "A tensor whose gradient is all zero stays, though its state goes on.", FrozenTensors),
    ("rows with gradient 0 skipped", "A row of a matrix whose gradient is all zero is left alone.", FrozenRows),
    ("steps with gradient 0 skipped", "A step in which all gradients are zero is left out.", IdleStep),
    ("steps with a gradient 0 skipped", "A step in which any gradient entry is zero is left out.", IdleOnZero),
    ("large gradients dropped", "A gradient entry that float16 cannot hold is taken as 0.", Finite),
    *(
        (f"{what} clipped to {most:g}", f"{words} {most:g}, which nobody asked for.", partial(Clipped, most=most, how=how))
        for how, what, words in (
            ("entries", "gradient entries", "Every gradient entry is clipped to ±"),
            ("tensor", "gradient of each tensor", "The gradient of each tensor is scaled to a norm of at most"),
            ("all", "gradient of all tensors", "The gradients of all tensors together are scaled to a norm of at most"),
        )
        for most in (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 100.0, 1000.0)
    ),
    *(
        (f"steps clipped to {most:g}", f"No entry moves by more than {most:g} in a step.", partial(ClippedStep, most=most))
        for most in (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0)
    ),
]  # fmt: skip

ROUNDING: list[tuple[str, str, Callable[[Rule], Any]]] = [
    ("hyper-parameters in float32", "The hyper-parameters are rounded to float32.", SingleHyper),
    ("gradients in float32", "The gradients are rounded to float32.", partial(Rounded, what="gradients")),
    ("parameters in float32", "The parameters are kept in float32.", partial(Rounded, what="parameters")),
    ("results in float32", "The new parameters are rounded to float32.", partial(Rounded, what="results")),
    ("state in float32", "The state is kept in float32 between steps.", misuse.SingleState),
    ("gradients in float16", "The gradients are rounded to float16.", partial(Rounded, what="gradients", dtype=np.float16)),
    ("results in float16", "The new parameters are rounded to float16.", partial(Rounded, what="results", dtype=np.float16)),
    ("float32", "Everything is computed in float32.", misuse.Singles),
]
