"""A rule as it ships: equations, symbols, readings and paper from its docstring; then what the libraries make of it, where they
would surprise, how much memory its state takes, and its source. With --schedules the learning-rate schedules instead, as a
table and as a figure, schedules.png and schedules.svg."""

from __future__ import annotations

import argparse
import inspect
import textwrap
from typing import Any

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt show``."""
    parser.add_argument("rule", metavar="RULE", nargs="?", help="a name from refopt list")
    parser.add_argument("--schedules", action="store_true", help="the learning-rate schedules instead of a rule")
    parser.add_argument("--out", metavar="DIR", help="where the figure of --schedules goes (default: refopt-out)")


def run(options: argparse.Namespace) -> None:
    """Print the rule, or the schedules."""
    if options.schedules:
        if options.rule is not None:
            raise ValueError(f"give a rule or --schedules, not both; got {options.rule} and --schedules")
        _show_schedules("refopt-out" if options.out is None else options.out)
        return
    if options.rule is None:
        raise ValueError("name a rule (refopt list has them), or give --schedules")
    if options.out is not None:
        raise ValueError("--out goes with --schedules; a rule is only printed")
    _show_rule(options.rule)


def _show_schedules(directory: str) -> None:
    from refopt.cli.directory import demand_writable
    from refopt.cli.tables import print_rows
    from refopt.schedules.examples import EXAMPLES

    demand_writable(directory)
    from refopt import schedules, view

    rows = []
    for name in EXAMPLES:
        schedule = schedules.get(name)
        words = (word if word in schedule.missing else f"{word}={_word(schedule.hyper[word])}" for word in schedule.defaults)
        first, *others = textwrap.wrap(", ".join(words), 60)
        rows += [[name, schedule.line, first], *(["", "", more] for more in others)]
    print_rows(["schedule", "what it does", "hyper-parameters"], rows, left=3)
    paths = view.save(view.schedules_figure(), directory, "schedules")
    print(
        f"\nrefopt.schedules.NAME(…) binds them, and s(k) is the value after k updates. Figures: {', '.join(map(str, paths))}"
    )


def _show_rule(name: str) -> None:
    import refopt
    from refopt.frameworks import FRAMEWORKS

    rule = refopt.rule(name)
    entries = {
        (framework, entry): reading
        for framework, table in FRAMEWORKS.items()
        for entry, reading in table.items()
        if entry.partition(" ")[0] == rule.name
    }
    print((rule.__doc__ or "").strip())
    print("\nLibraries")
    for (framework, entry), reading in entries.items():
        print(_indented(f"{_label(rule, framework, entry)}: {reading.call}"))
    others = [name for name in FRAMEWORKS if name not in {framework for framework, _ in entries}]
    print(_indented(f"no reading here of: {', '.join(others)}" if others else "all libraries that are read here have it"))
    if entries:
        (framework, entry), *_ = (key for key in [*(key for key in entries if " " in key[1]), *entries])
        print(f'    A library\'s reading is refopt.rule("{entry}", framework="{framework}")')
    traps = list(_traps(rule, entries))
    print("\nTraps")
    print("\n".join(map(_indented, traps)) if traps else "    none" if entries else "    no library to compare with")
    print("\nMemory")
    print(f"    {_memory(rule)}")
    print(f"\nSource ({inspect.getsourcefile(rule.recurrence)})\n")
    for function in (rule.start, rule.recurrence):
        print("\n".join("    " + line for line in inspect.getsource(function).rstrip().splitlines()) + "\n")


def _indented(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=" " * 4, subsequent_indent=" " * 8, break_long_words=False)


def _label(rule: Any, framework: str, entry: str) -> str:
    return framework if entry == rule.name else f'{framework} "{entry}"'


def _traps(rule: Any, entries: Any) -> Any:
    """Where the libraries differ from what stands above, one line a word: known defects first, then formulas, then defaults."""
    for key, reading in entries.items():
        if reading.note:
            yield f"{_label(rule, *key)}: {reading.note}"
    lines = [(word in rule.holes, _differences(rule, entries, word)) for word in rule.defaults]
    for _, line in sorted(lines, key=lambda pair: not pair[0]):
        if line:
            yield line
    decays: dict[str, list[str]] = {}
    for key, reading in entries.items():
        if reading.weight_decay is not None:
            decays.setdefault(_meaning(reading.weight_decay), []).append(_label(rule, *key))
    for meaning, libraries in decays.items():
        yield f"weight_decay: {meaning}: {', '.join(libraries)}"
    for key, reading in entries.items():
        if reading.cause:
            yield f"{_label(rule, *key)}: equal to {reading.bound:.0e} only ({reading.cause})"


def _differences(rule: Any, entries: Any, word: str) -> str | None:
    """Which libraries have another value of a hyper-parameter than the rule, or none at all."""
    default = rule.defaults[word]
    if hasattr(default, "update"):
        return None  # the rule inside a wrapper
    values: dict[str, list[str]] = {}
    given = []
    for key, reading in entries.items():
        found = reading.rule
        while found is not None and found.name != rule.name:
            found = found.inner  # an entry may be the rule inside a weight decay
        if word in reading.must_be_given:
            given.append(_label(rule, *key))
        elif found is not None:
            values.setdefault(_word(found.hyper[word]), []).append(_label(rule, *key))
    own = values.pop(_word(default), [])
    read = [f"{value}: {', '.join(libraries)}" for value, libraries in values.items()]
    read += [f"without a default: {', '.join(given)}"] if given and read else []
    here = "here, and in the others" if own else "here"
    return f"{word}: {_word(default)} {here}; {'; '.join(read)}" if read else None


def _meaning(decay: Any) -> str:
    odd = [f"{word}={_word(value)}" for word, value in decay.hyper.items() if value != decay.defaults[word]]
    if odd:
        return f"{decay.name}({', '.join(odd)})"
    return "l2 (λ·θ added to the gradient)" if decay.name == "l2" else "decoupled (θ shrinks by itself, before the step)"


def _word(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(getattr(value, "__name__", value))


def _memory(rule: Any) -> str:
    """The state of a 64 × 32 matrix in float32, counted."""
    import numpy as np

    theta = np.zeros((64, 32), np.float32)

    def size(value: Any) -> int:
        if isinstance(value, dict):
            return sum(map(size, value.values()))
        if isinstance(value, (list, tuple)):
            return sum(map(size, value))
        return value.nbytes if isinstance(value, np.ndarray) else 0

    total = size(rule.init(theta))
    each = total / theta.size
    return f"{each:.2f} bytes of state a parameter in float32 ({total:,} for a matrix of 64 × 32), {2 * each:.2f} in float64"
