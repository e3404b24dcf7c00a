"""The gradient noise scale: how large a batch is before a larger one is hardly better."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refopt.landscape.objective import Objective, as_theta

__all__ = ["NoiseScale", "noise_scale"]


PART = 1 << 24  # bytes of gradients of single examples in memory at once


class NoiseScale(NamedTuple):
    """scale = trace/square, in examples.

    trace: of the covariance Σ of the gradients of single examples (unbiased: divided by N − 1). square: |G|² of the gradient
    that they scatter around. A batch of `scale` examples has as much noise as signal: E|g − G|² = trace/B = |G|².
    """

    scale: float
    trace: float
    square: float


def noise_scale(objective: Objective, theta: Any, *, population: bool = True) -> NoiseScale:
    """The simple noise scale tr(Σ)/|G|² (McCandlish et al. 2018, arXiv:1812.06162, equation 2.9) at theta.

    With `population` the objective's examples are all that there are, and G is their mean gradient. Without they are a sample
    of N: the mean of theirs is longer than G by noise, E|ḡ|² = |G|² + tr(Σ)/N, and the unbiased |ḡ|² − tr(Σ)/N stands for
    |G|² (their appendix A.1); it may come out below 0, and the scale with it: then the sample is too small.

    The gradients of single examples pass in parts: memory is for one part of them, examples come one by one
    (``net.per_example_grads``). Penalties count in every example's gradient.
    """
    theta = as_theta(theta, objective.size)
    part = max(PART // theta.nbytes, 1)
    count, mean, scatter = 0, np.zeros_like(theta), 0.0
    for start in range(0, len(objective.y), part):
        some = slice(start, start + part)
        grads = objective.net.per_example_grads(theta, objective.x[some], objective.y[some], **objective.words)
        new, m = grads.mean(axis=0), len(grads)
        # two groups' scatter around their common mean (Chan, Golub & LeVeque): nothing large is subtracted
        scatter += float(((grads - new) ** 2).sum()) + float(((new - mean) ** 2).sum()) * count * m / (count + m)
        mean, count = mean + (new - mean) * (m / (count + m)), count + m
    if count < 2:
        raise ValueError("the noise of gradients needs at least 2 examples")
    spread, square = scatter / (count - 1), float(mean @ mean)
    if not population:
        square -= spread / count
    return NoiseScale(spread / square if square else float("inf"), spread, square)
