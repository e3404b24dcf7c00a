"""Where the readings of libraries part: each is walked over the same gradients as the first one (sizes from 1e-8 to 1e3, zeros,
turning signs, a step without any gradient; from step 7 on the learning rate is a tenth).

A reading is a library's version of a rule: what it puts where formulas differ, and its defaults. For each difference between
two readings it is shown where that one alone makes them part: step, name and entry, the two values, how far they are apart in
units in the last place (ulp), and how far the parameters are apart after the last step, relative to the largest of them."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from refopt.cli.choice import setting

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt compare``."""
    parser.add_argument("rule", metavar="RULE", help="a name from refopt list")
    parser.add_argument(
        "--frameworks",
        metavar="A,B,…",
        help='libraries, the first is compared with the others: torch,keras; "timm lr" is a further reading of timm '
        "(see refopt show), paper is the rule itself (default: paper and all that have the rule)",
    )
    parser.add_argument(
        "--set", metavar="WORD=VALUE", action="append", default=[], help="a hyper-parameter for all of them: --set eps=1e-8"
    )
    parser.add_argument(
        "--out", metavar="DIR", help="also draw how far the readings drift apart over 1000 steps: DIR/drift.png, drift.svg"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the partings."""
    import refopt
    from refopt.frameworks import FRAMEWORKS
    from refopt.frameworks.comparison import STEPS, compare

    refopt.rule(options.rule)  # or its error
    known = [framework for framework, table in FRAMEWORKS.items() if options.rule in table]
    chosen = ["paper", *known] if options.frameworks is None else [part.strip() for part in options.frameworks.split(",")]
    if len(chosen) < 2:
        by = f"read here in {', '.join(known)}" if known else "read here in no library"
        raise ValueError(f"two readings are needed to compare; {options.rule} is {by} (and paper)")
    hyper = dict(setting(text) for text in options.set)
    first, *others = [_chosen(options.rule, word, hyper) for word in chosen]
    found, rules = [], {}
    for word, (rule, given) in zip(chosen[1:], others, strict=True):
        if "lr" not in hyper and "lr" in first[1] | given:  # one of the two has no default: both get the same
            rule = rule(lr=first[0].lr)
        found.append((word, *compare(first[0], rule)))
        rules[word] = rule
    paths = [] if options.out is None else _figure(first[0], chosen[0], rules, options.out)
    if options.json:
        print(json.dumps([_plain(chosen[0], *entry) for entry in found], indent=2, allow_nan=False))
        return
    print(f"{options.rule}: {STEPS} steps, against {chosen[0]}, which is\n    {first[0]}")
    for framework, parting, causes in found:
        print(f"\n{framework}: {_where(parting)}")
        for cause in causes:
            mine, other = (getattr(value, "__name__", value) for value in cause.values)
            print(f"    {cause.word}: {mine} here, {other} there\n        alone: {_where(cause.parting)}")
        if not causes:
            print("    the same reading with the same defaults")
    if paths:
        print(f"\nFigures: {', '.join(map(str, paths))}")


def _figure(reference: Any, name: str, rules: dict[str, Any], directory: str) -> list[Any]:
    """Draw the drift of the rules from the reference over gradients of many sizes."""
    import numpy as np

    from refopt.cli.directory import demand_writable
    from refopt.frameworks.comparison import drift

    if reference.needs:
        raise ValueError(f"{reference.name} asks for gradients itself; its readings have no drift over given ones")
    demand_writable(directory)
    from refopt import view

    draw = np.random.default_rng(0)
    theta, sizes = draw.standard_normal((10, 10)), 10.0 ** draw.uniform(-6, 0, (10, 10))
    gradients = sizes * draw.standard_normal((1000, 10, 10))
    with view.theme():
        ax = view.drift_panel({word: drift(reference, rule, theta, gradients) for word, rule in rules.items()}, name)
        return view.save(ax.figure, directory, "drift")


def _chosen(name: str, word: str, hyper: dict[str, Any]) -> tuple[Any, frozenset[str]]:
    """The reading that a word of --frameworks stands for, and the hyper-parameters for which its library has no default."""
    import refopt
    from refopt.frameworks import FRAMEWORKS

    framework, _, switch = word.partition(" ")
    if framework == "paper":
        rule = refopt.rule(name)
        table = next((table for table in FRAMEWORKS.values() if name in table), None)
        if rule.inner is not None and table is not None:
            rule = rule(inner=table[name].rule.inner)  # around what the libraries have it around
        return rule(**hyper), frozenset()
    entry = f"{name} {switch}".strip()
    rule = refopt.rule(entry, framework=framework, **hyper)
    return rule, FRAMEWORKS[framework][entry].must_be_given


def _where(parting: Any) -> str:
    if parting.step is None:
        return "no difference on these gradients, every bit the same"
    place = "".join(f"[{i}]" for i in parting.index)
    a, b = (f"{value:.6g}" for value in parting.values)
    if a == b:
        a, b = map(repr, parting.values)
    end = "NaN in one of them at the end" if parting.theta != parting.theta else f"{parting.theta:.1e} apart at the end"
    return f"parts at step {parting.step}, {parting.name}{place} {a} and {b}, {parting.ulps:.3g} ulp; {end}"


def _plain(reference: str, framework: str, parting: Any, causes: Any) -> dict[str, Any]:
    def show(value: Any) -> Any:
        return getattr(value, "__name__", value)

    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def fields(part: Any) -> dict[str, Any]:
        values = [finite(value) for value in part.values]
        return {
            "step": part.step, "name": part.name, "index": part.index, "values": values, "ulps": finite(part.ulps),
            "theta": finite(part.theta),
        }  # fmt: skip

    return {
        "reference": reference,
        "framework": framework,
        **fields(parting),
        "causes": [{"word": c.word, "readings": [show(v) for v in c.values], **fields(c.parting)} for c in causes],
    }
