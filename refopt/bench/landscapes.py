"""The time of a loss landscape and of what is known about curvature."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from refopt.bench.machine import cpu, versions
from refopt.catalogue import rule
from refopt.data import digits
from refopt.landscape import Objective, density, eigenpairs, hessian, noise_scale, random_plane, surface, trace
from refopt.nets import MLP
from refopt.training import train

__all__ = ["landscape"]


def landscape(points: int = 101, probes: int = 10) -> dict[str, Any]:
    """Seconds of each, once: a surface of `points` × `points` losses of a digits MLP over all training digits in float64, its
    ten largest Hessian eigenvalues, trace, spectral density and noise scale."""
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
    seconds = {}
    for what, run in work.items():
        begin = time.perf_counter()
        run()
        seconds[what] = time.perf_counter() - begin
    return {
        "what": f"{net}, {net.size} parameters, {len(data.y_train)} digits, float64",
        "seconds": seconds,
        **versions("numpy", "scipy"),
        "cpu": cpu(),
    }
