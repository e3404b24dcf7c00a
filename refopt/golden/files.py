"""The files that ship: which rules have vectors, and what a file holds."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

from refopt.recurrence import nearest

__all__ = ["available", "vectors"]

FOLDER = files("refopt.golden") / "vectors"


@cache
def available() -> list[str]:
    """The rules that have vectors, sorted."""
    found = (entry.name for entry in FOLDER.iterdir())
    return sorted(name.removesuffix(".json") for name in found if name.endswith(".json") and name != "schema.json")


def vectors(rule: str) -> dict[str, Any]:
    """The file of a rule: format, rule, paper, state, readings, flags, vectors (see ``vectors/schema.json``).

    ValueError for a rule that has none (see `refopt.golden.inputs.why_none`).
    """
    if rule not in available():
        raise ValueError(f"there are no vectors of {rule!r}{nearest(rule, available())}")
    return json.loads((FOLDER / f"{rule}.json").read_text(encoding="utf-8"))
