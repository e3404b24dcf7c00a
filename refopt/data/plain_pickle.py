"""Dictionaries of plain values and arrays of bytes, read from a pickle without unpickling.

A pickle is a program for a small stack machine, and one of its instructions calls any function by name; so whoever unpickles a
file runs it. Here the standard library's disassembler (``pickletools.genops``) lists the instructions, and those are followed
that build dictionaries, lists, tuples, text, bytes and whole numbers. The few functions that a NumPy array of bytes is pickled
with are known by their names alone: what they would do is written down below, and none of them is ever imported or called.
Everything else is refused.
"""

from __future__ import annotations

import pickletools
from math import prod
from typing import Any

import numpy as np

__all__ = ["read"]

# The names that a pickle may ask for, under all modules where Python 2 and 3 and NumPy 1 and 2 have them.
FUNCTIONS = {
    f"{module} {name}": name
    for name, modules in {
        "_reconstruct": ("numpy.core.multiarray", "numpy._core.multiarray"),  # an array, its contents to follow by BUILD
        "_frombuffer": ("numpy.core.numeric", "numpy._core.numeric"),  # an array, by protocol 5
        "ndarray": ("numpy",),
        "dtype": ("numpy",),
        "encode": ("_codecs",),  # bytes, by protocols 0 to 2 of Python 3
        "bytes": ("__builtin__", "builtins"),  # none, by the same
    }.items()
    for module in modules
}

VALUES = {
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4",
    "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class _Function:
    """A function that the pickle names."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Bytes:
    """The dtype of bytes, uint8."""


class _Array:
    """An array that is not filled yet."""

    array: np.ndarray | None = None


def read(pickle: bytes | bytearray) -> dict[str, Any]:
    """The dictionary in a pickle of protocol 0 to 5, by Python 2 or 3; its keys as text, its arrays as uint8 arrays.

    Whatever is no such dictionary is a ValueError that says where (the byte of the instruction) and why.
    """
    machine, where = _Machine(), "at the beginning"
    try:
        for opcode, argument, place in pickletools.genops(pickle):
            where = f"at byte {place} ({opcode.name})"
            machine.follow(opcode.name, argument)
        if place != len(pickle) - 1:
            raise ValueError("it goes on after its end")
        if len(machine.stack) != 1 or machine.below:
            raise ValueError(f"it ends with {len(machine.stack)} values, expected one")
        result = machine.stack.pop()
        if type(result) is not dict:
            raise ValueError(f"it holds {_kind(result)}, expected a dictionary")
        return {_text(key): _filled(value) for key, value in result.items()}
    except UnicodeError:
        raise ValueError(f"no plain pickle: broken text after that {where}") from None
    except ValueError as error:
        raise ValueError(f"no plain pickle: {error}, {where}") from None
    except (IndexError, KeyError, TypeError, AttributeError, OverflowError):
        raise ValueError(f"no plain pickle: an instruction without what it needs, {where}") from None


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under the marks
        self.memo: dict[int, Any] = {}

    def follow(self, name: str, argument: Any) -> None:
        """One instruction."""
        stack = self.stack
        if name in VALUES:
            stack.append(argument)
        elif name in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            self.memo[len(self.memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memo[argument])
        elif name in ("SHORT_BINSTRING", "BINSTRING", "STRING"):  # the str of Python 2: bytes, which genops shows as Latin-1
            stack.append(argument.encode("latin-1"))
        elif name in CONSTANTS:
            stack.append(CONSTANTS[name])
        elif name == "MARK":
            self.below.append(stack)
            self.stack = []
        elif name in TUPLES:
            self._push(tuple(self._pop(TUPLES[name])))
        elif name == "TUPLE":
            self._push(tuple(self._marked()))
        elif name in ("EMPTY_LIST", "LIST"):
            self._push(self._marked() if name == "LIST" else [])
        elif name in ("EMPTY_DICT", "DICT"):
            items = self._marked() if name == "DICT" else []
            self._push({})
            self._set(items)
        elif name in ("APPEND", "APPENDS"):
            items = self._pop(1) if name == "APPEND" else self._marked()
            _expect(list, self.stack[-1]).extend(items)
        elif name in ("SETITEM", "SETITEMS"):
            self._set(self._pop(2) if name == "SETITEM" else self._marked())
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            self._push(_function(argument if name == "GLOBAL" else " ".join(self._pop(2))))
        elif name == "REDUCE":
            function, arguments = self._pop(2)
            self._push(_called(_expect(_Function, function).name, *_expect(tuple, arguments)))
        elif name == "BUILD":
            (state,) = self._pop(1)
            _build(self.stack[-1], _expect(tuple, state))
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise ValueError(f"the instruction {name} is not allowed")

    def _push(self, value: Any) -> None:
        self.stack.append(value)

    def _pop(self, count: int) -> list[Any]:
        if len(self.stack) < count:
            raise IndexError
        start = len(self.stack) - count
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def _marked(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def _set(self, items: list[Any]) -> None:
        entries = _expect(dict, self.stack[-1])
        for key, value in zip(items[::2], items[1::2], strict=True):
            entries[_text(key)] = value


def _function(name: str) -> _Function:
    if name not in FUNCTIONS:
        raise ValueError(f"it asks for {name!r}; only what rebuilds bytes and arrays of them is allowed")
    return _Function(FUNCTIONS[name])


def _called(function: str, *arguments: Any) -> Any:
    """What a call of a function, by name, would have given."""
    if function == "encode":
        text, encoding = arguments
        if encoding not in ("latin1", "latin-1"):
            raise ValueError(f"bytes in the encoding {encoding!r}, expected latin1")
        return _expect(str, text).encode("latin-1")
    if function == "bytes" and not arguments:
        return b""
    if function == "dtype":
        if _text(arguments[0]) != "u1":
            raise ValueError(f"an array of {arguments[0]!r}, expected bytes ('u1')")
        return _Bytes()
    if function == "_reconstruct":
        kind, _, _ = arguments
        if _expect(_Function, kind).name != "ndarray":
            raise TypeError
        return _Array()
    if function == "_frombuffer":
        content, dtype, shape, order = arguments
        return _array(content, dtype, shape, _text(order))
    raise TypeError


def _build(what: Any, state: tuple[Any, ...]) -> None:
    """Give an array its contents; to a dtype of bytes there is nothing to add."""
    if type(what) is _Array:
        _, shape, dtype, columns_first, content = state
        what.array = _array(content, dtype, shape, "F" if _expect_flag(columns_first) else "C").array
    elif type(what) is not _Bytes or state[2:5] != (None, None, None):
        raise TypeError


def _array(content: Any, dtype: Any, shape: Any, order: str) -> _Array:
    _expect(_Bytes, dtype)
    sizes = _expect(tuple, shape)
    if order not in ("C", "F") or type(content) not in (bytes, bytearray):
        raise TypeError
    if not all(type(size) is int and size > 0 for size in sizes) or prod(sizes) != len(content):
        raise ValueError(f"{len(content)} bytes for an array of shape {sizes}")
    filled = _Array()
    filled.array = np.frombuffer(content, np.uint8).reshape(sizes, order="F" if order == "F" else "C")
    return filled


def _filled(value: Any) -> Any:
    if type(value) is not _Array:
        return value
    if value.array is None:
        raise ValueError("an array without contents")
    return value.array


def _expect(kind: type, value: Any) -> Any:
    if type(value) is not kind:
        raise TypeError
    return value


def _expect_flag(value: Any) -> bool:
    if type(value) not in (bool, int):
        raise TypeError
    return bool(value)


def _text(key: Any) -> str:
    return key.decode("latin-1") if type(key) is bytes else _expect(str, key)


def _kind(value: Any) -> str:
    return "an array" if type(value) is _Array else "a function" if type(value) is _Function else f"a {type(value).__name__}"
