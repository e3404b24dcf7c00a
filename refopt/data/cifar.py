"""CIFAR-10 and CIFAR-100: small colour photographs, from the files of their authors.

A. Krizhevsky, "Learning multiple layers of features from tiny images", technical report, University of Toronto, 2009. There is
a binary version, records of one label byte (two for CIFAR-100: coarse, fine) and 3,072 pixel bytes, and a Python version,
pickled dictionaries of the same numbers. Both hold an image as three planes, red, green, blue, each row by row.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from refopt.data import checks
from refopt.data.files import members
from refopt.data.pixels import scaled
from refopt.data.plain_pickle import read
from refopt.data.split import Split

__all__ = ["cifar10", "cifar100"]

PIXELS = 3 * 32 * 32
LIMIT = 1 << 28  # bytes; the longest file, train.bin of CIFAR-100, has 154 million


def cifar10(path: str | os.PathLike[str], dtype: Any = np.float32, images: bool = True) -> Split:
    """CIFAR-10: 50,000 images to train on, 10,000 to test, x (n, 32, 32, 3), labels from 0 to 9.

    `path` is the directory with the files data_batch_1.bin … data_batch_5.bin and test_batch.bin of the binary version, or
    with data_batch_1 … test_batch of the Python version, or that which holds it, or the archive, .tar.gz or .tar, as it was
    downloaded. The order is that of the files. Nothing is unpickled: the Python version is read by its opcodes, and whatever is
    not a plain dictionary of numbers, text and an array is refused. Pixels run from 0 to 1; ``dtype=np.uint8`` leaves them as
    they are, from 0 to 255. Without `images` every image is a row, x (n, 3072). Files that are missing raise FileNotFoundError,
    others than these ValueError.
    """
    train = [f"data_batch_{i}" for i in range(1, 6)]
    folders = ("cifar-10-batches-bin", "cifar-10-batches-py")
    return _cifar(path, train, ["test_batch"], folders, {"labels": 10}, "labels", checks.pixels(dtype), images)


def cifar100(path: str | os.PathLike[str], dtype: Any = np.float32, images: bool = True, coarse: bool = False) -> Split:
    """CIFAR-100: as `cifar10`, with 100 classes, or with `coarse` their 20 groups; files train.bin, test.bin or train, test."""
    folders = ("cifar-100-binary", "cifar-100-python")
    labels = {"coarse_labels": 20, "fine_labels": 100}  # in the order of the bytes of a binary record
    wanted = "coarse_labels" if coarse else "fine_labels"
    return _cifar(path, ["train"], ["test"], folders, labels, wanted, checks.pixels(dtype), images)


def _cifar(
    path: str | os.PathLike[str],
    train: list[str],
    test: list[str],
    folders: tuple[str, ...],
    labels: dict[str, int],
    wanted: str,
    dtype: np.dtype[Any],
    images: bool,
) -> Split:
    pickled = [*train, *test]
    found = members(path, [[f"{name}.bin" for name in pickled], pickled], folders, LIMIT)
    parts = []
    for names in (train, test):
        planes, answers = [], []
        for name in names:
            binary = f"{name}.bin" in found
            place = f"{Path(path)}: {name}.bin" if binary else f"{Path(path)}: {name}"
            content = found.pop(f"{name}.bin" if binary else name)
            x, y = _records(place, content, labels, wanted) if binary else _dictionary(place, content, wanted)
            if len(y) and not 0 <= y.min() <= y.max() < labels[wanted]:
                raise ValueError(f"{place}: {wanted} from {y.min()} to {y.max()}, expected 0 to {labels[wanted] - 1}")
            planes.append(x)
            answers.append(y)
        x = np.concatenate(planes).reshape(-1, 3, 32, 32)
        parts += [scaled(np.moveaxis(x, 1, -1), dtype, images), np.concatenate(answers)]
    return Split(*parts)


def _records(place: str, content: bytearray, labels: dict[str, int], wanted: str) -> tuple[np.ndarray, np.ndarray]:
    length = len(labels) + PIXELS
    if not content or len(content) % length:
        raise ValueError(f"{place}: {len(content)} bytes, expected records of {length} bytes")
    records = np.frombuffer(content, np.uint8).reshape(-1, length)
    return records[:, len(labels) :], records[:, list(labels).index(wanted)].astype(np.int64)


def _dictionary(place: str, content: bytearray, wanted: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        entries = read(content)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    x, y = entries.get("data"), entries.get(wanted)
    if not isinstance(x, np.ndarray) or x.ndim != 2 or x.shape[1] != PIXELS:
        got = f"an array of shape {x.shape}" if isinstance(x, np.ndarray) else type(x).__name__
        raise ValueError(f"{place}: 'data' must be an array of uint8 (n, {PIXELS}), found {got}")
    if not isinstance(y, list) or len(y) != len(x) or not all(type(label) is int and 0 <= label < 256 for label in y):
        got = f"a list of {len(y)}" if isinstance(y, list) else type(y).__name__
        raise ValueError(f"{place}: {wanted!r} must be a list of {len(x)} labels, whole numbers from 0 to 255; found {got}")
    return x, np.array(y, np.int64)
