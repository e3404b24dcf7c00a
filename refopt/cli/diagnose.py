"""Say which mistake is made where the paper's rule should be: by an optimizer of a library (`torch:RMSprop`), or by the program
that answered `refopt golden questions` (a JSON file). Readings of libraries, known mistakes, hyper-parameters that are not what
they were told to be, wrong loops, every small change of the formula, and two of these at once, each run on the golden vectors
and compared. It takes at most about 16 seconds; the status is 0 where one of them gives all numbers."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt diagnose``."""
    parser.add_argument("subject", metavar="LIBRARY:OPTIMIZER | FILE", help="what is diagnosed: torch:RMSprop")
    parser.add_argument("--rule", help="the rule that it should be (default: the one that the library means)")
    parser.add_argument("-n", type=int, default=5, help="at most so many explanations (default: 5)")
    parser.add_argument("--seconds", type=float, default=15.0, help="look for at most about so long (default: 15)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Print the findings, the best first; the status is 0 where one of them is exact."""
    from refopt.golden import diagnose, diagnose_answers, read_answers

    if not options.seconds > 0:
        raise ValueError(f"--seconds must be positive, got {options.seconds}")
    if options.n < 1:
        raise ValueError(f"-n must be at least 1, got {options.n}")
    if ":" in options.subject and not Path(options.subject).exists():
        from refopt.golden.libraries import library

        _, rule, make = library(options.subject)
        findings = diagnose(make, options.rule or rule, options.n, options.seconds)
    elif options.rule:
        raise ValueError("--rule is for optimizers of libraries; a file names its rule itself")
    else:
        findings = diagnose_answers(read_answers(options.subject), options.n, options.seconds)
    if options.json:
        print(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2))
    else:
        print("\n".join(map(str, findings)))
    return 0 if findings[0].exact else 1
