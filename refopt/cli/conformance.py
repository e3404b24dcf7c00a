"""Run every optimizer of every installed library over the golden vectors, in the paper's reading and in its own, and write
conformance.md, .json, .png and .svg: who gives the paper's numbers to how many ulps, who speaks which dialect, who has which
defect. All of them take about four minutes; progress goes to standard error."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
from pathlib import Path

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt conformance``."""
    parser.add_argument("--framework", help="only this library")
    parser.add_argument("--rule", help="only this rule")
    parser.add_argument("--out", type=Path, default=Path("refopt-out"), help="the folder (default: refopt-out)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")


def run(options: argparse.Namespace) -> None:
    """Print the table, and write it with its figure."""
    import refopt.exact  # noqa: F401 (what is missing is said before the work, not after)
    from refopt import catalogue, view
    from refopt.cli.tables import print_rows
    from refopt.golden.conformance import conformance, installed, table
    from refopt.golden.libraries import DRIVEN
    from refopt.recurrence import nearest

    if options.framework is not None and options.framework not in DRIVEN:
        raise ValueError(f"unknown library {options.framework!r}{nearest(options.framework, DRIVEN)}")
    if options.framework is not None and options.framework not in installed():
        raise ValueError(f"{options.framework} is not installed; here are {', '.join(installed()) or 'none'}")
    if options.rule is not None:
        catalogue.load(options.rule)  # or its error
    if not installed():
        raise ValueError(f"none of the libraries is installed: {', '.join(DRIVEN)}")
    found = []
    for one in conformance([options.framework] if options.framework else None, [options.rule] if options.rule else None):
        found.append(one)
        print(f"\r{len(found):4d} {one.framework} {one.rule}".ljust(60), end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    if not found:
        raise ValueError(f"no library that is installed has {options.rule}, or it cannot be driven; see refopt frameworks")
    paths = view.save(view.conformance_figure(found), options.out, "conformance")
    rows = [dataclasses.asdict(one) for one in found]
    document = json.dumps([row | {"ulps": None if math.isnan(row["ulps"]) else row["ulps"]} for row in rows], indent=1) + "\n"
    for name, text in (("conformance.json", document), ("conformance.md", table(found))):
        part = options.out / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        part.replace(options.out / name)
        paths.append(options.out / name)
    if options.json:
        print(document, end="")
        return
    print_rows(
        ["library", "rule", "verdict", "reading", "seen by", "ulps"],
        [
            [one.framework, one.rule, one.verdict, " ".join(one.reading), ", ".join(one.flags[:3]),
             "" if math.isnan(one.ulps) else f"{one.ulps:.3g}"]
            for one in found
        ],
        left=5,
    )  # fmt: skip
    print("\n" + "\n".join(f"wrote {path}" for path in paths))
