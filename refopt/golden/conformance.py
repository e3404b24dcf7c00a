"""Conformance: every optimizer of every installed library against the golden vectors, in the paper's reading and in its own."""

from __future__ import annotations

import importlib.metadata
import math
import re
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.frameworks import FRAMEWORKS, Reading
from refopt.golden.check import Report, check
from refopt.golden.files import available
from refopt.golden.libraries import DRIVEN, library
from refopt.recurrence import Rule

__all__ = ["VERDICTS", "Conformity", "conformance", "installed", "table"]

VERDICTS = {
    "paper": "gives the paper's numbers, to rounding",
    "dialect": "gives those of its own reading, which differs",
    "defect": "gives those of its own reading, which has a known defect",
    "float32": "gives those of its own reading, as far as float32 inside it lets it",
    "stops": "raises an error where the rule goes on",
    "unlike": "gives neither",
}
PACKAGES = {"pytorch_optimizer": "pytorch-optimizer", "sklearn": "scikit-learn", "torch_optimizer": "torch-optimizer"}


@dataclass(frozen=True)
class Conformity:
    """How one library, `framework`, runs one rule.

    verdict   one of VERDICTS
    ulps      where it gives the paper's numbers: the largest distance of a parameter from the proven value (see
              `Report.ulps`); NaN elsewhere
    reading   what stands in the rule's holes there, and constants that are not the paper's and cannot be changed
    flags     of the paper's vectors on which it differs
    passed, failed, skipped   how many of the paper's vectors
    note      what the table of readings says of it; `links` where its defect is
    """

    framework: str
    version: str
    rule: str
    call: str
    verdict: str
    ulps: float
    reading: tuple[str, ...]
    flags: tuple[str, ...]
    passed: int
    failed: int
    skipped: int
    note: str
    links: tuple[str, ...]


def installed() -> dict[str, str]:
    """The libraries that can be run here, and their versions."""
    found = {}
    for name in DRIVEN:
        try:
            found[name] = importlib.metadata.version(PACKAGES.get(name, name))
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def conformance(frameworks: list[str] | None = None, rules: list[str] | None = None) -> Iterator[Conformity]:
    """One after the other: each rule of each library that is installed, as far as it can be driven."""
    for name, version in installed().items():
        if frameworks is not None and name not in frameworks:
            continue
        for entry, reading in sorted(FRAMEWORKS[name].items()):
            if entry not in available() or (rules is not None and entry not in rules):
                continue
            try:
                _, _, make = library(f"{name}:{entry}")
            except ValueError:  # it needs a function, say
                continue
            except Exception as error:  # installed, and cannot be used
                print(f"{name} is left out: {type(error).__name__}: {error}", file=sys.stderr)
                break
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                yield _conformity(name, version, entry, reading, make)


def _conformity(name: str, version: str, entry: str, reading: Reading, make: Any) -> Conformity:
    paper = check(make, entry)
    own = paper if _tells(paper) else check(make, entry, framework=name)
    links = tuple(dict.fromkeys(link for text in _texts(reading) for link in re.findall(r"https://[^\s,;)]+", text)))
    return Conformity(
        name,
        version,
        entry,
        reading.call,
        _verdict(paper, own, reading),
        own.ulps if own is paper else math.nan,
        (*_fillings(reading.rule), *_constants(reading)),
        tuple(paper.flags),
        len(paper.passed),
        len(paper.failures),
        len(paper.skipped),
        reading.note,
        links,
    )


def _tells(report: Report) -> bool:
    """Whether it is right, on more than a few of the vectors: a constant that cannot be set may leave hardly any to run."""
    return report.ok and len(report.passed) >= len(report.skipped) / 3


def _verdict(paper: Report, own: Report, reading: Reading) -> str:
    if _tells(paper):
        return "paper"
    if not own.ok:
        stops = own.failures and all("raised" in failure.what for failure in own.failures)
        return "stops" if stops else "unlike"
    if any(re.search(r"\bdefect\b", text) for text in _texts(reading)):
        return "defect"
    return "float32" if reading.cause else "dialect"


def _texts(reading: Reading) -> Iterator[str]:
    """What is said of a reading: its note, and the sentences of what it puts into the holes."""
    yield reading.note
    for rule in _nested(reading.rule):
        for hole in rule.holes:
            yield rule.hyper[hole].__doc__ or ""


def _fillings(rule: Rule) -> Iterator[str]:
    default = next((value for value in rule.defaults.values() if isinstance(value, Rule)), None)
    if rule.inner is not None and default is not None and rule.inner.name != default.name:
        yield f"inner={rule.inner.name}"
    for one in _nested(rule):
        for hole in one.holes:
            if one.hyper[hole] is not one.defaults[hole]:
                yield f"{hole}={one.hyper[hole].__name__}"


def _constants(reading: Reading) -> Iterator[str]:
    """Hyper-parameters that cannot be set there, and are not the paper's."""
    for rule in _nested(reading.rule):
        for word, value in rule.hyper.items():
            if word not in reading.words and isinstance(value, (int, float)) and value != rule.defaults[word]:
                yield f"{word}={value!r}"


def _nested(rule: Rule | None) -> Iterator[Rule]:
    while rule is not None:
        yield rule
        rule = rule.inner


def table(found: list[Conformity]) -> str:
    """A Markdown document: versions, how many of each verdict, and a line for each optimizer."""
    versions = dict.fromkeys(f"{one.framework} {one.version}" for one in found)
    lines = [
        "# Which library runs which optimizer as its paper has it",
        "",
        f"{', '.join(versions)}. Made by `refopt conformance`; float64, on the golden vectors.",
        "",
    ]
    for verdict, words in VERDICTS.items():
        count = sum(one.verdict == verdict for one in found)
        if count:
            lines.append(f"- **{verdict}** {count}: {words}")
    lines += [
        "",
        "*ulps*: how many units in the last place a parameter was off at most, where the numbers are the paper's. *reading*:",
        "what stands in the rule's holes, and constants that cannot be set; `refopt show RULE` explains them. *seen by*: the",
        "flags of the paper's vectors that tell; hardly any were run where a constant that cannot be set is not the paper's.",
        "",
        "| library | rule | verdict | ulps | reading | seen by | note |",
        "| --- | --- | --- | ---: | --- | --- | --- |",
    ]
    for one in found:
        ulps = "" if math.isnan(one.ulps) else f"{one.ulps:.3g}"
        links = (f"[link]({link})" for link in one.links if link not in one.note)
        said = "; ".join(filter(None, (one.note, *links))).replace("|", "\\|")
        ran = one.passed + one.failed
        seen = "all" if one.failed == ran > 0 else ", ".join(one.flags) if ran else "not run"
        cells = one.framework, one.rule, one.verdict, ulps, " ".join(f"`{x}`" for x in one.reading), seen, said
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
