"""What several verbs are asked alike: which rule, read how, on which toy function; hyper-parameters; a directory."""

from __future__ import annotations

import argparse
import sys
from typing import Any

__all__ = ["add_choice", "chosen", "setting"]


def add_choice(parser: argparse.ArgumentParser, steps: int) -> None:
    """Declare the options of the choice; `steps` is the default number of steps."""
    parser.add_argument("rule", metavar="RULE", help="a name from refopt list")
    parser.add_argument("-n", "--steps", type=int, default=steps, help=f"how many steps (default: {steps})")
    from refopt import problems

    known = f"the toy function (default: rosenbrock): {', '.join(problems.names())}; refopt list --problems describes them"
    parser.add_argument("--on", metavar="PROBLEM", default="rosenbrock", help=known)
    parser.add_argument("--lr", type=float, help="the learning rate (default: the rule's own)")
    parser.add_argument("--framework", help="read the rule as this library does: torch, optax, keras, …")


def chosen(options: argparse.Namespace) -> tuple[Any, Any]:
    """The rule and the problem that were asked for."""
    import refopt

    if options.steps < 1:
        raise ValueError(f"-n must be at least 1, got {options.steps}")
    hyper = {} if options.lr is None else {"lr": options.lr}
    rule, problem = refopt.rule(options.rule, options.framework, **hyper), refopt.problems.get(options.on)
    rule = rule(**{name: {"grad": problem.grad, "loss": problem.loss}[name] for name in rule.needs})
    return (rule if options.lr is not None else _calmed(rule, problem, options.steps)), problem


def _calmed(rule: Any, problem: Any, steps: int) -> Any:
    """The rule, with a smaller learning rate where its own climbs out of the toy function within these steps."""
    import numpy as np

    import refopt

    try:
        own = calm = rule.lr
    except TypeError:  # it has none
        return rule
    for _ in range(8):
        with np.errstate(all="ignore"):
            losses = [problem.loss(record["theta"]) for record in refopt.walk(rule, problem.start, problem.grad, steps)]
        if max(losses) < 10 * max(1.0, abs(problem.loss(problem.start))):
            break
        calm = calm / 10
        rule = rule(lr=calm)
    if calm != own:
        print(f"(lr {calm:g}: the default, {own:g}, climbs out of {problem.name})", file=sys.stderr)
    return rule


def setting(text: str) -> tuple[str, Any]:
    """The hyper-parameter that WORD=VALUE stands for."""
    word, _, value = text.partition("=")
    switches = {"True": True, "False": False}
    try:
        return word.strip(), switches[value.strip()] if value.strip() in switches else float(value)
    except ValueError:
        raise ValueError(f"--set takes WORD=VALUE with a number, True or False; got {text!r}") from None
