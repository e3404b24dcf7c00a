"""One flat theta with named views: a network's parameters as one vector, seen as its matrices."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["Views"]


class Views:
    """Where each named tensor lies in the flat vector. ``views(theta)`` gives them by name; nothing is copied."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = dict(shapes)
        self.places: list[tuple[str, int, int, tuple[int, ...]]] = []
        self.size = 0
        for name, shape in self.shapes.items():
            stop = self.size + math.prod(shape)
            self.places.append((name, self.size, stop, shape))
            self.size = stop

    def __call__(self, theta: Any) -> dict[str, Any]:
        """The tensors of `theta` by name, as views."""
        return {name: theta[start:stop].reshape(shape) for name, start, stop, shape in self.places}
