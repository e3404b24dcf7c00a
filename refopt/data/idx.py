"""The IDX format, and the four files of MNIST and its relatives.

IDX (Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits", with the description of its file format): two
zero bytes, one byte for the type, one for the number of dimensions; the size of each dimension as a big-endian 32-bit number;
the entries, big-endian, the last dimension changing fastest.
"""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.files import at_most, listing, opened
from refopt.data.pixels import scaled
from refopt.data.split import Split

__all__ = ["idx", "mnist"]

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def idx(path: str | os.PathLike[str]) -> np.ndarray:
    """The array in an IDX file, plain or gzip-compressed, in its own shape and type (native byte order).

    A file that is no IDX file, is cut off or goes on after its end is a ValueError that says what was found.
    """
    path = Path(path)
    with opened(path) as file:
        magic = bytes(at_most(file, 4))
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
            types = ", ".join(f"{code:02x}" for code in TYPES)
            expected = f"expected 00 00, a type ({types}) and the number of dimensions"
            raise ValueError(f"{path}: no IDX file: it begins with {magic.hex(' ') or 'nothing'}, {expected}")
        sizes = bytes(at_most(file, 4 * magic[3]))
        if len(sizes) < 4 * magic[3]:
            raise ValueError(f"{path}: cut off in the header, which announces {magic[3]} dimensions")
        dtype, shape = np.dtype(TYPES[magic[2]]), tuple(np.frombuffer(sizes, ">u4").tolist())
        if not 1 <= len(shape) <= 64 or not all(shape):
            raise ValueError(f"{path}: the header announces an array of shape {shape}; expected 1 to 64 dimensions, none empty")
        expected_bytes = prod(shape) * dtype.itemsize
        data = at_most(file, expected_bytes + 1)
    if len(data) != expected_bytes:
        found = f"{len(data)}" if len(data) < expected_bytes else "more"
        raise ValueError(f"{path}: {found} bytes after the header, expected {expected_bytes} for {dtype.name} {shape}")
    return np.frombuffer(data, dtype).reshape(shape).astype(dtype.newbyteorder("="), copy=False)


def mnist(directory: str | os.PathLike[str], dtype: Any = np.float32, images: bool = True) -> Split:
    """MNIST from its four files in a directory: 60,000 images of digits to train on, 10,000 to test, x (n, 28, 28, 1).

    Fashion-MNIST, KMNIST and others come in files of the same names. Those are train-images-idx3-ubyte,
    train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, each also with .gz, or with a dot before idx. The
    parts and their order are those of the files. Pixels run from 0 to 1; ``dtype=np.uint8`` leaves them as they are, from 0
    to 255. Without `images` every image is a row, x (n, 784). Files that are missing raise FileNotFoundError, others than
    these ValueError.
    """
    directory, dtype = Path(directory), checks.pixels(dtype)
    parts = []
    for part in ("train", "t10k"):
        pictures, answers = _file(directory, f"{part}-images", 3), _file(directory, f"{part}-labels", 1)
        x, y = _bytes(pictures, "images (n, height, width)", 3), _bytes(answers, "labels (n,)", 1)
        if len(x) != len(y):
            raise ValueError(f"{directory}: {len(x)} images in {pictures.name}, but {len(y)} labels in {answers.name}")
        parts.append((x[..., None], y.astype(np.int64), pictures.name))
    (x_train, y_train, train), (x_test, y_test, test) = parts
    if x_train.shape[1:] != x_test.shape[1:]:
        raise ValueError(f"{directory}: images of {x_train.shape[1:3]} pixels in {train}, of {x_test.shape[1:3]} in {test}")
    return Split(scaled(x_train, dtype, images), y_train, scaled(x_test, dtype, images), y_test)


def _file(directory: Path, name: str, dimensions: int) -> Path:
    names = [f"{name}{dot}idx{dimensions}-ubyte{gz}" for gz in ("", ".gz") for dot in ("-", ".")]
    for candidate in names:
        if (directory / candidate).is_file():
            return directory / candidate
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is no directory; expected one that holds {names[0]} and three more")
    raise FileNotFoundError(f"{directory} holds none of {', '.join(names)}; it holds {listing(directory)}")


def _bytes(path: Path, what: str, dimensions: int) -> np.ndarray:
    array = idx(path)
    if array.dtype != np.uint8 or array.ndim != dimensions:
        raise ValueError(f"{path}: {array.dtype} of shape {array.shape}, expected {what} of uint8")
    return array
