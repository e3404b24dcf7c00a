"""The step player: one page, without network, on which a rule is walked through step by step.

The page is made of three files beside this one, player.html, player.css and player.js, and of the numbers of the walks. Every
number was computed here; the page computes none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from operator import index
from pathlib import Path
from typing import Any

import numpy as np

from refopt import problems
from refopt.catalogue import rule as find_rule
from refopt.problems import Problem
from refopt.recurrence import Rule
from refopt.training.files import write_whole
from refopt.view.field import Field
from refopt.view.marks import marks, worth_seeing
from refopt.view.page import as_script, filled, text_of
from refopt.view.runs import plain, rates, rows, run
from refopt.view.style import COLORS, ON_DARK

__all__ = ["page", "player"]

Rules = Rule | str | Sequence[Rule | str] | Mapping[str, Rule | str]


def player(
    rules: Rules,
    problem: Problem | str,
    steps: int = 30,
    path: str | Path = "player.html",
    lrs: Sequence[float] | None = None,
) -> Path:
    """Write the page of `rules` on a function of two variables to `path`, whole or not at all; returns the path.

    `rules` is a rule or its name, several, or a dict of them by the name that the page shows. Each walks `steps` steps from the
    problem's start with each learning rate of `lrs`; without these, with the rate that was bound to it, or, if that is the
    default, with the one of a ladder that comes lowest, and those beside it. A walk that leaves for infinity ends there. The
    directory is made where there is none.

    Raises ValueError for a problem that has not two variables, no rule, or a rate that the rule refuses.
    """
    text = page(rules, problem, steps, lrs)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return write_whole(path, lambda file: file.write(text.encode()))


def page(rules: Rules, problem: Problem | str, steps: int = 30, lrs: Sequence[float] | None = None) -> str:
    """The page that `player` writes."""
    problem = problems.get(problem)
    if np.shape(problem.start) != (2,):
        raise ValueError(f"the step player draws functions of two variables; {problem.name} has {np.size(problem.start)}")
    try:
        steps = index(steps)
    except TypeError:
        raise TypeError(f"steps must be a whole number, got {steps!r}") from None
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    chosen = _named(rules)
    if lrs is not None:
        try:
            lrs = [float(rate) for rate in lrs]
        except (TypeError, ValueError):
            raise TypeError(f"lrs must be a list of learning rates, got {lrs!r}") from None
        if not lrs or len(set(lrs)) < len(lrs):
            raise ValueError(f"name each learning rate once, and at least one; got {', '.join(map(str, lrs)) or 'none'}")
    field = Field(problem)
    data = {
        "problem": problem.name,
        "steps": steps,
        "start": plain(problem.start),
        "minima": plain(np.asarray(problem.minima, dtype=float).reshape(-1, 2).tolist()),
        "field": field.data,
        "rules": [_rule(label, rule, problem, steps, lrs) for label, rule in chosen.items()],
    }
    return filled(
        "player.html",
        title=escape(f"{', '.join(chosen)} on {problem.name}, step by step"),
        problem=escape(problem.name.replace("_", " ")),
        trap=escape(problem.trap[:1].upper() + problem.trap[1:] + "."),
        css=_colors() + text_of("player.css"),
        js=text_of("player.js"),
        heights=field.heights(),
        box=field.box,
        view=field.view,
        data=as_script(data),
    )


def _named(rules: Rules) -> dict[str, Rule]:
    if isinstance(rules, (Rule, str)):
        rules = [rules]
    given = rules.values() if isinstance(rules, Mapping) else rules
    found = [find_rule(rule) if isinstance(rule, str) else rule for rule in given]
    for rule in found:
        if not isinstance(rule, Rule):
            raise TypeError(f"the step player takes a rule, several, or a dict of rules; got {rule!r} among them")
    if not found:
        raise ValueError("the step player needs at least one rule")
    labels = [str(label) for label in rules] if isinstance(rules, Mapping) else [rule.name for rule in found]
    if len(set(labels)) < len(labels):
        raise ValueError(f"two rules have one name; give a dict of names and rules. Got {', '.join(labels)}")
    return dict(zip(labels, found, strict=True))


def _rule(label: str, rule: Rule, problem: Problem, steps: int, lrs: Sequence[float] | None) -> dict[str, Any]:
    """What the page has of one rule: its layers, its rows, its walks."""
    chosen = rates(rule, problem, steps) if lrs is None else list(lrs)
    walks = [run(rule if rate is None else rule(lr=rate), problem, steps) for rate in chosen]
    found = marks(rule, problem, walks)
    shown, lines, before = worth_seeing(rule, found), [], None
    for place, (row, mark) in enumerate(zip(rows(rule), found, strict=True)):
        line: dict[str, Any] = {"layer": row.layer, "name": row.name}
        if row.line is None:
            line["given"] = True
        elif (row.layer, row.line, row.occurrence) != before:  # a line that assigns two names is written once
            code, _, comment = row.line.source.partition("  #")
            line |= {"code": code.rstrip(), "comment": comment.strip(), "math": row.line.mathml}
        if mark is not None and row.name != "theta":
            line |= {"kind": mark.kind, "sense": mark.sense, "on": place in shown}
        before = row.layer, row.line, row.occurrence
        lines.append(line)
    runs = [
        {"lr": rate, "text": _text(one.rule), "losses": plain(one.losses), "columns": plain(one.columns)}
        for rate, one in zip(chosen, walks, strict=True)
    ]
    return {"label": label, "layers": _nest(rule), "rows": lines, "runs": runs}


def _nest(rule: Rule) -> list[str]:
    return [rule.name, *(_nest(rule.inner) if rule.inner else [])]


def _text(rule: Rule) -> str:
    """The rule as it is written, without the functions that the problem gives."""
    return re.sub(r", (?:grad|loss)=[^,()]+|(?:grad|loss)=[^,()]+, ", "", repr(rule))


def _colors() -> str:
    """The palette of the figures as properties of the page, light and dark."""
    light, dark = ("".join(f"--c{i}:{color};" for i, color in enumerate(palette)) for palette in (COLORS, ON_DARK))
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"
