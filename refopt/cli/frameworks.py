"""Which library's reading of which rule was compared with the library itself, and the largest difference that was seen.

Every number comes from a run of the tests with the real library: 20 steps of hostile gradients on eight tensors in float64,
with the library's defaults, with other hyper-parameters, with weight decay, with each switch. The difference is relative to
the largest value that the entry of the parameters has had. `pytest tests/peers --record` measures again.
"""

from __future__ import annotations

import argparse
import json

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt frameworks``."""
    parser.add_argument("--framework", help="only this library")
    parser.add_argument("--rule", help="only this rule")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the table."""
    import refopt
    from refopt.cli.tables import print_rows
    from refopt.frameworks import FRAMEWORKS, NAMES, verified
    from refopt.recurrence import nearest

    if options.framework is not None and options.framework not in NAMES:
        raise ValueError(f"unknown library {options.framework!r}{nearest(options.framework, NAMES)}")
    seen = verified()
    chosen = [
        (framework, entry, seen[framework]["entries"][entry])
        for framework, table in FRAMEWORKS.items()
        for entry in sorted(table)
        if options.framework in (None, framework) and options.rule in (None, entry, entry.partition(" ")[0])
    ]
    if not chosen:
        name = options.rule.partition(" ")[0]
        refopt.rule(name)  # or its error
        others = [framework for framework, table in FRAMEWORKS.items() if name in table]
        known = f"it is read in {', '.join(others)}" if others else "no library is read"
        raise ValueError(f"no reading of {options.rule} here{f' in {options.framework}' if options.framework else ''}; {known}")
    if options.json:
        keys = ("library", "version", "entry", "call", "differences")
        document = [
            dict(zip(keys, (lib, seen[lib]["version"], entry, FRAMEWORKS[lib][entry].call, cases), strict=True))
            for lib, entry, cases in chosen
        ]
        print(json.dumps(document, indent=2))
        return
    rows = [
        [library, entry, _function(FRAMEWORKS[library][entry].call), str(len(cases)), f"{max(cases.values()):.1e}"]
        for library, entry, cases in chosen
    ]
    print_rows(["library", "rule", "called", "runs", "max difference"], rows, left=3)
    causes = {
        (library, FRAMEWORKS[library][entry].cause): None for library, entry, _ in chosen if FRAMEWORKS[library][entry].cause
    }
    if causes:
        print("\nWhy some are not equal to the last digits")
        print("\n".join(f"    {library}: {cause}" for library, cause in causes))
    pairs = {(library, entry.partition(" ")[0]) for library, entry, _ in chosen}
    libraries = ", ".join(f"{name} {seen[name]['version']}" for name in dict.fromkeys(library for library, _, _ in chosen))
    runs = sum(len(cases) for *_, cases in chosen)
    print(f"\n{len(pairs)} pairs of a library and a rule in {len(chosen)} readings, {runs} comparisons.")
    print(libraries)


def _function(call: str) -> str:
    return call.partition("(")[0].rpartition(".")[2]
