"""Walking a rule: one record per step, and each source line of a step with its value."""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import index
from types import FrameType
from typing import Any, NamedTuple

from refopt import numbers
from refopt.containers import Layout
from refopt.dialects.functions import Required
from refopt.recurrence import INNER_STATE, Rule

__all__ = ["Layer", "Line", "assigned", "layers", "narrate", "walk"]


_END = object()  # after the last gradient


def walk(
    rule: Rule,
    theta: Any,
    grad: Callable[[Any], Any] | Iterable[Any],
    steps: int | None = None,
    state: Mapping[str, Any] | None = None,
    loss: Callable[[Any], Any] | None = None,
    lr: Iterable[Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Run `rule` from `theta` and yield one record per step (see `Rule.step`).

    `grad` is a function of theta, or the gradients themselves, one a step. `steps` is needed with a function; with
    gradients it may cut the walk short. `state` starts the walk from a checkpoint instead of ``rule.init(theta)``.

    `lr` is the learning rate of each step, a schedule; the walk ends with it.

    A rule that needs the gradient function itself (SAM) is given `grad`, unless it was bound before; one that needs the loss
    (Polyak's step, a line search) `loss`.

    The next step goes on from the record that was yielded: whoever changes its arrays changes the walk.
    """
    if callable(grad):
        if steps is None:
            raise TypeError("walk: give steps=… when grad is a function")
        gradient = grad
        rule = rule(grad=grad) if isinstance(_bound(rule, "grad"), Required) else rule
    else:
        given = iter(grad)
        gradient = lambda theta: next(given, _END)  # noqa: E731
    rule = rule(loss=loss) if loss is not None and isinstance(_bound(rule, "loss"), Required) else rule
    try:
        steps = None if steps is None else index(steps)
    except TypeError:
        raise TypeError(f"walk: steps must be a whole number, got {steps!r}") from None
    if steps is not None and steps < 0:
        raise ValueError(f"walk: steps must be at least 0, got {steps}")
    return _walk(rule, theta, gradient, steps, rule.init(theta) if state is None else state, None if lr is None else iter(lr))


def _bound(rule: Rule | None, name: str) -> Any:
    """The hyper-parameter of that name, of the rule or a rule inside it; None where there is none."""
    return None if rule is None else rule.hyper[name] if name in rule.hyper else _bound(rule.inner, name)


def _walk(
    rule: Rule, theta: Any, gradient: Callable, steps: int | None, state: Mapping[str, Any], rates: Iterator[Any] | None
) -> Iterator[dict]:
    done = 0
    while steps is None or done < steps:
        g = gradient(theta)
        if g is _END and steps is None:
            return
        if g is _END:
            raise ValueError(f"walk: {steps} steps asked for, but there are only {done} gradients")
        rate = None if rates is None else next(rates, _END)
        if rate is _END:
            return
        record = rule.step(theta, g, state) if rate is None else rule.step(theta, g, state, lr=rate)
        theta, state = record["theta"], {name: record[name] for name in rule.state_names}
        done += 1
        yield record


class Line(NamedTuple):
    """One assignment of a step that was run: its source, the name it gave a value to, the value."""

    source: str
    name: str
    value: Any


def narrate(rule: Rule, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> list[Line]:
    """Run one step and return its source lines, in the order in which they ran, with their names and values.

    The real function runs, watched line by line; nothing is restated. A line that assigns two names appears once for
    each. Rules that run tensor by tensor (scope "tensor") are narrated tensor by tensor.
    """
    rule = rule(**hyper) if hyper else rule
    code = rule.recurrence.__code__
    statements = _statements(rule.recurrence)
    layout, whole = Layout(theta), rule.scope != "tensor"
    lines: list[Line] = []
    busy: list[FrameType] = []

    def watch(frame: FrameType, event: str, _: Any) -> Any:
        if event != "call" or frame.f_code is not code or busy:
            return None  # a rule may wrap another of its own kind; the outer one is narrated
        busy.append(frame)
        running: list[Any] = [None]

        def after(frame: FrameType, event: str, argument: Any) -> Any:
            statement = statements.get(frame.f_lineno)
            if event == "exception" or (statement is running[0] and event != "return"):
                return after
            if running[0] is not None and set(running[0][1]) <= set(frame.f_locals):  # or it raised
                source, names = running[0]
                values = rule.unpack(layout, frame.f_locals, names) if whole else frame.f_locals
                lines.extend(Line(source, name, copy.deepcopy(values[name])) for name in names)
            running[0] = statement if event == "line" else None
            if event == "return":
                busy.clear()
            return after

        return after

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        rule.step(theta, g, state)
    finally:
        sys.settrace(before)
    return lines


class Layer(NamedTuple):
    """One rule of a nest of rules, and what it is given in a step."""

    rule: Rule
    theta: Any
    g: Any
    state: Mapping[str, Any]


def layers(rule: Rule, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> list[Layer]:
    """What a rule, the rule inside it, and so on to the innermost are given in one step.

    The step really runs, and whoever is inside is overheard. Where a wrapper does not ask the rule inside (`accumulation`
    between its steps) the list ends. Each layer can be run again by itself, to the same bits: its record with
    ``layer.rule.step(*layer[1:])``, its lines with ``narrate(*layer)``. Arguments and errors as for `Rule.step`.
    """
    rule = rule(**hyper) if hyper else rule
    found = [Layer(rule, theta, g, state)]
    if rule.inner is None:
        rule.step(theta, g, state)  # for its errors
        return found
    place = next(key for key, value in rule.hyper.items() if value is rule.inner)
    inside = _Overheard.of(rule.inner)
    rule(**{place: inside}).step(theta, g, state)
    if inside.heard:
        thetas, gradients = zip(*inside.heard, strict=True)
        layout = Layout(theta)
        theta, g = (_whole(layout, parts, rule.scope) for parts in (thetas, gradients))
        found += layers(rule.inner, theta, g, state[INNER_STATE])
    return found


class _Overheard(Rule):
    """A rule that takes down the parameters and the gradient of each step that it is asked for."""

    heard: list[tuple[Any, Any]]

    @classmethod
    def of(cls, rule: Rule) -> _Overheard:
        new = object.__new__(cls)
        new.__dict__.update(rule.__dict__, heard=[])
        return new

    def update(self, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> tuple[Any, dict[str, Any]]:
        self.heard.append(copy.deepcopy((theta, g)))
        return super().update(theta, g, state, **hyper)

    def propose(self, theta: Any, g: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        self.heard.append(copy.deepcopy((theta, g)))
        return super().propose(theta, g, state)


def _whole(layout: Layout, parts: tuple[Any, ...], scope: str) -> Any:
    """What a rule inside was given, tensor by tensor, or as one vector, or in a container already, in theta's container."""
    if not numbers.is_array(parts[0]):
        return parts[0]
    if scope == "tensor" and layout.kind:
        return layout.rebuild(part.reshape(shape) for part, shape in zip(parts, layout.shapes, strict=True))
    (vector,) = parts
    return layout.tree(vector)


def assigned(function: Callable[..., Any]) -> list[str]:
    """The names that `function` assigns, in the order of its text."""
    lines = sorted(_statements(function).items())
    return list(dict.fromkeys(name for _, statement in lines if statement for name in statement[1]))


def _statements(function: Callable[..., Any]) -> dict[int, tuple[str, list[str]] | None]:
    """For each line number of `function`: the assignment that stands there, as (source, assigned names)."""
    source, first = inspect.getsourcelines(function)
    text = textwrap.dedent("".join(source))
    rows = text.splitlines()
    table: dict[int, tuple[str, list[str]] | None] = {}
    for statement in ast.walk(ast.parse(text).body[0]):
        if isinstance(statement, ast.Assign):
            targets: list[ast.expr] = statement.targets
        elif isinstance(statement, (ast.AugAssign, ast.AnnAssign)):
            targets = [statement.target]
        else:
            continue
        names = [node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)]
        last = statement.end_lineno or statement.lineno
        entry = "\n".join(rows[statement.lineno - 1 : last]).strip(), names
        table |= {first + line - 1: entry for line in range(statement.lineno, last + 1)}
    return table
