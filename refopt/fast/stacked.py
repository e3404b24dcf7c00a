"""Stacked: many tensors of equal shape make one step of a rule that needs the shape or the norm of each.

Such a rule (LAMB, Adafactor) steps tensor by tensor, and a hundred calls of NumPy for each cost as much as the arithmetic of
ten thousand entries. Here those of equal shape are copied into one array, the rule's own text runs once on that `Stack`
(`refopt.fast.stack`), and the results are copied back. Where tensors take different branches (a norm is 0) they are divided
and each part makes the step. Large tensors step by themselves. Nothing is written before every tensor has made its step.

Nothing is taken on trust: for every rule, shape and dtype the stacked step is compared with the plain one, on made-up tensors
with zeros among them, before it is used.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import byte_bounds

from refopt import numbers
from refopt.catalogue import rule as find_rule
from refopt.fast.blocked import _equal
from refopt.fast.recording import Unrecordable
from refopt.fast.stack import Divided, Stack
from refopt.recurrence import INNER_STATE, Rule

__all__ = ["SMALL", "Stacked", "why_not_stacked"]

SMALL = 1 << 14  # bytes of a tensor; from there on a step of its own costs less than copying (measured)
FEW = 4  # tensors; fewer step one by one in less time (measured)
TOGETHER = 1 << 18  # bytes of theta that make a step at once; more would not stay in the cache (measured)

KEPT = 1000  # comparisons that are remembered


class Array(NamedTuple):
    """The form of an entry of the state that is an array, for one tensor."""

    shape: tuple[int, ...]


NUMBER = "number"  # the form of a NumPy scalar; the form of a tuple is the tuple of its parts' forms


def _form(value: Any, dtype: Any) -> Any:
    """What an entry of the state is for one tensor. Raises `Unrecordable` for what the plain step would convert."""
    if type(value) is np.ndarray and value.dtype == dtype:
        return Array(value.shape)
    if type(value) is dtype.type:
        return NUMBER
    if type(value) is tuple:
        forms = tuple(_form(part, dtype) for part in value)
        if all(type(form) is Array and form.shape for form in forms):
            return forms
    raise Unrecordable("its state holds something else than arrays and numbers of theta's dtype")


def _arrays(value: Any) -> Iterator[Any]:
    """The arrays of an entry of the state."""
    if type(value) is np.ndarray:
        yield value
    elif type(value) is tuple:
        for part in value:
            yield from _arrays(part)


def _walk(rule: Rule, state: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str | None, Any]]:
    """The entries of a state, those of the rule inside too: (path, kind, value)."""
    if type(state) is not dict or len(state) != len(rule.state_names) or any(name not in state for name in rule.state_names):
        raise Unrecordable("the state is not the dict that init returned")
    for name in rule.state_names:
        if name == INNER_STATE and rule.inner is not None:
            yield from _walk(rule.inner, state[name], (*path, name))
        else:
            yield (*path, name), rule._kind(name, state[name]), state[name]


def _inside(rule: Rule, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The places of the states of the rules inside, the outer ones first."""
    if rule.inner is not None and INNER_STATE in rule.state_names:
        yield (*path, INNER_STATE)
        yield from _inside(rule.inner, (*path, INNER_STATE))


def _at(tree: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        tree = tree[name]
    return tree


def _text(rule: Rule) -> tuple[Any, ...]:
    """What decides which operations a rule does: its functions, the rule inside, of each number the sign."""

    def what(value: Any) -> Any:
        if isinstance(value, Rule):
            return _text(value)
        return type(value), (value > 0) - (value < 0) if type(value) in numbers.PYTHON else value

    return (rule.start, rule.recurrence, tuple((name, what(value)) for name, value in rule.hyper.items()))


def _refusal(rule: Rule) -> str | None:
    """Why a rule is not even tried."""
    if rule.scope != "tensor":
        return f"its scope is {rule.scope!r}"
    if rule.needs:
        return f"it calls {' and '.join(rule.needs)}"
    return "a hyper-parameter holds an array" if rule._crowded else None


class Leaf:
    """An array for each of some tensors (theta, a gradient, an entry of the state), as one stack."""

    def __init__(self, count: int, shape: tuple[int, ...], dtype: Any) -> None:
        self.array = np.empty((count, *(shape or (1,))), dtype)
        self.flat, self.pieces = self.array.reshape(-1), [row.reshape(shape) for row in self.array]

    def gather(self, arrays: list[Any]) -> None:
        """Copy the arrays into the stack."""
        np.concatenate(arrays, axis=None, out=self.flat)

    def scatter(self, arrays: list[Any]) -> None:
        """Copy the stack into the arrays."""
        for x, piece in zip(arrays, self.pieces, strict=True):
            x[...] = piece


class Numbers:
    """A NumPy scalar for each of some tensors, as one stack."""

    def __init__(self, count: int, dtype: Any) -> None:
        self.array = np.empty(count, dtype)

    def gather(self, values: list[Any]) -> None:
        """Copy the numbers into the stack."""
        self.array[...] = values


class Chunk:
    """Tensors of one shape, with states of one form, that make one step at once."""

    def __init__(self, rows: list[int], shape: tuple[int, ...], forms: tuple[Any, ...], dtype: Any) -> None:
        self.rows, count = rows, len(rows)
        self.theta, self.g = Leaf(count, shape, dtype), Leaf(count, shape, dtype)

        def leaf(form: Any, top: bool) -> Any:
            if form == NUMBER:
                return Numbers(count, dtype)
            if type(form) is not Array:
                return tuple(leaf(part, False) for part in form)
            if top and (form.shape == (1,) if shape == () else form.shape == ()):
                raise Unrecordable("its state has another shape after a step")
            return Leaf(count, form.shape, dtype)

        self.states = [leaf(form, True) for form in forms]


class Stacked:
    """Containers that a rule steps over, checked once; valid as long as the caller brings the same arrays.

    Raises `Unrecordable` where the rule, or an array, is none that can be stacked.
    """

    def __init__(self, rule: Rule, theta: Any, g: Any, state: Any, *, proven: bool = False) -> None:
        reason = _refusal(rule)
        if reason is not None:
            raise Unrecordable(reason)
        if type(theta) not in (list, tuple, dict) or not theta:
            raise Unrecordable("one tensor alone, or no lists, tuples or dicts of NumPy arrays")
        self.hyper, self.text, self.kind = rule.hyper, _text(rule), type(theta)
        self.keys = list(theta) if self.kind is dict else list(range(len(theta)))
        self.shared: list[tuple[tuple[str, ...], str | None]] = []
        self.held: list[tuple[str, ...]] = []
        self.inside = [] if rule.inner is None else list(_inside(rule))
        self.columns = [self._column(theta)]
        for path, kind, value in _walk(rule, state):
            if type(value) in numbers.PYTHON and kind in ("count", "number"):
                self.shared.append((path, kind))
            else:
                self.held.append(path)
                self.columns.append(self._column(value))
        self.theta, *self.states = self.columns
        if any(type(x) is not np.ndarray or x.dtype != self.theta[0].dtype for x in self.theta):
            raise Unrecordable("not NumPy arrays of one dtype")
        self.dtype: Any = self.theta[0].dtype
        if self.dtype.kind != "f" or not self.dtype.isnative:
            raise Unrecordable("theta is not of floating-point numbers in the machine's byte order")
        self.shapes = [x.shape for x in self.theta]
        self.owned = [x for column in self.columns for value in column for x in _arrays(value)]
        spans = sorted(byte_bounds(x) for x in self.owned if x.size)
        if any(end > start for (_, end), (start, _) in pairwise(spans)):
            raise Unrecordable("arrays share memory")
        self._divide(rule, proven)

    def _divide(self, rule: Rule, proven: bool) -> None:
        """Who makes the step with whom, and who alone."""
        groups: dict[Any, list[int]] = {}
        self.alone: list[int] = []
        for i, x in enumerate(self.theta):
            values = [column[i] for column in self.states]
            forms = tuple(_form(value, self.dtype) for value in values)
            whole = all(y.flags.c_contiguous for y in (x, *(y for value in values for y in _arrays(value))))
            if not whole and not x.shape:
                raise Unrecordable("the state of a tensor without axes is not contiguous")
            if whole and (x.nbytes <= SMALL or not x.shape):
                groups.setdefault((x.shape, forms), []).append(i)
            else:
                self.alone.append(i)
        self.chunks = []
        for (shape, forms), rows in groups.items():
            if len(rows) < FEW and shape:  # a tensor without axes is run as a vector, which chunks do
                self.alone += rows
                continue
            if not proven:
                _demand(rule, self.text, shape, forms, self.dtype)
            each = max(math.prod(shape), 1) * self.dtype.itemsize
            count = -(-len(rows) // -(-len(rows) * each // TOGETHER))
            parts = [rows[start : start + count] for start in range(0, len(rows), count)]
            self.chunks += [Chunk(part, shape, forms, self.dtype) for part in parts]
        self.numbered = [any(_form(x, self.dtype) == NUMBER for x in column) for column in self.states]

    def _column(self, tree: Any) -> list[Any]:
        """What a container holds for each of theta's keys. Raises `Unrecordable` for one of another kind or other keys."""
        if type(tree) is not self.kind or len(tree) != len(self.keys):
            raise Unrecordable("not lists, tuples or dicts of NumPy arrays")
        if self.kind is not dict:
            return list(tree)
        if not all(key in tree for key in self.keys):
            raise Unrecordable("the containers have different keys")
        return [tree[key] for key in self.keys]

    def _gradients(self, g: Any) -> tuple[list[Any], set[int]]:
        """The gradients, each of its tensor's shape and dtype, and the numbers of those that are not contiguous."""
        column, apart = self._column(g), set()
        for i, (x, shape) in enumerate(zip(column, self.shapes, strict=True)):
            if type(x) is not np.ndarray or x.shape != shape or (x.dtype is not self.dtype and x.dtype != self.dtype):
                raise Unrecordable("not NumPy arrays of one shape and dtype")
            if not x.flags.c_contiguous:
                apart.add(i)
        return column, apart

    def step(self, theta: Any, g: Any, state: Any, rule: Rule) -> bool:
        """One step; False, with nothing changed, where these are not the arrays that were checked, or they cannot be stacked.

        `rule` is the one that was bound, or that one with other hyper-parameters.
        """
        try:
            if rule.hyper is not self.hyper and (_refusal(rule) is not None or _text(rule) != self.text):
                return False
            self._demand_same(theta, state, rule)
            gradients, apart = self._gradients(g)
            counts = [_at(state, path) for path, _ in self.shared]
            for (_, kind), count in zip(self.shared, counts, strict=True):
                if type(count) not in numbers.PYTHON or (kind == "count" and (type(count) is not int or count < 0)):
                    return False  # the plain step sees to it: it converts, or refuses
            step = _Step(self, rule, counts)
            for chunk in self.chunks:
                if apart.isdisjoint(chunk.rows):
                    step.together(chunk, gradients)
                else:  # the order of a sum is that of the memory
                    for i in chunk.rows:
                        step.alone(i, gradients[i])
            for i in self.alone:
                step.alone(i, gradients[i])
        except Exception:  # the plain step does what no stack can, and raises what is to be raised
            return False
        step.write(state)
        return True

    def _demand_same(self, theta: Any, state: Any, rule: Rule) -> None:
        """Raises `Unrecordable` where these are not the arrays that were bound, or cannot be written."""
        paths = [path for path, *_ in _walk(rule, state)]
        if len(paths) != len(self.shared) + len(self.held):
            raise Unrecordable("another state")
        trees = [theta, *(_at(state, path) for path in self.held)]
        for tree, known in zip(trees, self.columns, strict=True):
            if not all(map(operator.is_, self._column(tree), known)):
                raise Unrecordable("other arrays")
        if not all(x.flags.writeable for x in self.owned):
            raise Unrecordable("an array is read-only")


class _Step:
    """One step of everything that is bound, until it is written."""

    def __init__(self, bound: Stacked, rule: Rule, counts: list[Any]) -> None:
        self.bound, self.rule, self.counts = bound, rule, counts
        self.after: list[Any] | None = None  # the numbers that all share, after the step
        self.stepped: list[Chunk] = []
        self.apart: list[tuple[int, Any, list[Any]]] = []  # those that went alone: theta and state after the step

    def _state(self, values: list[Any]) -> dict[str, Any]:
        """The state as the recurrence takes it, from the entries that each tensor has."""
        state: dict[str, Any] = {}
        for path in self.bound.inside:
            _at(state, path[:-1])[path[-1]] = {}
        shared = ((path, count) for (path, _), count in zip(self.bound.shared, self.counts, strict=True))
        for path, value in (*shared, *zip(self.bound.held, values, strict=True)):
            _at(state, path[:-1])[path[-1]] = value
        return state

    def _made(self, theta: Any, g: Any, values: list[Any]) -> tuple[Any, list[Any]]:
        """The rule's own step: theta, and the entries of the state, of one tensor or of a stack."""
        record = self.rule._apply(theta, g, self._state(values), everything=False)
        after = [_at(record, path) for path, _ in self.bound.shared]
        if self.after is None:
            self.after = after
        if any(type(x) not in numbers.PYTHON or not numbers.same(x, y) for x, y in zip(after, self.after, strict=True)):
            raise Unrecordable("a number of the state is not the same for all tensors")
        return record["theta"], [_at(record, path) for path in self.bound.held]

    def together(self, chunk: Chunk, gradients: list[Any]) -> None:
        """The step of a chunk, in its own memory."""
        chunk.theta.gather([self.bound.theta[i] for i in chunk.rows])
        chunk.g.gather([gradients[i] for i in chunk.rows])
        for leaf, column in zip(chunk.states, self.bound.states, strict=True):
            _gather(leaf, [column[i] for i in chunk.rows])
        self._part(chunk, Stack(chunk.theta.array), Stack(chunk.g.array), [_stack(leaf) for leaf in chunk.states], ...)
        self.stepped.append(chunk)

    def _part(self, chunk: Chunk, theta: Stack, g: Stack, values: list[Any], rows: Any) -> None:
        """The step of the `rows` of a chunk, all of which take the same branches or are divided further."""
        try:
            moved, after = self._made(theta, g, values)
        except Divided as branch:
            numbered = np.arange(len(chunk.rows)) if rows is ... else rows
            for where in (branch.where, ~branch.where):
                self._part(chunk, theta.take(where), g.take(where), [_take(x, where) for x in values], numbered[where])
            return
        for leaf, value in zip((chunk.theta, *chunk.states), (moved, *after), strict=True):
            _keep(leaf, value, rows)

    def alone(self, i: int, g: Any) -> None:
        """The plain step of one tensor."""
        x, values = self.bound.theta[i], [column[i] for column in self.bound.states]
        moved, after = self._made(x, g, values)
        for old, new in zip((x, *values), (moved, *after), strict=True):
            if _form(old, self.bound.dtype) != _form(new, self.bound.dtype):
                raise Unrecordable("an entry of the state has another shape after the step")
        self.apart.append((i, moved, after))

    def write(self, state: dict[str, Any]) -> None:
        """Put everything into the caller's memory."""
        bound = self.bound
        for chunk in self.stepped:
            chunk.theta.scatter([bound.theta[i] for i in chunk.rows])
            for leaf, column in zip(chunk.states, bound.states, strict=True):
                _scatter(leaf, column, chunk.rows)
        for i, moved, after in self.apart:
            bound.theta[i][...] = moved
            for column, value in zip(bound.states, after, strict=True):
                column[i] = _put(column[i], value)
        for path, column, numbered in zip(bound.held, bound.states, bound.numbered, strict=True):
            if numbered:
                _replace(_at(state, path[:-1]), path[-1], bound.keys, column)
        for (path, _), value in zip(bound.shared, self.after or [], strict=True):
            _at(state, path[:-1])[path[-1]] = value


def _gather(leaf: Any, values: list[Any]) -> None:
    if type(leaf) is not tuple:
        leaf.gather(values)
        return
    for part, some in zip(leaf, zip(*values, strict=True), strict=True):
        _gather(part, list(some))


def _stack(leaf: Any) -> Any:
    return tuple(map(_stack, leaf)) if type(leaf) is tuple else Stack(leaf.array)


def _take(value: Any, rows: Any) -> Any:
    return tuple(_take(part, rows) for part in value) if type(value) is tuple else value.take(rows)


def _keep(leaf: Any, value: Any, rows: Any) -> None:
    """Put what a step has made of a leaf back into it. Raises `Unrecordable` where it does not fit."""
    if type(leaf) is tuple:
        if type(value) is not tuple or len(value) != len(leaf):
            raise Unrecordable("an entry of the state has another length after the step")
        for part, x in zip(leaf, value, strict=True):
            _keep(part, x, rows)
        return
    if type(value) is not Stack or value.shape != leaf.array.shape[1:] or value.dtype != leaf.array.dtype:
        raise Unrecordable("theta, or an entry of the state, has another shape or dtype after the step")
    leaf.array[rows] = value.array


def _scatter(leaf: Any, column: list[Any], rows: list[int]) -> None:
    """Copy a leaf into the arrays of a column; numbers are replaced in it."""
    if type(leaf) is tuple:
        for number, part in enumerate(leaf):
            part.scatter([column[i][number] for i in rows])
    elif type(leaf) is Leaf:
        leaf.scatter([column[i] for i in rows])
    else:
        for i, value in zip(rows, leaf.array, strict=True):
            column[i] = value


def _put(old: Any, new: Any) -> Any:
    """What stands in the place of `old`: its own memory, overwritten, or a new number."""
    if type(old) is tuple:  # of arrays alone: it stays the caller's own
        for part, x in zip(old, new, strict=True):
            part[...] = x
        return old
    if type(old) is np.ndarray:
        old[...] = new
        return old
    return new


def _replace(state: dict[str, Any], name: str, keys: list[Any], column: list[Any]) -> None:
    """Put the numbers of a column into the container that holds them."""
    tree = state[name]
    if type(tree) is tuple:
        state[name] = tuple(column)
    else:
        for key, value in zip(keys, column, strict=True):
            tree[key] = value


_COMPARED: dict[Any, str | None] = {}  # (text, shape, forms, dtype) → why not, None where the stacked step is the plain one


def _demand(rule: Rule, text: tuple[Any, ...], shape: tuple[int, ...], forms: tuple[Any, ...], dtype: Any) -> None:
    """Raises `Unrecordable` where the stacked step of such tensors is not the plain one in every bit."""
    key = (text, shape, forms, dtype)
    try:
        reason = _COMPARED.get(key, "")
    except TypeError as error:
        raise Unrecordable(f"a hyper-parameter has no hash: {error}") from None
    if reason == "":
        reason = _difference(rule, shape, forms, dtype)
        if len(_COMPARED) >= KEPT:
            _COMPARED.clear()
        _COMPARED[key] = reason
    if reason is not None:
        raise Unrecordable(reason)


def _made_up(shape: tuple[int, ...], dtype: Any, number: float) -> list[Any]:
    """Tensors of both signs: of one size, of many sizes, zeros, very small ones, and with some zeros."""
    wave = np.sin((np.arange(int(np.prod(shape))) + 1) * number).reshape(shape)
    sizes = 10.0 ** (3 * np.cos((np.arange(wave.size) + 1) * 2.3 * number)).reshape(shape)
    return [np.asarray(x, dtype) for x in (wave, wave * sizes, 0 * wave, 1e-6 * wave, np.maximum(wave, 0), 7 * wave)]


def _difference(rule: Rule, shape: tuple[int, ...], forms: tuple[Any, ...], dtype: Any) -> str | None:
    """Some steps of made-up tensors, stacked and plain: why they are not the same, None where they are."""
    theta = _made_up(shape, dtype, 1.7)
    try:
        with np.errstate(all="ignore"):
            plain, here = rule.init(theta), rule.init(theta)
            mine = [x.copy() for x in theta]
            bound = Stacked(rule, mine, mine, here, proven=True)
            if not bound.chunks or [_form(column[0], dtype) for column in bound.states] != list(forms):
                return "its state is not of the form that init gives it"
            for t in (0, 1, 2, 1000):
                g = _made_up(shape, dtype, 2.9 + t)[t % 3 :]
                g = [*g, *_made_up(shape, dtype, 0.6 + t)][: len(theta)]  # not zero where theta is
                for path, kind in bound.shared:
                    if kind == "count":
                        _at(plain, path[:-1])[path[-1]] = _at(here, path[:-1])[path[-1]] = t
                theta, plain = rule.update(theta, g, plain)
                if not bound.step(mine, g, here, rule):
                    bound._demand_same(mine, here, rule)
                    step = _Step(bound, rule, [_at(here, path) for path, _ in bound.shared])
                    step.together(bound.chunks[0], g)  # which says why
                    return "its step cannot be stacked"
                if not _same([mine, here], [theta, plain]):
                    return "its stacked step is not the plain one in every bit"
    except Exception as error:  # a rule may do with an array what no stack can
        return str(error) if isinstance(error, Unrecordable) else f"{type(error).__name__}: {error}"
    return None


def _same(a: Any, b: Any) -> bool:
    """Whether two states are equal in every bit, and of one kind; a NaN equals any NaN."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(_same, a, b))
    if not isinstance(a, (np.ndarray, np.generic)):
        return bool(a == b)
    return (a.dtype, a.shape) == (b.dtype, b.shape) and _equal(a, b)


def why_not_stacked(rule: Rule | str, shape: tuple[int, ...] = (3, 4), dtype: Any = "float64") -> str | None:
    """Why ``rule.update_`` steps tensors of this shape one by one; None where those in a list or dict make one step.

    >>> refopt.fast.why_not_stacked(refopt.lamb), refopt.fast.why_not_stacked(refopt.adam)
    (None, "its scope is 'element'")
    """
    rule = find_rule(rule) if isinstance(rule, str) else rule
    theta = [np.zeros(shape, dtype) for _ in range(FEW)]
    try:
        bound = Stacked(rule, theta, theta, rule.init(theta))
        if bound.alone:
            return f"tensors of more than {SMALL} bytes step one by one, which takes less time than copying"
    except Unrecordable as reason:
        return str(reason)
    return None
