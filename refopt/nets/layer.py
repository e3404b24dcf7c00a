"""Layer: a pure function of theta and x, with its backward pass beside it.

A layer writes two methods, one below the other::

    def forward(self, theta, x, run): ...          # y, and what the backward pass will need of this one
    def backward(self, theta, g, dy, kept): ...    # ∂loss/∂x; writes ∂loss/∂theta into its places of g

``theta`` and ``g`` are the flat vectors of the whole network; a layer reads its own tensors out of them with
``self.tensors(theta)`` and writes its slopes into ``self.tensors(g)``. On its own, outside a network, a layer is a function of
a theta of ``layer.size`` numbers. It never writes into theta, x or dy, which others still need, and it may hand on arrays that
it will overwrite in its next call: whoever wants to keep one copies it.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

__all__ = ["Layer", "Place", "Run", "demand_sizes"]


PLAIN = (int, float, str, tuple)


class Run:
    """What one pass through a network is told beside theta and x.

    seed: dropout draws its masks from it; None: nothing is dropped. dropout: the rate of every dropout layer, instead of its
    own. running: the running statistics that batch normalisation divides by; None: the batch's own. statistics: a vector into
    which it writes those. record: a dict into which every intermediate is copied under its layer's name.
    """

    __slots__ = ("dropout", "record", "running", "seed", "statistics")

    def __init__(
        self, seed: Any = None, dropout: float | None = None, running: Any = None, statistics: Any = None, record: Any = None
    ) -> None:
        self.seed, self.dropout, self.running, self.statistics, self.record = seed, dropout, running, statistics, record

    def show(self, name: str, value: Any) -> None:
        """Note an intermediate, where somebody wants to see them."""
        if self.record is not None:
            self.record[name] = value.copy()


def demand_sizes(**sizes: Any) -> None:
    """ValueError for what is no positive whole number."""
    for name, size in sizes.items():
        if not isinstance(size, (int, np.integer)) or isinstance(size, bool) or size < 1:
            raise ValueError(f"{name} must be a positive whole number, got {size!r}")


class Place:
    """Where the next layer begins: in theta, in the running statistics, in the numbering of layers."""

    def __init__(self) -> None:
        self.theta = self.running = self.number = 0


class Layer:
    """One step of a network. `shapes` names the tensors that it reads from theta; `parts` the layers inside it.

    A layer gets its place when it becomes part of a network, and belongs to that one. ``layer.first`` is set where nobody
    asks for the slope of its input.
    """

    name = ""
    first = False
    owner = ""  # the kind of network that it is part of
    draws = ""  # what random numbers do here: "masks", or "masks at a rate" that a pass may override
    running_shapes: Mapping[str, tuple[int, ...]] = {}

    def __init__(self, shapes: Mapping[str, tuple[int, ...]] | None = None, parts: Mapping[str, Layer] | None = None) -> None:
        self.shapes, self.parts = dict(shapes or {}), dict(parts or {})
        self._buffers: dict[str, Any] = {}
        self._seen: list[tuple[Any, list[Any]]] = []
        self.place(Place())

    def __repr__(self) -> str:
        """The layer with the words of its constructor, as far as it keeps them."""
        words = [word for word in inspect.signature(type(self)).parameters if isinstance(getattr(self, word, None), PLAIN)]
        return f"{type(self).__name__}({', '.join(f'{word}={getattr(self, word)!r}' for word in words)})"

    def place(self, at: Place, name: str = "") -> None:
        """Take the numbers of theta from ``at.theta`` on, and move `at` behind them."""
        start, self.name, self.number = at.theta, name, at.number
        self._seen = [(None, []), (None, [])]
        at.number += 1
        self._places = []
        for shape in self.shapes.values():
            self._places.append((slice(at.theta, at.theta + math.prod(shape)), shape))
            at.theta += math.prod(shape)
        self._running = []
        for shape in self.running_shapes.values():
            self._running.append(slice(at.running, at.running + math.prod(shape)))
            at.running += math.prod(shape)
        for part, layer in self.parts.items():
            layer.place(at, f"{name}.{part}" if name else part)
        self.size = at.theta - start

    def all_layers(self) -> Iterator[Layer]:
        """This layer and those inside it."""
        yield self
        for layer in self.parts.values():
            yield from layer.all_layers()

    def named(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The names and shapes of all tensors, in the order in which they lie in theta."""
        for name, shape in self.shapes.items():
            yield f"{self.name}.{name}" if self.name else name, shape
        for layer in self.parts.values():
            yield from layer.named()

    def tensors(self, theta: Any) -> list[Any]:
        """The layer's own tensors, as views of a flat vector, in the order of `shapes`.

        The views of the last two vectors are kept: a loop that steps in place brings the same theta and g again and again.
        """
        for vector, views in self._seen:
            if vector is theta:
                return views
        views = [theta[where].reshape(shape) for where, shape in self._places]
        self._seen = [(theta, views), self._seen[0]]
        return views

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """Write starting values over the zeros of theta; `initialisation` replaces the layer's own choice."""
        for layer in self.parts.values():
            layer.init(theta, rng, initialisation)

    def init_running(self, running: np.ndarray) -> None:
        """Write starting values over the zeros of the running statistics."""
        for layer in self.parts.values():
            layer.init_running(running)

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The output for `x`, and what `backward` needs."""
        raise NotImplementedError

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """∂loss/∂x from dy = ∂loss/∂y; ∂loss/∂theta goes into g."""
        raise NotImplementedError

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the output for one example of the given shape. ValueError where the layer cannot take it."""
        return shape

    def buffer(self, name: str, like: Any, shape: tuple[int, ...], zeros: bool = False, dtype: Any = None) -> Any:
        """An array to compute into, kept from call to call: new memory would cost more than most of the arithmetic.

        With `zeros` it holds zeros when it is new, and what the layer has written since. It has the dtype of `like` if none
        is given.
        """
        held = self._buffers.get(name)
        dtype = like.dtype if dtype is None else dtype
        if held is None or held.shape != shape or held.dtype != dtype or held.__class__ is not like.__class__:
            held = self._buffers[name] = (np.zeros if zeros else np.empty)(shape, dtype=dtype, like=like)
        return held

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_buffers": {}, "_seen": [(None, []), (None, [])]}
