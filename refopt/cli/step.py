"""Run a rule on a toy function and print each source line of each step with the value that it gave.

Of a rule around a rule the lines of the outer one come first, then those of the one inside, with what that was given.
With --html the steps go into one page for a browser, which needs no network: the walk on the height lines of the function, the
names of the step drawn there, each line with its formula and its value; --also and --lrs add what can be chosen on the page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from refopt.cli.choice import add_choice, chosen
from refopt.cli.directory import demand_writable

__all__ = ["arguments", "run"]

STEPS, HTML_STEPS, DIRECTORY = 3, 30, "refopt-out"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt step``."""
    add_choice(parser, steps=STEPS)
    parser.set_defaults(steps=None)
    parser.add_argument(
        "--html",
        metavar="FILE",
        nargs="?",
        const="",
        help=f"write a page to step through (default: {HTML_STEPS} steps, to {DIRECTORY}/RULE-on-PROBLEM.html)",
    )
    parser.add_argument("--also", metavar="A,B,…", help="with --html: more rules for the page")
    parser.add_argument(
        "--lrs", metavar="X,Y,…", help="with --html: its learning rates (default: a good one, one below, one above)"
    )


def run(options: argparse.Namespace) -> None:
    """Print the steps, or write the page."""
    if options.html is not None:
        _write_page(options)
        return
    if options.also is not None or options.lrs is not None:
        raise ValueError("--also and --lrs go with --html")
    options.steps = STEPS if options.steps is None else options.steps
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


def _write_page(options: argparse.Namespace) -> None:
    import refopt
    from refopt import view

    names = [options.rule, *_listed(options.also, "--also")]
    if len(set(names)) < len(names):
        raise ValueError(f"--also names a rule twice: {', '.join(names)}")
    rules, problem = {name: refopt.rule(name, options.framework) for name in names}, refopt.problems.get(options.on)
    if options.lr is not None and options.lrs is not None:
        raise ValueError("give --lr or --lrs, not both")
    steps = HTML_STEPS if options.steps is None else options.steps
    if steps < 1:
        raise ValueError(f"-n must be at least 1, got {steps}")
    rates = [options.lr] if options.lr is not None else None
    if options.lrs is not None:
        rates = [_rate(text) for text in _listed(options.lrs, "--lrs")]
    path = Path(options.html or f"{DIRECTORY}/{options.rule.replace(' ', '-')}-on-{problem.name}.html")
    if not options.html:
        demand_writable(DIRECTORY)
    print(view.player(rules, problem, steps, path, rates))


def _listed(text: str | None, word: str) -> list[str]:
    """The parts of a list with commas."""
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    if text is not None and not parts:
        raise ValueError(f"{word} names nothing")
    return parts


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--lrs takes numbers with commas between them, got {text!r}") from None


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
