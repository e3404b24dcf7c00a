"""Missing gradients: a step of the tensors that have one. The others, and what the state keeps of them, stay as they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from refopt import numbers
from refopt.containers import Layout

__all__ = ["misses", "update"]

INNER_STATE = "inner_state"


def misses(g: Any) -> bool:
    """Whether some tensor of a container has None for a gradient."""
    if isinstance(g, Mapping):
        g = g.values()
    elif not isinstance(g, (list, tuple)):
        return False
    return any(x is None for x in g)


def update(rule: Any, theta: Any, g: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """`Rule.update` of the tensors with a gradient. The step counts for all, as it does where a gradient is zero.

    Where no tensor has one nothing happens, and no step is counted.
    """
    layout = Layout(theta)
    gradients = dict(zip(layout.keys, layout.match(g, "g"), strict=True))
    there = [key for key in layout.keys if gradients[key] is not None]
    if not there:
        return _copied(theta), _copied(dict(state))
    some = _Some(layout, there)
    moved, new = rule.update({key: theta[key] for key in there}, {key: gradients[key] for key in there}, some.taken(state))
    return some.put(theta, moved), some.state(state, new)


class _Some:
    """Some tensors of a container, and the same of what has its form."""

    def __init__(self, layout: Layout, there: list[Any]) -> None:
        self.layout, self.there = layout, there
        stops = dict(zip(layout.keys, layout.stops, strict=True))
        sizes = {key: math.prod(shape) for key, shape in zip(layout.keys, layout.shapes, strict=True)}
        self.columns = [i for key in there for i in range(stops[key] - sizes[key], stops[key])]

    def like(self, value: Any) -> bool:
        """Whether a value holds something for each tensor."""
        if isinstance(value, Mapping):
            return tuple(value) == self.layout.keys
        return isinstance(value, (list, tuple)) and len(value) == len(self.layout.keys)

    def stacked(self, value: Any) -> bool:
        """Whether it is rows of vectors that hold all tensors."""
        return numbers.is_array(value) and value.ndim == 2 and value.shape[1] == self.layout.size

    def taken(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """The state of these tensors alone."""
        new: dict[str, Any] = {}
        for name, value in state.items():
            if name == INNER_STATE and isinstance(value, Mapping):
                new[name] = self.taken(value)
            elif self.like(value):
                new[name] = {key: value[key] for key in self.there}
            else:
                new[name] = value[:, self.columns] if self.stacked(value) else value
        return new

    def put(self, whole: Any, some: Mapping[Any, Any]) -> Any:
        """The container with these tensors renewed."""
        return self.layout.rebuild(some[key] if key in some else _copied(whole[key]) for key in self.layout.keys)

    def state(self, whole: Mapping[str, Any], some: Mapping[str, Any]) -> dict[str, Any]:
        """The state with what belongs to these tensors renewed."""
        new: dict[str, Any] = {}
        for name, value in whole.items():
            if name == INNER_STATE and isinstance(value, Mapping):
                new[name] = self.state(value, some[name])
            elif self.like(value):
                new[name] = self.put(value, some[name])
            elif self.stacked(value):
                new[name] = numbers.copy(value)
                new[name][:, self.columns] = some[name]
            else:
                new[name] = some[name]
        return new


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _copied(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_copied(part) for part in value)
    return numbers.copy(value) if numbers.is_array(value) else value
