"""Rule: one recurrence, names in and names out, with hyper-parameters bound.

A rule file writes two functions, and `Rule` reads everything else off their signatures::

    def init(theta): return dict(t=0, m=zeros_like(theta))          # the state before the first step
    def step(theta, g, t, m, *, lr=1e-3): ...; return locals()      # theta, g, then the state; after * the hyper-parameters

A hyper-parameter whose default is a function is a *hole*: the place where libraries disagree, filled from
``refopt.dialects``. One whose default is a Rule makes the rule a *wrapper*: names that the wrapper does not know go to the
rule inside. One whose default is `Required` is a function of theta that only the caller can give: SAM's gradient.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import nullcontext
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

import numpy as np

from refopt import absent, numbers
from refopt.containers import Layout
from refopt.dialects.functions import Required

__all__ = ["ANY", "FAMILIES", "FRACTION", "INNER_STATE", "NOT_NEGATIVE", "POSITIVE", "SCOPES", "Rule", "nearest"]

SCOPES = {
    "element": "every entry on its own: runs on one flat vector",
    "tensor": "needs the shape or norm of each tensor: runs tensor by tensor",
    "network": "needs to see all parameters at once, their norm say: runs on one flat vector",
}  # in this order: a wrapper needs what the rule inside needs, too, and has the later scope of the two

FAMILIES = {
    "momentum": "gradient descent and momentum",
    "adaptive": "a learning rate of its own for every entry",
    "sign": "the sign decides, not the size",
    "layerwise": "the length or direction of every tensor counts",
    "memory": "second moments in little memory",
    "curvature": "quasi-Newton",
    "sharpness": "wrappers that look at the gradient nearby",
    "decay": "wrappers that decay weights",
    "gradient": "wrappers that change gradients or steps",
    "averaging": "wrappers that average parameters",
    "other": "others",
}

# The field's words mean the same in every rule, and so have one range: (lowest, highest, is the highest allowed).
# A rule whose default lies outside uses the word for something else; one may also say so, with ``ranges``.
RANGES = {
    "lr": (0, math.inf, False),
    "eps": (0, math.inf, False),
    "weight_decay": (0, math.inf, False),
    "initial_accumulator": (0, math.inf, False),
    "momentum": (0, math.inf, False),
    "dampening": (0, 1, True),
    "beta1": (0, 1, False),
    "beta2": (0, 1, False),
    "beta3": (0, 1, False),
    "betas": (0, 1, False),
    "decay_rate": (0, 1, False),
    "rho": (0, 1, False),
    "alpha": (0, 1, True),
    "k": (1, math.inf, False),
    "threshold": (4, math.inf, False),
    "history_size": (1, math.inf, False),
    "width": (1, math.inf, False),
    "cycle": (1, math.inf, False),
    "start": (1, math.inf, False),
    "decay": (0, 1, True),
    "eps1": (0, math.inf, False),
    "eps2": (0, math.inf, False),
    "floor": (0, math.inf, False),
    "eps_root": (0, math.inf, False),
    "final_lr": (0, math.inf, False),
    "trust_coefficient": (0, math.inf, False),
    "d": (math.ulp(0.0), math.inf, False),
    "gamma": (math.ulp(0.0), math.inf, False),
    "kappa": (math.ulp(0.0), math.inf, False),
    "sigma": (math.ulp(0.0), math.inf, False),
    "max_norm": (math.ulp(0.0), math.inf, False),
    "max_value": (math.ulp(0.0), math.inf, False),
    "clipping": (math.ulp(0.0), math.inf, False),
}
ANY = (-math.inf, math.inf, False)
NOT_NEGATIVE = (0, math.inf, False)
POSITIVE = (math.ulp(0.0), math.inf, False)
FRACTION = (0, 1, False)

INNER_STATE = "inner_state"  # where a wrapper keeps the state of the rule inside


def nearest(word: Any, allowed: Iterable[Any]) -> str:
    """The tail of an error about an unknown name: the closest allowed name, and all of them."""
    names = [str(name) for name in allowed]
    close = get_close_matches(str(word), names, n=1)
    return (f"; did you mean {close[0]!r}?" if close else ".") + f" Allowed: {', '.join(names)}"


class Rule:
    """An optimizer: its recurrence with hyper-parameters bound. A small frozen value.

    ``Rule(init, step, scope="element", paper="", …)`` makes one of two functions in the form above, which must not write into
    their arguments, and take what `refopt.numbers` has from there: roots and selections that keep the dtype, sums
    and norms whose rounding `refopt.exact` can bound. `scope` says what a step needs to see: "element" every entry on its
    own, "tensor" each tensor (its norm, its shape), "network" all parameters as one vector. The name defaults to that of the
    file. `ranges` holds what hyper-parameters are allowed, (lowest, highest, is the highest allowed), where the rule means
    something else by a word of the field (see RANGES). `family` is one of FAMILIES.

    ``rule(lr=0.1)`` is a new rule with that hyper-parameter; ``init``, ``step`` and ``update`` run it. `theta` is a
    floating-point array of any shape, or a list, tuple or dict of such arrays; everything follows its dtype, and nothing
    the caller passed in is ever changed or returned again. NaN and infinity in `theta` or `g` go through the arithmetic
    as they would in the paper's formulas.

    Hyper-parameters are real numbers, or arrays that broadcast to theta's shape (a population in one array program).
    """

    name: str
    scope: str
    paper: str
    family: str
    start: Callable[..., dict[str, Any]]  # the rule file's init
    recurrence: Callable[..., dict[str, Any]]  # the rule file's step
    state_names: tuple[str, ...]
    defaults: Mapping[str, Any]  # the paper's hyper-parameters
    hyper: Mapping[str, Any]  # the ones bound now
    holes: tuple[str, ...]  # hyper-parameters that are readings
    inner: Rule | None  # the rule inside a wrapper
    needs: tuple[str, ...]  # functions of theta that the caller gives, those of the rule inside too
    _own_scope: str
    _ranges: dict[str, tuple[float, float, bool]]
    _results: tuple[str, ...]
    _kinds: dict[str, str]  # of the entries of the state, see `_kinds_of_state`
    _start_names: frozenset[str]
    _step_names: frozenset[str]
    _start_hyper: dict[str, Any]
    _step_hyper: dict[str, Any]
    _functions: list[str]
    _populations: list[str]
    _own_needs: list[str]
    _plain: bool  # elementwise, with numbers for hyper-parameters and no rule inside
    _crowded: bool  # has populations, or the rule inside has
    _blocked: dict[Any, Any]  # what `refopt.fast` knows of this rule
    _unlike: bool  # sees all parameters as one vector, and the rule inside sees each tensor
    _twice: bool  # sees each tensor, and the rule inside sees all of them, see `_by_tensor_twice`

    def __init__(
        self,
        init: Callable[..., dict[str, Any]],
        step: Callable[..., dict[str, Any]],
        scope: str = "element",
        paper: str = "",
        name: str | None = None,
        ranges: Mapping[str, tuple[float, float, bool]] | None = None,
        family: str = "other",
    ) -> None:
        if scope not in SCOPES:
            raise ValueError(f"unknown scope {scope!r}{nearest(scope, SCOPES)}")
        if family not in FAMILIES:
            raise ValueError(f"unknown family {family!r}{nearest(family, FAMILIES)}")
        parameters = inspect.signature(step).parameters.values()
        inputs = [p.name for p in parameters if p.kind is not p.KEYWORD_ONLY]
        if inputs[:2] != ["theta", "g"]:
            raise TypeError(f"the step of a rule begins with theta, g; this one with {', '.join(inputs[:2]) or 'nothing'}")
        at_step = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}
        at_start = {p.name: p.default for p in inspect.signature(init).parameters.values() if p.kind is p.KEYWORD_ONLY}
        defaults = at_step | at_start
        missing = [key for key, value in defaults.items() if value is inspect.Parameter.empty]
        if missing:
            raise TypeError(f"every hyper-parameter of a rule has a default; {', '.join(missing)} has none")
        module = None if step.__module__ == "__main__" else sys.modules.get(step.__module__)
        self.__dict__.update(
            __doc__=getattr(module, "__doc__", None) or step.__doc__ or type(self).__doc__,
            name=name or (step.__module__.rpartition(".")[2] if module else step.__name__),
            paper=paper,
            family=family,
            start=init,
            recurrence=step,
            state_names=tuple(inputs[2:]),
            defaults=MappingProxyType(defaults),
            _own_scope=scope,
            _ranges={**RANGES, **(ranges or {})},
            _results=("theta", *inputs[2:]),
            _kinds=_kinds_of_state(init),
            _start_names=frozenset(at_start),
            _step_names=frozenset(at_step),
        )
        self._bind(defaults)

    def _bind(self, hyper: dict[str, Any]) -> None:
        """Set everything that follows from the hyper-parameters."""
        functions = [key for key, value in hyper.items() if callable(value)]
        needs = [key for key, value in self.defaults.items() if isinstance(value, Required)]
        inner = next((value for value in hyper.values() if isinstance(value, Rule)), None)
        populations = [key for key, value in hyper.items() if numbers.is_array(value)]
        scope = self._own_scope if inner is None else max(self._own_scope, inner.scope, key=list(SCOPES).index)
        twice = self._own_scope == "tensor" and scope == "network"
        self.__dict__.update(
            hyper=MappingProxyType(hyper),
            holes=tuple(key for key in functions if not isinstance(hyper[key], Rule) and key not in needs),
            inner=inner,
            needs=(*needs, *(inner.needs if inner else ())),
            _own_needs=needs,
            scope=scope,
            _start_hyper={key: value for key, value in hyper.items() if key in self._start_names},
            _step_hyper={key: value for key, value in hyper.items() if key in self._step_names},
            _functions=functions,
            _populations=populations,
            _plain=scope == "element" and inner is None and not populations and not needs,
            _crowded=bool(populations) or (inner is not None and inner._crowded),
            _blocked={},  # not of another binding
            _unlike=scope == "network"
            and not twice
            and inner is not None
            and (inner.scope == "tensor" or inner._unlike or inner._twice),
            _twice=twice,
        )

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Rule is frozen; {self.name}({name}=…) makes a new one")

    def __repr__(self) -> str:
        values = (f"{key}={getattr(value, '__name__', value)}" for key, value in self.hyper.items())
        return f"{self.name}({', '.join(values)})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        fields = ("start", "recurrence", "name", "scope")
        same = all(getattr(self, field) == getattr(other, field) for field in fields)
        return same and all(np.array_equal(value, other.hyper[key]) for key, value in self.hyper.items())

    def __hash__(self) -> int:
        return hash((self.start, self.recurrence, self.name, self.scope))

    def __reduce__(self) -> tuple[Any, ...]:
        made = (self.start, self.recurrence, self._own_scope, self.paper, self.name, self._ranges, self.family)
        return _restored, (made, dict(self.hyper))

    @property
    def __signature__(self) -> inspect.Signature:
        """What ``help`` and an editor show: the hyper-parameters with the values that are bound now."""
        kind = inspect.Parameter.KEYWORD_ONLY
        return inspect.Signature([inspect.Parameter(key, kind, default=value) for key, value in self.hyper.items()])

    def __call__(self, **hyper: Any) -> Rule:
        """This rule with the given hyper-parameters; the others stay as they are.

        A wrapper keeps the words that it has itself and hands the others to the rule inside: ``sam(inner=adam, lr=0.1,
        rho=0.1)`` binds Adam's lr. What both have (eps) is the wrapper's; ``sam(inner=adam(eps=1e-3))`` binds Adam's.

        Raises TypeError for an unknown name or a value of the wrong kind, ValueError for one out of its range.
        """
        own = {key: value for key, value in hyper.items() if key in self.hyper}
        others = {key: value for key, value in hyper.items() if key not in self.hyper}
        checked = {key: self._check(key, value) for key, value in own.items()}
        inside = {} if self.inner is None else self.inner._unbound()
        others |= {key: value for key, value in own.items() if key in inside and key in self._own_needs}
        if others:
            place = next((key for key, value in self.hyper.items() if value is self.inner), "")
            inner = checked.get(place, self.inner)
            words = [*self.hyper, *(inner._words() if inner is not None else ())]
            unknown = next((key for key in others if key not in words), None)
            if unknown is not None or inner is None:
                raise TypeError(f"{self.name} has no hyper-parameter {unknown!r}{nearest(unknown, dict.fromkeys(words))}")
            checked[place] = inner(**others)
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__)
        bound._bind({**self.hyper, **checked})
        return bound

    def _unbound(self) -> set[str]:
        """The functions that are still to be given, those of the rule inside too."""
        own = {key for key in self._own_needs if isinstance(self.hyper[key], Required)}
        return own | (self.inner._unbound() if self.inner is not None else set())

    def _words(self) -> list[str]:
        """The hyper-parameters that calling this rule may bind, those of the rule inside after its own."""
        return list(dict.fromkeys([*self.hyper, *(self.inner._words() if self.inner else ())]))

    @property
    def lr(self) -> Any:
        """The learning rate that is bound now; of a wrapper that of the rule inside."""
        if "lr" in self.hyper:
            return self.hyper["lr"]
        if self.inner is None:
            raise TypeError(f"{self.name} has no hyper-parameter lr")
        return self.inner.lr

    def _check(self, key: str, value: Any) -> Any:
        """One hyper-parameter, as the kind of value that its default is."""
        default, where = self.defaults[key], f"{self.name}: {key}"
        if not isinstance(default, tuple):
            return self._checked(key, default, value, where)
        if numbers.is_array(value) and value.ndim == 1:
            value = value.tolist()
        if not isinstance(value, (list, tuple)) or not value:
            raise TypeError(f"{where} must be a tuple of numbers, for instance {default}; got {value!r}")
        parts = tuple(self._checked(key, default[0], part, f"{where}[{i}]") for i, part in enumerate(value))
        if any(map(numbers.is_array, parts)):
            raise TypeError(f"{where} must be a tuple of numbers; a population is not possible here")
        return parts

    def _checked(self, key: str, default: Any, value: Any, where: str) -> Any:
        if isinstance(default, Rule):
            if not isinstance(value, Rule):
                raise TypeError(f"{where} must be a rule, for instance {default.name}; got {value!r}")
            return value
        if callable(default):
            if not callable(value) or isinstance(value, Rule):
                place = "theta" if isinstance(default, Required) else f"like {default.__module__}.{default.__name__}"
                raise TypeError(f"{where} must be a function {'of ' if place == 'theta' else ''}{place}; got {value!r}")
            return value
        if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0 and value.dtype != object:
            value = value.item()
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise TypeError(f"{where} must be True or False, got {value!r}")
            return value
        if isinstance(default, int) and not (numbers.is_scalar(value) and value % 1 == 0):
            raise TypeError(f"{where} must be a whole number, got {value!r}")
        if numbers.is_scalar(value):
            try:
                value = numbers.weak(value, int if isinstance(default, int) else float)
            except OverflowError:
                raise ValueError(f"{where} must be finite, got {value!r}") from None
        elif numbers.is_array(value):
            value = numbers.copy(numbers.array(value, where))
        else:
            raise TypeError(f"{where} must be a real number or an array of them, got {value!r}")
        low, high, closed = self._ranges.get(key, ANY)
        if not _within(default, low, high, closed):
            low, high, closed = ANY
        if not _within(value, low, high, closed):
            least = "positive" if low == math.ulp(0.0) else f"at least {low}"
            bounds = f"finite and {least}" if high == math.inf else f"in [{low}, {high}{']' if closed else ')'}"
            raise ValueError(f"{where} must be {'finite' if low == -math.inf else bounds}, got {value!r}")
        return value

    def init(self, theta: Any) -> dict[str, Any]:
        """The state before the first step: plain data (numbers and arrays in the shape of `theta`), a checkpoint."""
        layout = Layout(theta)
        if self._twice and layout.kind and self.inner is not None:
            state = self._around(_Asking(self.inner))._by_tensor(layout, self._initial, (layout.leaves(theta, "theta"),))
            return {name: state[name] for name in self.state_names} | {INNER_STATE: self.inner.init(theta)}
        if self.scope == "tensor" and layout.kind:
            return self._by_tensor(layout, self._initial, (layout.leaves(theta, "theta"),))
        return self.unpack(layout, self._initial(layout.vector(theta, "theta"), layout), self.state_names)

    def _initial(self, theta: Any, layout: Layout | None = None) -> dict[str, Any]:
        state = self.start(theta, **self._fitted(self._start_hyper, theta, layout))
        if set(state) != set(self.state_names):
            raise TypeError(f"{self.name}: init returns {sorted(state)}, step takes {sorted(self.state_names)}")
        return _own(state, self.state_names, (theta, *(self.hyper[key] for key in self._populations)))

    def step(self, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> dict[str, Any]:
        """One step: every name of the recurrence with its value.

        The record holds the new ``theta`` and state, the gradient, the intermediates and the hyper-parameters. Arrays as
        large as theta come in theta's container. Keywords override hyper-parameters for this step only.

        Raises ValueError for shapes or state names that do not fit theta, TypeError for dtypes and containers.
        """
        return self._for_one_step(hyper).step(theta, g, state) if hyper else self._run(theta, g, state, everything=True)

    def update(self, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> tuple[Any, dict[str, Any]]:
        """One step, the everyday call: the new ``theta`` and the new state. Errors and keywords as for `step`.

        In a list or dict a gradient may be None: that array, and what the state keeps of it, stays as it is.
        """
        if hyper:
            return self._for_one_step(hyper).update(theta, g, state)
        inputs = self._everyday(theta, g, state)
        if inputs is None and absent.misses(g):
            return absent.update(self, theta, g, state)
        if inputs is None:
            results = self._run(theta, g, state, everything=False)
        else:
            results = _own(self.recurrence(*inputs, **self._step_hyper), self._results, inputs)
        return results.pop("theta"), results

    def update_(self, theta: Any, g: Any, state: dict[str, Any], **hyper: Any) -> None:
        """One step in place: `theta` and the arrays of `state` are overwritten, the numbers in `state` replaced.

        Everything is that of `update`, in every bit (of a NaN, that it is one). An elementwise rule on contiguous arrays, one
        or a list, tuple or dict of them, runs in cache-sized pieces without new memory; of a rule that needs each tensor's
        shape or norm, the small tensors of equal shape in a list, tuple or dict make one step together; everything else makes
        the plain step and copies. ``refopt.fast.why_not(rule)`` and ``why_not_stacked(rule)`` tell which. The rule holds on to
        these arrays until its next step in place. Each thread may step arrays of its own, by the same rule.

        `g` is not changed, unless it is theta's own memory. An array of the state that shares memory with another one, or
        whose shape or dtype changes, is replaced. Errors as for `step`, ValueError for an array that is read-only or tensors
        of theta that share memory, TypeError for what cannot be written into; then nothing was changed. (Where np.errstate
        raises, or an interrupt comes, in the middle of a step, some entries have been, and the step is not counted.)
        """
        rule = self._for_one_step(hyper) if hyper else self
        bound = self._blocked.get("bound")
        if bound is not None and bound.step(theta, g, state, rule):
            return
        from refopt.fast import update_

        update_(rule, theta, g, state, self._blocked)

    def propose(self, theta: Any, g: Any, state: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The step that the rule would subtract from theta (the record's ``update``), and the new state.

        For wrappers that change the step; TypeError where the rule's text has no name ``update``.
        """
        record = self.step(theta, g, state)
        if "update" not in record:
            raise TypeError(f"{self.name} does not say what it subtracts: its record has no name 'update'")
        return record["update"], {name: record[name] for name in self.state_names}

    def _for_one_step(self, hyper: dict[str, Any]) -> Rule:
        for key, value in hyper.items():
            owner = self
            while key not in owner.hyper and owner.inner is not None:
                owner = owner.inner
            default = owner.hyper.get(key)
            only_start = key in owner._start_names and (key not in owner._step_names or isinstance(default, bool))
            if only_start and not isinstance(default, Rule):
                raise TypeError(f"{owner.name} reads {key} at the start only; bind it before init")
            if isinstance(default, tuple) and np.shape(value) != np.shape(default):
                raise ValueError(f"{owner.name}: {key} must keep its {len(default)} values for one step, got {value!r}")
        return self(**hyper)

    def _everyday(self, theta: Any, g: Any, state: Any) -> list[Any] | None:
        """The inputs of the recurrence in the everyday case, in which nothing has to be checked further or packed.

        That is: NumPy arrays of one shape and dtype, no container; the rule elementwise, with numbers for hyper-parameters.
        In every other case None.
        """
        if type(theta) is not np.ndarray or type(g) is not np.ndarray or not self._plain or type(state) is not dict:
            return None
        shape, dtype = theta.shape, theta.dtype
        if not shape or dtype.kind != "f" or g.shape != shape or len(state) != len(self.state_names):
            return None
        if g.dtype is not dtype and g.dtype != dtype:  # one that was unpickled is equal, not the same; asking takes longer
            return None
        inputs: list[Any] = [theta, g]
        for name in self.state_names:
            value = state.get(name)
            if type(value) is np.ndarray:
                if value.shape != shape or self._kinds.get(name) != "array":
                    return None
                if value.dtype is not dtype and value.dtype != dtype:
                    return None
            elif type(value) is int and value >= 0:
                if self._kinds.get(name) not in ("count", "number"):
                    return None
            elif type(value) not in numbers.PYTHON or self._kinds.get(name) != "number":
                return None
            inputs.append(value)
        return inputs

    def _run(self, theta: Any, g: Any, state: Mapping[str, Any], everything: bool) -> dict[str, Any]:
        self._demand_names(state)
        layout = Layout(theta)
        if self._twice and layout.kind:
            return self._by_tensor_twice(layout, theta, g, state, everything)
        if self.scope == "tensor" and layout.kind:
            leaves = [layout.leaves(x, what) for x, what in ((theta, "theta"), (g, "g"))]
            states = self._parts(layout, state)
            return self._by_tensor(layout, lambda *leaf: self._apply(*leaf, everything=everything), (*leaves, states))
        vector, gradient = layout.vector(theta, "theta"), layout.vector(g, "g")
        packed = {name: self._pack(layout, name, state[name]) for name in self.state_names}
        record = self._apply(vector, gradient, packed, layout, everything=everything)
        return self.unpack(layout, record, record)

    def _apply(
        self, theta: Any, g: Any, state: dict[str, Any], layout: Layout | None = None, *, everything: bool
    ) -> dict[str, Any]:
        try:
            with np.errstate(all="ignore") if not theta.size else nullcontext():  # an empty tensor has no mean, and needs none
                record = self.recurrence(theta, g, **state, **self._fitted(self._step_hyper, theta, layout))
        except ValueError as error:
            if self._populations and "ambiguous" in str(error):
                raise TypeError(f"{self.name} branches on {' or '.join(self._populations)}, which must be one number") from None
            raise
        inputs = (theta, g, *state.values(), *(self.hyper[key] for key in self._populations))
        if not everything:
            return _own(record, self._results, inputs)
        own = _own(record, dict.fromkeys((*self._results, *record)), inputs)
        return {name: own[name] for name in record if name not in self._functions}  # in the order of the text

    def _fitted(self, hyper: dict[str, Any], theta: Any, layout: Layout | None = None) -> dict[str, Any]:
        """The hyper-parameters as the recurrence takes them.

        Arrays in theta's dtype (an array must not make theta larger); where `layout` has packed theta into a vector, the
        caller's functions, and a rule inside that needs each tensor, as functions and rules of that vector.
        """
        crowded = self.inner is not None and self.inner._crowded
        if not (self._populations or self.needs or self._unlike or crowded):
            return hyper
        fitted = dict(hyper)
        if crowded:
            fitted |= {key: x._in_dtype(theta.dtype) for key, x in hyper.items() if isinstance(x, Rule)}
        if layout is not None and (self.needs or self._unlike):
            fitted |= self._functions_of_vector(layout, hyper)
            for key, value in fitted.items():
                if isinstance(value, Rule):
                    fitted[key] = _Inside(value, layout) if self._unlike and layout.kind else value._needing(layout)
        for key in self._populations:
            if key not in hyper:
                continue
            value = hyper[key]
            try:
                fits = np.broadcast_shapes(value.shape, theta.shape) == theta.shape
            except ValueError:
                fits = False
            if not fits:
                shapes = f"{value.shape}, which does not broadcast to {theta.shape} of theta"
                raise ValueError(f"{self.name}: {key} has shape {shapes}")
            fitted[key] = value.astype(theta.dtype, copy=False)
            if fitted[key] is not value and theta.dtype != object:
                self._check(key, fitted[key])  # 1 − 1e-9 is 1 in float32
        return fitted

    def _demand_names(self, state: Any, what: str = "state") -> None:
        if not isinstance(state, Mapping):
            raise ValueError(f"{self.name}: {what} must be the dict that init or update returned, got {type(state).__name__}")
        missing = [name for name in self.state_names if name not in state]
        extra = [name for name in state if name not in self.state_names]
        if missing or extra:
            names = f"its names are {list(self.state_names)}"
            raise ValueError(f"{self.name}: {what} lacks {missing} and has unknown {extra}; {names}")

    def _pack(self, layout: Layout, name: str, value: Any) -> Any:
        """One entry of the state as the recurrence takes it."""
        what, kind = f"state {name!r}", self._kind(name, value)
        if name == INNER_STATE and self.inner is not None:
            self.inner._demand_names(value, what)
            if self._unlike and layout.kind:
                return value
            return {part: self.inner._pack(layout, part, value[part]) for part in value}
        contained = layout.kind is not None and isinstance(value, (list, tuple, Mapping))
        if kind == "count" or (kind == "number" and not (contained or np.ndim(value))):
            return self._number(value, kind, what)
        if kind == "stack" and not (contained and isinstance(value, Mapping)):
            rows = numbers.cast(value, layout.dtype)
            if not numbers.is_array(rows) or rows.shape[1:] != layout.vector_shape:
                raise ValueError(
                    f"{what} must be an array with rows of shape {layout.vector_shape}; got shape {np.shape(rows)}"
                )
            layout.demand_place(rows, what)
            return rows
        if kind == "array" or contained or (self.scope == "element" and kind != "number"):
            return layout.vector(value, what)
        return numbers.cast(value, layout.dtype)

    def _kind(self, name: str, value: Any) -> str | None:
        """The kind of an entry of the state; of a rule that could not be asked (see `_kinds_of_state`) what it looks like."""
        return self._kinds.get(name) or ("number" if numbers.is_scalar(value) else None)

    def _number(self, value: Any, kind: str, what: str) -> Any:
        if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
            value = value.item()  # it went through a file
        whole = kind == "count" and numbers.is_scalar(value) and value >= 0 and value % 1 == 0
        if not (whole or (kind == "number" and numbers.is_scalar(value))):
            wanted = "a whole number of at least 0" if kind == "count" else "a real number"
            raise TypeError(f"{self.name}: {what} must be {wanted}, got {value!r}")
        return numbers.weak(value, int if kind == "count" or isinstance(value, int) else float)

    def unpack(self, layout: Layout, record: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """The named values of a step that ran on one vector, those as large as theta in theta's container."""
        if layout.kind is None and layout.shape:
            return {name: record[name] for name in names}

        def shaped(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: shaped(part) for name, part in value.items()}
            if numbers.is_array(value) and value.shape == layout.vector_shape:
                return layout.tree(value)
            return value

        raw = INNER_STATE if self._unlike and layout.kind else None  # it never was a vector
        return {name: record[name] if name == raw else shaped(record[name]) for name in names}

    def _needing(self, layout: Layout) -> Rule:
        """This rule, as the rule inside another, with the caller's functions taking the vector that it is given."""
        if not self.needs:
            return self
        inside = {key: value._needing(layout) for key, value in self.hyper.items() if isinstance(value, Rule)}
        return self(**inside, **self._functions_of_vector(layout, self.hyper))

    def _in_dtype(self, dtype: Any) -> Rule:
        """This rule with its populations, and those of the rule inside, in `dtype`: a wrapper may compute with them."""
        hyper = {key: self.hyper[key].astype(dtype, copy=False) for key in self._populations}
        inside = {key: value._in_dtype(dtype) for key, value in self.hyper.items() if isinstance(value, Rule)}
        new = {key: value for key, value in (hyper | inside).items() if value is not self.hyper[key]}
        return self(**new) if new else self

    def _functions_of_vector(self, layout: Layout, hyper: Mapping[str, Any]) -> dict[str, Any]:
        given = (key for key in self._own_needs if key in hyper)
        return {key: _of_vector(hyper[key], self.defaults[key], layout, f"{self.name}: {key}") for key in given}

    def _parts(self, layout: Layout, state: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The state of each tensor; numbers (the step count) are shared by all."""
        self._demand_names(state)
        parts: list[dict[str, Any]] = [{} for _ in layout.keys]
        for name, value in state.items():
            what, kind = f"state {name!r}", self._kind(name, value)
            values: list[Any]
            if name == INNER_STATE and self.inner is not None:
                self.inner._demand_names(value, what)
                values = [{}] * len(parts) if self._twice else self.inner._parts(layout, value)
            elif kind == "count" or (kind == "number" and not isinstance(value, (list, tuple, Mapping)) and not np.ndim(value)):
                values = [self._number(value, kind, what)] * len(parts)
            elif kind == "array":
                values = layout.leaves(value, what)
            else:
                values = [numbers.cast(x, layout.dtype) for x in layout.match(value, what)]
            for part, x in zip(parts, values, strict=True):
                part[name] = x
        return parts

    def _around(self, inside: Any) -> Rule:
        """This wrapper with something else that acts as the rule inside."""
        new = object.__new__(Rule)
        new.__dict__.update(self.__dict__)
        for place in ("_start_hyper", "_step_hyper"):
            hyper = {key: inside if value is self.inner else value for key, value in self.__dict__[place].items()}
            new.__dict__[place] = hyper
        return new

    def _by_tensor_twice(
        self, layout: Layout, theta: Any, g: Any, state: Mapping[str, Any], everything: bool
    ) -> dict[str, Any]:
        """A step tensor by tensor, around a rule that sees all tensors: see `_Asking`."""
        assert self.inner is not None
        asking = _Asking(self.inner)
        around = self._around(asking)
        parts = (layout.leaves(theta, "theta"), layout.leaves(g, "g"), self._parts(layout, state))
        run = lambda *leaf: around._apply(*leaf, everything=everything)  # noqa: E731
        with np.errstate(all="ignore"):  # the second time tells what there is to tell
            around._by_tensor(layout, run, parts)
        inner_state = asking.answer(layout, state[INNER_STATE])
        record = around._by_tensor(layout, run, parts)
        return record | {INNER_STATE: inner_state}

    def _by_tensor(self, layout: Layout, run: Callable[..., dict], parts: tuple) -> dict[str, Any]:
        """Run tensor by tensor; Python numbers, which come from the step count and hyper-parameters alone, stay one number.

        A 0-d tensor is run as a vector of one entry, because NumPy turns 0-d arrays into scalars.
        """

        def widened(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: widened(part) for name, part in value.items()}
            return value.reshape(1) if numbers.is_array(value) and value.shape == () else value

        def narrowed(value: Any) -> Any:
            if isinstance(value, dict):
                return {name: narrowed(part) for name, part in value.items()}
            return value.reshape(()) if numbers.is_array(value) and value.shape == (1,) else value

        def merged(name: str, values: list[Any], rule: Rule) -> Any:
            first = values[0]
            if name == INNER_STATE and isinstance(first, dict):
                inside = rule.inner or rule
                return {part: merged(part, [value[part] for value in values], inside) for part in first}
            shared = not (numbers.is_array(first) or isinstance(first, (tuple, np.generic)) or rule._kinds.get(name) == "other")
            shared = shared and all(numbers.same(value, first) for value in values)
            return first if shared else layout.rebuild(values)

        records = []
        for leaves, shape in zip(zip(*parts, strict=True), layout.shapes, strict=True):
            record = run(*leaves) if shape else narrowed(run(*map(widened, leaves)))
            records.append(record)
        return {name: merged(name, [record[name] for record in records], self) for name in records[0]}


class _Asking:
    """Stands in for a rule that sees all tensors, inside a wrapper that sees each alone.

    The wrapper is run on each tensor twice. The first time it is heard what the wrapper gives to the rule inside; then that
    rule makes its one step, of all tensors; the second time the wrapper gets the answer of the tensor at hand.
    """

    def __init__(self, rule: Rule) -> None:
        self.rule, self.hyper = rule, rule.hyper
        self.asked: list[tuple[str, Any, Any]] = []
        self.answers: Iterator[Any] | None = None

    @property
    def lr(self) -> Any:
        """As `Rule.lr`."""
        return self.rule.lr

    def init(self, theta: Any) -> dict[str, Any]:
        """Nothing: the state of the rule inside is of all tensors."""
        return {}

    def update(self, theta: Any, g: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """As `Rule.update`."""
        return self._heard("update", theta, g), {}

    def propose(self, theta: Any, g: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """As `Rule.propose`."""
        return self._heard("propose", theta, g), {}

    def _heard(self, what: str, theta: Any, g: Any) -> Any:
        if self.answers is not None:
            return next(self.answers).reshape(theta.shape)
        self.asked.append((what, theta, g))
        return theta

    def answer(self, layout: Layout, state: Any) -> Any:
        """Make the step of all tensors that was asked for; returns the new state of the rule inside."""
        (what, *_), *given = zip(*self.asked, strict=True)
        theta, g = (layout.rebuild(x.reshape(shape) for x, shape in zip(part, layout.shapes, strict=True)) for part in given)
        answers, state = getattr(self.rule, what)(theta, g, state)
        self.answers = iter(layout.leaves(answers, what))
        return state


class _Inside:
    """A rule that needs each tensor, inside a wrapper that sees all parameters as one vector."""

    def __init__(self, rule: Rule, layout: Layout) -> None:
        self.rule, self.layout, self.hyper = rule, layout, rule.hyper

    @property
    def lr(self) -> Any:
        """As `Rule.lr`."""
        return self.rule.lr

    def init(self, theta: Any) -> dict[str, Any]:
        """As `Rule.init`, of the vector's tensors."""
        return self.rule.init(self.layout.tree(theta))

    def update(self, theta: Any, g: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """As `Rule.update`, with vectors for theta and the gradient."""
        moved, state = self.rule.update(self.layout.tree(theta), self.layout.tree(g), state)
        return self.layout.vector(moved, "theta"), state

    def propose(self, theta: Any, g: Any, state: Any) -> tuple[Any, dict[str, Any]]:
        """As `Rule.propose`, with vectors for theta, the gradient and the step."""
        step, state = self.rule.propose(self.layout.tree(theta), self.layout.tree(g), state)
        return self.layout.vector(step, "update"), state


def _of_vector(function: Any, required: Any, layout: Layout, what: str) -> Any:
    """A caller's function of theta as a function of the vector that `layout` makes of it."""
    if isinstance(function, Required):
        return function

    def of_vector(vector: Any) -> Any:
        result = function(layout.tree(vector))
        if not required.number:
            return layout.vector(result, f"{what}(theta)")
        if isinstance(result, (np.generic, np.ndarray)) and result.ndim == 0:
            result = result.item()  # a Python number, which does not decide the dtype of what it meets
        if not (numbers.is_scalar(result) or (numbers.is_array(result) and result.shape == ())):
            raise TypeError(f"{what}(theta) must be one real number, got {type(result).__name__}")
        return result

    return of_vector


def _restored(made: tuple[Any, ...], hyper: dict[str, Any]) -> Rule:
    rule = Rule(*made)
    rule._bind(hyper)
    return rule


def _kinds_of_state(init: Callable[..., dict[str, Any]]) -> dict[str, str]:
    """What the entries of a state are, seen on the state of two parameters; nothing where init refuses those.

    "count" the number of steps done, "number" another Python number, "array" an array like theta, "stack" some of them as
    rows, "other" anything else.
    """
    try:
        state = init(np.zeros(2))
    except Exception:  # an init that wants a matrix, say; it is asked again with the real theta
        return {}
    kinds = {}
    for name, value in state.items():
        if numbers.is_array(value):
            stack = value.ndim == 2 and value.shape[1:] == (2,)
            kinds[name] = "array" if value.shape == (2,) else "stack" if stack else "other"
        elif isinstance(value, np.generic):
            kinds[name] = "other"  # a sum, say: one number for each tensor, in its dtype
        elif numbers.is_scalar(value):
            kinds[name] = "count" if name == "t" else "number"
    return kinds


def _within(value: Any, low: float, high: float, closed: bool) -> bool:
    inside = (value >= low) & ((value <= high) if closed else (value < high)) & (value > -math.inf)
    return bool(inside if isinstance(inside, bool) else inside.all())


def _own(record: dict[str, Any], names: Iterable[str], inputs: Iterable[Any]) -> dict[str, Any]:
    """The named values; copied where they are an array that came in, a view, or the same array as another result."""
    if not isinstance(record, dict):
        raise TypeError(f"the step of a rule ends with return locals(); this one returned {type(record).__name__}")
    return _owned(record, names, set(_identities(inputs)))


def _owned(record: dict[Any, Any], names: Iterable[Any], seen: set[int]) -> dict[Any, Any]:
    own = {}
    for name in names:
        value = record[name]
        if type(value) is np.ndarray or numbers.is_array(value):
            if value.base is not None or id(value) in seen:
                value = numbers.copy(value)
            seen.add(id(value))
        elif type(value) is dict:  # the state of a rule inside
            value = _owned(value, value, seen)
        elif type(value) is tuple:
            value = tuple(_owned(dict(enumerate(value)), range(len(value)), seen).values())
        own[name] = value
    return own


def _identities(values: Iterable[Any]) -> Iterator[int]:
    for value in values:
        if type(value) in (dict, tuple):
            yield from _identities(value.values() if type(value) is dict else value)
        else:
            yield id(value)
