"""A rule as it ships: equations, symbols, readings and paper from its docstring, then the library table and its source."""

from __future__ import annotations

import argparse
import inspect

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt show``."""
    parser.add_argument("rule", metavar="RULE", help="a name from refopt list")


def run(options: argparse.Namespace) -> None:
    """Print the rule."""
    import refopt
    from refopt.frameworks import FRAMEWORKS

    rule = refopt.rule(options.rule)
    print((rule.__doc__ or "").strip())
    print("\nLibraries")
    for framework, table in FRAMEWORKS.items():
        print(f"    {framework:8}{table[rule.name] if rule.name in table else 'has none'}")
    print("    optax asks for a learning rate; the paper's is shown")
    print(f"\nSource ({inspect.getsourcefile(rule.recurrence)})\n")
    for function in (rule.start, rule.recurrence):
        print("\n".join("    " + line for line in inspect.getsource(function).rstrip().splitlines()) + "\n")
