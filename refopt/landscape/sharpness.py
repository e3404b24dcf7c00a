"""Sharpness: the worst loss nearby, and the curvature that gradient descent can bear.

The *sharpness* of an edge of stability is the largest eigenvalue λ of the Hessian, ``eigenpairs(hessian(objective, theta))``;
that of SAM is how much the loss can rise within a ball. At a minimum the second is ½ ρ² λ for a small radius ρ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from refopt.landscape.hessian import hessian
from refopt.landscape.objective import as_theta, whole
from refopt.landscape.spectrum import eigenpairs
from refopt.rules.sgd import sgd
from refopt.wrappers.sam import sam

__all__ = ["Ball", "Stability", "ball_sharpness", "edge_of_stability"]

DIVERGED = 1e12  # times the first loss, or 1 where that is smaller: a start beside a minimum has a loss of almost 0


class Ball(NamedTuple):
    """The worst point that was found in a ball of radius rho: by how much its loss is above the centre's, and where it is.

    `method`: "first-order" (SAM's own step) or "projected ascent"."""

    rise: float
    theta: np.ndarray
    method: str


@dataclass(frozen=True)
class Stability:
    """Full-batch gradient descent, watched.

    losses (steps + 1,): before every update and after the last. at (m,): the numbers of updates done when the Hessian was
    looked at, sharpness (m,): its largest eigenvalue then. threshold: above it gradient descent on a quadratic would diverge.
    lr, momentum: of the descent. A descent that diverges (a theta or a loss that is not finite, or a loss above 10¹² and above
    10¹² times the first) ends there, with fewer entries.
    """

    losses: np.ndarray
    at: np.ndarray
    sharpness: np.ndarray
    threshold: float
    lr: float
    momentum: float


def ball_sharpness(objective: Any, theta: Any, rho: float = 0.05, *, ascent: int = 0, seed: int = 0) -> Ball:
    """max of loss(theta + ε) − loss(theta) over ‖ε‖ ≤ rho, from below.

    With ``ascent=0`` at SAM's ε, one step of length rho along the gradient (the rule `refopt.sam`): what its first-order
    approximation takes for the worst point. With ``ascent=k`` by k steps of projected gradient ascent, ε ← the point of the
    ball nearest to ε + rho·g/‖g‖, from SAM's ε (from a random direction, drawn by `seed`, where the gradient is 0); the best
    of all points that were visited.

    objective: an `Objective` or a toy function: ``loss(theta)`` and ``grad(theta)``.

    >>> bowl = refopt.problems.get("quadratic", condition=4.0)
    >>> round(ball_sharpness(bowl, [1.0, 0.0], rho=1.0).rise, 9)  # along the gradient, the flat axis: ½·2² − ½
    1.5
    >>> round(ball_sharpness(bowl, [0.0, 0.0], rho=1.0, ascent=50).rise, 9)  # ½ ρ² λ
    2.0
    """
    theta = as_theta(theta, getattr(objective, "size", None))
    if not 0 < rho < np.inf:
        raise ValueError(f"rho must be a positive number, got {rho!r}")
    ascent = whole(ascent, "ascent", 0)
    base, g = float(objective.loss(theta)), np.asarray(objective.grad(theta), dtype=np.float64)
    step = sam.step(theta, g, sam.init(theta), rho=rho, grad=lambda there: g)
    best = Ball(float(objective.loss(step["theta_adv"])) - base, step["theta_adv"], "first-order")
    if not ascent:
        return best
    e = step["e"]
    if not np.linalg.norm(g):
        e = np.random.default_rng(seed).normal(size=theta.size)
        e *= rho / np.linalg.norm(e)
    best = best._replace(method="projected ascent")
    for _ in range(ascent):
        there = theta + e
        rise = float(objective.loss(there)) - base
        if rise > best.rise:
            best = best._replace(rise=rise, theta=there)
        g = np.asarray(objective.grad(there), dtype=np.float64)
        length = np.linalg.norm(g)
        if not length:
            break
        e = e + rho * g / length
        e *= min(1.0, rho / np.linalg.norm(e))
    there = theta + e
    rise = float(objective.loss(there)) - base
    return best._replace(rise=rise, theta=there) if rise > best.rise else best


def edge_of_stability(
    objective: Any,
    theta: Any,
    *,
    lr: float,
    steps: int,
    every: int = 10,
    momentum: float = 0.0,
    tol: float = 1e-3,
    progress: Callable[[int, int], Any] | None = None,
) -> Stability:
    """Descend by `steps` full-batch steps of `refopt.sgd`, and find the sharpness before the first, after every `every`-th and
    after the last (Cohen et al. 2021, arXiv:2103.00065).

    On a quadratic, gradient descent diverges along every eigenvector whose curvature is above 2/lr, with the heavy ball's
    momentum β above (2 + 2β)/lr: the `threshold` (their section 2). On networks the sharpness rises to it and stays there.

    objective: an `Objective`, or a toy function with a Hessian. `tol`: relative accuracy of the sharpness, whose search starts
    from the last eigenvector. `progress` is called with (steps done, steps).
    """
    theta = as_theta(theta, getattr(objective, "size", None))
    steps, every = whole(steps, "steps"), whole(every, "every")
    if not 0 < lr < np.inf or not 0 <= momentum < 1:
        raise ValueError(f"lr must be positive, and momentum in [0, 1); got {lr!r} and {momentum!r}")
    rule = sgd(lr=lr, momentum=momentum)
    state, start = rule.init(theta), None
    losses, at, sharpness = [], [], []
    for k in range(steps + 1):
        with np.errstate(all="ignore"):
            losses.append(float(objective.loss(theta)) if np.isfinite(theta).all() else np.nan)
        if not abs(losses[-1]) <= min(DIVERGED * max(abs(losses[0]), 1.0), np.finfo(float).max):
            break
        if k % every == 0 or k == steps:
            pair = eigenpairs(hessian(objective, theta), tol=tol, start=start)
            start = pair.vectors[0]
            at.append(k)
            sharpness.append(pair.values[0])
        if k == steps:
            break
        with np.errstate(all="ignore"):
            theta, state = rule.update(theta, objective.grad(theta), state)
        if progress is not None:
            progress(k + 1, steps)
    threshold = (2 + 2 * momentum) / lr
    return Stability(np.array(losses), np.array(at), np.array(sharpness), threshold, float(lr), float(momentum))
