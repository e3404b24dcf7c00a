"""Which way steps in place run: blocked, which needs NumPy alone, or fused, which numba compiles."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from refopt.fast import blocked
from refopt.recurrence import nearest

__all__ = ["WAYS", "use", "using", "way"]

WAYS = ("blocked", "fused")


def way() -> str:
    """How steps in place run now: "blocked" or "fused"."""
    return "blocked" if blocked.way() is blocked.Plan else "fused"


def use(name: str) -> None:
    """From now on steps in place (``rule.update_``) run that way, in the whole process: "blocked" (as at the start) or "fused".

    Both give the same bits. Fused steps need numba, and are compiled at the first step of a rule, which takes about half a
    second, unless an earlier process has done it. They warn of no overflow.

    ValueError for another name, ImportError for "fused" without numba.
    """
    if name not in WAYS:
        raise ValueError(f"unknown way {name!r}{nearest(name, WAYS)}")
    if name == "fused":
        from refopt.fast.fused import Fused

        blocked.take(Fused)
    else:
        blocked.take(blocked.Plan)


@contextmanager
def using(name: str) -> Iterator[None]:
    """Steps in place run that way inside a ``with``, in the whole process; see `use`."""
    before = way()
    use(name)
    try:
        yield
    finally:
        use(before)
