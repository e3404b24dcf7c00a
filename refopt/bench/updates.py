"""The update alone, of large vectors, of short ones, and of many small tensors, beside other libraries, on one thread.

A case is a rule and a size: ``"adam"`` (ten million parameters), ``"adam 1e3"``, ``"adam 1000x100"`` (a thousand tensors of a
hundred). All contestants make the same steps from the same numbers; the first parameter after a block shows it.
"""

from __future__ import annotations

import datetime
import math
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np

from refopt import fast
from refopt.bench import process
from refopt.bench.machine import cpu, versions
from refopt.bench.turns import Timing, interleaved
from refopt.catalogue import rule
from refopt.recurrence import Rule, nearest

__all__ = ["UPDATES", "Update", "step", "timed"]

LARGE = 10_000_000


@dataclass(frozen=True)
class Update:
    """A rule as refopt reads it in the library that it is compared with, and what that library's call takes.

    `moments` is how many arrays like theta the state holds.
    """

    framework: str
    moments: int
    hyper: dict[str, Any] = field(default_factory=dict)
    torch: str | None = None
    optax: str | None = None

    def rule(self, name: str) -> Rule:
        """The rule in that reading."""
        return rule(name, framework=self.framework, **self.hyper)


UPDATES = {
    "adam": Update("torch", 2, torch="Adam", optax="adam"),
    "adamw": Update("torch", 2, torch="AdamW"),
    "sgd": Update("torch", 1, {"momentum": 0.9}, torch="SGD", optax="sgd"),
    "adagrad": Update("torch", 1, torch="Adagrad"),
    "rmsprop": Update("torch", 1, torch="RMSprop"),
    "lion": Update("optax", 1, optax="lion"),
    "adan": Update("optax", 4, optax="adan"),
}


def step(
    only: Sequence[str] | None = None, blocks: int = 5, said: Callable[[dict[str, Any]], None] = lambda row: None
) -> dict[str, Any]:
    """One update of each case (default: every rule in `UPDATES` with ten million parameters, and a thousand tensors by Adam).

    float32, one thread. refopt takes part blocked, fused (where numba is installed) and plainly (``update``, which makes new
    arrays); torch.optim as its users get it (a loop over the tensors), with foreach and with fused, where it has these; Optax
    compiled by JAX. Beside them stands how long the memory alone would take: the bytes that the step must read and write, at
    the speed of one pass over a vector in place. `said` is called with each row as soon as it is there. About two minutes.

    Returns ``cases``, the rows that `timed` describes, and the circumstances. ValueError for an unknown case.
    """
    chosen = [*UPDATES, "adam 1000x100"] if only is None else list(only)
    for name in chosen:
        _parsed(name)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"name each case once, and at least one; got {', '.join(chosen) or 'none'}")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
    return {
        "what": "one update, float32, one thread; medians",
        "cases": process.rows("step", blocks, chosen, said),
        "versions": versions("numpy", "numba", "torch", "jax", "optax"),
        "date": datetime.date.today().isoformat(),
        "cpu": cpu(),
    }


def _parsed(name: str) -> tuple[str, list[int]]:
    """The rule's name, and the sizes of the tensors. ValueError for what names no case."""
    which, _, size = name.strip().partition(" ")
    if which not in UPDATES:
        raise ValueError(f"unknown rule {which!r} in the case {name!r}{nearest(which, UPDATES)}")
    tensors, of, each = size.rpartition("x")
    try:
        counts = [float(tensors) if of else 1.0, float(each) if size else float(LARGE)]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1 or not 1 <= math.prod(counts) <= 1e9 or any(count % 1 for count in counts):
        raise ValueError(f"the case {name!r} has no size such as 1e6 or 1000x100, of at most 1e9 parameters")
    return which, [int(counts[1])] * int(counts[0])


def timed(name: str, blocks: int) -> dict[str, Any]:
    """The row of one case, measured here and now.

    Its ``libraries`` hold the microseconds of an update (``us``) and the first parameter after a block (``first``); all but
    refopt's first also the lower quartile, median and upper quartile of how many times as long as that one they took
    (``ratio``). ``memory_us`` is what reading and writing as many bytes takes, ``peak_bytes`` the most new memory of
    one blocked step.
    """
    which, sizes = _parsed(name)
    update = UPDATES[which]
    rng = np.random.default_rng(0)
    theta, g = ([rng.standard_normal(n, np.float32) for n in sizes] for _ in range(2))
    runs: dict[str, Any] = {}
    if find_spec("numba") is not None:
        runs["refopt, fused"] = _refopt(update.rule(which), theta, g, "fused")
    runs["refopt, blocked"] = _refopt(update.rule(which), theta, g, "blocked")
    runs["NumPy, plain"] = _plain(update.rule(which), theta, g)
    if update.torch is not None and find_spec("torch") is not None:
        runs["torch"] = _torch(update, theta, g)
        runs["torch, foreach"] = _torch(update, theta, g, foreach=True)
        if update.torch in ("Adam", "AdamW", "SGD", "Adagrad"):
            runs["torch, fused"] = _torch(update, theta, g, fused=True)
    if update.optax is not None and find_spec("optax") is not None and len(sizes) == 1:
        runs["optax, jit"] = _optax(update, theta[0], g[0])
    total = sum(sizes)
    steps = max(3, min(200, 20_000_000 // (total + 10_000 * len(sizes))))
    with fast.using(fast.way()):  # each run takes its own
        timings = interleaved(runs, blocks, steps)
    ours = next(iter(timings.values()))
    return {
        "case": name,
        "rule": which,
        "parameters": total,
        "tensors": len(sizes),
        "steps": steps,
        "blocks": blocks,
        "libraries": {library: _result(timing, ours) for library, timing in timings.items()},
        "memory_us": _memory(total, update.moments) * 1e6,
        "peak_bytes": _peak(update.rule(which), theta, g),
    }


def _result(timing: Timing, ours: Timing) -> dict[str, Any]:
    said = {"us": timing.seconds * 1e6, "first": timing.loss}
    return said if timing is ours else said | {"ratio": timing.times_as_long_as(ours)}


def _bare(tensors: list[Any]) -> Any:
    """One array for one tensor, a list of several."""
    return tensors[0] if len(tensors) == 1 else tensors


def _refopt(rule: Rule, theta: list[Any], g: list[Any], way: str) -> Callable[[], Callable[[], Any]]:
    def start() -> Callable[[], Any]:
        fast.use(way)
        tensors, mine = [x.copy() for x in theta], rule()
        parameters, gradients = _bare(tensors), _bare(g)
        state = mine.init(parameters)

        def step() -> Any:
            mine.update_(parameters, gradients, state)
            return lambda: tensors[0][0]

        return step

    return start


def _plain(rule: Rule, theta: list[Any], g: list[Any]) -> Callable[[], Callable[[], Any]]:
    def start() -> Callable[[], Any]:
        parameters, gradients = _bare(theta), _bare(g)
        state = rule.init(parameters)

        def step() -> Any:
            nonlocal parameters, state
            parameters, state = rule.update(parameters, gradients, state)
            return lambda: parameters[0] if len(theta) == 1 else parameters[0][0]

        return step

    return start


def _torch(update: Update, theta: list[Any], g: list[Any], **way: bool) -> Callable[[], Callable[[], Any]]:
    import torch

    def start() -> Callable[[], Any]:
        tensors = [torch.tensor(x, requires_grad=True) for x in theta]
        for x, gradient in zip(tensors, g, strict=True):
            x.grad = torch.from_numpy(gradient)
        optimizer = getattr(torch.optim, update.torch or "")(tensors, **{"lr": 1e-3, **_torch_hyper(update)}, **way)

        def step() -> Any:
            optimizer.step()
            return lambda: tensors[0].detach()[0]

        return step

    return start


def _torch_hyper(update: Update) -> dict[str, Any]:
    """The arguments that are not torch's defaults; a learning rate where the default is another one in refopt's table."""
    return {**update.hyper, **({"lr": 1e-2} if update.torch in ("Adagrad", "RMSprop") else {})}


def _optax(update: Update, theta: Any, g: Any) -> Callable[[], Callable[[], Any]]:
    import operator

    import jax
    import optax

    made = operator.attrgetter(update.optax or "")(optax)
    optimizer = made(1e-4 if update.optax == "lion" else 1e-3, **update.hyper)
    gradient = jax.numpy.asarray(g)

    def plain_step(parameters: Any, state: Any) -> Any:
        updates, state = optimizer.update(gradient, state, parameters)
        return optax.apply_updates(parameters, updates), state

    stepped = jax.jit(plain_step, donate_argnums=(0, 1))

    def start() -> Callable[[], Any]:
        parameters = jax.numpy.array(theta)
        state = optimizer.init(parameters)

        def step() -> Any:
            nonlocal parameters, state
            parameters, state = jax.block_until_ready(stepped(parameters, state))
            return lambda: parameters[0]

        return step

    return start


def _memory(count: int, moments: int) -> float:
    """Seconds that the memory alone takes at best: theta, g and the moments are read, theta and the moments written.

    Measured on one vector as large as all of these together, whose signs are changed in place. A copy would not do: writing to
    another place makes most processors read that one, too.
    """
    x = np.ones(count * (2 + moments), np.float32)
    times, seconds = max(1, 1_000_000 // len(x)), []
    for _ in range(9):
        begin = time.perf_counter()
        for _ in range(times):
            np.negative(x, x)
        seconds.append((time.perf_counter() - begin) / times)
    return min(seconds) * (3 + 2 * moments) / (4 + 2 * moments)


def _peak(rule: Rule, theta: list[Any], g: list[Any]) -> int:
    """The most memory that blocked steps take beside theta, gradient and state, what they keep for the next one too."""
    parameters, gradients = _bare([x.copy() for x in theta]), _bare(g)
    state = rule.init(parameters)
    with fast.using("blocked"):
        rule.update_(parameters, gradients, state)  # by another binding: the recording stays
        mine = rule()
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            for _ in range(2):
                mine.update_(parameters, gradients, state)
            return tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
