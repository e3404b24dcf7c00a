"""refopt: neural-network optimizers, each written once in its paper's letters.

    import refopt
    rule = refopt.adam(lr=1e-2)                        # a Rule; refopt.names() lists them all
    state = rule.init(theta)                           # theta: an array, or a list or dict of arrays
    theta, state = rule.update(theta, g, state)        # one step
    rule.update_(theta, g, state)                      # the same in place
    record = rule.step(theta, g, state)                # one step, every name of the paper
    for record in refopt.walk(rule, theta, grad, steps=100): ...
    refopt.narrate(rule, theta, g, state)              # the source lines of a step with their values
    rule = refopt.gradients.chain(refopt.adamw, refopt.clip_by_global_norm(max_norm=1.0))  # what a gradient goes through
    history = refopt.train(net, rule, data, epochs=10) # a network, in mini-batches
    found = refopt.race(["sgd", "adam"], "rosenbrock", starts=1000, grids={"lr": [1e-3, 1e-2]})  # all of them at once

Rooms, imported when they are first used: ``refopt.exact`` (proofs), ``refopt.schedules``, ``refopt.problems``, ``refopt.data``,
``refopt.nets``, ``refopt.training``, ``refopt.fast``, ``refopt.landscape``, ``refopt.view`` (the only one that draws).
"""

from importlib import import_module
from typing import Any

from refopt.catalogue import load, names, rule
from refopt.recurrence import Rule, nearest
from refopt.stepping import Line, narrate, walk

__version__ = "0.1.0"
__all__ = ["Line", "Rule", "names", "narrate", "rule", "walk"]

_ROOMS = (
    "data", "dialects", "exact", "fast", "frameworks", "golden", "gradients", "landscape", "nets", "problems", "schedules",
    "training", "view",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    """Rules and rooms, loaded when first used, so that ``import refopt`` stays light."""
    if name in _ROOMS:
        return import_module(f"refopt.{name}")
    if name == "train":
        return import_module("refopt.training").train
    if name == "race":
        return import_module("refopt.training.population").race
    if name in names():
        return load(name)
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"refopt has no {name!r}{nearest(name, [*__all__, *_ROOMS, 'race', 'train', *names()])}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ROOMS, "race", "train", *names()})
