"""How many threads a step in place may use, and the threads themselves: NumPy and compiled loops let others run meanwhile."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from typing import Any

__all__ = ["at_once", "get_num_threads", "set_num_threads"]

_count: int | None = None
_pool: tuple[int, ThreadPoolExecutor] | None = None  # how many threads, and they


def get_num_threads() -> int:
    """How many threads a step in place of a large array uses: what was set, else ``OMP_NUM_THREADS``, else every core."""
    if _count is not None:
        return _count
    said = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()  # OpenMP takes a list: one for each level
    if said.isdecimal() and int(said):
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


def _threads(count: int) -> ThreadPoolExecutor:
    """At least that many threads, all running: none must be started in the middle of a step. RuntimeError where none can.

    Those of a smaller pool end when nobody uses it any more.
    """
    global _pool
    if _pool is not None and _pool[0] >= count:
        return _pool[1]
    pool, all_here = ThreadPoolExecutor(count, "refopt"), Barrier(count)
    try:
        for _ in range(count):
            pool.submit(all_here.wait)
    except RuntimeError:
        all_here.abort()
        raise
    _pool = count, pool
    return pool


def _forget() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)  # threads do not live on in a child


def at_once(works: list[Callable[[], Any]]) -> None:
    """Run all of them, the first here and the others on threads, with the caller's context (NumPy's error state is in it).

    Where the system gives no threads (any more), all run here, one after the other.
    """
    others: list[Future[Any]] = []
    here = works
    try:
        pool = _threads(len(works) - 1)
        for work in works[1:]:
            others.append(pool.submit(contextvars.copy_context().run, work))
            here = [works[0], *works[1 + len(others) :]]
    except RuntimeError:
        pass
    try:
        for work in here:
            work()
    finally:
        for other in others:
            other.exception()  # wait
    for other in others:
        other.result()
