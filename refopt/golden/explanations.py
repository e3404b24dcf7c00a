"""Explanations of what a wrong optimizer does, as `diagnose` tries them: each alters the rule, and can be walked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from refopt.catalogue import load
from refopt.frameworks import FRAMEWORKS
from refopt.golden.files import available
from refopt.golden.mistakes import edited, of
from refopt.golden.mistakes.anywhere import loops
from refopt.golden.mistakes.edits import Functions, Lines
from refopt.golden.mistakes.variations import Variation, rounded, variations
from refopt.golden.paths import CLOSE, ROUNDED, Path, Vector, path, text_path
from refopt.recurrence import Rule

__all__ = ["FORMS", "Explanation", "mistakes", "misuses", "others", "readings", "roundings", "slips", "values"]


@dataclass(frozen=True, eq=False)
class Explanation:
    """How the rule is altered: its text (as in `Mistake`), the loop around it, and what its hyper-parameters become."""

    name: str
    words: str
    holes: dict[str, Any] = field(default_factory=dict)
    lines: Lines = ()
    start: Lines = ()
    scope: str | None = None
    loop: Callable[[Rule], Any] | None = None
    changes: dict[str, Callable[[float], float]] = field(default_factory=dict)
    close: float = CLOSE
    functions: Functions = ()
    other: str = ""  # it is another rule
    made: dict[str, Rule] = field(default_factory=dict)  # once

    def path(self, rule: Rule, vector: Vector, most: int | None = None, shown: tuple[str, ...] = ()) -> Path | None:
        """What it does on a vector; None where that makes no sense."""
        try:
            altered = self.rule(rule)
        except (ValueError, TypeError, SyntaxError):  # two edits of one line, say
            return None
        if self.loop is None:
            return text_path(altered, self.changes, vector, most, shown)

        def made(**hyper: Any) -> Any:
            bound = altered(**(hyper | {word: change(hyper[word]) for word, change in self.changes.items()}))
            assert self.loop is not None
            inside = self.loop(bound)
            if "lr" in self.changes:
                plain, change = inside.set_lr, self.changes["lr"]
                inside.set_lr = lambda lr: plain(change(lr))
            return inside

        return path(made, vector, most, shown)

    def rule(self, rule: Rule) -> Rule:
        """The rule with the alterations of its text."""
        if "rule" not in self.made:
            rule = load(self.other) if self.other else rule
            self.made["rule"] = edited(rule, self.lines, self.start, self.scope, self.functions)(**self.holes)
        return self.made["rule"]

    def __and__(self, other: Explanation) -> Explanation | None:
        """Both at once, where they are about different things."""
        if (self.loop and other.loop) or (self.scope and other.scope) or self.other or other.other:
            return None
        if self.holes.keys() & other.holes.keys() or self.changes.keys() & other.changes.keys():
            return None
        if {name for name, _ in self.functions} & {name for name, _ in other.functions}:
            return None
        return Explanation(
            f"{self.name}, and {other.name}",
            f"{self.words.rstrip('.')}; and {other.words}",
            self.holes | other.holes,
            self.lines + other.lines,
            self.start + other.start,
            self.scope or other.scope,
            self.loop or other.loop,
            self.changes | other.changes,
            max(self.close, other.close),
            self.functions + other.functions,
        )


def misuses(rule: Rule) -> Iterator[Explanation]:
    """Wrong loops around the rule, those about precision last; and norms over all tensors as one."""
    known = {mistake.name for mistake in of(rule.name)}
    for name, words, loop, rounding in sorted(loops(rule), key=lambda entry: entry[3]):
        if name not in known:
            yield Explanation(name, words, loop=loop, close=ROUNDED if rounding else CLOSE)
    if rule.scope == "tensor" and rule._own_scope == "tensor":
        yield Explanation("all tensors as one", "The tensors are taken as one vector: one norm for all.", scope="network")


def others(rule: Rule) -> Iterator[Explanation]:
    """Another rule by this one's name, with the hyper-parameters that both have."""
    for name in available():
        if (
            name != rule.name
            and (common := set(load(name)._words()) & set(rule.hyper))
            and ("lr" not in rule.hyper or "lr" in common)
        ):
            yield Explanation(f"{name}", f"It is {name} and not {rule.name}.", other=name)


def slips(rule: Rule) -> Iterator[Explanation]:
    """Small changes of the text."""
    return (_slip(one, CLOSE) for one in variations(rule))


def roundings(rule: Rule) -> Iterator[Explanation]:
    """One line in fewer bits."""
    return (_slip(one, ROUNDED) for one in rounded(rule))


def _slip(one: Variation, close: float) -> Explanation:
    words = one.words.rstrip(".")
    return Explanation(
        words, one.words, lines=one.lines, start=one.start, scope=one.scope, functions=one.functions, close=close
    )


def readings(rule: Rule) -> Iterator[Explanation]:
    """What some library puts into a hole."""
    seen = set()
    for framework, table in FRAMEWORKS.items():
        for entry, reading in table.items():
            if reading.rule.name != rule.name:
                continue
            holes = {hole: reading.rule.hyper[hole] for hole in rule.holes}
            key = tuple(holes.values())
            if holes and key not in seen and any(holes[hole] is not rule.hyper[hole] for hole in holes):
                seen.add(key)
                text = ", ".join(f"{hole}={function.__name__}" for hole, function in holes.items())
                meaning = "; ".join(
                    " ".join((function.__doc__ or "").partition("\n")[0].split()) for function in holes.values()
                )
                library = framework if entry == rule.name else f'{framework} "{entry}"'
                yield Explanation(f"{library}'s reading", f"{text}: {meaning}", holes=holes)


def mistakes(rule: Rule) -> Iterator[Explanation]:
    """The mistakes of the catalogue, with the line concerned and the link."""
    for mistake in of(rule.name):
        words = mistake.explanation
        if changed := [old for old, _ in mistake.lines if old not in ("", "return")]:
            words += f" The line: {'; '.join(changed)}."
        if mistake.link:
            words += f" As in {mistake.link}."
        text = mistake.lines, mistake.start, mistake.scope
        close = ROUNDED if mistake.flag == "Precision" else CLOSE
        yield Explanation(mistake.name, words, dict(mistake.hyper), *text, mistake.loop, close=close)


def values(rule: Rule) -> Iterator[Explanation]:
    """A hyper-parameter that is not what it was told to be: a constant, or a multiple."""
    others: dict[str, set[float]] = {}
    for table in FRAMEWORKS.values():
        for reading in table.values():
            if reading.rule.name == rule.name:
                for word in rule.hyper:
                    if isinstance(reading.rule.hyper[word], float):
                        others.setdefault(word, set()).add(reading.rule.hyper[word])
    for word, default in rule.defaults.items():
        if not isinstance(default, float):
            continue
        usual = {1e-8, 1e-7, 1e-6, 1e-3} if word == "eps" else set()
        for value in sorted({default, 0.0} | usual | others.get(word, set())):
            yield _value(word, _CONSTANT, value)
        for factor in (0.1, 0.5, 2.0, 10.0):
            yield _value(word, _FACTOR, factor)
        yield Explanation(f"{word}²", f"it squares {word}", changes={word: lambda x: x * x})
        yield Explanation(f"√{word}", f"it takes the root of {word}", changes={word: lambda x: abs(x) ** 0.5})
        yield Explanation(f"1 − {word}", f"it takes 1 − {word} for {word}", changes={word: lambda x: 1 - x})


def _constant(value: float) -> Callable[[float], float]:
    return lambda _: value


def _multiple(factor: float) -> Callable[[float], float]:
    return lambda x: factor * x


_CONSTANT, _FACTOR = "{word} = {value:g}", "{word} × {value:g}"
FORMS = {
    _CONSTANT: (_constant, "it uses {word} = {value:g}, whatever it is told"),
    _FACTOR: (_multiple, "its {word} is {value:g} times what it is told"),
}


def _value(word: str, kind: str, value: float) -> Explanation:
    change, words = FORMS[kind]
    return Explanation(kind.format(word=word, value=value), words.format(word=word, value=value), changes={word: change(value)})
