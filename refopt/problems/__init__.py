"""Toy functions with what is known of them: gradient, Hessian, minima, saddles, a start, and the trap that each sets.

    rastrigin = refopt.problems.get("rastrigin", dimension=10)
    rastrigin.loss(theta), rastrigin.grad(theta), rastrigin.hessian(theta)    # theta (…, 10): (…), (…, 10), (…, 10, 10)

They are written in plain arithmetic: the same text runs on float32, on complex numbers and on balls (``refopt.exact``).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from refopt.problems import basins, bowls, flats, models, noisy, ripples, saddles, valleys
from refopt.problems.problem import Problem
from refopt.recurrence import nearest

__all__ = ["Problem", "get", "names", "options"]

# A family's file is registered here; its problems are the names in its __all__.
FAMILIES = (bowls, valleys, basins, ripples, flats, saddles, noisy, models)
_PROBLEMS: dict[str, Callable[..., Problem]] = {name: getattr(family, name) for family in FAMILIES for name in family.__all__}


def names() -> list[str]:
    """The names of the problems, sorted."""
    return sorted(_PROBLEMS)


def options(name: str) -> dict[str, Any]:
    """The options of the problem called `name`, with their defaults. Raises ValueError for an unknown name."""
    if name not in _PROBLEMS:
        raise ValueError(f"unknown problem {name!r}{nearest(name, names())}")
    return {word: option.default for word, option in inspect.signature(_PROBLEMS[name]).parameters.items()}


def get(name: str | Problem, **chosen: Any) -> Problem:
    """The problem called `name`; ``get("quadratic", condition=100, dimension=10)`` takes options. A `Problem` is itself.

    Raises ValueError for an unknown name or an impossible value, TypeError for an option that the problem does not have, and
    for what is neither a name nor a problem.
    """
    if isinstance(name, Problem) and not chosen:
        return name
    if not isinstance(name, str):
        raise TypeError(f"a problem is a name of refopt.problems.names() or a refopt.problems.Problem, got {name!r}")
    allowed = options(name)
    for word in chosen:
        if word not in allowed:
            hint = nearest(word, allowed) if allowed else ". It has none"
            raise TypeError(f"the problem {name} has no option {word!r}{hint}")
    return _PROBLEMS[name](**chosen)
