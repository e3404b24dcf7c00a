"""Rule: one recurrence, names in and names out, with hyper-parameters bound.

A rule file writes two functions, and `Rule` reads everything else off their signatures::

    def init(theta): return dict(t=0, m=zeros_like(theta))          # the state before the first step
    def step(theta, g, t, m, *, lr=1e-3): ...; return locals()      # theta, g, then the state; after * the hyper-parameters

A hyper-parameter whose default is a function is a *hole*: the place where libraries disagree, filled from
``refopt.dialects``. One whose default is a Rule makes the rule a *wrapper*: names that the wrapper does not know go to the
rule inside.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import numpy as np

from refopt import numbers
from refopt.containers import Layout

__all__ = ["SCOPES", "Rule", "nearest"]

SCOPES = {
    "element": "every entry on its own: runs on one flat vector",
    "tensor": "needs the shape or norm of each tensor: runs tensor by tensor",
    "network": "needs a norm over all parameters: runs on one flat vector",
}

# The field's words mean the same in every rule, and so have one range: (lowest, highest, is the highest allowed).
RANGES = {
    "lr": (0, math.inf, False),
    "eps": (0, math.inf, False),
    "weight_decay": (0, math.inf, False),
    "initial_accumulator": (0, math.inf, False),
    "momentum": (0, math.inf, False),
    "dampening": (0, 1, True),
    "beta1": (0, 1, False),
    "beta2": (0, 1, False),
    "rho": (0, 1, False),
    "alpha": (0, 1, True),
    "k": (1, math.inf, False),
}


def nearest(word: Any, allowed: Any) -> str:
    """The tail of an error about an unknown name: the closest allowed name, and all of them."""
    close = get_close_matches(str(word), [str(name) for name in allowed], n=1)
    return (f"; did you mean {close[0]!r}?" if close else ";") + f" Allowed: {', '.join(map(str, allowed))}"


class Rule:
    """An optimizer: its recurrence with hyper-parameters bound. A small frozen value.

    ``rule(lr=0.1)`` is a new rule with that hyper-parameter; ``init``, ``step`` and ``update`` run it. `theta` is a
    floating-point array of any shape, or a list, tuple or dict of such arrays; everything follows its dtype, and nothing
    the caller passed in is ever changed or returned again. NaN and infinity in `theta` or `g` go through the arithmetic
    as they would in the paper's formulas.

    Hyper-parameters are real numbers, or arrays that broadcast to theta's shape (a population in one array program).
    """

    name: str
    scope: str
    paper: str
    start: Callable[..., dict[str, Any]]  # the rule file's init
    recurrence: Callable[..., dict[str, Any]]  # the rule file's step
    state_names: tuple[str, ...]
    defaults: Mapping[str, Any]  # the paper's hyper-parameters
    hyper: Mapping[str, Any]  # the ones bound now
    holes: tuple[str, ...]  # hyper-parameters that are readings
    inner: Rule | None  # the rule inside a wrapper
    _results: tuple[str, ...]
    _start_hyper: dict[str, Any]
    _step_hyper: dict[str, Any]
    _functions: list[str]
    _populations: list[str]
    _plain: bool  # elementwise, with numbers for hyper-parameters and no rule inside

    def __init__(
        self,
        init: Callable[..., dict[str, Any]],
        step: Callable[..., dict[str, Any]],
        scope: str = "element",
        paper: str = "",
        name: str | None = None,
        hyper: Mapping[str, Any] | None = None,
    ) -> None:
        if scope not in SCOPES:
            raise ValueError(f"unknown scope {scope!r}{nearest(scope, SCOPES)}")
        parameters = inspect.signature(step).parameters.values()
        inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        if inputs[:2] != ["theta", "g"]:
            raise TypeError(f"the step of a rule begins with theta, g; this one with {', '.join(inputs[:2]) or 'nothing'}")
        at_step = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        at_start = {p.name: p.default for p in inspect.signature(init).parameters.values() if p.kind is p.KEYWORD_ONLY}
        bound = at_step | at_start if hyper is None else dict(hyper)
        functions = [key for key, value in bound.items() if callable(value)]
        inner = next((value for value in bound.values() if isinstance(value, Rule)), None)
        populations = [key for key, value in bound.items() if numbers.is_array(value)]
        module = None if step.__module__ == "__main__" else sys.modules.get(step.__module__)
        self.__dict__.update(
            __doc__=getattr(module, "__doc__", None) or step.__doc__ or type(self).__doc__,
            name=name or (step.__module__.rpartition(".")[2] if module else step.__name__),
            paper=paper,
            # A wrapper needs whatever the rule inside it needs.
            scope=scope if inner is None else max(scope, inner.scope, key=["element", "network", "tensor"].index),
            start=init,
            recurrence=step,
            state_names=tuple(inputs[2:]),
            defaults=MappingProxyType(at_step | at_start),
            hyper=MappingProxyType(bound),
            holes=tuple(key for key in functions if not isinstance(bound[key], Rule)),
            inner=inner,
            _results=("theta", *inputs[2:]),
            _start_hyper={key: bound[key] for key in at_start},
            _step_hyper={key: bound[key] for key in at_step},
            _functions=functions,
            _populations=populations,
            _plain=scope == "element" and inner is None and not populations,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Rule is frozen; {self.name}({name}=…) makes a new one")

    def __repr__(self) -> str:
        values = (f"{key}={getattr(value, '__name__', value)}" for key, value in self.hyper.items())
        return f"{self.name}({', '.join(values)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        same = self.recurrence is other.recurrence and self.hyper.keys() == other.hyper.keys()
        return same and all(np.array_equal(value, other.hyper[key]) for key, value in self.hyper.items())

    def __hash__(self) -> int:
        return hash((self.recurrence, self.name))

    def __reduce__(self) -> tuple[Any, ...]:
        return Rule, (self.start, self.recurrence, self.scope, self.paper, self.name, dict(self.hyper))

    @property
    def __signature__(self) -> inspect.Signature:
        """What ``help`` and an editor show: the hyper-parameters with the values that are bound now."""
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature([inspect.Parameter(key, kind, default=value) for key, value in self.hyper.items()])

    def __call__(self, **hyper: Any) -> Rule:
        """This rule with the given hyper-parameters; the others stay as they are.

        Raises TypeError for an unknown name or a value of the wrong kind, ValueError for one out of its range.
        """
        own = {key: value for key, value in hyper.items() if key in self.hyper}
        others = {key: value for key, value in hyper.items() if key not in self.hyper}
        checked = {key: self._check(key, value) for key, value in own.items()}
        if others:
            if self.inner is None:
                unknown = next(iter(others))
                raise TypeError(f"{self.name} has no hyper-parameter {unknown!r}{nearest(unknown, self.hyper)}")
            place = next(key for key, value in self.hyper.items() if value is self.inner)
            checked[place] = checked.get(place, self.inner)(**others)
        return Rule(self.start, self.recurrence, self.scope, self.paper, self.name, {**self.hyper, **checked})

    def _check(self, key: str, value: Any) -> Any:
        """One hyper-parameter, as the kind of value that its default is."""
        default, where = self.defaults[key], f"{self.name}: {key}"
        if isinstance(default, Rule):
            if not isinstance(value, Rule):
                raise TypeError(f"{where} must be a rule, for instance {default.name}; got {value!r}")
            return value
        if callable(default):
            if not callable(value):
                raise TypeError(f"{where} must be a function like {default.__name__}; got {value!r}")
            return value
        if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype != object):
            value = value.item()
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise TypeError(f"{where} must be True or False, got {value!r}")
            return value
        if isinstance(default, int) and not isinstance(value, int):
            raise TypeError(f"{where} must be a whole number, got {value!r}")
        if not numbers.is_scalar(value):
            if not numbers.is_array(value):
                raise TypeError(f"{where} must be a real number or an array of them, got {value!r}")
            value = numbers.array(value, where)
        low, high, closed = RANGES.get(key, (-math.inf, math.inf, False))
        inside = (value >= low) & ((value <= high) if closed else (value < high))
        if not (inside if isinstance(inside, bool) else inside.all()):
            bounds = f"finite and at least {low}" if high == math.inf else f"in [{low}, {high}{']' if closed else ')'}"
            raise ValueError(f"{where} must be {'finite' if low == -math.inf else bounds}, got {value!r}")
        return value

    def init(self, theta: Any) -> dict[str, Any]:
        """The state before the first step: plain data (numbers and arrays in the shape of `theta`), a checkpoint."""
        layout = Layout(theta)
        if self.scope == "tensor" and layout.kind:
            return self._by_tensor(layout, self._initial, (layout.leaves(theta, "theta"),))
        return self.unpack(layout, self._initial(layout.vector(theta, "theta")), self.state_names)

    def _initial(self, theta: Any) -> dict[str, Any]:
        state = self.start(theta, **self._start_hyper)
        if set(state) != set(self.state_names):
            raise TypeError(f"{self.name}: init returns {sorted(state)}, step takes {sorted(self.state_names)}")
        return _own(state, self.state_names, {id(theta)})

    def step(self, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> dict[str, Any]:
        """One step: every name of the recurrence with its value.

        The record holds the new ``theta`` and state, the gradient, the intermediates and the hyper-parameters. Arrays as
        large as theta come in theta's container. Keywords override hyper-parameters for this step only.

        Raises ValueError for shapes or state names that do not fit theta, TypeError for dtypes and containers.
        """
        return self._run(theta, g, state, hyper, everything=True)

    def update(self, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> tuple[Any, dict[str, Any]]:
        """One step, the everyday call: the new ``theta`` and the new state. Errors and keywords as for `step`."""
        seen = None if hyper else self._everyday(theta, g, state)
        if seen is None:
            results = self._run(theta, g, state, hyper, everything=False)
        else:
            results = _own(self.recurrence(theta, g, **state, **self._step_hyper), self._results, seen)
        return results.pop("theta"), results

    def _everyday(self, theta: Any, g: Any, state: Any) -> set[int] | None:
        """In the everyday case nothing has to be checked or packed: NumPy arrays of one shape and dtype, no container.

        Returns the identities of the arrays that came in, for `_own`; None in every other case.
        """
        if type(theta) is not np.ndarray or type(g) is not np.ndarray or not self._plain or type(state) is not dict:
            return None
        shape, dtype = theta.shape, theta.dtype
        if not shape or dtype.kind != "f" or g.shape != shape or g.dtype is not dtype or len(state) != len(self.state_names):
            return None
        seen = {id(theta), id(g)}
        for name in self.state_names:
            value = state.get(name)
            if type(value) is np.ndarray and value.shape == shape and value.dtype is dtype:
                seen.add(id(value))
            elif type(value) is not int:
                return None
        return seen

    def _run(self, theta: Any, g: Any, state: Mapping[str, Any], hyper: dict, everything: bool) -> dict[str, Any]:
        rule = self(**hyper) if hyper else self
        if not isinstance(state, Mapping) or state.keys() != set(self.state_names):
            raise ValueError(self._state_error(state))
        layout = Layout(theta)
        if rule.scope == "tensor" and layout.kind:
            parts = [layout.leaves(x, what) for x, what in ((theta, "theta"), (g, "g"))]
            states = [{name: rule._part(state[name], key) for name in state} for key in layout.keys]
            return self._by_tensor(layout, lambda *leaf: rule._apply(*leaf, everything=everything), (*parts, states))
        vector, gradient = layout.vector(theta, "theta"), layout.vector(g, "g")
        packed = {name: rule._pack(layout, state[name], f"state {name!r}") for name in rule.state_names}
        record = rule._apply(vector, gradient, packed, everything=everything)
        return rule.unpack(layout, record, record)

    def _apply(self, theta: Any, g: Any, state: dict[str, Any], *, everything: bool) -> dict[str, Any]:
        hyper = self._step_hyper
        if self._populations:
            hyper = hyper | {key: self._population(key, theta) for key in self._populations if key in hyper}
        record = self.recurrence(theta, g, **state, **hyper)
        seen = set(map(id, (theta, g, *state.values())))
        if not everything:
            return _own(record, self._results, seen)
        for name in self._functions:
            record.pop(name, None)
        own = _own(record, dict.fromkeys((*self._results, *record)), seen)
        return {name: own[name] for name in record}  # in the order of the text

    def _population(self, key: str, theta: Any) -> Any:
        """An array of hyper-parameters in theta's dtype; it must not make theta larger."""
        value = self.hyper[key]
        try:
            fits = np.broadcast_shapes(value.shape, theta.shape) == theta.shape
        except ValueError:
            fits = False
        if not fits:
            raise ValueError(f"{self.name}: {key} has shape {value.shape}, which does not broadcast to {theta.shape} of theta")
        return value.astype(theta.dtype, copy=False)

    def _state_error(self, state: Any) -> str:
        if not isinstance(state, Mapping):
            return f"{self.name}: state must be the dict that init or update returned, got {type(state).__name__}"
        missing = [name for name in self.state_names if name not in state]
        extra = [name for name in state if name not in self.state_names]
        return f"{self.name}: state lacks {missing} and has unknown {extra}; its names are {list(self.state_names)}"

    def _pack(self, layout: Layout, value: Any, what: str) -> Any:
        """One entry of the state as the recurrence takes it."""
        if type(value) is int or type(value) is float:
            return value
        if isinstance(value, np.generic) or (numbers.is_array(value) and value.dtype.kind in "iu" and value.ndim == 0):
            return value.item()  # a step count that went through a file
        if numbers.is_scalar(value):
            return value
        if self.inner is not None and self._is_inner_state(value):
            return {name: self.inner._pack(layout, part, f"{what}[{name!r}]") for name, part in value.items()}
        if self.scope == "element" or layout.kind:
            return layout.vector(value, what)
        return value

    def unpack(self, layout: Layout, record: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """The named values of a step that ran on one vector, those as large as theta in theta's container."""
        if layout.kind is None and layout.shape:
            return dict(record)

        def shaped(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: shaped(part) for name, part in value.items()}
            if numbers.is_array(value) and value.shape == layout.vector_shape:
                return layout.tree(value)
            return value

        return {name: shaped(record[name]) for name in names}

    def _part(self, value: Any, key: Any) -> Any:
        """What one tensor needs of an entry of the state; numbers (the step count) are shared by all tensors."""
        if numbers.is_scalar(value):
            return value
        if self._is_inner_state(value):
            return {name: self._part(part, key) for name, part in value.items()}
        return value[key]

    def _is_inner_state(self, value: Any) -> bool:
        return self.inner is not None and isinstance(value, Mapping) and value.keys() == set(self.inner.state_names)

    def _by_tensor(self, layout: Layout, run: Callable[..., dict], parts: tuple) -> dict[str, Any]:
        """Run tensor by tensor; a number that is the same for all (the step count) stays one number."""

        def merged(values: list[Any]) -> Any:
            first = values[0]
            if isinstance(first, dict):
                return {name: merged([value[name] for value in values]) for name in first}
            shared = not numbers.is_array(first) and all(value is first or value == first for value in values)
            return first if shared else layout.rebuild(values)

        return merged([run(*leaf) for leaf in zip(*parts, strict=True)])


def _own(record: dict[str, Any], names: Iterable[str], seen: set[int]) -> dict[str, Any]:
    """The named values; copied where they are an array that came in (`seen`), a view, or the same array as another result."""
    own = {}
    for name in names:
        value = record[name]
        if type(value) is np.ndarray or numbers.is_array(value):
            if value.base is not None or id(value) in seen:
                value = numbers.copy(value)
            seen.add(id(value))
        own[name] = value
    return own
