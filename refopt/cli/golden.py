"""Golden vectors, as files for any language. ``list``: which there are; ``questions``: the vectors of one rule without their
answers, as JSON on standard output; ``make``: make the files again, from ball proofs.

Another program reads the questions and writes one object with "format": "refopt-golden-answers-1", "rule": RULE, and "answers":
an object that has for each ID a list of the parameters after each step, and these are a list of flat lists. `refopt check FILE`
says whether it is right. In a question, "theta" and "gradients" are flat lists too, their shapes stand in "shapes"; "lr" is the
learning rate of each step where it changes, "start" the state to begin with where it is not the usual one.

Vectors in which a tensor has no gradient are asked only with --missing; null stands in the place of the gradient."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt golden``."""
    parser.add_argument("what", choices=["list", "questions", "make"])
    parser.add_argument("rules", nargs="*", metavar="RULE", help="only these rules (default: all that can have vectors)")
    parser.add_argument("--framework", help="questions in this library's reading")
    parser.add_argument("--missing", action="store_true", help="questions with missing gradients (null) too")
    parser.add_argument("--out", type=Path, default=Path("refopt-out/golden"), help="the folder (default: refopt-out/golden)")


def run(options: argparse.Namespace) -> None:
    """Make or list the files."""
    import refopt
    from refopt.cli.tables import print_rows
    from refopt.golden import available, questions, vectors

    if options.what == "questions":
        if len(options.rules) != 1:
            raise ValueError("golden questions wants one rule")
        print(json.dumps(questions(options.rules[0], options.missing, options.framework)))
        return
    rules = [refopt.rule(name) for name in options.rules or refopt.names()]
    if options.what == "make":
        from rich.progress import track

        from refopt.golden.inputs import why_none
        from refopt.golden.make import write

        possible = [rule for rule in rules if not why_none(rule)]
        for rule in rules:
            if options.rules and (reason := why_none(rule)):
                raise ValueError(reason)
        options.out.mkdir(parents=True, exist_ok=True)
        size = sum(write(rule, options.out).stat().st_size for rule in track(possible, "proofs", transient=True))
        print(f"{len(possible)} files, {size / 1e6:.1f} MB, in {options.out}")
        return
    rows = []
    for name in options.rules or available():
        document = vectors(name)
        steps = sum(len(vector["steps"]) for vector in document["vectors"])
        rows.append([name, str(len(document["vectors"])), str(steps), str(len(document["flags"]))])
    print_rows(["rule", "vectors", "steps", "flags"], rows)
    print("\nWhat the flags catch")
    notes = {
        flag: explained["note"] for name in options.rules or available() for flag, explained in vectors(name)["flags"].items()
    }
    print("\n".join(f"    {flag}: {note}" for flag, note in notes.items()))
