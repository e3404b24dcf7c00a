"""Paths: what a subject does on the vectors of a rule, and what an explanation of it would do there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.golden.check import EXTRA, SLACK, CannotDo, arrays, called, fresh, gradients_of, kept, not_like
from refopt.golden.mistakes.edits import MEMORY
from refopt.recurrence import Rule

__all__ = ["CLOSE", "Path", "Vector", "near", "path", "text_path"]

# Beside what rounding may do (the budgets in the file), as a part of the step that an entry makes: so near only an explanation
# that is right comes on every vector.
CLOSE = 1e-10
ROUNDED = 3e-6  # as a part of the entry: for an explanation that says "in float32", where the order of operations shows

RESULTS = ("average", "ax")  # what a subject may show beside the parameters

Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Vector:
    """A vector with its numbers as arrays, made once."""

    id: str
    flags: tuple[str, ...]
    hyper: dict[str, Any]
    theta: Arrays
    gradients: list[list[Any]]
    lr: list[float] | None
    start: dict[str, Any] | None
    allowed: list[dict[str, np.ndarray]]  # what rounding may do to parameters, and averages, after each step
    cost: int

    @classmethod
    def of(cls, vector: dict[str, Any]) -> Vector:
        """From what the file holds."""
        shapes = [tuple(shape) for shape in vector["shapes"]]
        start = vector.get("start")
        return cls(
            vector["id"],
            tuple(vector["flags"]),
            {word: tuple(x) if isinstance(x, list) else x for word, x in vector["hyper"].items()},
            arrays(vector["theta"], shapes),
            [gradients_of(flat, shapes) for flat in vector["gradients"]],
            vector.get("lr"),
            start and {key: arrays(x, shapes) if isinstance(x, list) else x for key, x in start.items()},
            [{name: _allowed(step, name) for name in ("theta", *RESULTS) if name in step} for step in vector["steps"]],
            len(vector["gradients"]) * (1 + len(shapes)),
        )


def _allowed(step: dict[str, Any], name: str) -> np.ndarray:
    """Absolute, and twice what `check` allows: two programs are compared, and each may round in its own way."""
    values = flat([x for x in step[name] if x is not None])
    ulps = flat([[np.nan if x is None else x for x in part] for part in step["ulps"][name] if part is not None])
    unit = np.spacing(np.abs(np.where(np.isfinite(values), values, 0.0)))
    size = np.max(np.abs(values[np.isfinite(values)]), initial=0.0)
    with np.errstate(over="ignore"):
        return np.where(np.isfinite(ulps), 2 * (SLACK * ulps + EXTRA) * unit, 1e-9 * size)


@dataclass(frozen=True)
class Path:
    """The parameters after every step, as one vector each, and which of the caller's arrays the subject changed.

    `raised` is what ended the walk, if something did; `shown` names the averages that follow the parameters in the vectors.
    """

    steps: list[np.ndarray]
    touched: frozenset[str] = frozenset()
    raised: str = ""
    shown: tuple[str, ...] = ()


def flat(tensors: list[Any]) -> np.ndarray:
    """All entries in one vector; None is NaN."""
    return np.concatenate([np.asarray(x, dtype=float).reshape(-1) for x in tensors])


def path(
    make: Callable[..., Any], vector: Vector, most: int | None = None, shown: tuple[str, ...] | None = None
) -> Path | None:
    """Walk a vector as `check` does, for at most so many steps; None where the subject does not have what it asks for.

    `shown` are the averages that are wanted; None: those that the subject shows.
    """
    touched: set[str] = set()
    steps: list[np.ndarray] = []
    returned: list[Any] = []
    missing = any(g is None for gradients in vector.gradients for g in gradients)
    try:
        made = called(make, vector.hyper, vector.id.partition("/")[0])
        if (vector.lr and not hasattr(made, "set_lr")) or (vector.start and not hasattr(made, "load")):
            return None
        if shown is None:
            shown = RESULTS if hasattr(made, "results") and not missing else ()
        params = [x.copy() for x in vector.theta]
        first = [x.copy() for x in params]
        made.init(first)
        if vector.start:
            made.load({key: [y.copy() for y in x] if isinstance(x, list) else x for key, x in vector.start.items()})
        for number, gradients in enumerate(vector.gradients[:most]):
            if vector.lr:
                made.set_lr(vector.lr[number])
            given, grads = [x.copy() for x in params], [None if g is None else g.copy() for g in gradients]
            with np.errstate(all="ignore"):
                new = made.step(given, grads)
            if not kept(returned, params):
                touched.add("results")
            if wrong := not_like(new, [x.shape for x in params]):
                return Path(steps, frozenset(touched), wrong, shown)
            returned, moved = (
                fresh(new, (*(g for g in grads if g is not None), *given, *first)),
                [np.array(x, float) for x in new],
            )
            if any(not np.array_equal(x, y, equal_nan=True) for x, y in zip(given, params, strict=True)):
                touched.add("parameters")
            here = [(x, y) for x, y in zip(grads, gradients, strict=True) if x is not None]
            if any(not np.array_equal(x, y) for x, y in here):
                touched.add("gradients")
            for x in (*(x for x, _ in here), *given, *first):
                x[...] = 1e300  # whoever kept it will be seen
            params = moved
            found = made.results() if shown else {}
            shown = tuple(name for name in shown if name in found)
            steps.append(flat([*moved, *(x for name in shown for x in found[name])]))
    except CannotDo:
        return None
    except (Exception, SystemExit) as error:  # whatever a stranger's program may raise
        return None if missing else Path(steps, frozenset(touched), f"{type(error).__name__}: {error}", shown or ())
    if missing and not np.isfinite(steps[-1]).all():
        return None  # it does not know missing gradients
    return Path(steps, frozenset(touched), "", shown)


def text_path(
    rule: Rule,
    changes: dict[str, Callable[[float], float]],
    vector: Vector,
    most: int | None = None,
    shown: tuple[str, ...] = (),
) -> Path | None:
    """The same of a rule, without the care that a stranger's program needs; None where its text makes no sense."""
    hyper = vector.hyper | {word: change(vector.hyper[word]) for word, change in changes.items() if word in vector.hyper}
    missing = any(g is None for gradients in vector.gradients for g in gradients)
    whole = bool(missing or vector.start or shown) or rule.scope == "tensor" or rule.inner is not None
    steps = []
    lr = hyper.get("lr", 0.0)
    MEMORY.begin(lr, late=bool(vector.start))
    try:
        words = rule._words()
        bound = rule(**{word: value for word, value in hyper.items() if word in words})
        theta: Any = list(vector.theta) if whole else flat(vector.theta)
        with np.errstate(all="ignore"):
            state = bound.init(theta)
            if vector.start:
                state |= {name: value for name, value in vector.start.items() if name in rule.state_names}
            rates: dict[float, Rule] = {}
            for number, gradients in enumerate(vector.gradients[:most]):
                now = bound
                if vector.lr:
                    lr = changes["lr"](vector.lr[number]) if "lr" in changes else vector.lr[number]
                    if lr not in rates:
                        rates[lr] = bound(lr=lr)
                    now = rates[lr]
                MEMORY.next(lr)
                theta, state = now.update(theta, list(gradients) if whole else flat(gradients), state)
                results = [x for name in shown for x in state[name]]
                steps.append(flat([*theta, *results]) if whole else theta)
    except Exception:  # an edited text may mean anything, and nothing
        return None
    return Path(steps, shown=shown)


def near(one: Path | None, two: Path, vector: Vector, close: float = CLOSE) -> bool:
    """Whether both come to the same numbers on a vector, and to the same changes of the caller's arrays."""
    if one is None or len(one.steps) != len(two.steps) or one.touched != two.touched:
        return False
    before = flat(list(vector.theta))
    before = np.concatenate([before, np.zeros(len(two.steps[0]) - len(before))]) if two.shown else before
    for a, b, budgets in zip(one.steps, two.steps, vector.allowed, strict=False):
        if np.shape(a) != b.shape or not (np.isfinite(b).any() or not b.size):
            return False  # NaN alone explains nothing
        allowed = budgets["theta"]
        if two.shown:
            allowed = np.concatenate([allowed, *(budgets[name] for name in two.shown)])
        with np.errstate(all="ignore"):
            scale = np.abs(b) + 10 * np.abs(b - before) if close == ROUNDED else np.abs(b - before)
            same = (np.abs(a - b) <= allowed + close * scale) | (a == b) | (np.isnan(a) & np.isnan(b))
        if not same.all():
            return False
        before = b
    return True
