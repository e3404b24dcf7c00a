"""Schedule: a function of the number of updates done, with hyper-parameters bound.

A schedule is written as one function, and `Schedule` reads everything else off its signature::

    @Schedule
    def exponential(k, *, lr, gamma, steps=1):     # k updates are done; after * the hyper-parameters
        '''One line that says what it does.'''
        return lr * gamma ** (k / steps)

A hyper-parameter without a default has to be given; one whose default is a function is a *hole*, the place where libraries
disagree, filled from `refopt.schedules.readings` or `refopt.schedules.shapes`.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, NamedTuple, overload

from refopt import numbers
from refopt.recurrence import nearest

__all__ = ["WORDS", "Schedule", "Word"]

POSITIVE = math.ulp(0.0)
NOTHING = object()  # no k was given


class Word(NamedTuple):
    """What a hyper-parameter may be: its kind (see `_KINDS`), the least and the largest value allowed, and its meaning."""

    kind: str
    low: float
    high: float
    meaning: str


# The words mean the same in every schedule. Learning rates are absolute, never fractions of one another; `start` is a fraction.
WORDS = {
    "lr": Word("number", 0, math.inf, "the learning rate: where a decay begins, where a warm-up ends, the peak of one cycle"),
    "peak": Word("number", 0, math.inf, "the highest learning rate"),
    "end": Word("number", 0, math.inf, "the learning rate at the end"),
    "low": Word("number", 0, math.inf, "the momentum while the learning rate is high"),
    "high": Word("number", 0, math.inf, "the momentum while the learning rate is low"),
    "start": Word("number", 0, math.inf, "where a warm-up begins, as a fraction of where it ends"),
    "steps": Word("whole", 1, math.inf, "how many updates it takes, or one period of it"),
    "warmup": Word("whole", 0, math.inf, "how many updates the warm-up takes"),
    "stable": Word("whole", 0, math.inf, "how many updates the learning rate stays up"),
    "decay": Word("whole", 0, math.inf, "how many updates the decay takes"),
    "begin": Word("whole", 0, math.inf, "how many updates pass before anything changes"),
    "up": Word("whole", 1, math.inf, "updates from the lowest to the highest value"),
    "down": Word("whole", 1, math.inf, "updates from the highest to the lowest value; None: as many as up"),
    "gamma": Word("number", 0, math.inf, "the factor of one period"),
    "rate": Word("number", 0, math.inf, "what one period adds to the divisor"),
    "power": Word("number", 0, math.inf, "an exponent"),
    "growth": Word("number", 1, math.inf, "how many times as long the next cycle is"),
    "shrink": Word("number", 0, math.inf, "the factor of the next cycle's height"),
    "cycles": Word("whole", 1, math.inf, "how many cycles there are; None: no end"),
    "staircase": Word("switch", 0, 1, "whether only whole periods count"),
    "pct": Word("number", 0, 1, "the fraction of the steps after which the peak is reached"),
    "pct_final": Word("number", 0, 1, "the fraction of the steps after which the last phase begins"),
    "div": Word("number", POSITIVE, math.inf, "lr divided by the learning rate at the start"),
    "final_div": Word("number", POSITIVE, math.inf, "the learning rate at the start divided by the one at the end"),
    "timescale": Word(
        "number", POSITIVE, math.inf, "the updates after which the decay is felt; None: as many as the warm-up has"
    ),
    "stable_power": Word("number", 0, math.inf, "the exponent of a decay during the stable phase; 0: none"),
    "d_model": Word("whole", 1, math.inf, "the width of the model"),
    "mu": Word("number", POSITIVE, math.inf, "the smallest curvature"),
    "L": Word("number", POSITIVE, math.inf, "the largest curvature"),
    "milestones": Word("wholes", 0, math.inf, "the numbers of updates at which something changes, in order"),
    "values": Word("numbers", 0, math.inf, "the values before, between and after the milestones"),
    "inner": Word("schedule", 0, 0, "the schedule inside"),
    "schedules": Word("schedules", 0, 0, "the schedules inside"),
    "of": Word("function", 0, 0, "what it is proportional to: a schedule, or any function of k"),
    "reference": Word("number", -math.inf, math.inf, "the value of that for which lr is right"),
    "origin": Word("number", -math.inf, math.inf, "the value of that for which end is right"),
    "mode": Word("mode", 0, 0, 'whether the metric should fall, "min", or rise, "max"'),
    "factor": Word("number", 0, 1, "what the learning rate is multiplied by"),
    "patience": Word("whole", 0, math.inf, "how many observations without improvement are borne"),
    "rtol": Word("number", 0, 1, "what counts as an improvement, as a fraction of the best"),
    "atol": Word("number", 0, math.inf, "what counts as an improvement"),
    "cooldown": Word("whole", 0, math.inf, "for how many observations after a change none is counted"),
    "eps": Word("number", 0, math.inf, "a change that is no larger is not made"),
}


class Schedule:
    """A learning rate (or any other number) as a function of the number of updates done. A small frozen value.

    ``s = cosine(lr=0.1, steps=100)`` binds hyper-parameters; ``s(k)`` is the value, a Python float, for the update that comes
    after k updates: update number t uses ``s(t - 1)``.

    ``Schedule(function)`` makes one of a function in the form above. `check`, a function of the hyper-parameters, refuses
    those that do not fit together. `fractional` says that k may lie between two updates.
    """

    name: str
    function: Callable[..., Any]
    defaults: Mapping[str, Any]  # those of the function; `inspect.Parameter.empty` where it has none
    hyper: Mapping[str, Any]  # what is bound now
    missing: tuple[str, ...]  # what is still to be given, by the schedules inside too
    follows = "k"  # what it is a function of
    _check: Callable[..., None] | None
    _fractional: bool

    def __init__(
        self, function: Callable[..., Any], check: Callable[..., None] | None = None, fractional: bool = False
    ) -> None:
        parameters = inspect.signature(function).parameters.values()
        defaults = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        strange = next((word for word, value in defaults.items() if word not in WORDS and not _is_hole(value)), None)
        if strange is not None:
            raise TypeError(f"{function.__name__}: {strange!r} is no word of a schedule{nearest(strange, WORDS)}")
        self.__dict__.update(
            __doc__=function.__doc__,
            __module__=function.__module__,
            __wrapped__=function,
            name=function.__name__,
            function=function,
            defaults=MappingProxyType(defaults),
            _check=check,
            _fractional=fractional,
        )
        self._bind({word: value for word, value in defaults.items() if value is not inspect.Parameter.empty})

    def _bind(self, hyper: dict[str, Any]) -> None:
        own = [word for word in self.defaults if word not in hyper]
        inside = [value for value in hyper.values() if isinstance(value, Schedule)]
        inside += [value for value in hyper.get("schedules", ()) if isinstance(value, Schedule)]
        missing = dict.fromkeys([*own, *(word for schedule in inside for word in schedule.missing)])
        self.__dict__.update(hyper=MappingProxyType(hyper), missing=tuple(missing))
        if self._check is not None and not missing:
            self._check(**hyper)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Schedule is frozen; {self.name}({name}=…) makes a new one")

    def __repr__(self) -> str:
        values = (f"{word}={_shown(self.hyper[word])}" if word in self.hyper else word for word in self.defaults)
        return f"{self.name}({', '.join(values)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self.function is other.function and dict(self.hyper) == dict(other.hyper)

    def __hash__(self) -> int:
        return hash((self.name, self.function))

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.function.__module__, self.name, dict(self.hyper))

    @property
    def __signature__(self) -> inspect.Signature:
        """What ``help`` and an editor show: the hyper-parameters with the values that are bound now."""
        kind = inspect.Parameter.KEYWORD_ONLY
        empty = inspect.Parameter.empty
        return inspect.Signature([inspect.Parameter(w, kind, default=self.hyper.get(w, empty)) for w in self.defaults])

    @property
    def words(self) -> tuple[str, ...]:
        """The hyper-parameters, then those of the schedule inside."""
        inner = self.hyper.get("inner")
        return tuple(dict.fromkeys([*self.defaults, *(inner.words if isinstance(inner, Schedule) else ())]))

    @property
    def line(self) -> str:
        """What it does, in one line."""
        return (self.__doc__ or "").strip().partition("\n")[0].rstrip(".")

    @overload
    def __call__(self, k: int | float, /, **hyper: Any) -> float: ...

    @overload
    def __call__(self, /, **hyper: Any) -> Schedule: ...

    def __call__(self, k: Any = NOTHING, /, **hyper: Any) -> Any:
        """``s(k)``: the value after k updates, a Python float. ``s(lr=0.1)``: this schedule with hyper-parameters bound.

        A word that it does not have goes to the schedule inside. Raises TypeError for an unknown word, for one of the wrong
        kind and while a word is missing, ValueError for one out of its range and for a negative k.
        """
        if k is not NOTHING:
            return self(**hyper)(k) if hyper else self._value(k)
        own = {word: value for word, value in hyper.items() if word in self.defaults}
        others = {word: value for word, value in hyper.items() if word not in self.defaults}
        checked = {word: self._checked(word, value) for word, value in own.items()}
        if others:
            inner = checked.get("inner", self.hyper.get("inner"))
            words = [*self.defaults, *(inner.words if inner is not None else ())]
            unknown = next((word for word in others if word not in words), None)
            if unknown is not None:
                raise TypeError(f"{self.name} has no hyper-parameter {unknown!r}{nearest(unknown, dict.fromkeys(words))}")
            assert inner is not None
            checked["inner"] = inner(**others)
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__)
        bound._bind({**self.hyper, **checked})
        return bound

    def _value(self, k: Any) -> float:
        self._demand_all()
        return float(self.function(_count(k, self.name, self._fractional), **self.hyper))

    def _demand_all(self) -> None:
        if self.missing:
            raise TypeError(f"{self.name} needs {', '.join(self.missing)}: {self.name}({self.missing[0]}=…)")

    def _checked(self, word: str, value: Any) -> Any:
        where, default = f"{self.name}: {word}", self.defaults[word]
        if value is None and default is None:
            return None
        if _is_hole(default):
            if not callable(value):
                raise TypeError(f"{where} must be a function like {default.__module__}.{_shown(default)}; got {value!r}")
            return value
        return _KINDS[WORDS[word].kind](where, WORDS[word], value)


def _is_hole(default: Any) -> bool:
    return callable(default) and default is not inspect.Parameter.empty


def _restored(module: str, name: str, hyper: dict[str, Any]) -> Schedule:
    return getattr(import_module(module), name)(**hyper)


def _shown(value: Any) -> str:
    return str(getattr(value, "__name__", value)) if not isinstance(value, Schedule) else repr(value)


def _count(k: Any, name: str, fractional: bool) -> int | float:
    """The number of updates done, as Python's number."""
    try:
        if isinstance(k, bool):
            raise TypeError
        count = float(k) if fractional and isinstance(k, float) else operator.index(k)
    except TypeError:
        kind = "a real" if fractional else "a whole"
        raise TypeError(f"{name}: k, the number of updates done, must be {kind} number, got {k!r}") from None
    if not 0 <= count < math.inf:
        raise ValueError(f"{name}: k, the number of updates done, must be finite and at least 0, got {k!r}")
    return count


def _number(where: str, word: Word, value: Any) -> float:
    if not numbers.is_scalar(value):
        raise TypeError(f"{where} must be a real number, got {value!r}")
    return _within(where, word, float(value))


def _whole(where: str, word: Word, value: Any) -> int:
    if not numbers.is_scalar(value) or value % 1 != 0:
        raise TypeError(f"{where} must be a whole number, got {value!r}")
    return int(_within(where, word, int(value)))


def _within(where: str, word: Word, value: float) -> float:
    if not (word.low <= value <= word.high and math.isfinite(value)):
        least = "positive" if word.low == POSITIVE else f"at least {word.low:g}"
        least = "" if word.low == -math.inf else f" and {least}"
        most = "" if word.high == math.inf else f" and at most {word.high:g}"
        raise ValueError(f"{where} must be finite{least}{most}, got {value!r}")
    return value


def _several(of: Callable[[str, Word, Any], Any]) -> Callable[[str, Word, Any], tuple[Any, ...]]:
    def checked(where: str, word: Word, value: Any) -> tuple[Any, ...]:
        if not hasattr(value, "__iter__") or isinstance(value, (str, bytes, Mapping)):
            raise TypeError(f"{where} must be a tuple, got {value!r}")
        return tuple(of(f"{where}[{i}]", word, part) for i, part in enumerate(value))

    return checked


def _wholes(where: str, word: Word, value: Any) -> tuple[int, ...]:
    several = _several(_whole)(where, word, value)
    if list(several) != sorted(several):
        raise ValueError(f"{where} must be in order, got {value!r}")
    return several


def _switch(where: str, word: Word, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{where} must be True or False, got {value!r}")
    return value


def _function(where: str, word: Word, value: Any) -> Any:
    if not callable(value):
        raise TypeError(f"{where} must be a function of k, got {value!r}")
    return value


def _schedule(where: str, word: Word, value: Any) -> Schedule:
    if not isinstance(value, Schedule) or value.follows != "k":
        raise TypeError(f"{where} must be a schedule, a function of k; got {value!r}")
    return value


def _mode(where: str, word: Word, value: Any) -> str:
    if value not in ("min", "max"):
        raise ValueError(f"{where} must be 'min' or 'max', got {value!r}")
    return value


_KINDS: dict[str, Callable[[str, Word, Any], Any]] = {
    "number": _number,
    "whole": _whole,
    "numbers": _several(_number),
    "wholes": _wholes,
    "switch": _switch,
    "function": _function,
    "schedule": _schedule,
    "schedules": _several(_schedule),
    "mode": _mode,
}
