"""check: walk another implementation over the vectors of a rule and say where it leaves the path."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from refopt.golden.files import vectors

__all__ = [
    "CannotDo",
    "Failure",
    "Report",
    "arrays",
    "called",
    "check",
    "compare",
    "documents",
    "fresh",
    "gradients_of",
    "kept",
    "not_like",
]

# The budget in the files holds for every order of rounding of the rule's own operations. Another order of the operations, a
# fused multiply-add or a vendor's square root costs a few units more.
SLACK, EXTRA = 8.0, 8.0
MISSING = "it takes no missing gradients"


class CannotDo(Exception):
    """Raised by a subject that does not have what a vector asks for: the vector is skipped, and the message says why."""


@dataclass(frozen=True)
class Failure:
    """The first place of a vector where the subject is not where it should be.

    vector  its id;  flags  what the vector is made to catch
    step    from 1;  tensor, index  of the entry that is furthest off
    got, expected, ulps, allowed  there, in units in the last place; `what` says it in words where no numbers can
    """

    vector: str
    flags: tuple[str, ...]
    step: int
    what: str
    tensor: int | None = None
    index: tuple[int, ...] = ()
    got: float = math.nan
    expected: float = math.nan
    ulps: float = math.inf
    allowed: float = 0.0

    def __str__(self) -> str:
        place = "" if self.tensor is None else f", tensor {self.tensor}{''.join(f'[{i}]' for i in self.index)}"
        return f"{self.vector} ({', '.join(self.flags)}), step {self.step}{place}: {self.what}"


@dataclass(frozen=True)
class Report:
    """What came of a check: the vectors that passed, the first failure of each that did not, and what could not be run.

    ulps  on the vectors that passed, how far a parameter was off at most, in units in the last place at the larger of what it
          is and what it was before the step
    """

    rule: str
    passed: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    skipped: tuple[tuple[str, str], ...] = field(default=())
    ulps: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every vector that could be run was passed, and at least one was."""
        return bool(self.passed) and not self.failures

    @property
    def flags(self) -> list[str]:
        """The flags of the vectors that failed: what is likely wrong."""
        return list(dict.fromkeys(flag for failure in self.failures for flag in failure.flags))

    def __str__(self) -> str:
        counts = f"{self.rule}: {len(self.passed)} vectors passed, {len(self.failures)} failed, {len(self.skipped)} skipped"
        lines = [counts + (f"; at most {self.ulps:.3g} ulps off" if self.passed else "")]
        lines += [f"    {failure}" for failure in self.failures]
        lines += [f"    {name} skipped: {why}" for name, why in self.skipped]
        return "\n".join(lines)


def check(make: Callable[..., Any], rule: str, framework: str | None = None, only: str | None = None) -> Report:
    """Compare an implementation with the vectors of `rule`, in float64.

    With `framework` the expected values are those of that library's reading, with its defaults and its hyper-parameters,
    proven on the spot (python-flint is needed); without, those of the paper's reading, as they ship.

    ``make(**hyper)`` gets the hyper-parameters by refopt's names; one whose signature lacks some of them is asked only where
    these have the rule's defaults. It returns an object with ``init(params)``, which takes a list of arrays, and
    ``step(params, grads)``, which returns the new list. Vectors in which the learning rate changes need ``set_lr(lr)``, those
    from a later state ``load(state)``, a dict of what the file calls ``start``.

    A subject whose rule is there for an average of the parameters may show it with ``results()``, a dict of lists of arrays by
    the names of the file (``average``, ``ax``); it is compared too.

    `only` is the id of one vector; the others are left out.

    The arrays that were handed in must be left as they were, and must not be kept: all of them are written over after each
    step. Those that a step returned must not change in the next. What the subject raises is a failure of that vector; only
    where a gradient is missing (None, in vectors with the flag MissingGradient) a subject that raises, or gives NaN, is taken
    for one that knows no missing gradients, and the vector is skipped.
    """
    document = documents(rule, framework)
    names = [vector["id"] for vector in document["vectors"]]
    if only is not None and only not in names:
        raise ValueError(f"there is no vector {only!r} of {rule}; they are {', '.join(names)}")
    passed, failures, skipped, worst = [], [], [], 0.0
    for vector in document["vectors"]:
        if only not in (None, vector["id"]):
            continue
        why = None
        try:
            subject = called(make, {word: tuple(x) if isinstance(x, list) else x for word, x in vector["hyper"].items()}, rule)
        except CannotDo as error:
            skipped.append((vector["id"], str(error)))
            continue
        except (Exception, SystemExit) as error:
            what = f"make raised {type(error).__name__}: {error}"
            failures.append(Failure(vector["id"], tuple(vector["flags"]), 0, what))
            continue
        for word, method in (("lr", "set_lr"), ("start", "load")):
            if word in vector and not hasattr(subject, method):
                why = f"it needs {method}"
        if why:
            skipped.append((vector["id"], why))
            continue
        try:
            failure, ulps = _walk(subject, vector, document.get("bound", 0.0))
        except CannotDo as error:
            skipped.append((vector["id"], str(error)))
            continue
        if failure is None:
            passed.append(vector["id"])
            worst = max(worst, ulps)
        else:
            failures.append(failure)
    return Report(rule, tuple(passed), tuple(failures), tuple(skipped), worst)


def called(make: Callable[..., Any], hyper: dict[str, Any], rule: str) -> Any:
    """The subject. One that does not take a hyper-parameter is not asked for another value than the rule's default."""
    from refopt.catalogue import load

    try:
        parameters = inspect.signature(make).parameters
    except (TypeError, ValueError):  # a builtin, say
        return make(**hyper)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
        return make(**hyper)
    defaults = load(rule).defaults
    for word in hyper.keys() - parameters.keys():
        if word not in defaults or hyper[word] != defaults[word]:
            raise CannotDo(f"it takes no {word}")
    return make(**{word: value for word, value in hyper.items() if word in parameters})


def documents(rule: str, framework: str | None = None) -> dict[str, Any]:
    """What a subject is compared with: the file of the rule, or the same made for a library's reading."""
    return vectors(rule) if framework is None else _reading(rule, framework)


@cache
def _reading(rule: str, framework: str) -> dict[str, Any]:
    from refopt import frameworks
    from refopt.golden.make import document

    reading = frameworks.FRAMEWORKS[framework][rule] if rule in frameworks.FRAMEWORKS.get(framework, {}) else None
    if reading is None:
        frameworks.rule(rule, framework)  # its error
        raise AssertionError
    return document(reading.rule, reading) | ({"bound": reading.bound} if reading.cause else {})


def _walk(subject: Any, vector: dict[str, Any], loose: float) -> tuple[Failure | None, float]:
    """The first failure; and how many ulps the parameters were off at most before it."""
    name, flags, shapes = vector["id"], tuple(vector["flags"]), [tuple(shape) for shape in vector["shapes"]]
    params = arrays(vector["theta"], shapes)
    step, worst = 0, 0.0
    returned: list[Any] = []
    try:
        first = [x.copy() for x in params]
        subject.init(first)
        if "start" in vector:
            subject.load({key: arrays(x, shapes) if isinstance(x, list) else x for key, x in vector["start"].items()})
        for step, (gradients, expected) in enumerate(zip(vector["gradients"], vector["steps"], strict=True), 1):
            if "lr" in vector:
                subject.set_lr(vector["lr"][step - 1])
            given, grads = [x.copy() for x in params], gradients_of(gradients, shapes)
            here = [g for g in grads if g is not None]
            before = [x.copy() for x in given], [g.copy() for g in here]
            with np.errstate(all="ignore"):
                moved = subject.step(given, grads)
            wrong = _inputs_changed(before, (given, here)) or not_like(moved, shapes) or _changed_later(returned, params)
            if wrong:
                return Failure(name, flags, step, wrong), worst
            returned, moved = fresh(moved, (*here, *given, *first)), [np.array(x, dtype=float) for x in moved]
            if any(np.isnan(x).any() for x, g in zip(moved, grads, strict=True) if g is None):
                raise CannotDo(MISSING)
            for x in (*here, *given, *first):
                x[...] = 1e300  # whoever kept it will be seen
            failure = compare(moved, expected, params, shapes, name, flags, step, loose)
            shown = subject.results() if hasattr(subject, "results") else {}
            if not isinstance(shown, dict):
                return Failure(
                    name, flags, step, f"results returned {type(shown).__name__}, not a dict of lists of arrays"
                ), worst
            for what in (what for what in shown if what in expected):
                if wrong := not_like(shown[what], shapes, what):
                    return Failure(name, flags, step, wrong), worst
                parts = [np.array(x, dtype=float) for x in shown[what]]
                failure = failure or compare(parts, expected, params, shapes, name, flags, step, loose, what)
            if failure:
                return failure, worst
            worst = max(worst, _ulps(moved, expected, params))
            params = moved
    except CannotDo:
        raise
    except (Exception, SystemExit) as error:
        if step and any(g is None for g in vector["gradients"][step - 1]):
            raise CannotDo(f"{MISSING}: {type(error).__name__}: {error}") from None
        return Failure(name, flags, step, f"raised {type(error).__name__}: {error}"), worst
    return None, worst


def _ulps(moved: list[np.ndarray], expected: dict[str, Any], before: list[np.ndarray]) -> float:
    """The largest distance of a parameter, in ulps at the larger of what it is and what it was before the step."""
    worst = 0.0
    for x, old, values, budgets in zip(moved, before, expected["theta"], expected["ulps"]["theta"], strict=True):
        for got, was, value, budget in zip(x.reshape(-1).tolist(), old.reshape(-1).tolist(), values, budgets, strict=True):
            if value is not None and budget is not None and (size := max(abs(value), abs(was))) > 0:
                worst = max(worst, abs(got - value) / math.ulp(size))
    return worst


def arrays(flat: list[list[float]], shapes: list[tuple[int, ...]]) -> list[np.ndarray]:
    """The tensors of a file: flat lists with their shapes."""
    return [np.array(x, dtype=float).reshape(shape) for x, shape in zip(flat, shapes, strict=True)]


def gradients_of(flat: list[Any], shapes: list[tuple[int, ...]]) -> list[Any]:
    """The gradients of one step; None where a tensor has none."""
    return [None if x is None else np.array(x, dtype=float).reshape(shape) for x, shape in zip(flat, shapes, strict=True)]


def fresh(moved: Any, given: tuple[np.ndarray, ...]) -> list[Any]:
    """The arrays that a step returned; None for those that are the caller's own."""
    return [None if any(np.may_share_memory(x, y) for y in given) else x for x in moved]


def kept(returned: list[Any], params: list[np.ndarray]) -> bool:
    """Whether what a step returned is still what it was, after the next one."""
    pairs = zip(returned, params, strict=bool(returned))
    return all(x is None or np.array_equal(np.array(x, dtype=float), y, equal_nan=True) for x, y in pairs)


def _changed_later(returned: list[Any], params: list[np.ndarray]) -> str | None:
    return None if kept(returned, params) else "it changed arrays that it had returned before"


def _inputs_changed(kept: Any, given: Any) -> str | None:
    for before, after, what in zip(kept, given, ("parameters", "gradients"), strict=True):
        if not all(np.array_equal(x, y, equal_nan=True) for x, y in zip(before, after, strict=True)):
            return f"it changed the {what} that were handed in"
    return None


def not_like(moved: Any, shapes: list[tuple[int, ...]], what: str = "step") -> str | None:
    """What is wrong with the form of what came back, if anything is."""
    if not isinstance(moved, (list, tuple)) or len(moved) != len(shapes):
        return f"{what} returned {type(moved).__name__}, not a list of {len(shapes)} arrays"
    got = [np.shape(x) for x in moved]
    return None if got == shapes else f"{what} returned arrays of shapes {got}, not {shapes}"


def compare(
    moved: list[np.ndarray],
    expected: Any,
    before: list[np.ndarray],
    shapes: Any,
    name: str,
    flags: Any,
    step: int,
    loose: float = 0.0,
    of: str = "theta",
) -> Failure | None:
    """The failure at the entry that is furthest outside of what is allowed, if any is; `expected` is a step of the file.

    `loose` is what is allowed beside, relative to the largest entry of the tensor: for libraries that compute in float32.
    `of` is the name in the file of what has `moved`.
    """
    worst: Failure | None = None
    for tensor, (x, want, ulps, shape) in enumerate(zip(moved, expected[of], expected["ulps"][of], shapes, strict=True)):
        if want is None:
            continue  # it has no gradient, and nothing is said of its state
        size = float(np.max(np.abs(before[tensor][np.isfinite(before[tensor])]), initial=0.0))
        for place, (got, value, budget) in enumerate(zip(x.reshape(-1).tolist(), want, ulps, strict=True)):
            if value is None:
                continue  # it lies exactly between two numbers, or the formula has no value here
            if budget is None:
                if value != 0:
                    continue  # rounding may flip a comparison: no honest program can be held to it
                unit, allowed = max(size, abs(got)) * 2.0**-52 or 1.0, EXTRA  # beside 0 the parameters set the scale
            else:
                unit, allowed = math.ulp(value), SLACK * budget + EXTRA
            if loose:
                allowed += loose * max(size, abs(value)) / unit
            off = abs(got - value) / unit if math.isfinite(got) else math.inf
            if not off <= allowed and (worst is None or off / allowed > worst.ulps / worst.allowed):
                index = tuple(int(i) for i in np.unravel_index(place, shape))
                what = (
                    f"{'' if of == 'theta' else of + ': '}{got!r}, expected {value!r}: {off:.3g} ulp off, {allowed:.3g} allowed"
                )
                worst = Failure(name, flags, step, what, tensor, index, got, value, off, allowed)
    return worst
