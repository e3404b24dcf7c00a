"""Check an implementation against the golden vectors: an optimizer of a library (`torch:AdamW`, `optax:adamw`), or the answers
that another program gave to `refopt golden questions`, a JSON file.

Exit status: 0 every vector that could be run is right, 1 some are wrong, 2 nothing could be checked."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
from pathlib import Path

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt check``."""
    parser.add_argument("subject", metavar="LIBRARY:OPTIMIZER | FILE", help="what is checked")
    parser.add_argument("--rule", help="against the vectors of this rule (default: the one that the library means)")
    parser.add_argument("--framework", help="against this library's reading of the rule instead of the paper's")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the report as JUnit XML too")


def run(options: argparse.Namespace) -> int:
    """Print the report; the exit status."""
    from refopt.golden import check, check_answers, read_answers

    if ":" in options.subject and not Path(options.subject).exists():
        from refopt.golden.libraries import library

        _, rule, make = library(options.subject)
        report = check(make, options.rule or rule, options.framework)
    elif options.rule:
        raise ValueError("--rule is for optimizers of libraries; a file names its rule itself")
    else:
        report = check_answers(read_answers(options.subject), options.framework)
    if options.junit:
        from refopt.golden.junit import write_junit

        write_junit(report, options.subject, options.junit)
    if options.json:
        failures = [dataclasses.asdict(failure) for failure in report.failures]
        for failure in failures:
            failure.update({key: None for key, x in failure.items() if isinstance(x, float) and not math.isfinite(x)})
        document = {
            "rule": report.rule,
            "ok": report.ok,
            "passed": report.passed,
            "failures": failures,
            "skipped": report.skipped,
        }
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        print(report)
        print(
            "right"
            if report.ok
            else f"wrong; look at {', '.join(report.flags)}"
            if report.failures
            else "nothing could be checked"
        )
    return 0 if report.ok else 1 if report.failures else 2
