"""Noise: the gradient that is seen is of one random term, or of this round's; the one that counts is their mean."""

from __future__ import annotations

from math import isfinite
from typing import Any

import numpy as np

from refopt.numbers import beside, clipped
from refopt.problems.bowls import bowl, spectrum
from refopt.problems.problem import Problem, constant, filled, of_points, whole

__all__ = ["noisy_quadratic", "reddi", "reddi_stochastic"]


def noisy_quadratic(condition: float = 25.0, dimension: int = 2, noise: float = 1.0) -> Problem:
    """The bowl ½ Σ λᵢ θᵢ² seen through noise: `sample` is λᵢ θᵢ + noise·√λᵢ ξᵢ with ξ standard normal.

    The covariance of the noise is the Hessian times noise², as near a minimum of a likelihood. With a constant lr the mean
    loss of SGD settles at Σ lr·noise²·λᵢ/(2 (2 − lr·λᵢ)): smaller steps, or averages, or larger batches lower it.
    """
    curvatures = spectrum("noisy_quadratic", condition, dimension)
    along = constant(curvatures)
    if not noise >= 0 or not isfinite(noise):
        raise ValueError(f"noisy_quadratic: noise is finite and not negative, got {noise!r}")

    def sample(x: Any, t: int, rng: Any) -> Any:
        drawn = noise * np.sqrt(curvatures) * rng.standard_normal(x.shape)
        return along(x) * x + beside(drawn.astype(x.dtype), x)

    return bowl(
        "noisy_quadratic",
        condition,
        dimension,
        trap="near the minimum the noise is larger than the slope: a constant step never arrives",
        paper="Zhang et al. 2019, arXiv:1907.04164, section 3",
        sample=sample,
    )


def _on_a_line(name: str, slope: float, trap: str, paper: str, sample: Any) -> Problem:
    """The line slope·x on [−1, 1], whose minimum is the left end."""
    return of_points(
        name,
        1,
        lambda x: slope * x[:, 0],
        lambda x: filled(x, slope),
        lambda x: filled(x, 0, len(x), 1, 1),
        minima=[[-1]],
        start=[0.0],
        bounds=((-1.0, 1.0),),
        trap=trap,
        paper=paper,
        sample=sample,
        project=lambda x: clipped(x, -1.0, 1.0),
    )


def reddi(c: float = 3.0, period: int = 3) -> Problem:
    """The counter-example to Adam: fₜ(x) = c·x once in a period (t = 1, 1 + period, …), else −x; x in [−1, 1].

    The mean is (c + 1 − period)/period · x, least at −1. With β1 = 0, β2 = 1/(1 + c²) and a falling lr Adam ends each period
    of three at +1, the worst point: the large gradient is divided by its own size, and the small ones add up.
    ``reddi(c=101, period=101)`` is the experiment of section 5, divided by 10.
    """
    period = whole("reddi", "period", period, 2)
    if not c > period - 1 or not isfinite(c):
        raise ValueError(f"reddi: c must exceed period − 1 = {period - 1}, or −1 is not the minimum; got {c!r}")
    return _on_a_line(
        "reddi",
        (c + 1 - period) / period,
        trap="rare large gradients point the right way: Adam shrinks just them, and walks to the worst point",
        paper="Reddi, Kale & Kumar 2018, arXiv:1904.09237, Theorem 1",
        sample=lambda x, t, rng: filled(x, c if t % period == 1 else -1),
    )


def reddi_stochastic(c: float = 101.0, delta: float = 0.02) -> Problem:
    """The counter-example at random: fₜ(x) = c·x with probability (1 + δ)/(1 + c), else −x; x in [−1, 1]. The mean is δ·x.

    c = 101 and δ = 0.02 are the experiment of section 5, divided by 10: probability 0.01.
    """
    if not 0 < delta < c or not isfinite(c):
        raise ValueError(f"reddi_stochastic takes 0 < delta < c, got delta = {delta!r} and c = {c!r}")

    def sample(x: Any, t: int, rng: Any) -> Any:
        rare = rng.random(x.shape) < (1 + delta) / (1 + c)
        return np.where(beside(rare, x), filled(x, c), filled(x, -1))

    return _on_a_line(
        "reddi_stochastic",
        delta,
        trap="one large gradient in a hundred outweighs the others, for all but those who divide by its size",
        paper="Reddi, Kale & Kumar 2018, arXiv:1904.09237, Theorem 3",
        sample=sample,
    )
