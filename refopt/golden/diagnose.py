"""diagnose: which mistake does an implementation make? Every explanation is run on the same vectors and compared with it.

In this order, until one gives the subject's numbers on every vector: right; readings of libraries, mistakes of the catalogue,
usual wrong values of hyper-parameters, wrong loops; every small change of the rule's text; roundings; one of these that acts
only in some situation, or on some tensors; fitted values; two at once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from refopt.catalogue import load
from refopt.golden.answers import check_answers, not_tensors, tensors
from refopt.golden.check import Report, check
from refopt.golden.explanations import (
    FORMS,
    Explanation,
    mistakes,
    misuses,
    others,
    readings,
    roundings,
    slips,
    values,
)
from refopt.golden.files import vectors
from refopt.golden.mistakes.anywhere import WHERE, Where
from refopt.golden.paths import CLOSE, ROUNDED, Path, Vector, flat, near, path
from refopt.recurrence import Rule

__all__ = ["Finding", "diagnose", "diagnose_answers"]

FAR = 9.0  # a decimal exponent: what a distance is at most
SECONDS = 15.0  # for all that is looked for, unless told otherwise; one look may go a little beyond
SAMPLE = 4  # so many vectors tell whether an explanation is worth a closer look


@dataclass(frozen=True)
class Finding:
    """One explanation of what a subject does.

    name         of a mistake, of a library's reading, of a hyper-parameter with the value that it seems to have
    explanation  in words
    exact        whether it gives the subject's numbers on every vector that the subject could run
    evidence     the vectors on which it does, and on which it does not
    """

    name: str
    explanation: str
    exact: bool
    evidence: tuple[tuple[str, ...], tuple[str, ...]]

    def __str__(self) -> str:
        right, wrong = self.evidence
        kind = "reproduces every vector" if self.exact else f"reproduces {len(right)} of {len(right) + len(wrong)} vectors"
        name = "" if self.explanation.startswith(self.name) else f"{self.name}: "
        return f"{name}{self.explanation} ({kind})"


def diagnose(make: Callable[..., Any], rule: str, most: int = 5, seconds: float = SECONDS) -> list[Finding]:
    """Explanations of what `make` (see `check`) does where it should be `rule`, the best first, at most `most`.

    The search ends after about so many seconds; most mistakes are found in two or three.

    The first is "right" where the subject is right. None of them may be exact: then the mistake is not known here.
    """
    report = check(make, rule)
    known = [Vector.of(vector) for vector in vectors(rule)["vectors"]]
    paths = {vector.id: found for vector in known if (found := path(make, vector)) is not None}
    if not any(found.steps for found in paths.values()):
        raise ValueError(f"the subject could not run a single vector of {rule}; refopt.golden.check says why")
    return _explain(rule, known, paths, most, seconds, report)


def diagnose_answers(document: dict[str, Any], most: int = 5, seconds: float = SECONDS) -> list[Finding]:
    """The same for a program's answers, as `read_answers` returns them. ValueError where not one has the right form."""
    rule, paths, known = document["rule"], {}, []
    for vector in vectors(rule)["vectors"]:
        answer, shapes = document["answers"].get(vector["id"]), [tuple(shape) for shape in vector["shapes"]]
        known.append(Vector.of(vector))
        if isinstance(answer, list) and len(answer) == len(vector["steps"]) and not any(not_tensors(x, shapes) for x in answer):
            paths[vector["id"]] = Path([flat(tensors(x, shapes)) for x in answer])
    if not paths:
        raise ValueError(
            f"there is not one answer of the right form to the questions of {rule}; refopt check says what is wrong"
        )
    return _explain(rule, known, paths, most, seconds, check_answers(document))


def _explain(
    rule: str, known: list[Vector], paths: dict[str, Path], most: int, seconds: float, report: Report
) -> list[Finding]:
    meant = load(rule)
    raised = {name: found.raised for name, found in paths.items() if found.raised}
    search = _Search(meant, [vector for vector in known if vector.id in paths], paths, seconds)
    search.failed = {failure.vector for failure in report.failures if failure.vector not in raised}
    findings = [_but_raises(finding, raised, known) if raised and finding.exact else finding for finding in search.findings()]
    findings.sort(key=lambda finding: (not finding.exact, -len(finding.evidence[0])))
    return findings[:most]


def _but_raises(finding: Finding, raised: dict[str, str], known: list[Vector]) -> Finding:
    """What is exact as far as the subject goes, and where it goes no further."""
    flags = {flag: None for vector in known if vector.id in raised for flag in vector.flags}
    what = ", ".join(dict.fromkeys(raised.values()))
    where = f"{', '.join(raised)} ({', '.join(flags)})"
    return Finding(
        f"{finding.name}, but it raises", f"{finding.explanation}; on {where} it stops: {what}", True, finding.evidence
    )


class _Search:
    """Runs explanations on the vectors and compares them with what the subject did."""

    def __init__(self, rule: Rule, known: list[Vector], paths: dict[str, Path], seconds: float = SECONDS) -> None:
        self.rule, self.paths, self.known = rule, paths, known
        self.until = time.monotonic() + seconds
        self.failed: set[str] = set()  # what `check` says is wrong
        self.plain: tuple[str, ...] = ()  # where the rule itself gives the subject's numbers
        self.telling = known  # where it does not, the cheap ones first
        self.nothing = Explanation("", "")
        self.loose: set[str] = set()  # explanations by rounding, which come near to much
        self.scores: dict[Explanation, float] = {}

    def findings(self) -> list[Finding]:
        """Right, or the first kind of explanation among which one is exact; else what comes nearest."""
        right = self.compare(Explanation("right", f"it is {self.rule.name} as its paper has it"))
        if right.exact and self.failed:  # what nothing changes would now pass for an explanation
            words = f"it is {self.rule.name} but for less than could be explained, though more than rounding: see refopt check"
            good = tuple(name for name in right.evidence[0] if name not in self.failed)
            return [Finding("nearly right", words, False, (good, tuple(sorted(self.failed))))]
        if right.exact:
            return [right]
        self.plain = right.evidence[0]
        self.telling = _mixed(sorted((v for v in self.known if v.id not in self.plain), key=lambda vector: vector.cost))
        rule = self.rule
        loops = list(misuses(rule))
        rounding = [*(one for one in loops if one.close == ROUNDED), *roundings(rule)]
        singles = [
            *readings(rule),
            *mistakes(rule),
            *values(rule),
            *others(rule),
            *(one for one in loops if one.close != ROUNDED),
        ]
        found = [right]
        groups: list[list[Explanation]] = [singles, list(slips(rule)), rounding]
        for group in groups:
            for finding in self.tried(group):
                found.append(finding)
                if finding.exact and group is groups[1]:
                    break  # of the thousands of slips the first that fits is enough
            if any(finding.exact for finding in found):
                return found
        for look in (
            self.conditional(found),
            self.by_tensor(),
            self.fitted(self.nothing),
            self.pairs(groups),
            self.both(groups),
        ):
            for finding in look:
                if finding.exact:
                    return [finding, *found]
        best = sorted(self.scores, key=lambda one: -self.scores[one])[:5]
        found = [finding for finding in found if finding is not right]
        return found + [self.compare(one) for one in best if all(one.name != finding.name for finding in found)]

    def compare(self, explanation: Explanation) -> Finding:
        """The explanation on every vector."""
        right: list[str] = []
        wrong: list[str] = []
        for vector in self.known:
            (right if self.agrees(explanation, vector) else wrong).append(vector.id)
        if explanation.close == ROUNDED:
            self.loose.add(explanation.name)
        exact = not wrong and (explanation.close != ROUNDED or self.on_grid() or self.closely(explanation))
        return Finding(explanation.name, explanation.words, exact, (tuple(right), tuple(wrong)))

    def on_grid(self) -> bool:
        """Whether all parameters that the subject returns are float32 numbers."""
        with np.errstate(over="ignore"):
            steps = (step for found in self.paths.values() for step in found.steps)
            return all(np.array_equal(step.astype(np.float32).astype(float), step, equal_nan=True) for step in steps)

    def closely(self, explanation: Explanation) -> bool:
        """Whether an explanation by rounding gives the very numbers, and not only numbers that are as near."""
        return all(self.agrees(replace(explanation, close=CLOSE), vector) for vector in self.known)

    def agrees(self, explanation: Explanation, vector: Vector, most: int | None = None) -> bool:
        """Whether it gives the subject's numbers there, as far as the subject went."""
        found = self.paths[vector.id]
        steps = len(found.steps) if most is None else min(most, len(found.steps))
        if not steps:
            return True
        wanted = Path(found.steps[:steps], found.touched, shown=found.shown)
        got = explanation.path(self.rule, vector, steps, found.shown)
        if got is not None and steps < len(found.steps):
            got = Path(got.steps, found.touched)  # what is touched shows in the end
        return near(got, wanted, vector, explanation.close)

    def wholly(self, explanation: Explanation, vector: Vector) -> bool:
        """The same, the first step first: most fail there."""
        return self.agrees(explanation, vector, 1) and self.agrees(explanation, vector)

    def tried(self, group: list[Explanation]) -> Iterator[Finding]:
        """Those of a group that explain a sample of what the rule does not; all are given a score."""
        sample = self.telling[:SAMPLE]
        for explanation in group:
            if time.monotonic() > self.until - 3:  # pairs want some time too
                return
            score, whole = 0.0, 0
            for number, vector in enumerate(sample):
                if number == 2 and not score and len(group) > 1000:
                    break  # of thousands hardly one is right on some of the others
                if self.agrees(explanation, vector, 1):
                    score += 1 / len(vector.gradients)
                    if self.agrees(explanation, vector):
                        score, whole = score + 1, whole + 1
            self.scores[explanation] = score
            if whole == len(sample):
                yield self.compare(explanation)

    def conditional(self, found: list[Finding]) -> Iterator[Finding]:
        """What explains all that the rule does not, and nothing else: then it acts in some situation only."""
        away = {vector.id for vector in self.telling}
        for finding in found:
            if away <= set(finding.evidence[0]) and finding.name not in self.loose:
                for words, there in _situations(self.known):
                    if there == away:
                        everywhere = tuple(vector.id for vector in self.known)
                        text = f"{finding.explanation.rstrip('.')}, but only {words}; elsewhere it is right."
                        yield Finding(f"{finding.name}, only {words}", text, True, (everywhere, ()))

    def by_tensor(self) -> Iterator[Finding]:
        """What explains some vectors wholly, with tensors of some numbers of axes only."""
        best = sorted(
            (one for one in self.scores if self.scores[one] >= 1 and one.loop is None), key=lambda one: -self.scores[one]
        )
        for one in best[:40]:
            for words, where in WHERE.items():
                if time.monotonic() > self.until - 5:
                    return
                loop = partial(Where, plain=self.rule, where=where)
                only = replace(one, name=f"{one.name}, {words}", words=f"{one.words} But {words} only.", loop=loop)
                if self.wholly(only, self.telling[0]) and self.wholly(only, self.telling[-1]):
                    yield self.compare(only)

    def fitted(self, other: Explanation) -> Iterator[Finding]:
        """Hyper-parameters with the value, or the factor, that comes nearest to the subject on some vector."""
        for word, default in self.rule.defaults.items():
            if not isinstance(default, float) or word in other.changes:
                continue
            for kind, (change, words) in FORMS.items():
                seen = set()
                for vector in self.telling[:SAMPLE]:
                    if time.monotonic() > self.until:
                        return
                    value = self._nearest(word, change, vector, other)
                    if value is not None and (rounded := float(f"{value:.6g}")) not in seen:
                        seen.add(rounded)
                        text = kind.format(word=word, value=rounded), words.format(word=word, value=rounded)
                        fitted = Explanation(*text, changes={word: change(rounded)})
                        both = fitted if other is self.nothing else other & fitted
                        if both is not None:
                            yield self.compare(both)

    def _nearest(self, word: str, change: Any, vector: Vector, other: Explanation) -> float | None:
        """The value on a grid that is nearest, refined; None where nothing is near."""
        steps = min(2, len(self.paths[vector.id].steps))
        if not steps:
            return None
        shown = self.paths[vector.id].shown
        wanted = np.concatenate(self.paths[vector.id].steps[:steps])
        scale = np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1e-300)

        def distance(exponent: float) -> float:
            tried = replace(other, changes=other.changes | {word: change(10.0**exponent)})
            got = tried.path(self.rule, vector, steps, shown)
            if got is None or [np.shape(x) for x in got.steps] != [x.shape for x in self.paths[vector.id].steps[:steps]]:
                return FAR
            off = np.abs(np.concatenate(got.steps) - wanted)
            return float(np.log10(np.clip(np.max(np.nan_to_num(off, nan=np.inf)) / scale, 1e-18, 10**FAR)))

        grid = np.linspace(-10, 2, 49)
        for _ in range(13):  # the distance falls towards one point: the grid shrinks around it, by 4 each time
            values = [distance(x) for x in grid]
            best = int(np.argmin(values))
            if values[best] > -1:
                return None
            low, high = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
            grid = np.linspace(low, high, 9)
        return None if values[best] > -6 else float(10.0 ** ((low + high) / 2))

    def pairs(self, groups: list[list[Explanation]]) -> Iterator[Finding]:
        """Two at once. One of them explains some vectors alone; what it leaves says which is the other."""
        every = [one for group in groups for one in group]
        best: dict[frozenset[str], list[Explanation]] = {}  # a few of those that explain the same
        for one in sorted((one for one in every if self.scores.get(one, 0) >= 1), key=lambda one: -self.scores[one])[:100]:
            left = frozenset(vector.id for vector in self.known if not self.agrees(one, vector))
            best.setdefault(left, []).append(one)
        alike = [(ids, one) for ids, ones in best.items() if ids for one in ones[:3]]
        order = sorted(alike, key=lambda entry: len(entry[0]))
        for second in (groups[0], [*groups[2], *groups[1]]):
            for ids, one in order[:24]:
                left_first = min((vector for vector in self.known if vector.id in ids), key=lambda vector: vector.cost)
                yield from self._with(one, second, left_first, self.until - 2)

    def _with(self, one: Explanation, others: list[Explanation], vector: Vector, until: float) -> Iterator[Finding]:
        for other in others:
            if time.monotonic() > until:
                return
            pair = one & other
            if pair is not None and self.wholly(pair, vector) and all(self.wholly(pair, v) for v in self.telling[:SAMPLE]):
                yield self.compare(pair)

    def both(self, groups: list[list[Explanation]]) -> Iterator[Finding]:
        """Two at once that both act everywhere: any two of the likely ones; and a fitted value beside one."""
        likely = [one for one in groups[0] if one.loop is None]
        for one, other in itertools.combinations(likely, 2):
            if time.monotonic() > self.until:
                return
            pair = one & other
            if pair is not None and self.wholly(pair, self.telling[0]):
                yield self.compare(pair)
        for one in sorted(likely, key=lambda one: -self.scores.get(one, 0)):
            yield from self.fitted(one)


def _mixed(vectors: list[Vector]) -> list[Vector]:
    """The same, but one of each kind comes first: a few should tell much."""
    seen: set[str] = set()
    first = [vector for vector in vectors if vector.flags[0] not in seen and not seen.add(vector.flags[0])]  # type: ignore[func-returns-value]
    return first + [vector for vector in vectors if not any(vector is other for other in first)]


def _situations(known: list[Vector]) -> Iterator[tuple[str, set[str]]]:
    """What vectors have in common: in words, and which they are."""
    tests: dict[str, Callable[[Vector], bool]] = {
        "where the learning rate changes": lambda vector: vector.lr is not None,
        "where a state is loaded": lambda vector: vector.start is not None,
        "where a gradient is missing": lambda vector: any(g is None for tensors in vector.gradients for g in tensors),
        "where a gradient entry is 0": lambda vector: any(
            g is not None and (g == 0).any() for tensors in vector.gradients for g in tensors
        ),
    }
    for word, default in known[0].hyper.items():
        if isinstance(default, bool):
            tests[f"where {word} is on"] = lambda vector, word=word: vector.hyper[word]  # type: ignore[misc]
        else:
            tests[f"where {word} is 0"] = lambda vector, word=word: vector.hyper[word] == 0  # type: ignore[misc]
            tests[f"where {word} is not {default!r}"] = lambda vector, word=word, default=default: vector.hyper[word] != default  # type: ignore[misc]
    for words, test in tests.items():
        there = {vector.id for vector in known if test(vector)}
        yield words, there
        yield words.replace("where", "not where", 1), {vector.id for vector in known} - there
    for (words, test), (also, second) in itertools.permutations(tests.items(), 2):
        yield f"{words} and {also.removeprefix('where ')}", {v.id for v in known if test(v) and second(v)}
        yield f"{words} but not {also}", {v.id for v in known if test(v) and not second(v)}
