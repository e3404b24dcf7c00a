"""The update alone, of large vectors, of short ones, and of many small tensors, beside other libraries.

A case is a rule and a size: ``"adam"`` (ten million parameters), ``"adam 1e3"``, ``"adam 1000x100"`` (a thousand tensors of a
hundred); ``"adam 1e2..1e8"`` are seven cases, a size for each power of ten. All contestants make the same steps from the same
numbers; the first parameter after a block shows it.
"""

from __future__ import annotations

import math
import re
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from refopt import fast
from refopt.bench import process
from refopt.bench.machine import circumstances
from refopt.bench.memory import peak
from refopt.bench.turns import Timing, interleaved
from refopt.catalogue import rule
from refopt.fast.blocked import WORTH_A_THREAD, Bound, Plan, _recording
from refopt.fast.threads import at_once
from refopt.recurrence import Rule, nearest

__all__ = ["MEMORY", "UPDATES", "Update", "cases", "step", "timed"]

LARGE = 10_000_000
PACKAGES = ("numba", "torch", "jax", "optax")  # that take part where they are installed
MEMORY = "memory alone"  # takes part in the turns as if it were a library
SEEN = 1_000_000  # parameters from which on the system's count of memory, in pages, says something


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
    only: Sequence[str] | None = None,
    blocks: int = 5,
    said: Callable[[dict[str, Any]], None] = lambda row: None,
    threads: int = 1,
) -> dict[str, Any]:
    """One update of each case (default: every rule in `UPDATES` with ten million parameters, and a thousand tensors by Adam).

    float32, all on `threads` threads, and on as many cores where the system can keep them there. refopt takes part blocked,
    fused (where numba is installed) and plainly (``update``, which makes new arrays); torch.optim as its users get it (a loop
    over the tensors), with foreach and with fused, where it has these; Optax compiled by JAX, where there is one tensor. Beside
    them stands how long the memory alone takes: the bytes that the step must read and write, at the speed of one pass over a
    vector in place, which takes its turns with the others. What is compiled, recorded and touched for the first time is so in
    two turns before those that count. `said` is called with each row as soon as it is there. About three minutes.

    Returns ``cases``, the rows that `timed` describes, ``missing``, who is not installed, and the circumstances. ValueError for
    an unknown case.
    """
    chosen = cases([*UPDATES, "adam 1000x100"] if only is None else only)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"name each case once, and at least one; got {', '.join(chosen) or 'none'}")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
    process.demand_cores(threads)
    return {
        "what": f"one update, float32, {'one thread' if threads == 1 else f'{threads} threads'}; medians",
        "threads": threads,
        "cases": process.rows("step", blocks, chosen, said, threads),
        "missing": [package for package in PACKAGES if not _installed(package)],
        **circumstances("numpy", *PACKAGES),
    }


def cases(names: Sequence[str]) -> list[str]:
    """The names of cases, with ``"adam 1e2..1e8"`` as one for each power of ten. ValueError for what names no case."""
    found = []
    for name in names:
        which, _, size = name.strip().partition(" ")
        powers = re.fullmatch(r"1e(\d)\.\.1e(\d)", size.strip())
        if powers and powers[1] <= powers[2]:
            found += [f"{which} 1e{power}" for power in range(int(powers[1]), int(powers[2]) + 1)]
        elif ".." in size:
            raise ValueError(f"the case {name!r} does not go from one power of ten to a larger one, as adam 1e2..1e8 does")
        else:
            found.append(name)
    for name in found:
        _parsed(name)
    return found


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
    """The row of one case, measured here and now, on as many threads as the libraries take.

    Its ``libraries`` hold the microseconds of an update (``us``; ``us_spread``: lower quartile, median and upper quartile over
    the blocks), how many times as long as the memory alone they took (``memory``, quartiles too), how many threads were
    ``busy``, the first parameter after a block (``first``), and the most memory that two steps take beside theta, gradient
    and state, what is kept for the next step too (``peak_bytes``; None for few parameters, and where the system does not
    say); all but refopt's first also how many times as long as that one they took (``ratio``, quartiles). ``memory_us`` is
    what reading and writing as many bytes takes, ``traced_bytes`` the most memory of blocked steps as Python's tracer
    counts it, ``piece`` how many entries a blocked step takes at once.
    """
    which, sizes = _parsed(name)
    update = UPDATES[which]
    rng = np.random.default_rng(0)
    theta, g = ([rng.standard_normal(n, np.float32) for n in sizes] for _ in range(2))
    total = sum(sizes)
    runs: dict[str, Any] = {}
    if _installed("numba"):
        runs["refopt, fused"] = _refopt(update.rule(which), theta, g, "fused")
    runs["refopt, blocked"] = _refopt(update.rule(which), theta, g, "blocked")
    runs["NumPy, plain"] = _plain(update.rule(which), theta, g)
    if update.torch is not None and _installed("torch"):
        runs["torch"] = _torch(update, theta, g)
        runs["torch, foreach"] = _torch(update, theta, g, foreach=True)
        if update.torch in ("Adam", "AdamW", "SGD", "Adagrad"):
            runs["torch, fused"] = _torch(update, theta, g, fused=True)
    if update.optax is not None and _installed("jax", "optax") and len(sizes) == 1:
        runs["optax, jit"] = _optax(update, theta[0], g[0])
    steps = max(3, min(200, 20_000_000 // (total + 10_000 * len(sizes))))
    with fast.using(fast.way()):  # each run takes its own
        timings = interleaved({**runs, MEMORY: _memory(total, update.moments)}, blocks, steps)
        state = (1 + update.moments) * 4 * total  # bytes of theta and the moments
        peaks = {library: _peak(start, state) if total >= SEEN else None for library, start in runs.items()}
    limit, ours = timings.pop(MEMORY), next(iter(timings.values()))
    share = _share(total, update.moments)

    def result(library: str, timing: Timing) -> dict[str, Any]:
        said = {
            "us": timing.seconds * 1e6,
            "us_spread": [seconds * 1e6 for seconds in timing.spread],
            "memory": [ratio / share for ratio in timing.times_as_long_as(limit)],
            "busy": timing.busy,
            "first": timing.loss,
            "peak_bytes": peaks[library],
        }
        return said if timing is ours else said | {"ratio": timing.times_as_long_as(ours)}

    return {
        "case": name,
        "rule": which,
        "parameters": total,
        "tensors": len(sizes),
        "steps": steps,
        "blocks": blocks,
        "libraries": {library: result(library, timing) for library, timing in timings.items()},
        "memory_us": limit.seconds * share * 1e6,
        "traced_bytes": _traced(update.rule(which), theta, g),
        "piece": _piece(update.rule(which)),
    }


def _installed(*packages: str) -> bool:
    return all(find_spec(package) is not None for package in packages)


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


def _share(count: int, moments: int) -> float:
    """How much of a step of `_memory` the update needs: theta, g and the moments are read, theta and the moments written."""
    entries = count * (2 + moments)
    return count * (3 + 2 * moments) / (2 * entries * _times(entries))


def _times(entries: int) -> int:
    """How often a short vector is gone over, so that the call does not count for more than the work."""
    return max(1, 200_000 // entries)


def _memory(count: int, moments: int) -> Callable[[], Callable[[], Any]]:
    """Goes over one vector as large as theta, g and the moments together and changes its signs in place.

    On as many threads as a step of refopt's takes. A copy would not do: writing to another place makes most processors read
    that one, too.
    """
    entries = count * (2 + moments)
    threads = min(fast.get_num_threads(), count // WORTH_A_THREAD) or 1

    def start() -> Callable[[], Any]:
        x = np.ones(entries, np.float32)
        parts = np.array_split(x, threads)
        works: list[Callable[[], Any]] = [partial(np.negative, part, part) for part in parts]
        times = _times(entries)

        def step() -> Any:
            for _ in range(times):
                if len(works) == 1:
                    works[0]()
                else:
                    at_once(works)
            return x[0]

        return step

    return start


def _peak(start: Callable[[], Callable[[], Any]], needed: int) -> int | None:
    """The most memory that two steps of a run take, less the bytes that any step needs.

    The least of three times: what the process let go of before is now and then counted once more, never less than there is.
    """

    def run() -> None:
        step = start()
        step()
        step()

    found = [most for most in (peak(run) for _ in range(3)) if most is not None]
    return max(min(found) - needed, 0) if found else None


def _piece(rule: Rule) -> int:
    """How many entries a blocked step of float32 takes at once."""
    theta = np.zeros(1, np.float32)
    state = rule.init(theta)
    bound = Bound(rule, theta, np.ones(1, np.float32), state)
    numbers = {name: state[name] for name in bound.counts} | dict(zip(bound.names, bound.numbers, strict=True))
    return _recording(rule, theta.dtype, numbers, Plan).tile


def _traced(rule: Rule, theta: list[Any], g: list[Any]) -> int:
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
