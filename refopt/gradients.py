"""What a gradient goes through before a rule steps with it: clipping, noise, centralisation, decay, in any order.

    rule = refopt.gradients.chain(refopt.adam(lr=1e-3), refopt.clip_by_global_norm(max_norm=1.0), refopt.l2)
    refopt.gradients.records(rule, theta, g, state)    # what each of them made of it

A transform of gradients is a rule around a rule, as every file of ``refopt/wrappers`` is: ``clip_by_value``, ``clip_by_norm``,
``clip_by_global_norm``, ``agc``, ``centralize``, ``normalize``, ``gradient_noise``, ``l1``, ``l2``, ``grokfast``,
``skip_nonfinite``. `chain` nests them, so that the result is a Rule like any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from pkgutil import iter_modules
from typing import Any

from refopt import wrappers
from refopt.recurrence import Rule, nearest
from refopt.stepping import layers

__all__ = ["chain", "records"]


def chain(rule: Rule, *transforms: Rule) -> Rule:
    """`rule`, with its gradient going through `transforms`: the first sees the raw gradient, the last gives it to the rule.

    The order is that of optax.chain, and that of calls in a PyTorch loop:

    >>> refopt.gradients.chain(refopt.signsgd, refopt.clip_by_value, refopt.l2(weight_decay=0.1))
    clip_by_value(inner=l2(inner=signsgd(lr=0.0001), weight_decay=0.1), max_value=1.0)

    Any wrapper may stand in a chain, one that looks at each tensor (`clip_by_norm`) before or after one that looks at all
    (`clip_by_global_norm`). A keyword of ``update`` goes to the first that has the word: ``update(…, eps=…)`` to `agc`, and
    not to the Adam inside.

    Raises TypeError for what is no rule, or no wrapper, or a wrapper that has been put around a rule already.
    """
    if not isinstance(rule, Rule):
        raise TypeError(f"chain: the first argument must be a rule, for instance refopt.adam; got {rule!r}")
    for transform in reversed(transforms):
        rule = transform(**{_place(transform): rule})
    return rule


def _place(transform: Any) -> str:
    """The hyper-parameter of a wrapper that takes the rule inside."""
    if not isinstance(transform, Rule):
        raise TypeError(f"chain: a transform must be a rule around a rule, for instance refopt.l2; got {transform!r}")
    if transform.inner is None:
        known = [module.name for module in iter_modules(wrappers.__path__)]
        raise TypeError(f"chain: {transform.name!r} is not a rule around a rule{nearest(transform.name, known)}")
    place = next(key for key, value in transform.hyper.items() if value is transform.inner)
    if transform.inner != transform.defaults[place]:
        name = transform.name
        raise TypeError(
            f"chain: {name} is around {transform.inner!r} already, which would be lost; give hyper-parameters of the rule to "
            f"the rule, chain(rule(…), {name}(…)), and the parts of a chain one by one"
        )
    return place


def records(rule: Rule, theta: Any, g: Any, state: Mapping[str, Any], **hyper: Any) -> list[tuple[str, dict[str, Any]]]:
    """The record of one step of each rule of a nest, from the outside in, as (name, record): who did what to the gradient.

    Each record is that of `Rule.step`: `g` is the gradient that this rule was given, `theta` the parameters at the end.

    >>> rule = refopt.gradients.chain(refopt.sgd, refopt.clip_by_global_norm, refopt.l2(weight_decay=0.5))
    >>> theta, g = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    >>> for name, record in refopt.gradients.records(rule, theta, g, rule.init(theta)):
    ...     print(name, record["g"].tolist())
    clip_by_global_norm [3.0, 4.0]
    l2 [0.6000000000000001, 0.8]
    sgd [1.1, 1.8]

    Where a wrapper does not call the rule inside in this step the list ends with the wrapper. Arguments and errors as for
    `Rule.step`.
    """
    return [(layer.rule.name, layer.rule.step(*layer[1:])) for layer in layers(rule, theta, g, state, **hyper)]
