"""Run a rule on a toy function and print each source line of each step with the value that it gave.

Of a rule around a rule the lines of the outer one come first, then those of the one inside, with what that was given."""

from __future__ import annotations

import argparse
from typing import Any

from refopt.cli.choice import add_choice, chosen

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt step``."""
    add_choice(parser, steps=3)


def run(options: argparse.Namespace) -> None:
    """Print the steps."""
    import numpy as np

    import refopt
    from refopt.stepping import layers

    rule, problem = chosen(options)
    theta = problem.start
    state = rule.init(theta)
    print(f"{rule}\non {problem.name}: {problem.trap}\n")
    print(f"theta = {_text(theta)}    loss = {problem.loss(theta):.6g}")
    with np.errstate(all="ignore"):
        for number in range(1, options.steps + 1):
            g = problem.grad(theta)
            nest = layers(rule, theta, g, state)
            print(f"\nstep {number}    g = {_text(g)}")
            for depth, layer in enumerate(nest):
                if len(nest) > 1:
                    given = f"theta = {_text(layer.theta)}, g = {_text(layer.g)}"
                    print(f"{'    ' * (depth + 1)}{layer.rule.name}{f' is given {given}' if depth else ''}")
                lines = refopt.narrate(*layer)
                margin, width = "    " * (depth + 1 + (len(nest) > 1)), max(len(_code(line.source)) for line in lines)
                for line in lines:
                    print(f"{margin}{_code(line.source):{width}}    {line.name} = {_text(line.value)}")
            theta, state = rule.update(theta, g, state)
            print(f"    loss = {problem.loss(theta):.6g}")


def _code(source: str) -> str:
    return source.partition("  #")[0].rstrip()


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return f"({', '.join(map(_text, value))})"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {_text(part)}" for name, part in value.items())
    if hasattr(value, "shape"):
        return "[" + ", ".join(f"{x:.6g}" for x in value.reshape(-1).tolist()) + "]"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
