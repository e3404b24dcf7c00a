"""The command line: ``refopt VERB …``. Each verb is one thin function in a file of its own; this file only dispatches."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from refopt import __version__

__all__ = ["main"]

VERBS = {
    "race": "train the digits network with every rule and draw the race (the tour begins here)",
    "train": "train a network by a rule: history, pictures, checkpoints",
    "landscape": "the loss around a trained network: a surface, the path of the training, pictures",
    "list": "the rules by family, one line each",
    "show": "a rule: equations, symbols, readings, libraries, traps, memory, source; or all schedules",
    "compare": "where the readings of libraries part, and which difference does it",
    "frameworks": "which library's reading of which rule is verified, and how closely",
    "step": "a rule's source line by line with its values, step by step",
    "exact": "a float64 run beside its proven digits",
    "check": "a library's optimizer, or another program's answers, against the golden vectors",
    "diagnose": "which mistake a library's optimizer makes where it should be the paper's rule",
    "conformance": "all installed libraries against the golden vectors, as a table and a figure",
    "golden": "vectors with proven answers, for checking other implementations",
    "figures": "the pictures of a checkout, made again where what they use has changed",
    "bench": "timings as ratios against another library",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit status: 0 for success, 1 for a check that failed, 2 for bad input or a missing package."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without Greek letters shows question marks
    parser = build_parser()
    if not (sys.argv[1:] if argv is None else argv):
        parser.print_help()
        return 2
    arguments = parser.parse_args(argv)
    try:
        status = arguments.run(arguments)
        try:
            sys.stdout.flush()
        except OSError:  # nothing more can be written, not even when Python ends
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise
    except BrokenPipeError:  # the reader (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, TypeError, ImportError, OSError) as error:
        if os.environ.get("REFOPT_TRACEBACK"):
            raise
        print(f"refopt {arguments.verb}: {error}", file=sys.stderr)
        return 2
    return status or 0


def build_parser() -> argparse.ArgumentParser:
    """The parser of all verbs. A verb's module is imported when the verb is used, or its help asked for."""
    from rich_argparse import RawDescriptionRichHelpFormatter

    parser = argparse.ArgumentParser(
        prog="refopt",
        description="Neural-network optimizers: read, run, proven, stepped through, raced.",
        formatter_class=RawDescriptionRichHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"refopt {__version__}")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, line in VERBS.items():
        module = import_module(f"refopt.cli.{verb}")
        sub = verbs.add_parser(verb, help=line, description=module.__doc__, formatter_class=parser.formatter_class)
        module.arguments(sub)
        sub.set_defaults(run=module.run)
    return parser
