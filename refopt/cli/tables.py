"""Plain tables on standard output."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["print_rows"]


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> None:
    """Print a table as wide as it needs to be; the first `left` columns to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]
    for row in [head, ["─" * width for width in widths], *rows]:
        cells = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
