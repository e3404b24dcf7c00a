"""Parameter groups: tensors that train with other hyper-parameters, or by another rule, than the rest.

net = refopt.nets.MLP([64, 32, 10])
groups = {"no_decay": Group(no_decay(net), weight_decay=0.0)}
refopt.train(net, refopt.adamw, data, epochs=10, groups=groups)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from refopt.recurrence import Rule, nearest
from refopt.training.signals import Signals, text

__all__ = ["REST", "Group", "Grouping", "no_decay"]

REST = "rest"  # the group of the tensors that no group names


class Group:
    """Some tensors of a net, and what is different for them.

    `match` says which: a name or a pattern (``"b*"``), several of them, or a function of the name. Keywords are
    hyper-parameters of the main rule that have another value here, numbers or signals (see `refopt.training.signals`); a
    schedule of the whole training does not touch these. With `rule` the group has a rule of its own, which no schedule of the
    whole training touches at all.
    """

    def __init__(self, match: str | Iterable[str] | Callable[[str], bool], rule: Rule | None = None, **hyper: Any) -> None:
        if rule is not None and not isinstance(rule, Rule):
            raise TypeError(f"the rule of a group must be a Rule, for instance refopt.sgd; got {rule!r}")
        self.match = match if callable(match) else (match,) if isinstance(match, str) else tuple(match)
        self.rule, self.hyper = rule, hyper

    def __repr__(self) -> str:
        words = [text(self.match), *([f"rule={self.rule!r}"] if self.rule else [])]
        return f"Group({', '.join([*words, *(f'{name}={text(value)}' for name, value in self.hyper.items())])})"

    def tensors(self, names: list[str], own: str) -> list[str]:
        """Which of `names` are in this group, which is called `own`; ValueError for a pattern that finds none."""
        if callable(self.match):
            found = [name for name in names if self.match(name)]
        else:
            for pattern in self.match:
                if not any(fnmatchcase(name, pattern) for name in names):
                    raise ValueError(f"group {own!r}: no tensor is called {pattern!r}{nearest(pattern, names)}")
            found = [name for name in names if any(fnmatchcase(name, pattern) for pattern in self.match)]
        if not found:
            raise ValueError(f"group {own!r} holds no tensor; there are {', '.join(names)}")
        return found


def no_decay(net: Any) -> tuple[str, ...]:
    """The names of the tensors that are usually left out of weight decay: biases, and the scales and shifts of norms.

    They are known by having at most one axis.

    >>> no_decay(refopt.nets.MLP([64, 32, 10]))
    ('b1', 'b2')
    """
    return tuple(name for name, _, _, shape in net.views.places if len(shape) <= 1)


def _nothing() -> dict[str, dict[str, Any]]:
    """No hyper-parameter of any group changes."""
    return {}


class Grouping:
    """Which tensors train by which rule; `rule` is all of that as one Rule of the flat theta.

    The rule's state is ``{"groups": {group: the state of the group's rule}}``, in which tensors stand by their names. A rule
    that measures all parameters (a global norm) measures those of its group; `around` is what is wrapped around all groups.
    """

    def __init__(self, net: Any, rule: Rule, groups: Mapping[str, Group], around: Callable[[Rule], Rule]) -> None:
        self.views = net.views
        names = [name for name, *_ in net.views.places]
        self.tensors: dict[str, list[str]] = {}
        self.rules: dict[str, Rule] = {}
        self.signals: dict[str, Signals] = {}
        self.open: dict[str, bool] = {}  # whether the schedule of the whole training holds here
        for key, group in groups.items():
            if not isinstance(group, Group):
                raise TypeError(f"groups[{key!r}] must be a refopt.training.Group, got {group!r}")
            if key == REST:
                raise ValueError(f"{REST!r} is the group of the tensors that no group names; call yours otherwise")
            self.tensors[key] = group.tensors(names, key)
            self.open[key] = group.rule is None
            self.signals[key] = Signals(group.hyper, f"group {key!r}")
            start = self.signals[key].values(self.signals[key].init(), 0)
            self.rules[key] = (group.rule or rule)(**start)
        owners = {name: [key for key, tensors in self.tensors.items() if name in tensors] for name in names}
        twice = {name: keys for name, keys in owners.items() if len(keys) > 1}
        if twice:
            name, keys = next(iter(twice.items()))
            raise ValueError(f"each tensor belongs to one group; {name} is in {' and '.join(map(repr, keys))}")
        rest = [name for name, keys in owners.items() if not keys]
        if rest:
            self.tensors[REST], self.rules[REST], self.open[REST] = rest, rule, True
            self.signals[REST] = Signals({}, REST)
        needy = next((each for each in self.rules.values() if each.needs), None)
        if needy is not None:
            raise ValueError(
                f"{needy.name} needs {' and '.join(needy.needs)} of all parameters and cannot be the rule of a group; "
                "a wrapper may be given to transforms=, which go around all groups"
            )
        self.rule = around(Rule(self._init, self._step, scope="network", name="groups"))

    def __repr__(self) -> str:
        parts = (f"{key}: {rule!r} {self.signals[key]!r} for {self.tensors[key]}" for key, rule in self.rules.items())
        return f"{self.rule!r} with {'; '.join(parts)}"

    def init(self) -> dict[str, Any]:
        """The state of the groups' own signals."""
        return {key: signals.init() for key, signals in self.signals.items()}

    def observe(self, state: Mapping[str, Any], metric: float) -> dict[str, Any]:
        """The state of the groups' own signals after an epoch that ended with `metric`."""
        return {key: signals.observe(state[key], metric) for key, signals in self.signals.items()}

    def hyper(self, scheduled: Mapping[str, Any], state: Mapping[str, Any], k: int) -> dict[str, Any]:
        """The keywords of `rule` for the update after k updates; `scheduled` are the values for the whole training."""
        outside = {name: value for name, value in scheduled.items() if name in self._words_around()}
        inside = {name: value for name, value in scheduled.items() if name not in outside}
        now = {
            key: {**(inside if self.open[key] else {}), **signals.values(state[key], k)}
            for key, signals in self.signals.items()
        }
        now = {key: values for key, values in now.items() if values}
        return {**outside, "hyper": lambda: now} if now else outside

    def demand(self, keywords: Mapping[str, Any]) -> None:
        """Raise what the rules of the groups have to say to these keywords, which `hyper` gave."""
        for key, values in keywords.get("hyper", _nothing)().items():
            self.rules[key](**values)

    def _words_around(self) -> set[str]:
        words: set[str] = set()
        layer: Rule | None = self.rule
        while layer is not None and layer.inner is not None:
            words |= set(layer.hyper)
            layer = layer.inner
        return words

    def _init(self, theta: Any) -> dict[str, Any]:
        tree = self.views(theta)
        return dict(groups={key: rule.init(self._part(key, tree)) for key, rule in self.rules.items()})

    def _step(self, theta: Any, g: Any, groups: Any, *, hyper: Any = _nothing) -> dict[str, Any]:
        tree, slopes, now = self.views(theta), self.views(g), hyper()
        theta, states = np.empty_like(theta), {}
        moved = self.views(theta)
        for key, rule in self.rules.items():
            part, states[key] = rule.update(self._part(key, tree), self._part(key, slopes), groups[key], **now.get(key, {}))
            for name, tensor in part.items():
                moved[name][...] = tensor
        return dict(theta=theta, groups=states)

    def _part(self, key: str, tree: Mapping[str, Any]) -> dict[str, Any]:
        return {name: tree[name] for name in self.tensors[key]}
