"""The update alone on a GPU: ``rule.update_`` on CuPy's arrays, beside torch's fused optimizer on CUDA and a plain copy.

A step is timed by events on the device, in the stream in which both libraries work, and the call by the clock: a call that
returns long before the device has finished waits for nothing, and so hides no transfer of results. Transfers of whole arrays
and of single numbers between host and device are counted besides.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np

from refopt.bench.machine import circumstances
from refopt.bench.turns import Timing, interleaved
from refopt.bench.updates import MEMORY, UPDATES, Update, _parsed, _torch_hyper, cases

__all__ = ["device_library", "gpu", "transfers"]

RULES = ("adam", "adamw", "sgd")
SIZE = 100_000_000
COMPARED = 1_000_000  # entries that NumPy steps, too; an elementwise rule's entries know nothing of each other
COMPARED_STEPS = 10
STEPS = 20  # of a block

# Where a number or an array comes to the host, as CuPy's arrays do it, and where arrays go to the device.
TO_HOST = ("get", "item", "tolist", "__float__", "__int__", "__bool__", "__index__", "__complex__")
TO_DEVICE = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray")


def device_library() -> Any:
    """CuPy. ImportError where it is not installed, OSError where it finds no device."""
    try:
        cupy = import_module("cupy")
    except ImportError:
        raise ImportError(
            "gpu steps CuPy's arrays; CuPy is not installed: pip install 'refopt[cuda12]' or 'refopt[cuda13]'"
        ) from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except RuntimeError as error:  # no driver, too old a driver
        raise OSError(f"CuPy finds no GPU: {error}") from None
    if not count:
        raise OSError("CuPy finds no GPU")
    return cupy


def gpu(
    only: Sequence[str] | None = None,
    blocks: int = 5,
    said: Callable[[dict[str, Any]], None] = lambda row: None,
    library: Any = None,
) -> dict[str, Any]:
    """One update of each case (default: Adam, AdamW and SGD with momentum, a hundred million parameters), float32, on a GPU.

    refopt makes ``rule.update_`` on CuPy's arrays. torch takes part, fused and as its users get it, where it has CUDA. All take
    turns with a copy on the device that reads and writes as many bytes as the update must. `library` is CuPy if it is None.

    Returns ``cases``, and the circumstances. A row's ``libraries`` hold the microseconds of an update on the device (``us``,
    quartiles ``us_spread``), those until the call returned (``call_us``), how many times as long as the copy it took
    (``memory``), the first parameter after a block, and all but refopt's how many times as long as refopt it took (``ratio``).
    ``ulps`` is how far refopt's numbers on the device are from those of NumPy at most after ``compared_steps`` steps of
    ``compared`` entries, in units of theta's last place (None where one of them is no number), ``transfers`` how often arrays
    or numbers went to the device or came from it in one step, counted when every branch has been compiled.

    ValueError for an unknown case, ImportError without CuPy, OSError without a device.
    """
    chosen = cases([f"{rule} {SIZE:.0e}".replace("e+0", "e") for rule in RULES] if only is None else only)
    if not chosen or len(set(chosen)) < len(chosen):
        raise ValueError(f"name each case once, and at least one; got {', '.join(chosen) or 'none'}")
    if any(len(_parsed(name)[1]) > 1 for name in chosen):
        raise ValueError("gpu times one tensor, of a size such as 1e6")
    if blocks < 1:
        raise ValueError(f"blocks must be at least 1, got {blocks}")
    xp = device_library() if library is None else library
    torch = _torch_on_cuda()
    found = []
    for name in chosen:
        found.append(_timed(xp, torch, name, blocks))
        said(found[-1])
    return {
        "what": "one update on a GPU, float32; medians",
        "cases": found,
        "device": _device(xp),
        "torch": "" if torch is not None else "torch with CUDA is not installed here.",
        **circumstances("numpy", "cupy-cuda12x", "cupy-cuda13x", "cupy", "torch"),
    }


def _torch_on_cuda() -> Any:
    """torch, where it is installed and has a CUDA device; else None."""
    if find_spec("torch") is None:
        return None
    torch = import_module("torch")
    return torch if torch.cuda.is_available() else None


def _device(xp: Any) -> str:
    properties = xp.cuda.runtime.getDeviceProperties(xp.cuda.runtime.getDevice())
    name, driver = properties["name"], xp.cuda.runtime.driverGetVersion()
    name = name.decode() if isinstance(name, bytes) else name
    return f"{name}, CUDA {driver // 1000}.{driver % 1000 // 10}"


def _timed(xp: Any, torch: Any, name: str, blocks: int) -> dict[str, Any]:
    """The row of one case."""
    which, (size,) = _parsed(name)
    update = UPDATES[which]
    rng = np.random.default_rng(0)
    theta, g = (rng.standard_normal(size, np.float32) for _ in range(2))
    runs: dict[str, Any] = {"refopt": _refopt(xp, update, which, theta, g)}
    if torch is not None and update.torch is not None:
        runs["torch, fused"] = _torch(torch, update, theta, g, fused=True)
        runs["torch"] = _torch(torch, update, theta, g)
    runs[MEMORY] = _copy(xp, size * (3 + 2 * update.moments) * 4)
    calls: list[float] = []

    def clocked(step: Callable[[], Any]) -> tuple[float, Any]:
        """Seconds between two events on the device around a step; those of the call are noted."""
        before, after = xp.cuda.Event(), xp.cuda.Event()
        before.record()
        begin = time.perf_counter()
        outcome = step()
        calls.append(time.perf_counter() - begin)
        after.record()
        after.synchronize()
        return xp.cuda.get_elapsed_time(before, after) / 1000, outcome

    timings = interleaved(_freed(xp, torch, runs), blocks, STEPS, clocked)
    copy, ours = timings.pop(MEMORY), timings["refopt"]
    order = [name for _ in range(len(calls) // (STEPS * len(runs))) for name in runs]  # the warm-up's come first

    def call(library: str) -> float:
        counted = [i for i, run in enumerate(order) if run == library][-blocks:]
        return float(np.median([calls[i * STEPS + k] for i in counted for k in range(STEPS)]))

    def result(library: str, timing: Timing) -> dict[str, Any]:
        said = {
            "us": timing.seconds * 1e6,
            "us_spread": [seconds * 1e6 for seconds in timing.spread],
            "call_us": call(library) * 1e6,
            "memory": timing.times_as_long_as(copy),
            "first": timing.loss,
        }
        return said if timing is ours else said | {"ratio": timing.times_as_long_as(ours)}

    ulps, count = _agreement(xp, update, which, theta[:COMPARED], g[:COMPARED])
    return {
        "case": name,
        "rule": which,
        "parameters": size,
        "steps": STEPS,
        "blocks": blocks,
        "libraries": {library: result(library, timing) for library, timing in timings.items()},
        "gigabytes_per_second": size * (3 + 2 * update.moments) * 4 / copy.seconds / 1e9,
        "ulps": ulps,
        "compared": min(size, COMPARED),
        "compared_steps": COMPARED_STEPS,
        "transfers": count,
    }


def _freed(xp: Any, torch: Any, runs: dict[str, Any]) -> dict[str, Any]:
    """The runs, each of which finds the memory of the device that the one before kept."""

    def freed(start: Callable[[], Any]) -> Callable[[], Any]:
        def begin() -> Any:
            xp.get_default_memory_pool().free_all_blocks()
            if torch is not None:
                torch.cuda.empty_cache()
            return start()

        return begin

    return {name: freed(start) for name, start in runs.items()}


def _refopt(xp: Any, update: Update, which: str, theta: Any, g: Any) -> Callable[[], Callable[[], Any]]:
    def start() -> Callable[[], Any]:
        mine, parameters, gradient = update.rule(which), xp.array(theta), xp.array(g)
        state = mine.init(parameters)

        def step() -> Any:
            mine.update_(parameters, gradient, state)
            return lambda: float(parameters[0])

        return step

    return start


def _torch(torch: Any, update: Update, theta: Any, g: Any, **way: bool) -> Callable[[], Callable[[], Any]]:
    def start() -> Callable[[], Any]:
        parameters = torch.tensor(theta, device="cuda", requires_grad=True)
        parameters.grad = torch.tensor(g, device="cuda")
        optimizer = getattr(torch.optim, update.torch or "")([parameters], **{"lr": 1e-3, **_torch_hyper(update)}, **way)

        def step() -> Any:
            optimizer.step()
            return lambda: float(parameters.detach()[0])

        return step

    return start


def _copy(xp: Any, count: int) -> Callable[[], Callable[[], Any]]:
    """Copies on the device, that read and write `count` bytes together."""

    def start() -> Callable[[], Any]:
        source = xp.ones(count // 8, dtype="float32")
        goal = xp.empty_like(source)

        def step() -> Any:
            goal[...] = source
            return lambda: float(goal[0])

        return step

    return start


def _agreement(xp: Any, update: Update, which: str, theta: Any, g: Any) -> tuple[float | None, int]:
    """How many ulps of theta the device's steps are off NumPy's at most (None: NaN, infinity), and the transfers of a step."""
    ours, gradient, mine = xp.array(theta), xp.array(g), update.rule(which)
    state = mine.init(ours)
    here, rule = theta.copy(), update.rule(which)
    other = rule.init(here)
    count = 0
    for number in range(COMPARED_STEPS):
        if number == COMPARED_STEPS - 1:  # every branch has been compiled
            with transfers(xp) as counted:
                mine.update_(ours, gradient, state)
            count = sum(counted.values())
        else:
            mine.update_(ours, gradient, state)
        rule.update_(here, g, other)
    found = np.asarray(xp.asnumpy(ours), dtype=np.float64)
    off = np.abs(found - here) / np.spacing(np.abs(here)).astype(np.float64)
    return (float(off.max()) if np.isfinite(off).all() else None), count


@contextmanager
def transfers(xp: Any) -> Iterator[dict[str, int]]:
    """Counts, inside a ``with``, what goes to the device or comes from it through the library's arrays and functions.

    Only NumPy's arrays are counted on their way to the device. A copy that the library makes by itself, between its kernels,
    is not seen here; it would make the call wait.
    """
    counted: dict[str, int] = {}
    kept: list[tuple[Any, str, Any]] = []

    def watch(place: Any, name: str, arriving: bool) -> None:
        original = getattr(place, name, None)
        if original is None:
            return

        def watched(*arguments: Any, **options: Any) -> Any:
            if not arriving or any(isinstance(x, np.ndarray) for x in arguments):
                counted[name] = counted.get(name, 0) + 1
            return original(*arguments, **options)

        kept.append((place, name, vars(place).get(name)))
        setattr(place, name, watched)

    for name in TO_HOST:
        watch(xp.ndarray, name, False)
    watch(xp, "asnumpy", False)
    for name in TO_DEVICE:
        watch(xp, name, True)
    try:
        yield counted
    finally:
        for place, name, original in kept:
            if original is None:  # it was inherited
                delattr(place, name)
            else:
                setattr(place, name, original)
