"""The step player: one page, without network, on which a rule is walked through step by step.

The page is made of three files beside this one, player.html, player.css and player.js, and of the numbers of the walks. Every
number was computed here; the page computes none.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from html import escape
from operator import index
from pathlib import Path
from typing import Any

import numpy as np
from contourpy import contour_generator
from matplotlib.ticker import MaxNLocator

from refopt import problems
from refopt.problems import Problem
from refopt.recurrence import Rule
from refopt.training.files import write_whole
from refopt.view.marks import marks, worth_seeing
from refopt.view.runs import plain, rates, rows, run
from refopt.view.style import COLORS, ON_DARK

__all__ = ["page", "player"]

Rules = Rule | Sequence[Rule] | Mapping[str, Rule]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640, 52, 12, 12, 34  # of the picture, in its own units
ASPECTS = 0.62, 1.6  # height to width of the field: between these a unit is as long upwards as it is to the right
GRID, LEVELS = 161, 14


def player(
    rules: Rules,
    problem: Problem | str,
    steps: int = 30,
    path: str | Path = "player.html",
    lrs: Sequence[float] | None = None,
) -> Path:
    """Write the page of `rules` on a function of two variables to `path`, whole or not at all; returns the path.

    `rules` is a rule, several, or a dict of them by the name that the page shows. Each walks `steps` steps from the problem's
    start with each learning rate of `lrs`; without these, with the rate that comes lowest, and with one smaller and one
    larger. A walk that leaves for infinity ends there. The directory must exist.

    Raises ValueError for a problem that has not two variables, no rule, or a rate that the rule refuses.
    """
    text = page(rules, problem, steps, lrs)
    return write_whole(path, lambda file: file.write(text.encode()))


def page(rules: Rules, problem: Problem | str, steps: int = 30, lrs: Sequence[float] | None = None) -> str:
    """The page that `player` writes."""
    problem = problems.get(problem) if isinstance(problem, str) else problem
    if np.shape(problem.start) != (2,):
        raise ValueError(f"the step player draws functions of two variables; {problem.name} has {np.size(problem.start)}")
    try:
        steps = index(steps)
    except TypeError:
        raise TypeError(f"steps must be a whole number, got {steps!r}") from None
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    chosen = _named(rules)
    if lrs is not None and (not lrs or len(set(lrs)) < len(lrs)):
        raise ValueError(f"name each learning rate once, and at least one; got {', '.join(map(str, lrs)) or 'none'}")
    field = _Field(problem)
    data = {
        "problem": problem.name,
        "steps": steps,
        "start": plain(problem.start),
        "minima": plain(np.asarray(problem.minima, dtype=float).reshape(-1, 2).tolist()),
        "field": field.data,
        "rules": [_rule(label, rule, problem, steps, lrs) for label, rule in chosen.items()],
    }
    return _filled(
        "player.html",
        title=escape(f"{', '.join(chosen)} on {problem.name}, step by step"),
        problem=escape(problem.name.replace("_", " ")),
        trap=escape(problem.trap[:1].upper() + problem.trap[1:] + "."),
        css=_colors() + _file("player.css"),
        js=_file("player.js"),
        heights=field.heights(),
        axes=field.axes(),
        box=f'x="{LEFT}" y="{TOP}" width="{field.width}" height="{field.tall:.1f}"',
        view=f"0 0 {WIDTH} {field.height:g}",
        data=_json(data),
    )


def _named(rules: Rules) -> dict[str, Rule]:
    if isinstance(rules, Rule):
        return {rules.name: rules}
    if isinstance(rules, Mapping):
        chosen = {str(label): rule for label, rule in rules.items()}
    else:
        chosen = {rule.name: rule for rule in rules}
        if len(chosen) < len(rules):
            raise ValueError("two rules have one name; give a dict of names and rules")
    if not chosen:
        raise ValueError("the step player needs at least one rule")
    return chosen


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


class _Field:
    """The part of the plane that is drawn, and its height lines."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        (self.x0, self.x1), (self.y0, self.y1) = problem.bounds
        ratio = (self.y1 - self.y0) / (self.x1 - self.x0)
        self.width = WIDTH - LEFT - RIGHT
        self.tall = self.width * (ratio if ASPECTS[0] <= ratio <= ASPECTS[1] else 0.75)
        self.height = round(self.tall + TOP + BOTTOM, 1)

    @property
    def data(self) -> dict[str, Any]:
        """What the page needs to find a point in the picture."""
        return {
            "bounds": [[self.x0, self.x1], [self.y0, self.y1]],
            "box": [LEFT, TOP, self.width, round(self.tall, 2)],
            "size": [WIDTH, self.height],
        }

    def x(self, x: Any) -> Any:
        """Where a first coordinate lies."""
        return LEFT + (x - self.x0) / (self.x1 - self.x0) * self.width

    def y(self, y: Any) -> Any:
        """Where a second coordinate lies."""
        return TOP + (self.y1 - y) / (self.y1 - self.y0) * self.tall

    def heights(self) -> str:
        """Height lines as SVG, each with what lies above it: in equal ratios above a minimum, else in equal distances."""
        xs, ys = np.linspace(self.x0, self.x1, GRID), np.linspace(self.y0, self.y1, GRID)
        with np.errstate(all="ignore"):
            values = np.asarray(self.problem.loss(np.stack(np.meshgrid(xs, ys), axis=-1)), dtype=float)
        values = np.where(np.isfinite(values), values, np.nan)
        lowest = np.nanmin([np.nanmin(values), *(self.problem.loss(minimum) for minimum in self.problem.minima)])
        shares = np.geomspace(1e-5, 1, LEVELS + 1)[:-1] if len(self.problem.minima) else np.arange(1, LEVELS) / LEVELS
        levels = lowest + max(np.nanmax(values) - lowest, 1e-9) * shares
        lines = contour_generator(self.x(xs), self.y(ys), np.ma.masked_invalid(values), fill_type="OuterOffset")
        parts = []
        for number, level in enumerate(levels, start=1):
            points, offsets = lines.filled(level, math.inf)
            rings = [
                ring for polygon, cuts in zip(points, offsets, strict=True) for ring in np.split(polygon, cuts[1:-1].astype(int))
            ]
            line = "".join(map(_ring, rings))
            parts.append(f'<path class="height" style="--h:{number / len(levels):.2f}" d="{line}"/>')
        return "".join(parts)

    def axes(self) -> str:
        """Ticks with their numbers, and the names of the coordinates, as SVG."""
        bottom, right = TOP + self.tall, LEFT + self.width
        parts = []
        for tick in _ticks(self.x0, self.x1):
            at = self.x(tick)
            parts.append(f'<path class="tick" d="M{at:.1f} {bottom:.1f}v5"/>')
            parts.append(f'<text class="tick" x="{at:.1f}" y="{bottom + 8:.1f}" dy=".8em" text-anchor="middle">{_number(tick)}</text>')
        for tick in _ticks(self.y0, self.y1):
            at = self.y(tick)
            parts.append(f'<path class="tick" d="M{LEFT} {at:.1f}h-5"/>')
            parts.append(f'<text class="tick" x="{LEFT - 8}" y="{at:.1f}" dy=".32em" text-anchor="end">{_number(tick)}</text>')
        parts.append(f'<text class="axis" x="{right:.1f}" y="{bottom - 8:.1f}" dx="-.3em" text-anchor="end">x</text>')
        parts.append(f'<text class="axis" x="{LEFT + 8}" y="{TOP}" dy="1em">y</text>')
        return "".join(parts)


def _ring(points: np.ndarray) -> str:
    """A closed line, its points to a tenth of a unit, without those that such a line would not show."""
    kept = _thinned(points[:-1])
    tenths = np.rint(kept * 10).astype(int)
    moves = np.diff(tenths, axis=0)
    moves = moves[(moves != 0).any(axis=1)]
    if len(moves) < 2:
        return ""
    x, y = tenths[0].tolist()
    return f"M{_tenths(x)} {_tenths(y)}l{''.join(_tenths(move) for move in moves.ravel().tolist()).strip()}z"


def _tenths(value: int) -> str:
    """So many tenths, with the space before that SVG needs."""
    text = f"{value / 10:g}"
    return text.replace("-0.", "-.") if value < 0 else f" {text[1:] if text.startswith('0.') else text}"


def _thinned(points: np.ndarray, tolerance: float = 0.12) -> np.ndarray:
    """The corners of a line that are more than `tolerance` off the line through their neighbours (Douglas & Peucker 1973)."""
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        ends, between = points[last] - points[first], points[first + 1 : last] - points[first]
        length = math.hypot(*ends)
        away = np.abs(between[:, 0] * ends[1] - between[:, 1] * ends[0]) / length if length else np.hypot(*between.T)
        worst = int(away.argmax())
        if away[worst] > tolerance:
            middle = first + 1 + worst
            keep[middle] = True
            spans += [(first, middle), (middle, last)]
    return points[keep]


def _ticks(low: float, high: float) -> list[float]:
    return [float(tick) for tick in MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= tick <= high]


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _colors() -> str:
    """The palette of the figures as properties of the page, light and dark."""
    light, dark = ("".join(f"--c{i}:{color};" for i, color in enumerate(palette)) for palette in (COLORS, ON_DARK))
    return f":root{{{light}}}\n@media (prefers-color-scheme: dark){{:root{{{dark}}}}}\n"


def _json(data: Any) -> str:
    """Compact JSON that may stand inside a script element."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("</", "<\\/").replace("<!", "\\u003c!")


def _file(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def _filled(name: str, **parts: str) -> str:
    """A template with its ``{{places}}`` filled."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], _file(name))
