"""Data sets that somebody saved with ``np.savez``."""

from __future__ import annotations

import io
import os
import struct
import zipfile
import zlib
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.files import at_most
from refopt.data.pixels import scaled
from refopt.data.split import Split, split

__all__ = ["npz"]

PARTS, WHOLE = ("x_train", "y_train", "x_test", "y_test"), ("x", "y")
HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}

# What zipfile raises about files that are damaged, apart from ValueError.
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, RuntimeError)


def npz(path: str | os.PathLike[str], held_out: float = 0.25, seed: int = 0, dtype: Any = np.float32) -> Split:
    """A data set from an .npz file: x_train, y_train, x_test, y_test as they are, or x, y, which are shuffled and split.

    Floating-point x is cast to `dtype`. Bytes, uint8, are taken for pixels from 0 to 255 and scaled to 0 … 1, unless `dtype` is
    np.uint8; images without channels, (n, height, width), get one. Other whole numbers are tokens and become int64.
    Whole-number y are labels, (n,) or (n, 1), and become int64 (n,); floating-point y are targets, cast to the dtype of x, and
    become (n, outputs). Other keys are not looked at. Arrays of Python objects are pickles, and are refused, as is NaN and
    infinity, each with a ValueError that names the array.
    """
    path, dtype = Path(path), checks.pixels(dtype)
    with path.open("rb") as file:
        try:
            with zipfile.ZipFile(file) as archive:
                keys = {name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")}
                wanted = next((names for names in (PARTS, WHOLE) if keys.issuperset(names)), None)
                if wanted is None:
                    found = ", ".join(sorted(keys)) or "no array"
                    raise ValueError(f"it holds {found}; expected {', '.join(PARTS)}, or {', '.join(WHOLE)}")
                arrays = {name: _member(archive, name) for name in wanted}
                pairs = [_pair(arrays, *names, dtype) for names in zip(wanted[::2], wanted[1::2], strict=True)]
        except (ValueError, OverflowError) as error:
            raise ValueError(f"{path}: {error}") from None
        except DAMAGE as error:
            raise ValueError(f"{path}: no readable .npz file ({error})") from None
    if len(pairs) == 1:
        return split(*pairs[0], held_out, seed)
    (x_train, y_train), (x_test, y_test) = pairs
    for part, test in ((x_train, x_test), (y_train, y_test)):
        if part.shape[1:] != test.shape[1:] or part.dtype != test.dtype:
            shapes = f"{part.dtype} {part.shape} and {test.dtype} {test.shape}"
            raise ValueError(f"{path}: the training and the test part hold different things, {shapes}")
    return Split(x_train, y_train, x_test, y_test)


def _member(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """One array. Read by pieces and compared with its header, which may announce what is not there."""
    with archive.open(f"{name}.npy") as file:
        start = io.BytesIO(at_most(file, 1 << 16))  # the longest header that NumPy writes
        version = np.lib.format.read_magic(start)
        if version not in HEADERS:
            raise ValueError(f"{name} is in version {version} of the .npy format, expected 1.0 or 2.0")
        try:
            shape, columns_first, kind = HEADERS[version](start)
        except Exception as error:  # NumPy reads it as Python text, and stumbles in many ways
            raise ValueError(f"{name} has a broken header ({type(error).__name__})") from None
        if kind.kind not in "biuf":
            raise ValueError(f"{name} holds {kind}, expected numbers")
        if not shape or min(shape) < 1:
            raise ValueError(f"{name} is empty, of shape {shape}")
        length = prod(shape) * kind.itemsize
        data = at_most(start, length + 1)
        data += at_most(file, length + 1 - len(data))
    if len(data) != length:
        found = f"{len(data)}" if len(data) < length else "more"
        raise ValueError(f"{name} holds {found} bytes, expected {length} for {kind} {shape}")
    return (
        np.frombuffer(data, kind).reshape(shape, order="F" if columns_first else "C").astype(kind.newbyteorder("="), copy=False)
    )


def _pair(arrays: dict[str, np.ndarray], x_name: str, y_name: str, dtype: np.dtype[Any]) -> tuple[np.ndarray, np.ndarray]:
    x, y = arrays[x_name], arrays[y_name]
    if x.ndim < 2 or len(x) != len(y):
        raise ValueError(f"{x_name} {x.shape} and {y_name} {y.shape} must have one entry an example, and x its features")
    for name, array in ((x_name, x), (y_name, y)):
        if not np.isfinite(array).all():
            raise ValueError(f"{name} holds NaN or infinity")
        if array.dtype.kind == "b":
            raise ValueError(f"{name} holds bool, expected numbers")
    numbers = np.dtype(np.float32) if dtype == np.uint8 else dtype
    if x.dtype == np.uint8:
        x = scaled(x[..., None] if x.ndim == 3 else x, dtype)
    else:
        x = x.astype(numbers if x.dtype.kind == "f" else np.int64, order="C")
    if y.dtype.kind == "f":
        return x, y.astype(numbers).reshape(len(y), -1)
    if y.shape not in ((len(y),), (len(y), 1)):
        raise ValueError(f"{y_name} {y.shape} are whole numbers, so labels, which are (n,) or (n, 1)")
    return x, y.reshape(-1).astype(np.int64)
