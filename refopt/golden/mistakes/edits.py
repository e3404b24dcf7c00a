"""Mistake: a rule with a small edit. The edited function is compiled from the rule's real source, so it is never a copy."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from refopt import catalogue, numbers
from refopt.golden.subjects import subject
from refopt.recurrence import Rule

__all__ = ["MEMORY", "Functions", "Lines", "Mistake", "edited"]

# (old, new): one statement of the rule's text and what stands in its place, which may be several statements or none.
# An old text of "" is the place before the first statement, "return" the place before the last.
Lines = tuple[tuple[str, str], ...]
# (name of a hole, or of a function that the step calls, and what changes in it)
Functions = tuple[tuple[str, Lines], ...]


@dataclass(frozen=True)
class Mistake:
    """One wrong implementation: the rule that is meant, with a hole filled otherwise, lines replaced, or a wrong loop around.

    name, flag   the kind of mistake; the golden flag of a vector that must notice it
    explanation  a sentence for the developer whose program behaves so: what is wrong, and how it shows
    link         a public bug of this kind
    hyper        holes, and what they are filled with       lines, start   edits of the step's text, and of init's
    scope        "network": norms over all tensors; "tensor": over each        loop   takes the rule, returns the subject
    """

    rule: str
    name: str
    flag: str
    explanation: str
    link: str = ""
    hyper: Mapping[str, Any] = field(default_factory=dict, hash=False)
    lines: Lines = ()
    start: Lines = ()
    scope: str | None = None
    loop: Callable[[Rule], Any] | None = field(default=None, hash=False)

    @cached_property
    def edited(self) -> Rule:
        """The wrong rule: the rule of the paper with the edit."""
        return edited(catalogue.rule(self.rule), self.lines, self.start, self.scope)(**self.hyper)

    def make(self, **hyper: Any) -> Any:
        """The subject, as `refopt.golden.check` takes it: ``check(mistake.make, mistake.rule)``."""
        if self.loop is None:
            return subject(self.edited)(**hyper)
        return self.loop(self.edited(**hyper))

    def __str__(self) -> str:
        return f"{self.rule}: {self.name} ({self.flag}). {self.explanation}"


def edited(rule: Rule, lines: Lines = (), start: Lines = (), scope: str | None = None, functions: Functions = ()) -> Rule:
    """The rule with statements of its step, of its init, or of functions that the step calls, replaced.

    ValueError where a statement does not occur exactly once.
    """
    if not (lines or start or scope or functions):
        return rule
    fillings, helpers = {}, {}
    for name, edits in functions:
        if name in rule.holes:
            fillings[name] = _replaced(rule.hyper[name], edits)
        else:
            helpers[name] = _replaced(rule.recurrence.__globals__[name], edits)
    made = Rule(
        _replaced(rule.start, start),
        _replaced(rule.recurrence, lines, helpers),
        scope=scope or rule._own_scope,
        paper=rule.paper,
        name=rule.name,
        ranges=rule._ranges,
        family=rule.family,
    )
    return made(**{**rule.hyper, **fillings})


class Memory:
    """What an edited text may remember from step to step beside the state: learning rates, and values of names.

    Whoever walks tells it when a walk and when a step begins. `step` is how many steps the state has seen, `done` the number
    of this one in the walk.
    """

    def __init__(self) -> None:
        self.begin(0.0)

    def begin(self, lr: float, late: bool = False) -> None:
        """A new walk; a late one goes on from a state that was loaded."""
        self.step, self.done, self.first, self.last, self.now = (999 if late else -1), 0, lr, lr, lr
        self.kept: dict[tuple[str, int], list[Any]] = {}
        self.calls: dict[str, int] = {}

    def next(self, lr: float) -> None:
        """A new step, with its learning rate."""
        self.step, self.done, self.last, self.now = self.step + 1, self.done + 1, self.now, lr
        self.calls = {}

    def rate(self, which: str) -> float:
        """The first learning rate, or that of the step before."""
        return self.first if which == "first" else self.last

    def keep(self, which: str, name: str, value: Any) -> Any:
        """The first value that a name had in this place, or the one of the step before; one place for each tensor."""
        place = self.calls[name] = self.calls.get(name, -1) + 1
        known = self.kept.setdefault((name, place), [])
        known.append(value)
        return known[0] if which == "first" or len(known) == 1 else known[-2]


MEMORY = Memory()


def _replaced(function: Callable[..., Any], lines: Lines, helpers: dict[str, Any] | None = None) -> Callable[..., Any]:
    if not (lines or helpers):
        return function
    definition, places = _parsed(function)
    body = [[statement] for statement in definition.body]
    first: list[ast.stmt] = []
    last: list[ast.stmt] = []
    for old, new in lines:
        statements = ast.parse(new).body
        if old in ("", "return"):
            (last if old else first).extend(statements)
            continue
        found = places.get(ast.dump(ast.parse(old).body[0]), [])
        found = [i for i in found if body[i] and body[i][0] is definition.body[i]]
        if len(found) != 1:
            raise ValueError(f"{old!r} occurs {len(found)} times in the rule's text, and must occur once")
        body[found[0]] = statements
    *steps, end = body
    whole = [*first, *(statement for part in steps for statement in part), *last, *end]
    new_definition = ast.FunctionDef(definition.name, definition.args, whole, [], None, None)
    module = ast.fix_missing_locations(ast.Module([new_definition], []))
    # The rule's own names come first: a rule may call something else `sign` or `mean`.
    names = _NAMES | function.__globals__ | (helpers or {})
    exec(compile(module, f"<{function.__module__}, edited>", "exec"), names)
    return names[definition.name]


def _bfloat16(x: Any) -> Any:
    """Rounded to 8 bits, to nearest, ties to even: the upper half of a float32."""
    bits = np.asarray(x, dtype=np.float32).view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) & 0xFFFF0000).astype(np.uint32).view(np.float32)[()]


_NAMES = {name: getattr(numbers, name) for name in numbers.__all__}
_NAMES |= {
    "rate_": MEMORY.rate,
    "keep_": MEMORY.keep,
    "step_": lambda: MEMORY.step,
    "done_": lambda: MEMORY.done,
    "single_": lambda x: np.float32(x) if numbers.is_scalar(x) else x.astype(np.float32),
    "half_": lambda x: np.float16(x) if numbers.is_scalar(x) else x.astype(np.float16),
    "brain_": lambda x: _bfloat16(x),
    "double_": lambda x: float(x) if numbers.is_scalar(x) or isinstance(x, np.generic) else x.astype(np.float64),
    "RMS_": lambda x: numbers.norm(x) / max(x.size, 1) ** 0.5,
}


@cache
def _parsed(function: Callable[..., Any]) -> tuple[ast.FunctionDef, dict[str, list[int]]]:
    """The text of a function, and where each of its statements stands."""
    definition = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    assert isinstance(definition, ast.FunctionDef)
    places: dict[str, list[int]] = {}
    for i, statement in enumerate(definition.body):
        places.setdefault(ast.dump(statement), []).append(i)
    return definition, places
