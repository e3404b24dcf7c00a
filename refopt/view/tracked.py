"""Run one script of the gallery and say what it used: ``python -m refopt.view.tracked SCRIPT FOLDER``.

Apart from `refopt.view.gallery` so that a picture is not said to use what only the gallery needs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import refopt

__all__ = ["run"]

PACKAGE = Path(refopt.__file__).parent


def run(script: Path, folder: Path) -> list[str]:
    """Run a script as if it stood in `folder`, so that its files go there.

    Returns the files of the package that were used, relative to the directory above it: modules of refopt that are imported
    in the end, and what else was opened.
    """
    opened: set[str] = set()

    def note(event: str, arguments: Any) -> None:
        if event == "open" and isinstance(arguments[0], str):
            opened.add(arguments[0])

    sys.addaudithook(note)  # modules that are compiled already are not opened, data are
    space = {"__name__": "__main__", "__file__": str(folder / script.name)}
    try:
        exec(compile(script.read_text(encoding="utf-8"), str(script), "exec"), space)
    except SystemExit as end:
        if end.code:
            raise
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "refopt"]
    used = {path for module in modules if (path := getattr(module, "__file__", None))}
    used |= {path for path in opened if path.startswith(str(PACKAGE) + os.sep) and not path.endswith(".pyc")}
    return sorted(Path(path).relative_to(PACKAGE.parent).as_posix() for path in used if Path(path).is_file())


if __name__ == "__main__":
    files = run(Path(sys.argv[1]), Path(sys.argv[2]))
    print(json.dumps(files))
