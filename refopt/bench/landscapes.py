"""The time of a loss landscape and of what is known about curvature."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from refopt.bench.machine import circumstances
from refopt.bench.memory import peak
from refopt.bench.turns import quartiles
from refopt.catalogue import rule
from refopt.data import digits
from refopt.landscape import Objective, density, eigenpairs, hessian, noise_scale, random_plane, surface, trace
from refopt.nets import MLP
from refopt.training import train

__all__ = ["landscape"]


def landscape(points: int = 101, probes: int = 10, rounds: int = 3) -> dict[str, Any]:
    """Seconds of each: a surface of `points` × `points` losses of a digits MLP over all training digits in float64, its ten
    largest Hessian eigenvalues, trace, spectral density and noise scale.

    Medians of `rounds`, which take turns; ``spread`` are the quartiles. ``gradients`` says the time of how many gradients over
    all digits each takes, and ``peak_bytes`` the most memory that it needs.
    """
    net, data = MLP([64, 64, 10]), digits()
    theta = train(net, rule("adam"), data, epochs=5).theta
    objective = Objective(net, data.x_train, data.y_train)
    plane, H = random_plane(theta, net), hessian(objective, theta)
    work: dict[str, Callable[[], Any]] = {
        f"surface, {points} × {points}": lambda: surface(objective.loss, plane, points=points),
        "10 eigenvalues": lambda: eigenpairs(H, 10),
        "trace, 100 probes": lambda: trace(H),
        f"density, {probes} × 80 products": lambda: density(H, probes=probes),
        "noise scale": lambda: noise_scale(objective, theta),
    }
    taken: dict[str, list[float]] = {what: [] for what in work}
    gradient: list[float] = []
    peaks = {what: peak(run) for what, run in work.items()}  # a turn that is not counted
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(5):
            objective.grad(theta)
        gradient.append((time.perf_counter() - begin) / 5)
        for what, run in work.items():
            begin = time.perf_counter()
            run()
            taken[what].append(time.perf_counter() - begin)
    seconds = {what: quartiles(found) for what, found in taken.items()}
    one = quartiles(gradient)[1]
    return {
        "what": f"{net}, {net.size} parameters, {len(data.y_train)} digits, float64",
        "rounds": rounds,
        "seconds": {what: found[1] for what, found in seconds.items()},
        "spread": seconds,
        "gradients": {what: found[1] / one for what, found in seconds.items()},
        "gradient_seconds": one,
        "peak_bytes": peaks,
        **circumstances("numpy", "scipy"),
    }
