"""Parameters as an array, a list or a dict of arrays, and as the one vector that elementwise rules run on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from refopt import numbers

__all__ = ["Layout"]


class Layout:
    """How the tensors of `theta` lie in one vector: keys, shapes, the one dtype.

    ``vector(tree)`` concatenates, ``tree(vector)`` cuts apart again (views, nothing is copied). For a single array both
    return the array itself, so that nothing is paid for a container that is not there; only a 0-d array becomes a vector
    of one entry, because NumPy turns 0-d arrays into scalars.

    Raises TypeError for an integer, complex or mixed dtype, a container of another kind, or arrays of which some live on a
    device and some do not, ValueError for an empty container.
    """

    __slots__ = ("dtype", "keys", "kind", "on_host", "shape", "shapes", "size", "stops")

    def __init__(self, theta: Any) -> None:
        self.kind = type(theta) if isinstance(theta, (list, tuple, Mapping)) else None
        if self.kind is None:
            array = numbers.array(theta, "theta")
            self.keys: tuple = ()
            self.dtype, self.shape, self.size, self.shapes = array.dtype, array.shape, array.size, [array.shape]
            self.on_host = numbers.on_host(array)
            return
        self.keys = tuple(theta) if isinstance(theta, Mapping) else tuple(range(len(theta)))
        if not self.keys:
            raise ValueError(f"theta is an empty {self.kind.__name__}; it must hold at least one array")
        arrays = [numbers.array(theta[key], f"theta[{key!r}]") for key in self.keys]
        dtypes = sorted(map(str, {array.dtype for array in arrays}))  # a name takes longer than all the rest
        if len(dtypes) > 1:
            raise TypeError(f"theta mixes the dtypes {', '.join(dtypes)}; one dtype for all arrays is needed")
        self.dtype, self.on_host = arrays[0].dtype, numbers.on_host(arrays[0])
        for key, array in zip(self.keys, arrays, strict=True):
            if numbers.on_host(array) is not self.on_host:
                self.demand_place(array, f"theta[{key!r}]")
        self.shapes = [array.shape for array in arrays]
        self.stops = np.cumsum([array.size for array in arrays]).tolist()
        self.size = self.stops[-1]
        self.shape = (self.size,)

    @property
    def vector_shape(self) -> tuple[int, ...]:
        """The shape in which a rule sees the parameters."""
        return self.shape if self.kind or self.shape else (1,)

    def match(self, tree: Any, what: str) -> list[Any]:
        """What `tree` holds for each of theta's keys, in their order; both must be of one kind and have the same keys."""
        if self.kind is None:
            return [tree]
        if issubclass(self.kind, Mapping) != isinstance(tree, Mapping) or not isinstance(tree, (list, tuple, Mapping)):
            raise TypeError(f"{what} is a {type(tree).__name__}, theta is a {self.kind.__name__}; give the same kind")
        keys = set(tree) if isinstance(tree, Mapping) else set(range(len(tree)))
        if keys != set(self.keys):
            missing = [key for key in self.keys if key not in keys]
            extra = sorted(keys - set(self.keys), key=str)
            raise ValueError(f"{what} does not match theta: missing {missing}, not in theta {extra}")
        return [tree[key] for key in self.keys]

    def leaves(self, tree: Any, what: str) -> list[Any]:
        """The arrays of `tree` in the order of theta's keys, each checked for shape and cast to theta's dtype."""
        if self.kind is None:
            return [self._leaf(tree, self.shape, what)]
        found = zip(self.match(tree, what), self.shapes, self.keys, strict=True)
        return [self._leaf(x, shape, f"{what}[{key!r}]") for x, shape, key in found]

    def _leaf(self, x: Any, shape: tuple[int, ...], what: str) -> Any:
        if type(x) is np.ndarray and x.shape == shape and (x.dtype is self.dtype or x.dtype == self.dtype) and self.on_host:
            return x  # the everyday case, and the fast one
        if x is None:
            raise TypeError(f"{what} is None; every array of theta needs one")
        if isinstance(x, (list, tuple, int, float)) and self.dtype != object:
            x = np.asarray(x)  # numbers read from a file, say
            x = x.astype(self.dtype) if x.dtype.kind in "iu" else x
        if self.dtype == object and numbers.is_scalar(x):
            x = np.array(x, dtype=object)  # NumPy's arithmetic makes a bare ball of a 0-d array
        x = numbers.array(x, what)
        if x.shape != shape:
            raise ValueError(f"{what} has shape {x.shape}, theta has {shape}; the shapes must be equal")
        self.demand_place(x, what)
        return x if x.dtype == self.dtype else x.astype(self.dtype)

    def demand_place(self, x: Any, what: str) -> None:
        """TypeError for what does not live where theta does: nothing goes to a device, or comes from there, by itself."""
        if numbers.on_host(x) is not self.on_host:
            here, there = ("the host", "a device") if self.on_host else ("a device", "the host")
            raise TypeError(f"theta lives on {here}, {what} on {there}; bring both to one place, for instance by cupy.asarray")

    def vector(self, tree: Any, what: str) -> Any:
        """`tree` as the array that a rule sees: one vector, or the single array itself."""
        if self.kind is None:
            array = self._leaf(tree, self.shape, what)
            return array if self.shape else array.reshape(1)
        return np.concatenate([leaf.reshape(-1) for leaf in self.leaves(tree, what)])

    def tree(self, vector: Any) -> Any:
        """The inverse of `vector`: what a rule computed, in the shape of theta."""
        if self.kind is None:
            return vector if self.shape else vector.reshape(())
        starts = [0, *self.stops[:-1]]
        return self.rebuild(
            vector[start:stop].reshape(shape) for start, stop, shape in zip(starts, self.stops, self.shapes, strict=True)
        )

    def rebuild(self, leaves: Iterable[Any]) -> Any:
        """A container of theta's kind around `leaves`, which come in the order of the keys."""
        if self.kind is None:
            (leaf,) = leaves
            return leaf
        if issubclass(self.kind, Mapping):
            return dict(zip(self.keys, leaves, strict=True))
        return tuple(leaves) if issubclass(self.kind, tuple) else list(leaves)

    def map(self, function: Callable[[Any], Any], value: Any) -> Any:
        """Apply `function` to `value`, or to each leaf of it where it is a container like theta."""
        if self.kind is None:
            return function(value)
        return self.rebuild(function(value[key]) for key in self.keys)
