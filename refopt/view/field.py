"""The part of the plane that the step player draws: height lines as text of SVG, without a style of their own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from contourpy import contour_generator

from refopt.problems import Problem

__all__ = ["Field"]

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 640, 52, 12, 12, 34  # of the picture, in its own units
ASPECTS = 0.62, 1.6  # height to width of the field: between these a unit is as long upwards as it is to the right
GRID = 301
BY_HEIGHT, BY_AREA = 10, 7  # height lines


class Field:
    """The part of the plane that is drawn, and its height lines."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        (self.x0, self.x1), (self.y0, self.y1) = problem.bounds
        ratio = (self.y1 - self.y0) / (self.x1 - self.x0)
        self.width = WIDTH - LEFT - RIGHT
        self.tall = self.width * (ratio if ASPECTS[0] <= ratio <= ASPECTS[1] else 0.75)
        self.height = round(self.tall + TOP + BOTTOM, 1)

    @property
    def view(self) -> str:
        """The picture's ``viewBox``."""
        return f"0 0 {WIDTH} {self.height:g}"

    @property
    def box(self) -> str:
        """The field's rectangle, as attributes."""
        return f'x="{LEFT}" y="{TOP}" width="{self.width}" height="{self.tall:.1f}"'

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
        """Height lines as SVG, each with what lies above it.

        Between two of them lies an eighth of the field; above a minimum there are more, in equal ratios.
        """
        xs, ys = np.linspace(self.x0, self.x1, GRID), np.linspace(self.y0, self.y1, GRID)
        with np.errstate(all="ignore"):
            values = np.asarray(self.problem.loss(np.stack(np.meshgrid(xs, ys), axis=-1)), dtype=float)
        values = np.where(np.isfinite(values), values, np.nan)
        levels = np.nanquantile(values, np.arange(1, BY_AREA + 1) / (BY_AREA + 1))
        if len(self.problem.minima):
            lowest = min(np.nanmin(values), *(float(self.problem.loss(minimum)) for minimum in self.problem.minima))
            levels = np.append(levels, lowest + max(np.nanmax(values) - lowest, 1e-9) * np.geomspace(1e-5, 0.6, BY_HEIGHT))
        levels = np.unique(levels)
        lines = contour_generator(self.x(xs), self.y(ys), np.ma.masked_invalid(values), fill_type="OuterOffset")
        parts = []
        for number, level in enumerate(levels, start=1):
            polygons: Any = lines.filled(level, math.inf)
            rings = [np.split(points, cuts[1:-1].astype(int)) for points, cuts in zip(*polygons, strict=True)]
            line = "".join(_ring(ring) for polygon in rings for ring in polygon)
            parts.append(f'<path class="height" style="--h:{number / len(levels):.2f}" d="{line}"/>')
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
