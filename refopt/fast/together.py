"""Together: many tensors in place, almost as fast as one vector.

A call of NumPy costs half a microsecond however small the array is, so a thousand small tensors would pay for a thousand times
the calls. An elementwise rule does not care where one tensor ends: the small ones are copied into one vector, that makes the
step, and is copied back; moments that lie one behind the other in memory, as `Rule.init` makes them, stay where they are. Large
tensors make the step by themselves; so do all on a device, where a step is one kernel and each copy would be another.
"""

from __future__ import annotations

import operator
from bisect import bisect
from itertools import pairwise
from typing import Any

import numpy as np

from refopt import numbers
from refopt.fast.blocked import Bound, setting
from refopt.fast.recording import Unrecordable
from refopt.recurrence import Rule

__all__ = ["SMALL", "Together"]

SMALL = 8192  # entries; from there on a step of its own costs less than copying (measured)


class Together:
    """Containers that a rule steps over, checked once; valid as long as the caller brings the same arrays.

    Raises `Unrecordable` where the arrays are not of one library, or one is not contiguous or shares its memory with another.
    """

    def __init__(self, rule: Rule, theta: Any, g: Any, state: Any) -> None:
        if type(theta) not in (list, tuple, dict) or type(state) is not dict or set(state) != set(rule.state_names):
            raise Unrecordable("not lists, tuples or dicts of arrays")
        self.setting, self.kind = setting(), type(theta)
        self.keys = list(theta) if self.kind is dict else list(range(len(theta)))
        self.names = [name for name in rule.state_names if rule._kinds[name] == "array"]
        self.counts = [name for name in rule.state_names if name not in self.names]
        self.length = len(state)
        columns = []
        for tree in (theta, *(state[name] for name in self.names)):
            column = self._column(tree)
            if not column:
                raise Unrecordable("not lists, tuples or dicts of arrays")
            columns.append(column)
        self.theta, *self.states = columns
        self.owned = [x for column in columns for x in column]
        self.shapes = [getattr(x, "shape", None) for x in self.theta]
        self.entries = sum(getattr(x, "size", 0) for x in self.theta)
        self.array: Any = type(self.theta[0])
        if self.array is not np.ndarray and (not numbers.is_array(self.theta[0]) or numbers.on_host(self.theta[0])):
            raise Unrecordable("not lists, tuples or dicts of arrays")
        self.dtype: Any = self.theta[0].dtype
        for column in columns:
            for x, shape in zip(column, self.shapes, strict=True):
                if not self._like(x, shape) or not x.flags.c_contiguous:
                    raise Unrecordable("an array is not of theta's library, shape and dtype, and contiguous")
        if self.dtype.kind != "f" or not self.dtype.isnative:
            raise Unrecordable("theta is not of floating-point numbers in the machine's byte order")
        spans = sorted(numbers.span(x) for x in self.owned if x.size)
        if any(end > start for (_, end), (start, _) in pairwise(spans)):
            raise Unrecordable("arrays share memory")
        if self._gradients(g) is None:
            raise Unrecordable("not arrays of one library, shape and dtype")
        self._divide()

    def _like(self, x: Any, shape: Any) -> bool:
        """Whether `x` is an array of theta's library and dtype, and of `shape`."""
        return type(x) is self.array and (x.dtype is self.dtype or x.dtype == self.dtype) and x.shape == shape

    def _divide(self) -> None:
        """Who makes the step with others, and who alone; the memory that those together need."""
        most = SMALL if self.array is np.ndarray else -1
        self.alone = [i for i, x in enumerate(self.theta) if x.size > most]
        self.small = [i for i, x in enumerate(self.theta) if x.size <= most]
        self.parts: list[tuple[Any, dict[str, Any]]] = []  # what makes a step: a theta and its state, those together last
        self.spans = sorted(numbers.span(column[i]) for i in self.alone for column in (self.theta, *self.states))
        self.bounds: list[Bound] = []  # of the parts, once there is a gradient
        for i in self.alone:
            own = {name: column[i].reshape(-1) for name, column in zip(self.names, self.states, strict=True)}
            self.parts.append((self.theta[i].reshape(-1), own))
        self.gathered: list[tuple[Any, list[Any], list[Any]]] = []  # vector, the arrays it is copied from, its pieces
        size = sum(self.theta[i].size for i in self.small)
        self.g = np.empty(size, self.dtype)
        vectors = []
        for column in (self.theta, *self.states):
            arrays = [column[i] for i in self.small]
            vector = _joined(arrays)
            if vector is None:
                vector = np.empty(size, self.dtype)
                stops = np.cumsum([x.size for x in arrays]).tolist()
                pieces = [vector[stop - x.size : stop].reshape(x.shape) for stop, x in zip(stops, arrays, strict=True)]
                self.gathered.append((vector, arrays, pieces))
            vectors.append(vector)
        if self.small:
            self.parts.append((vectors[0], dict(zip(self.names, vectors[1:], strict=True))))

    def _column(self, tree: Any) -> list[Any] | None:
        """What a container holds for each of theta's keys; None where it is of another kind or has other keys."""
        if type(tree) is not self.kind or len(tree) != len(self.keys):
            return None
        if self.kind is not dict:
            return list(tree)
        return [tree[key] for key in self.keys] if all(key in tree for key in self.keys) else None

    def _gradients(self, g: Any) -> list[Any] | None:
        """The gradients, each of its tensor's shape and dtype; None where they are something else."""
        column = self._column(g)
        if column is None:
            return None
        for x, shape in zip(column, self.shapes, strict=True):
            if not self._like(x, shape):
                return None
        return column

    def step(self, theta: Any, g: Any, state: Any, rule: Rule) -> bool:
        """One step; False, with nothing changed, where these are not the arrays that were checked, or no recording fits.

        `rule` is the one that was bound, or that one with other hyper-parameters.
        """
        if type(state) is not dict or len(state) != self.length or self.setting is not setting():
            return False
        given: list[Any] = []
        for tree in (theta, *(state.get(name) for name in self.names)):
            column = self._column(tree)
            if column is None:
                return False
            given += column
        gradients = self._gradients(g)
        if gradients is None or len(given) != len(self.owned) or not all(map(operator.is_, given, self.owned)):
            return False
        if self.array is np.ndarray and not all(x.flags.writeable for x in given):
            return False
        counts = {name: state.get(name) for name in self.counts}
        large = [gradients[i].reshape(-1) for i in self.alone]
        if not self._ready(large, counts, rule):
            return False
        if self.small:
            np.concatenate([gradients[i] for i in self.small], axis=None, out=self.g)
            for vector, arrays, _ in self.gathered:
                np.concatenate(arrays, axis=None, out=vector)
        for bound, (_, own) in zip(self.bounds, self.parts, strict=True):
            bound.run(own)
        for _, arrays, pieces in self.gathered:
            for x, piece in zip(arrays, pieces, strict=True):
                x[...] = piece
        state.update({name: own[name] for name in self.counts})
        return True

    def _overlaps(self, g: Any) -> bool:
        """Whether a gradient is memory of a tensor, or of a moment, that makes its step alone."""
        low, high = numbers.span(g)
        number = bisect(self.spans, (high,))  # the first that begins behind it
        return number > 0 and self.spans[number - 1][1] > low

    def _bound(self, rule: Rule, x: Any, g: Any, own: dict[str, Any]) -> Bound:
        if self.array is np.ndarray:
            return Bound(rule, x, g, own, self.entries)
        from refopt.fast.kernel import OnDevice

        return OnDevice(rule, x, g, own)

    def _ready(self, large: list[Any], counts: dict[str, Any], rule: Rule) -> bool:
        """Whether every part can make its step now; nothing has been written yet."""
        if any(map(self._overlaps, large)):
            return False
        for number, ((x, own), g) in enumerate(zip(self.parts, [*large, self.g], strict=False)):
            own.update(counts)
            if number == len(self.bounds):
                self.bounds.append(self._bound(rule, x, g, own))
            bound = self.bounds[number]
            if bound.hyper is not rule._step_hyper and not bound.turn(rule):
                return False
            if g is not bound.g and not bound.regard(g):
                return False
            if not bound.fits(own):
                try:
                    bound.record(rule, own)
                except Unrecordable:  # the plain step is made, and says what is wrong
                    return False
                if not bound.fits(own):
                    return False
        return True


def _joined(arrays: list[Any]) -> Any:
    """The one vector that arrays lie in, one behind the other without a gap; None where they do not."""
    if not arrays or arrays[0].base is None:
        return None
    base = arrays[0].base
    if type(base) is not np.ndarray or not base.ndim or base.dtype != arrays[0].dtype:
        return None
    if not base.flags.c_contiguous or not base.flags.writeable:
        return None
    vector = base.reshape(-1)  # the rows of stacked arrays lie in it, too
    address = base.__array_interface__["data"][0]
    start = at = arrays[0].__array_interface__["data"][0]
    for x in arrays:
        if x.base is not base or x.__array_interface__["data"][0] != at:
            return None
        at += x.nbytes
    return vector[(start - address) // base.itemsize : (at - address) // base.itemsize]
