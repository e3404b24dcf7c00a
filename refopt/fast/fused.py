"""Fused: the recorded step as one loop over the entries, compiled by numba.

What `refopt.fast.blocked` replays call by call over pieces of the vector becomes a loop (`refopt.fast.compiled`) in which every
entry is read once and written once. The compiler may neither reorder nor contract, so each +, −, ×, ÷ and √ rounds as NumPy's
does, and every bit is that of the plain step here, too; each recording is compared with it before it is used.

Needs numba: ``pip install 'refopt[fast]'``. A loop is compiled once for a rule and a dtype (about half a second) and kept in
the user's cache directory, or where ``REFOPT_CACHE`` says.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from refopt.fast.blocked import KEPT
from refopt.fast.compiled import SAME, Compiled, Loop
from refopt.fast.recording import SELECT, Unrecordable

try:
    import numba
except ImportError as error:
    raise ImportError("fused steps are compiled by numba, which is not installed: pip install 'refopt[fast]'") from error

__all__ = ["Fused"]

# The text of each ufunc on entries of one dtype. As in NumPy a NaN goes through maximum and minimum, and the sign of −0 is 0.
TEXTS: dict[Any, str] = {
    **SAME,
    SELECT: "({1} if {0} else {2})",
    np.sqrt: "_np.sqrt({0})",
    np.absolute: "abs({0})",
    np.fabs: "abs({0})",
    np.maximum: "({0} if {0} > {1} or {0} != {0} else {1})",
    np.minimum: "({0} if {0} < {1} or {0} != {0} else {1})",
    np.sign: "({one} if {0} > 0 else (-{one} if {0} < 0 else ({0} if {0} != {0} else {zero})))",
    np.logical_and: "{0} and {1}",
    np.logical_or: "{0} or {1}",
    np.logical_not: "not {0}",
}
ZEROS = np.array([0.0, -0.0] * 16)
for larger in (np.maximum, np.minimum):
    if not np.array_equal(np.signbit(larger(ZEROS, -ZEROS)), np.signbit(-ZEROS)):  # of 0 and −0 most processors take the second
        del TEXTS[larger]  # this one stays NumPy's


class Fused(Compiled):
    """A recorded step whose loops are compiled by numba."""

    texts = TEXTS

    def cast(self, name: str) -> str:  # noqa: D102
        return f"_np.{self.dtype.name}({name})"

    def number(self, value: float) -> str:  # noqa: D102
        return f"_np.{self.dtype.name}({value!r})" if np.isfinite(value) else f"_np.{self.dtype.name}(float('{value}'))"

    def made(self, loop: Loop, kinds: Mapping[str, Any]) -> Any:  # noqa: D102
        text = [
            f"def loop({', '.join([*(f'_all_{name}' for name in loop.over), *loop.constants])}):",
            f"    for _i in range(_all_{loop.over[0]}.size):",
            *(f"        {name} = _all_{name}[_i]" for name in loop.read),
            *(f"        {name} = {value}" for name, value in loop.lines),
            *(f"        _all_{name}[_i] = {name}" for name in loop.kept),
        ]
        arguments = [self._argument(name, kinds) for name in (*loop.over, *loop.constants)]
        return compiled("\n".join(text) + "\n", tuple(arguments))

    def _argument(self, name: str, kinds: Mapping[str, Any]) -> Any:
        """What numba shall compile for: a gradient may be read-only, and nothing is compiled in the middle of a step."""
        dtype = numba.from_dtype(kinds.get(name, self.dtype))
        return numba.types.Array(dtype, 1, "C", readonly=name == "g") if name in kinds else dtype


_COMPILED: dict[tuple[str, Any], Any] = {}


def compiled(text: str, arguments: tuple[Any, ...]) -> Any:
    """The function ``loop`` that `text` defines, as machine code for these arguments, kept in the cache directory."""
    made = _COMPILED.get((text, arguments))
    if made is None:
        try:
            made = _machine_code(_kept(text), arguments, cache=True)
        except Exception:  # nothing can be kept there; or numba, which trusts what it finds there, found a damaged file
            _throw_away(text)
            try:
                made = _machine_code(_defined(text, "<fused step>"), arguments, cache=False)
            except numba.errors.NumbaError as error:
                raise Unrecordable(f"numba does not compile it: {error}") from None
        if len(_COMPILED) >= KEPT:
            _COMPILED.clear()
        _COMPILED[text, arguments] = made
    return made


def _machine_code(loop: FunctionType, arguments: tuple[Any, ...], cache: bool) -> Any:
    signature = [numba.void(*arguments)]
    return numba.njit(signature, cache=cache, error_model="numpy", nogil=True, boundscheck=False)(loop)


def _defined(text: str, place: str) -> FunctionType:
    space: dict[str, Any] = {"_np": np, "__name__": __name__}  # numba asks for a module when it reads what it kept
    exec(compile(text, place, "exec"), space)
    return space["loop"]


def _name(text: str) -> str:
    return f"loop_{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def cache_directory() -> Path:
    """Where loops are kept: ``REFOPT_CACHE``, or ``refopt`` in the user's cache directory."""
    own = os.environ.get("REFOPT_CACHE")
    if own:
        return Path(own)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "refopt/cache"
    if sys.platform == "darwin":
        return Path.home() / "Library/Caches/refopt"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "refopt"


def _kept(text: str) -> FunctionType:
    """The function in a file of its own, beside which numba keeps the machine code. OSError, RuntimeError where none can be."""
    path = cache_directory() / f"{_name(text)}.py"
    if not path.is_file() or path.read_bytes() != text.encode():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
    return _defined(text, str(path))


def _throw_away(text: str) -> None:
    """Machine code that was kept, so that the next process keeps it anew."""
    with suppress(OSError, RuntimeError):
        for path in cache_directory().glob(f"__pycache__/{_name(text)}*"):
            path.unlink()
