"""When gradient descent with momentum is stable on a quadratic, and how fast it is there: the closed form.

Along an eigenvector of the Hessian with curvature λ the classical heavy ball, m ← β m + g, θ ← θ − lr m (what `refopt.sgd` and
PyTorch do with a momentum), is the linear map of (θ, m) with the matrix [[1 − lr λ, −lr β], [λ, β]]. Its characteristic
polynomial is z² − (1 + β − lr λ) z + β. For 0 ≤ β < 1 both roots lie inside the unit circle exactly when 0 < lr λ < 2 (1 + β).

Polyak 1964, "Some methods of speeding up the convergence of iteration methods", USSR Comput. Math. Math. Phys. 4(5), 1–17.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["best_heavy_ball", "heavy_ball_limit", "heavy_ball_rate"]


def heavy_ball_limit(momentum: Any, curvature: Any) -> Any:
    """The learning rate from which on the heavy ball is unstable, 2 (1 + β) / λ; numbers, or arrays that broadcast.

    >>> heavy_ball_limit(0.0, 25.0), heavy_ball_limit(0.9, 25.0)
    (0.08, 0.152)
    """
    momentum, curvature = _checked(momentum, curvature)
    return _plain(2 * (1 + momentum) / curvature)


def heavy_ball_rate(lr: Any, momentum: Any, curvature: Any) -> Any:
    """By what factor the heavy ball comes nearer at each step in the long run, the spectral radius; above 1 it goes away.

    The two roots are complex where (1 + β − lr λ)² < 4 β; both then have the modulus √β, whatever the learning rate.
    """
    momentum, curvature = _checked(momentum, curvature)
    lr = np.asarray(lr, dtype=float)
    trace = 1 + momentum - lr * curvature
    root = np.sqrt(np.maximum(trace**2 - 4 * momentum, 0))
    return _plain(np.where(trace**2 < 4 * momentum, np.sqrt(momentum), (np.abs(trace) + root) / 2))


def best_heavy_ball(lowest: float, highest: float) -> tuple[float, float]:
    """The learning rate and the momentum that are fastest on a bowl with curvatures from `lowest` to `highest` (Polyak 1964).

    lr = (2 / (√L + √μ))², β = ((√L − √μ) / (√L + √μ))²; the error then falls by √β at each step.

    >>> lr, momentum = best_heavy_ball(1.0, 25.0)
    >>> round(lr, 4), round(momentum, 4), heavy_ball_rate(lr, momentum, 7.0) == momentum**0.5
    (0.1111, 0.4444, True)
    """
    if not 0 < lowest <= highest < np.inf:
        raise ValueError(f"curvatures must be positive, the lowest first, got {lowest!r} and {highest!r}")
    low, high = float(lowest) ** 0.5, float(highest) ** 0.5
    return (2 / (high + low)) ** 2, ((high - low) / (high + low)) ** 2


def _checked(momentum: Any, curvature: Any) -> tuple[np.ndarray, np.ndarray]:
    momentum, curvature = np.asarray(momentum, dtype=float), np.asarray(curvature, dtype=float)
    if not ((momentum >= 0) & (momentum < 1)).all():
        raise ValueError(f"momentum must be in [0, 1), got {momentum}")
    if not ((curvature > 0) & (curvature < np.inf)).all():
        raise ValueError(f"curvature must be positive and finite, got {curvature}")
    return momentum, curvature


def _plain(values: np.ndarray) -> Any:
    return float(values) if np.ndim(values) == 0 else values
