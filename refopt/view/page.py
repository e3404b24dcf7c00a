"""Pages for a browser: a template beside this file, and data that may stand in a script."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

__all__ = ["as_script", "filled", "text_of"]


def text_of(name: str) -> str:
    """What stands in the file `name` beside this one."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def filled(name: str, **parts: str) -> str:
    """The template `name` with its ``{{places}}`` filled, all at once: what a part brings with it is not looked at again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], text_of(name))


def as_script(data: Any) -> str:
    """Compact JSON that may stand inside a script element. Raises ValueError for NaN and infinity, which JSON does not have."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("</", "<\\/").replace("<!", "\\u003c!")
