"""Where the readings of two libraries part: the first step and name that differ, by how much, and which difference does it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt import numbers
from refopt.recurrence import Rule
from refopt.stepping import assigned

__all__ = ["Cause", "Parting", "compare", "drift", "probe"]

STEPS, SLOWER = 12, 7  # from step 7 on the learning rate is a tenth


@dataclass(frozen=True)
class Parting:
    """Two walks from one start: where the second leaves the first.

    step, name  the first difference, in the order of the rule's text; None where every bit is the same
    index       of the entry that differs most there
    values      what the two have there
    ulps        how far they are apart, in units in the last place
    theta       the largest difference of the parameters (or of their average, where a rule keeps one) after the last step,
                relative to the largest of them; NaN where one of the two has NaN
    """

    step: int | None = None
    name: str | None = None
    index: tuple[int, ...] = ()
    values: tuple[float, float] = (0.0, 0.0)
    ulps: float = 0.0
    theta: float = 0.0


@dataclass(frozen=True)
class Cause:
    """One thing that two readings do not have in common, and where it alone makes them part."""

    word: str
    values: tuple[Any, Any]
    parting: Parting


def probe() -> tuple[np.ndarray, list[np.ndarray]]:
    """Parameters and gradients on which readings part: sizes from 1e-8 to 1e3, zeros, signs that turn, a step without any."""
    theta = np.array([[1.0, -2.0, 0.5, 0.0], [0.25, -0.125, 3.0, 0.0]])
    sign = np.array([[1.0, -1.0, 1.0, 1.0], [1.0, 1.0, -1.0, 1.0]])
    gradients = []
    for t in range(1, STEPS + 1):
        g = sign * np.array([[1.0, 0.25, 1e3 * 0.5**t, 1e-8], [0.0, 1e-3 * t, 0.5, 0.125 if t > 3 else 0.0]])
        g[0, 1] *= -1.0 if t % 2 else 1.0
        gradients.append(g * (t != 5))
    return theta, gradients


def compare(one: Rule, two: Rule) -> tuple[Parting, list[Cause]]:
    """Walk two readings of a rule over the same gradients. The parting, and every difference that alone makes them part.

    Raises ValueError where the two are different rules.
    """
    causes = []
    (own, mine), (theirs, other) = _bare(one), _bare(two)
    if [name for name, _ in _flat(mine)] != [name for name, _ in _flat(other)]:
        raise ValueError(f"{one.name} and {two.name} are not readings of one rule")
    if own != theirs:
        swapped = theirs(inner=mine) if theirs is not None else mine
        causes.append(Cause("weight_decay", (_decay(own), _decay(theirs)), _part(one, swapped)))
    for depth, ((_, ours), (_, others)) in enumerate(zip(_flat(mine), _flat(other), strict=True)):
        for word in ours:
            if not _same(ours[word], others[word]):
                changed = _with(mine, depth, word, others[word])
                changed = own(inner=changed) if own is not None else changed
                causes.append(Cause(word, (ours[word], others[word]), _part(one, changed)))
    return _part(one, two), causes


def drift(one: Rule, two: Rule, theta: Any, gradients: Iterable[Any]) -> np.ndarray:
    """How far two readings have drifted apart after each step of the same `gradients` from the same `theta` (an array).

    The unit is the last place (ulp) of the largest parameter of `one`, in theta's dtype; 0 where every bit is the same, NaN
    where one of the two has NaN.

    >>> torch, keras = (refopt.rule("adam", framework=name) for name in ("torch", "keras"))
    >>> drift(torch, torch, np.ones(2), np.ones((3, 2))).tolist()
    [0.0, 0.0, 0.0]
    >>> bool(drift(torch, keras, np.ones(2), np.full((1, 2), 1e-9))[0] > 1e9)
    True
    """
    theta = np.asarray(theta)
    if theta.dtype.kind != "f":
        raise TypeError(f"drift needs a floating-point theta, got {theta.dtype}")
    (a, mine), (b, other) = (theta, one.init(theta)), (theta, two.init(theta))
    apart = []
    with np.errstate(all="ignore"):
        for g in gradients:
            a, mine = one.update(a, g, mine)
            b, other = two.update(b, g, other)
            apart.append(float(np.abs(a - b).max()) / float(np.spacing(np.abs(a).max())) if a.size else 0.0)
    return np.array(apart)


def _bare(rule: Rule) -> tuple[Rule | None, Rule]:
    """The weight decay around a rule, if there is one, and the rule inside."""
    return (rule, rule.inner) if rule.name in ("decoupled", "l2") and rule.inner is not None else (None, rule)


def _decay(wrapper: Rule | None) -> str:
    return "none" if wrapper is None else f"{wrapper.name} {wrapper.hyper['weight_decay']}"


def _flat(rule: Rule) -> list[tuple[str, dict[str, Any]]]:
    """The rule and the rules inside it: names and hyper-parameters, without those rules themselves."""
    own = {word: value for word, value in rule.hyper.items() if not isinstance(value, Rule)}
    return [(rule.name, own), *(_flat(rule.inner) if rule.inner else [])]


def _with(rule: Rule, depth: int, word: str, value: Any) -> Rule:
    if depth == 0:
        return rule(**{word: value})
    place = next(key for key, inner in rule.hyper.items() if isinstance(inner, Rule))
    return rule(**{place: _with(rule.hyper[place], depth - 1, word, value)})


def _same(a: Any, b: Any) -> bool:
    return a is b or bool(np.array_equal(a, b))


def _records(rule: Rule) -> Iterable[dict[str, Any]]:
    theta, gradients = probe()
    state = rule.init(theta)
    for t, g in enumerate(gradients, 1):
        if "grad" in rule.needs:
            rule = rule(grad=lambda theta, g=g: g + 0.5 * theta)
        if "loss" in rule.needs:
            rule = rule(loss=lambda theta: 0.25 * float(np.sum(theta * theta)))
        slower = {"lr": 0.1 * rule.lr} if t >= SLOWER and _reads_lr(rule) else {}
        record = rule.step(theta, g, state, **slower)
        yield record
        theta, state = record["theta"], {name: record[name] for name in rule.state_names}


def _reads_lr(rule: Rule) -> bool:
    """Whether a step reads the learning rate; Rprop's does not."""
    if "lr" in rule.hyper:
        return "lr" in rule._step_names
    return rule.inner is not None and _reads_lr(rule.inner)


def _part(one: Rule, two: Rule) -> Parting:
    names, first = [*assigned(one.recurrence), "theta"], None
    with np.errstate(all="ignore"):
        for step, (a, b) in enumerate(zip(_records(one), _records(two), strict=True), 1):
            for name in names:
                if first is None and name in b:
                    first = _difference(step, name, a[name], b[name])
    if first is None:
        return Parting()
    a, b = (record.get("average", record["theta"]) for record in (a, b))  # what is to be used in the end
    return Parting(**first, theta=float(np.max(np.abs(a - b)) / np.max(np.abs(a))))


def _difference(step: int, name: str, a: Any, b: Any) -> dict[str, Any] | None:
    """Where a name of the record differs; None where its bits are the same."""
    if isinstance(a, Mapping):
        found = (_difference(step, f"{name}.{part}", a[part], b[part]) for part in a)
        return next((place for place in found if place), None)
    if not (numbers.is_array(a) or numbers.is_scalar(a)) or np.shape(a) != np.shape(b):
        return None
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if np.array_equal(x, y, equal_nan=True):
        return None
    ulps = np.abs(x - y) / np.spacing(np.maximum(np.abs(x), np.abs(y)))
    ulps = np.where(np.isnan(ulps) & (np.isnan(x) != np.isnan(y)), np.inf, np.nan_to_num(ulps))
    index = np.unravel_index(int(np.argmax(ulps)), ulps.shape) if ulps.ndim else ()
    place = tuple(int(i) for i in index)
    return {
        "step": step,
        "name": name,
        "index": place,
        "values": (float(x[place]), float(y[place])),
        "ulps": float(ulps[place]),
    }
