"""Honest timings: ratios against another library, measured side by side in one process.

The two runs alternate in short blocks, so that a machine whose speed drifts slows both, and medians are compared. In each
block both start from the same parameters, see the same batches and come to the same loss.
"""

from __future__ import annotations

import itertools
import os
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from refopt.catalogue import rule as find_rule
from refopt.data import digits
from refopt.nets import MLP

__all__ = ["interleaved", "proof", "train"]

SIZES, BATCH = [64, 32, 10], 32


def interleaved(runs: dict[str, Callable[[], Callable[[], None]]], blocks: int, steps: int) -> dict[str, float]:
    """Median seconds of one step of each run: in each of `blocks` turns every run starts anew and makes `steps` steps."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(blocks):
        for name, start in runs.items():
            step = start()
            for _ in range(steps):
                begin = time.perf_counter()
                step()
                seconds[name].append(time.perf_counter() - begin)
    return {name: statistics.median(samples) for name, samples in seconds.items()}


def train(blocks: int = 40, steps: int = 100) -> dict[str, Any]:
    """One training step (loss, gradient, Adam) of the digits MLP against PyTorch's eager step.

    float32, batch 32, torch.optim.Adam with its default arguments, PyTorch on one thread (NumPy's products are too small here
    to be split). Returns the medians in microseconds, their ratio, the losses at the end of a block, and the versions.
    Raises ImportError without PyTorch.
    """
    try:
        import torch
    except ImportError as error:
        raise ImportError("refopt bench train compares with PyTorch: pip install torch") from error
    data, net = digits(), MLP(SIZES)
    cuts = range(0, len(data.y_train) - BATCH + 1, BATCH)
    batches = [(data.x_train[i : i + BATCH], data.y_train[i : i + BATCH]) for i in cuts]
    tensors = [(torch.tensor(x), torch.tensor(y)) for x, y in batches]
    theta_0, criterion = net.init(0, np.float32), torch.nn.CrossEntropyLoss()
    losses = {}

    def start_refopt() -> Callable[[], None]:
        rule = find_rule("adam", framework="torch")
        theta, state, order = theta_0, rule.init(theta_0), itertools.cycle(batches)

        def step() -> None:
            nonlocal theta, state
            x, y = next(order)
            losses["refopt"], g = net.loss_and_grad(theta, x, y)
            theta, state = rule.update(theta, g, state)

        return step

    def start_torch() -> Callable[[], None]:
        hidden, output = torch.nn.Linear(64, 32), torch.nn.Linear(32, 10)
        model = torch.nn.Sequential(hidden, torch.nn.ReLU(), output)
        views = net.views(theta_0)
        with torch.no_grad():
            for layer, number in ((hidden, 1), (output, 2)):
                layer.weight.copy_(torch.tensor(views[f"W{number}"].T))
                layer.bias.copy_(torch.tensor(views[f"b{number}"]))
        optimizer, order = torch.optim.Adam(model.parameters()), itertools.cycle(tensors)

        def step() -> None:
            x, y = next(order)
            optimizer.zero_grad()
            loss = losses["torch"] = criterion(model(x), y)
            loss.backward()
            optimizer.step()

        return step

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        median = interleaved({"refopt": start_refopt, "torch": start_torch}, blocks, steps)
    finally:
        torch.set_num_threads(threads)
    return {
        "what": f"one step (loss, gradient, Adam) of {net}, batch {BATCH}, float32, one thread",
        "refopt_us": median["refopt"] * 1e6,
        "torch_us": median["torch"] * 1e6,
        "ratio": median["torch"] / median["refopt"],
        "steps": blocks * steps,
        "refopt_loss": float(losses["refopt"]),
        "torch_loss": losses["torch"].item(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "cpu": f"{platform.machine()}, {os.cpu_count()} cores",
    }


def proof(rounds: int = 5) -> dict[str, Any]:
    """Proving Adam, 100 parameters for 100 steps in float64 with error budgets: the median of `rounds` runs in seconds."""
    from refopt.exact import prove

    rng = np.random.default_rng(1)
    theta, gradients = rng.normal(size=100), rng.normal(size=(100, 100))
    seconds = []
    for _ in range(rounds):
        begin = time.perf_counter()
        prove(find_rule("adam"), theta, gradients)
        seconds.append(time.perf_counter() - begin)
    return {
        "what": "prove(adam(), 100 parameters, 100 steps), float64, with budgets",
        "seconds": statistics.median(seconds),
        "numpy": np.__version__,
        "python": platform.python_version(),
        "cpu": f"{platform.machine()}, {os.cpu_count()} cores",
    }
