"""Make the pictures of a checkout's figures/ again, those of which the script or what it uses has changed (or all, or the named
ones that have changed), and the page of their captions. Without a checkout there are no scripts, and so no pictures to make."""

from __future__ import annotations

import argparse
import json
import sys
import time

from refopt.cli.directory import demand_writable

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt figures``."""
    parser.add_argument("names", metavar="NAME", nargs="*", help="pictures (default: every one that is out of date)")
    parser.add_argument("--all", action="store_true", help="make them also where nothing has changed")
    parser.add_argument("--check", action="store_true", help="make nothing, say what is out of date; the status is 1 if any is")
    parser.add_argument("--out", metavar="DIR", help="make them all (or the named ones) into DIR, and leave figures/ as it is")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> int:
    """Make what is out of date; the status is 1 where a script failed, or with --check where something is out of date."""
    from refopt.view.gallery import find

    if options.check and (options.out is not None or options.all):
        raise ValueError("--check makes nothing; it goes without --out and --all")
    gallery = find()
    names = gallery.demand(options.names) if options.names else gallery.names
    if options.out is not None:
        demand_writable(options.out)
    forced = options.all or options.out is not None
    reasons = {name: reason for name in names if (reason := "asked for" if forced else gallery.stale(name))}
    made, failed = [], {}
    for name, reason in reasons.items():
        if options.check:
            print(f"{name}: {reason}", file=sys.stderr)
            continue
        print(f"{name}: {reason} …", end=" ", file=sys.stderr, flush=True)
        begun = time.perf_counter()
        try:
            gallery.make(name, options.out)
            made.append(name)
            print(f"made in {time.perf_counter() - begun:.1f} s", file=sys.stderr)
        except RuntimeError as error:
            failed[name] = str(error)
            print(f"\n    {error}", file=sys.stderr)
    if options.out is None and not options.check:
        gallery.forget()
        gallery.write_page()
    page = gallery.page_is_current()
    if options.json:
        print(json.dumps({"out_of_date": reasons, "made": made, "failed": failed, "page_is_current": page}, indent=2))
    elif options.check:
        print(f"{len(names)} pictures, {len(reasons)} out of date{'' if page else '; so is the page of captions'}")
    else:
        where = gallery.directory if options.out is None else options.out
        print(
            f"{len(names)} pictures: {len(made)} made, {len(failed)} failed, {len(names) - len(reasons)} as they were; {where}"
        )
    return 1 if failed or (options.check and (reasons or not page)) else 0
