"""Every rule with its state, one line each; --json adds scope and paper."""

from __future__ import annotations

import argparse
import json

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt list``."""
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the rules."""
    import refopt
    from refopt.cli.tables import print_rows

    rules = [refopt.rule(name) for name in refopt.names()]
    lines = [(rule.__doc__ or "").partition("\n")[0].partition(": ")[2].rstrip(".") for rule in rules]
    if options.json:
        keys = ("name", "line", "scope", "state", "paper")
        rows = [
            dict(zip(keys, (rule.name, line, rule.scope, rule.state_names, rule.paper), strict=True))
            for rule, line in zip(rules, lines, strict=True)
        ]
        print(json.dumps(rows, indent=2))
        return
    print_rows(
        ["rule", "state", "what it is"],
        [[rule.name, ", ".join(rule.state_names), line] for rule, line in zip(rules, lines, strict=True)],
        left=3,
    )
    print("\nrefopt show RULE prints one with its equations, readings and source.")
