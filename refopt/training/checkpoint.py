"""Checkpoints: plain data in one file, every bit as it was.

The file is an ``.npz`` (a zip archive of arrays, which ``numpy.load`` opens too): ``structure`` holds the shape of the data as
JSON, ``array0``, ``array1``, … its arrays. Nothing in it can run: no pickles. Each member carries a checksum, so that a file
that was cut off or changed is refused and never half read.
"""

from __future__ import annotations

import io
import json
import math
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from refopt import numbers
from refopt.training.files import write_whole

__all__ = ["FORMAT", "load_checkpoint", "placed", "save_checkpoint"]

FORMAT = 1  # grows when a file can no longer be read by the refopt that came before


def save_checkpoint(path: str | Path, content: Any) -> Path:
    """Write `content` to `path`, whole or not at all; returns the path.

    `content` may be dicts (keys: strings or whole numbers), lists and tuples, nested as one likes, of NumPy arrays and scalars
    (booleans, whole, real and complex numbers of any width), Python numbers, strings, booleans and None: a rule's state, a
    theta. All comes back as it was, NaN with its payload, signed zeros and subnormal numbers too. An array that stands in
    several places is written once. Arrays of a device are written as NumPy's, which any machine can read.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "adam.npz"
    >>> state = refopt.adam.init(np.ones(3))
    >>> sorted(load_checkpoint(save_checkpoint(file, {"theta": np.ones(3), "state": state}))["state"])
    ['m', 't', 'v']

    Raises TypeError for anything else, before a byte is written.
    """
    packer = _Packer()
    structure = {
        "format": FORMAT,
        "refopt": _refopt_version(),
        "numpy": np.__version__,
        "content": packer.packed(content, "content"),
    }
    members: dict[str, Any] = {"structure": np.array(json.dumps(structure, allow_nan=False))}
    members |= {f"array{i}": array for i, array in enumerate(packer.arrays)}
    return write_whole(path, lambda file: np.savez(file, **members))


def load_checkpoint(path: str | Path, like: Any = None) -> Any:
    """What `save_checkpoint` wrote to `path`, its arrays brought to where the array `like` lives.

    Raises FileNotFoundError where there is no file, ValueError for one that is broken, that is something else, or that a newer
    refopt has written.
    """
    path = Path(path)
    with open(path, "rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path} is not a checkpoint, or was cut off: it is no whole .npz file")
        try:
            with zipfile.ZipFile(file) as archive:
                members = {name.removesuffix(".npy"): _member(archive, name) for name in archive.namelist()}
            structure = json.loads(str(members["structure"]))
            written, version = structure["format"], structure["refopt"]
        except MemoryError:
            raise
        except Exception as error:  # what a damaged archive makes its reader do is many things
            what = "it has no structure" if isinstance(error, KeyError) else f"{type(error).__name__}: {error}"
            raise ValueError(f"{path} is not a checkpoint, or is broken ({what})") from None
    if type(written) is not int or written > FORMAT:
        raise ValueError(
            f"{path} has checkpoint format {written}, written by refopt {version}; "
            f"this is refopt {_refopt_version()}, which reads formats up to {FORMAT}"
        )
    try:
        return placed(_unpacked(structure["content"], members), like)
    except (KeyError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise ValueError(f"{path} is broken: its structure does not fit its arrays ({error})") from None


def placed(content: Any, like: Any) -> Any:
    """The same data with its arrays where the array `like` lives."""
    if isinstance(content, dict):
        return {key: placed(part, like) for key, part in content.items()}
    if isinstance(content, (list, tuple)):
        return type(content)(placed(part, like) for part in content)
    return numbers.beside(content, like) if isinstance(content, np.ndarray) else content


def _refopt_version() -> str:
    from refopt import __version__

    return __version__


class _Packer:
    """Plain data as JSON; arrays are collected, and replaced by their number."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self._places: dict[int, int] = {}
        self._from_device: dict[int, tuple[Any, np.ndarray]] = {}  # by id, which the array itself keeps its own

    def packed(self, value: Any, where: str) -> Any:
        """Numbers, strings, booleans and None as they are, everything else as {kind: …}; `where` names it in an error."""
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:  # JSON has no NaN and no infinity, and no payload
            return value if math.isfinite(value) else {"float": struct.pack(">d", value).hex()}
        if type(value) in (list, tuple):
            return {type(value).__name__: [self.packed(part, f"{where}[{i}]") for i, part in enumerate(value)]}
        if type(value) is dict:
            for key in value:
                if type(key) not in (str, int):
                    raise TypeError(f"the keys of {where} must be strings or whole numbers to be saved, got {key!r}")
            return {"dict": [[key, self.packed(part, f"{where}[{key!r}]")] for key, part in value.items()]}
        if numbers.is_array(value) and not numbers.on_host(value):
            value = self._brought(value)
        if isinstance(value, np.generic) and value.dtype.kind in "biufc":
            return {"scalar": self._number(np.asarray(value))}
        if type(value) is np.ndarray and value.dtype.kind in "biufc":
            return {"array": self._number(value)}
        kind = f"{type(value).__name__}{f' of dtype {value.dtype}' if isinstance(value, np.ndarray) else ''}"
        raise TypeError(
            f"{where} is of type {kind}, which a checkpoint does not hold; allowed are dict, list, tuple, arrays of numbers, "
            "numbers, str, bool and None"
        )

    def _brought(self, array: Any) -> Any:
        """An array of a device as NumPy's; it is brought once."""
        if id(array) not in self._from_device:
            self._from_device[id(array)] = array, numbers.to_host(array)
        return self._from_device[id(array)][1]

    def _number(self, array: np.ndarray) -> int:
        if id(array) not in self._places:
            self._places[id(array)] = len(self.arrays)
            self.arrays.append(array)  # which also keeps its id from being given again
        return self._places[id(array)]


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array of the archive; its bytes are read, and their checksum compared, before they are believed."""
    return np.lib.format.read_array(io.BytesIO(archive.read(name)), allow_pickle=False)


def _unpacked(value: Any, members: dict[str, np.ndarray]) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inside),) = value.items()
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(inside))[0]
    if kind in ("list", "tuple"):
        parts = [_unpacked(part, members) for part in inside]
        return parts if kind == "list" else tuple(parts)
    if kind == "dict":
        return {key: _unpacked(part, members) for key, part in inside}
    if kind not in ("array", "scalar"):
        raise ValueError(f"unknown kind {kind!r}")
    array = members[f"array{inside}"]
    return array if kind == "array" else array[()]
