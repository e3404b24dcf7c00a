"""Fused: the recorded step as one loop over the entries, compiled by numba.

What `refopt.fast.blocked` replays call by call over pieces of the vector becomes a loop in which every entry is read once and
written once. The compiler may neither reorder nor contract, so each +, −, ×, ÷ and √ rounds as NumPy's does; functions for
which nobody promises the last bit (exp, log, a general power) are not compiled but stay NumPy's, between two loops. So every
bit is that of the plain step here, too; each recording is compared with it before it is used.

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

from refopt.fast.blocked import COPY, KEPT, Call, Plan
from refopt.fast.recording import FILL, SELECT, Unrecordable
from refopt.recurrence import Rule

try:
    import numba
except ImportError as error:
    raise ImportError("fused steps are compiled by numba, which is not installed: pip install 'refopt[fast]'") from error

__all__ = ["Fused"]

# The text of each ufunc on entries of one dtype. As in NumPy a NaN goes through maximum and minimum, and the sign of −0 is 0.
TEXTS: dict[Any, str] = {
    COPY: "{0}",
    FILL: "{0}",
    SELECT: "({1} if {0} else {2})",
    np.positive: "{0}",
    np.negative: "-{0}",
    np.add: "{0} + {1}",
    np.subtract: "{0} - {1}",
    np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}",
    np.square: "{0} * {0}",
    np.reciprocal: "{one} / {0}",
    np.sqrt: "_np.sqrt({0})",
    np.absolute: "abs({0})",
    np.fabs: "abs({0})",
    np.maximum: "({0} if {0} > {1} or {0} != {0} else {1})",
    np.minimum: "({0} if {0} < {1} or {0} != {0} else {1})",
    np.sign: "({one} if {0} > 0 else (-{one} if {0} < 0 else ({0} if {0} != {0} else {zero})))",
    np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}",
    np.less: "{0} < {1}",
    np.less_equal: "{0} <= {1}",
    np.equal: "{0} == {1}",
    np.not_equal: "{0} != {1}",
    np.logical_and: "{0} and {1}",
    np.logical_or: "{0} or {1}",
    np.logical_not: "not {0}",
}
ZEROS = np.array([0.0, -0.0] * 16)
for larger in (np.maximum, np.minimum):
    if not np.array_equal(np.signbit(larger(ZEROS, -ZEROS)), np.signbit(-ZEROS)):  # of 0 and −0 most processors take the second
        del TEXTS[larger]  # this one stays NumPy's

MOST = 16  # arrays of the state; of more the compiler makes a slower loop than the calls are (measured: Grokfast-MA)

LOGICAL = (np.logical_and, np.logical_or, np.logical_not)


class Fused(Plan):
    """A recorded step whose calls are compiled into loops. Of a dtype that numba does not know, and of many arrays, it is
    the plain recording."""

    def __init__(self, rule: Rule, dtype: Any, scalars: Mapping[str, Any]) -> None:
        super().__init__(rule, dtype, scalars)
        if self._whole:
            self.tile = sys.maxsize

    def _constant(self, text: str, dtype: str) -> str:
        return f"_{dtype}.type({text})"

    def _lines(self, calls: list[Call], space: dict[str, Any]) -> list[str]:
        self._whole = False
        if self.dtype not in (np.dtype("f4"), np.dtype("f8")) or len(self.states) > MOST:
            return super()._lines(calls, space)
        self._kind_of = dict.fromkeys(("theta", "g", *self.states), self.dtype)
        self._kind_of |= {f"_r{i}": dtype for i, dtype in enumerate(self._dtypes)}
        groups: list[list[Call]] = []  # of calls that are compiled together, and single calls that are not
        for call in calls:
            if groups and self._fits(call) and self._fits(groups[-1][-1]):
                groups[-1].append(call)
            else:
                groups.append([call])
        lines = []
        for number, group in enumerate(groups):
            if not self._fits(group[0]):
                lines += super()._lines(group, space)
                continue
            read_later = {name for later in groups[number + 1 :] for call in later for name in call.operands}
            arguments, text = self._loop(group, read_later, space)
            space[f"_loop{number}"] = compiled(text, tuple(map(self._argument, arguments)))
            lines.append(f"_loop{number}({', '.join(arguments)})")
        if len(groups) == 1 and self._fits(calls[0]):  # everything at once: no scratch, and no pieces
            self._dtypes, self._whole = [], True
        return lines

    def _fits(self, call: Call) -> bool:
        """Whether a call can stand in a loop: its bits are certain there."""
        numbers = {self.dtype} | ({np.dtype(bool)} if call.function is SELECT or call.function in LOGICAL else set())
        logical = call.function not in LOGICAL or set(call.dtypes) == {np.dtype(bool)}
        return call.function in TEXTS and logical and set(call.dtypes) <= numbers and call.dtype in (self.dtype, np.dtype(bool))

    def _argument(self, name: str) -> Any:
        """What numba shall compile for: a gradient may be read-only, and nothing is compiled in the middle of a step."""
        dtype = numba.from_dtype(self._kind_of.get(name, self.dtype))
        return numba.types.Array(dtype, 1, "C", readonly=name == "g") if name in self._kind_of else dtype

    def _loop(self, group: list[Call], read_later: set[str], space: dict[str, Any]) -> tuple[list[str], str]:
        """The loop over a group of calls, and the names that it takes; inside, each name is one entry of its array."""
        number = f"_np.{self.dtype.name}"
        arrays = {name for call in group for name in (*call.operands, call.out) if name in self._kind_of}
        read, written, lines = [], [], []
        for call in group:
            entries = []
            for name, dtype in zip(call.operands, call.dtypes, strict=True):
                if name in arrays and name not in read and name not in written:
                    read.append(name)
                if name.startswith("_k"):
                    name = f"{number}({_literal(space[name].item())})"
                elif name in arrays and self._kind_of[name] != dtype:  # NumPy casts it, too
                    name = f"{number}({name})"
                entries.append(name)
            lines.append(f"{call.out} = {TEXTS[call.function].format(*entries, one=f'{number}(1)', zero=f'{number}(0)')}")
            if call.out not in written:
                written.append(call.out)
        kept = [name for name in written if not name.startswith("_r") or name in read_later]
        over = [name for name in ("theta", "g", *self.states, *(f"_r{i}" for i in range(len(self._dtypes)))) if name in arrays]
        over = [name for name in over if name in read or name in kept]
        constants = list(dict.fromkeys(name for call in group for name in call.operands if name.startswith("_c")))
        text = [
            f"def loop({', '.join([*(f'_all_{name}' for name in over), *constants])}):",
            f"    for _i in range(_all_{over[0]}.size):",
            *(f"        {name} = _all_{name}[_i]" for name in read),
            *(f"        {line}" for line in lines),
            *(f"        _all_{name}[_i] = {name}" for name in kept),
        ]
        return [*over, *constants], "\n".join(text) + "\n"


def _literal(number: Any) -> str:
    return repr(number) if np.isfinite(number) else f"float('{number}')"


_COMPILED: dict[tuple[str, Any], Any] = {}


def compiled(text: str, arguments: tuple[Any, ...]) -> Any:
    """The function ``loop`` that `text` defines, as machine code for these arguments, kept in the cache directory."""
    if (text, arguments) not in _COMPILED:
        if len(_COMPILED) >= KEPT:
            _COMPILED.clear()
        try:
            made = _machine_code(_kept(text), arguments, cache=True)
        except Exception:  # nothing can be kept there; or numba, which trusts what it finds there, found a damaged file
            _throw_away(text)
            try:
                made = _machine_code(_defined(text, "<fused step>"), arguments, cache=False)
            except numba.errors.NumbaError as error:
                raise Unrecordable(f"numba does not compile it: {error}") from None
        _COMPILED[text, arguments] = made
    return _COMPILED[text, arguments]


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
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        os.replace(partial, path)
    return _defined(text, str(path))


def _throw_away(text: str) -> None:
    """Machine code that was kept, so that the next process keeps it anew."""
    with suppress(OSError, RuntimeError):
        for path in cache_directory().glob(f"__pycache__/{_name(text)}*"):
            path.unlink()
