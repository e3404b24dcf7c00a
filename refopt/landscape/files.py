"""What was computed, in a file from which pictures can be drawn again."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from refopt.landscape.planes import Plane
from refopt.landscape.sharpness import Stability
from refopt.landscape.spectrum import Density
from refopt.landscape.surfaces import Line, Surface
from refopt.training.checkpoint import load_checkpoint, save_checkpoint

__all__ = ["load", "save"]

FORMAT = 1
KINDS: dict[str, type] = {kind.__name__: kind for kind in (Density, Line, Plane, Stability, Surface)}


def save(path: str | Path, result: Any, about: dict[str, Any] | None = None) -> Path:
    """Write a `Surface`, `Line`, `Plane`, `Density` or `Stability` to `path`, an .npz file, whole or not at all.

    `about` is a dict of plain data that says what was computed; it comes back with it. The file is a checkpoint
    (`refopt.training.save_checkpoint`): no pickles, a checksum for each array.

    Raises TypeError for anything else, before a byte is written.
    """
    if type(result).__name__ not in KINDS:
        raise TypeError(f"a landscape file holds one of {', '.join(KINDS)}; got {type(result).__name__}")
    return save_checkpoint(path, {"landscape": FORMAT, "result": _plain(result), "about": dict(about or {})})


def load(path: str | Path) -> tuple[Any, dict[str, Any]]:
    """What `save` wrote to `path`: the result, and what was said about it.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "line.npz"
    >>> _ = save(file, Line(np.array([0.0, 1.0]), np.array([2.0, 0.0]), 1.0), {"net": "none"})
    >>> load(file)
    (Line(alphas=array([0., 1.]), losses=array([2., 0.]), distance=1.0), {'net': 'none'})

    Raises FileNotFoundError where there is no file, ValueError for one that is broken, or that holds something else.
    """
    content = load_checkpoint(path)
    if not isinstance(content, dict) or set(content) != {"landscape", "result", "about"}:
        raise ValueError(f"{path} holds no landscape, but other data")
    if content["landscape"] != FORMAT:
        raise ValueError(f"{path} has landscape format {content['landscape']!r}; this refopt reads format {FORMAT}")
    try:
        return _made(content["result"]), content["about"]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is broken: it holds no whole landscape ({error})") from None


def _plain(value: Any) -> Any:
    if not is_dataclass(value) or isinstance(value, type):
        return value
    return {"class": type(value).__name__, **{part.name: _plain(getattr(value, part.name)) for part in fields(value)}}


def _made(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    words = {name: _made(part) for name, part in value.items() if name != "class"}
    return KINDS[value["class"]](**words)
