"""The gallery: pictures that are each made by a script of their own, made again only when something that they use changed.

A gallery is a directory with ``NAME.py`` beside ``NAME.svg``. The first paragraph of a script's docstring is the caption; the
script writes its files beside itself (``Path(__file__).parent``), where it may have numbers, ``NAME.json``. What a script uses
is seen while it runs: the modules of refopt that it imports and the files of the package that it opens. Their digests are
written into ``made.json``, and where one of them is another, or the picture is not the one that was made, the script runs
again. Versions of other packages do not count: numpy and matplotlib draw the same picture in other bytes.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import refopt
from refopt.recurrence import nearest
from refopt.training.files import write_whole

__all__ = ["Gallery", "find"]

PACKAGE = Path(refopt.__file__).parent
LIST, PAGE = "made.json", "README.md"
NOTED = {"script", "data", "picture", "uses"}  # of each picture


def find(start: Path | None = None) -> Gallery:
    """The gallery of the checkout: ``figures/`` in `start` (default: the working directory), above it, or beside the package.

    Raises FileNotFoundError where there is none: scripts are part of the checkout, not of an installed package.
    """
    start = Path.cwd() if start is None else Path(start).resolve()
    places = [place / "figures" for place in (start, *start.parents, PACKAGE.parent)]
    for place in places:
        if (place / LIST).is_file():  # a figures/ without it is somebody else's, whose scripts are not to be run
            return Gallery(place)
    raise FileNotFoundError(f"no figures/{LIST} in {start}, above it or in {PACKAGE.parent}; run this inside a checkout")


class Gallery:
    """The scripts of one directory.

    names  of the pictures, sorted
    """

    def __init__(self, directory: str | Path) -> None:
        self.directory = Path(directory)
        self.names = sorted(path.stem for path in self.directory.glob("*.py"))
        try:
            self.made: dict[str, Any] = json.loads((self.directory / LIST).read_text(encoding="utf-8"))
            if not isinstance(self.made, dict) or not all(isinstance(e, dict) and set(e) >= NOTED for e in self.made.values()):
                raise ValueError("it holds no notes of pictures")
        except FileNotFoundError:
            self.made = {}
        except ValueError as error:
            raise ValueError(f"{self.directory / LIST} is broken ({error}); with {{}} in it all are made again") from None

    def demand(self, names: Sequence[str]) -> list[str]:
        """The names, once each; ValueError for one that is no picture here."""
        for name in names:
            if name not in self.names:
                raise ValueError(f"unknown picture {name!r}{nearest(name, self.names)}")
        return list(dict.fromkeys(names))

    def script(self, name: str) -> Path:
        """The script of a picture."""
        return self.directory / f"{name}.py"

    def data(self, name: str) -> Path:
        """The numbers that a picture is drawn from, where it has some."""
        return self.directory / f"{name}.json"

    def caption(self, name: str) -> str:
        """The first paragraph of the script's docstring, in one line. Raises ValueError where there is none."""
        text = ast.get_docstring(ast.parse(self.script(name).read_text(encoding="utf-8"))) or ""
        if not text:
            raise ValueError(f"{self.script(name)} has no docstring, which would be the caption of its picture")
        return " ".join(text.split("\n\n")[0].split())

    def stale(self, name: str) -> str | None:
        """Why a picture must be made again; None where nothing that it uses has changed."""
        entry, picture = self.made.get(name), self.directory / f"{name}.svg"
        if not picture.is_file():
            return "there is no picture yet"
        if entry is None:
            return "nobody noted what it was made from"
        if entry["script"] != _digest(self.script(name)):
            return "its script changed"
        if entry["data"] != _digest(self.data(name)):
            return "its numbers changed"
        changed = [path for path, digest in entry["uses"].items() if _digest(PACKAGE.parent / path) != digest]
        if changed:
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            return f"{', '.join(changed[:3])}{more} changed"
        return None if entry["picture"] == _digest(picture) else "the picture is not the one that its script made"

    def make(self, name: str, out: str | Path | None = None) -> None:
        """Run the script of a picture in a Python of its own, and note what it used.

        With `out` the files are written there, and nothing is noted. Raises RuntimeError with the script's last words where
        it fails.
        """
        folder = self.directory if out is None else Path(out)
        folder.mkdir(parents=True, exist_ok=True)
        if out is not None and self.data(name).is_file():
            shutil.copyfile(self.data(name), folder / self.data(name).name)
        command = [sys.executable, "-m", "refopt.view.tracked", str(self.script(name).resolve()), str(folder.resolve())]
        one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # the same sums everywhere
        path = os.pathsep.join(filter(None, (str(PACKAGE.parent), os.environ.get("PYTHONPATH"))))  # this refopt, no other
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **one, "PYTHONPATH": path})
        if done.returncode:
            words = (done.stderr.strip() or done.stdout.strip() or "no reason given").splitlines()
            raise RuntimeError(f"{self.script(name)} failed: {words[-1]}")
        if not (folder / f"{name}.svg").is_file():
            raise RuntimeError(f"{self.script(name)} ran, but wrote no {name}.svg")
        if out is None:
            uses = json.loads(done.stdout.splitlines()[-1])
            picture = _digest(folder / f"{name}.svg")
            self.made[name] = {
                "script": _digest(self.script(name)),
                "data": _digest(self.data(name)),
                "picture": picture,
                "uses": {path: _digest(PACKAGE.parent / path) for path in uses},
            }
            self._write()

    def forget(self) -> None:
        """Drop notes of pictures whose scripts are gone."""
        gone = set(self.made) - set(self.names)
        if gone:
            self.made = {name: entry for name, entry in self.made.items() if name not in gone}
            self._write()

    def _write(self) -> None:
        text = json.dumps({name: self.made[name] for name in sorted(self.made)}, indent=1)
        write_whole(self.directory / LIST, lambda file: file.write(text.encode() + b"\n"))

    def page(self) -> str:
        """The text of the caption page: every picture, what to see in it, how to make it again."""
        parts = [
            "# Pictures\n\nEach is made by the script of its name: `refopt figures NAME` makes one again, `refopt figures` all "
            "that are out of date. This page is written by `refopt figures`; the captions are the scripts' docstrings.\n"
        ]
        for name in self.names:
            heading = name.replace("_", " ").capitalize()
            parts.append(f"## {heading}\n\n![{heading}]({name}.svg)\n\n{self.caption(name)}\n\n`refopt figures {name}`\n")
        return "\n".join(parts)

    def write_page(self) -> bool:
        """Write the caption page where it is another one; whether it was."""
        path = self.directory / PAGE
        if path.is_file() and path.read_text(encoding="utf-8") == self.page():
            return False
        write_whole(path, lambda file: file.write(self.page().encode()))
        return True

    def page_is_current(self) -> bool:
        """Whether the caption page says what the scripts say."""
        path = self.directory / PAGE
        return path.is_file() and path.read_text(encoding="utf-8") == self.page()


def _digest(path: Path) -> str:
    """Twelve hexadecimal digits of the SHA-256 of a file, "" where there is none. Line ends do not count."""
    if not path.is_file():
        return ""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()[:12]
