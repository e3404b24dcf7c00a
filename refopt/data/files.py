"""Files that the user has: found in a directory or an archive, read in pieces, so that no header can ask for more memory than
the file fills.
"""

from __future__ import annotations

import gzip
import os
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

__all__ = ["at_most", "listing", "members", "opened"]

PIECE = 1 << 20  # bytes
GZIP = b"\x1f\x8b"


def at_most(file: Any, limit: int) -> bytearray:
    """The next `limit` bytes of an open file, or as many as there are."""
    data = bytearray()
    while len(data) < limit and (piece := file.read(min(PIECE, limit - len(data)))):
        data += piece
    return data


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read, decompressed where its first bytes say that it is gzip. Damage there is a ValueError that names it."""
    with path.open("rb") as file:
        compressed = file.read(2) == GZIP
        file.seek(0)
        try:
            yield gzip.GzipFile(fileobj=file) if compressed else file  # type: ignore[misc]
        except EOFError:
            raise ValueError(f"{path}: the compressed file is cut off") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ValueError(f"{path}: the compressed file is damaged ({error})") from None


def members(
    path: str | os.PathLike[str], sets: Sequence[Sequence[str]], folders: Sequence[str], limit: int
) -> dict[str, bytearray]:
    """The files of the first of the `sets` of names that is complete, name → content.

    `path` is a directory that holds them, itself or in one of `folders`, or an archive of them, .tar or .tar.gz; archives are
    read in memory, and nothing is extracted. No file may be longer than `limit` bytes.
    """
    path = Path(path)
    if not path.is_dir():
        return _complete(path, sets, _unpacked(path, {name for names in sets for name in names}, limit))
    for place in (path, *(path / folder for folder in folders)):
        for names in sets:
            if all((place / name).is_file() for name in names):
                return {name: _content(place / name, limit) for name in names}
    found = {name for names in sets for name in names if any((path / place / name).is_file() for place in ("", *folders))}
    return _complete(path, sets, dict.fromkeys(found, bytearray()))


def _complete(path: Path, sets: Sequence[Sequence[str]], found: dict[str, bytearray]) -> dict[str, bytearray]:
    for names in sets:
        if all(name in found for name in names):
            return {name: found[name] for name in names}
    best = max(sets, key=lambda names: sum(name in found for name in names))
    missing = ", ".join(name for name in best if name not in found)
    there = ", ".join(sorted(found)) or (listing(path) if path.is_dir() else "none of them")
    others = "".join(f"; or else {', '.join(names)}" for names in sets if names is not best)
    raise FileNotFoundError(f"{path}: missing {missing}{others}; found {there}")


def listing(directory: Path) -> str:
    """What a directory holds, for an error."""
    names = sorted(entry.name for entry in directory.iterdir())
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "") or "nothing"


def _content(path: Path, limit: int) -> bytearray:
    with path.open("rb") as file:
        try:
            return _whole(file, path.name, limit)
        except ValueError as error:
            raise ValueError(f"{path.parent}: {error}") from None


def _whole(file: Any, name: str, limit: int) -> bytearray:
    data = at_most(file, limit + 1)
    if len(data) > limit:
        raise ValueError(f"{name} is longer than {limit} bytes, which no file of this set is")
    return data


class _Pieces:
    """An open archive as tarfile reads it; a length that a header makes up is read only as far as there is something."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.seek, self.tell = file, file.seek, file.tell

    def read(self, size: int) -> bytes:
        return bytes(at_most(self.file, size))


def _unpacked(path: Path, names: set[str], limit: int) -> dict[str, bytearray]:
    found: dict[str, bytearray] = {}
    last = -1  # where the header before this one began
    with opened(path) as file:
        try:
            with tarfile.open(fileobj=_Pieces(file), mode="r:") as archive:  # type: ignore[call-overload]
                for member in archive:
                    if member.offset <= last:  # by a length below zero; tarfile would go round for ever
                        raise ValueError(f"the header of {member.name} leads back")
                    last, name = member.offset, member.name.rpartition("/")[2]
                    if name not in names or not member.isreg():
                        continue
                    if name in found:
                        raise ValueError(f"it holds {name} twice")
                    found[name] = _whole(archive.extractfile(member), name, limit)
        except (OSError, EOFError, zlib.error):
            raise
        except Exception as error:  # tarfile stumbles over damaged headers in many ways
            raise ValueError(f"{path}: no directory, and no readable .tar or .tar.gz archive: {error}") from None
    return found
