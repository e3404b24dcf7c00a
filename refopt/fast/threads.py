"""How many threads a step in place may use, and the threads themselves: NumPy and compiled loops let others run meanwhile."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

__all__ = ["at_once", "get_num_threads", "set_num_threads"]

_count: int | None = None


def get_num_threads() -> int:
    """How many threads a step in place of a large array uses: what was set, else ``OMP_NUM_THREADS``, else every core."""
    if _count is not None:
        return _count
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdigit() and int(said):
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_num_threads(count: int) -> None:
    """Let steps in place of large arrays use `count` threads from now on. The bits are the same with any number."""
    global _count
    if not isinstance(count, int) or isinstance(count, bool) or count < 1:
        raise ValueError(f"the number of threads must be a positive whole number, got {count!r}")
    from refopt.fast import blocked

    _count = count
    blocked.take(blocked.way())  # what was bound has its pieces cut already


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "refopt")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not live on in a child


def at_once(works: list[Callable[[], Any]]) -> None:
    """Run all of them, the first here and the others on threads, with the caller's context (NumPy's error state is in it)."""
    others = [_pool(len(works) - 1).submit(contextvars.copy_context().run, work) for work in works[1:]]
    try:
        works[0]()
    finally:
        for other in others:
            other.exception()  # wait
    for other in others:
        other.result()
