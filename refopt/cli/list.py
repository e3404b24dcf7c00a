"""Every rule by family, in the order of the years of their papers; --json adds scope, state and paper. With --problems the
toy functions instead: dimension, number of minima that are known, and the trap that each sets; --json adds the points. With
--fast: which rules step in place without new memory, which step tensors of equal shape as one, and why the others cannot."""

from __future__ import annotations

import argparse
import json
import re
import textwrap
from typing import Any

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt list``."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--problems", action="store_true", help="the toy functions instead of the rules")
    which.add_argument(
        "--fast", action="store_true", help="which rules run blocked and fused, which stacked, and why the others do not"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the rules, or the problems."""
    if options.problems:
        _list_problems(options.json)
    elif options.fast:
        _list_ways(options.json)
    else:
        _list_rules(options.json)


def _list_problems(as_json: bool) -> None:
    from refopt import problems
    from refopt.cli.tables import print_rows

    known = [problems.get(name) for name in problems.names()]
    if as_json:
        points = ("minima", "saddles", "start")
        rows = [
            {"name": p.name, "dimension": p.dimension, "options": list(problems.options(p.name))}
            | {word: getattr(p, word).tolist() for word in points}
            | {"bounds": p.bounds, "stochastic": p.sample is not None, "trap": p.trap, "paper": p.paper}
            for p in known
        ]
        print(json.dumps(rows, indent=2))
        return
    table = []
    for p in known:
        size = "any" if "dimension" in problems.options(p.name) else str(p.dimension)
        first, *others = textwrap.wrap(p.trap, 66)
        table += [[p.name, size, str(len(p.minima)), first], *(["", "", "", more] for more in others)]
    print_rows(["problem", "dimension", "minima", "trap"], table, left=4)
    print(f"\n{len(known)} problems. refopt.problems.get(NAME, dimension=…) has loss, gradient, Hessian, minima and saddles.")


def _list_ways(as_json: bool) -> None:
    import refopt
    from refopt.cli.tables import print_rows

    reasons = {name: refopt.fast.why_not(refopt.rule(name)) for name in refopt.names()}
    stacked = [name for name in reasons if refopt.fast.why_not_stacked(refopt.rule(name)) is None]
    if as_json:
        rows = reasons.items()
        ways = ({"name": name, "blocked": why is None, "stacked": name in stacked, "why_not": why} for name, why in rows)
        print(json.dumps(list(ways), indent=2))
        return
    quick = [name for name, why in reasons.items() if why is None]
    print(textwrap.fill(f"Blocked and fused, {len(quick)} rules: {', '.join(quick)}.", 100))
    line = f"Stacked (in a list or dict, tensors of equal shape make one step), {len(stacked)} rules: {', '.join(stacked)}."
    print(f"\n{textwrap.fill(line, 100)}\n\nThe others make the plain step and copy:\n")
    table = []
    for name, why in reasons.items():
        if why is not None and name not in stacked:
            first, *more = textwrap.wrap(why, 80)
            table += [[name, first], *(["", line] for line in more)]
    print_rows(["rule", "why"], table, left=2)


def _list_rules(as_json: bool) -> None:
    import refopt
    from refopt.recurrence import FAMILIES

    rules = [refopt.rule(name) for name in refopt.names()]
    lines = {rule.name: (rule.__doc__ or "").partition("\n")[0].partition(": ")[2].rstrip(".") for rule in rules}
    if as_json:
        keys = ("name", "line", "family", "scope", "state", "paper")
        rows = [(rule.name, lines[rule.name], rule.family, rule.scope, rule.state_names, rule.paper) for rule in rules]
        print(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
        return
    width = max(map(len, lines))
    for family, title in FAMILIES.items():
        members = sorted((rule for rule in rules if rule.family == family), key=_year)
        if members:
            print(f"{title[0].upper()}{title[1:]}")
            for rule in members:
                first = f"  {rule.name:{width}}  {_year(rule) or '':4}  "
                print(textwrap.fill(lines[rule.name], 100, initial_indent=first, subsequent_indent=" " * len(first)))
            print()
    around = sum(rule.inner is not None for rule in rules)
    print(f"{len(rules) - around} rules and {around} wrappers. refopt show RULE prints one: equations, libraries, source.")


def _year(rule: Any) -> int:
    """The year of the first paper that the rule names."""
    found = re.search(r"\b(19|20)\d\d\b", re.sub(r"arXiv:\S+", "", rule.paper))
    return int(found[0]) if found else 0
