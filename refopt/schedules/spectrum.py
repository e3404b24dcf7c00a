"""Step sizes for a known range of curvatures: the inverses of Chebyshev's nodes.

Gradient descent on a quadratic multiplies the error along curvature λ by Π (1 − η_k·λ). The step sizes that make this small
for all λ in [mu, L] at once are 1 / γ, where γ runs over the roots of the Chebyshev polynomial of that interval (Young
1953, On Richardson's method for solving linear systems with positive definite matrices, J. Math. Phys. 32): after T updates
the error is at most 1 / T_T((L + mu) / (L − mu)) of what it was, and no other T step sizes do better. Many of these steps
are longer than 2 / L, so the order decides what happens on the way (Lebedev & Finogenov 1971, USSR Comput. Math. Math.
Phys. 11).

Readings
    order     natural: from the longest step to the shortest, which overflows; fractal: a long step beside a short one on every
              scale, Agarwal, Goel & Zhang 2021, arXiv:2103.01338; fractal_late: pytorch_optimizer, which begins
              with the first step three times and therefore needs two updates more (a defect)
"""

import math
from functools import partial

from refopt.schedules.schedule import Schedule

__all__ = ["chebyshev", "fractal", "fractal_late", "natural"]


def natural(k, steps):
    """From the smallest node, the longest step, on, over and over."""
    return k % steps


def fractal(k, steps):
    """The fractal order, over and over: of two neighbours that differ in the last bit the second mirrors the first."""
    if steps == 1:
        return 0
    if steps % 2:
        raise ValueError("the fractal order is one of 1, 2, 4, 8, … steps")
    place = k % steps
    node = fractal(place // 2, steps // 2)
    return node if place % 2 == 0 else steps - 1 - node


def fractal_late(k, steps):
    """The first step of the fractal order three times, then the others, and the last for ever: pytorch_optimizer."""
    return fractal(min(max(k - 2, 0), steps - 1), steps)


def _interval(*, mu, L, steps, order, **_):
    if mu > L:
        raise ValueError(f"chebyshev: mu, the smallest curvature, must not be above L, the largest; got {mu} and {L}")
    order(0, steps)


@partial(Schedule, check=_interval)
def chebyshev(k, *, mu, L, steps, lr=1.0, order=fractal):
    """Gradient descent's best steps for curvatures from mu to L, in a stable order.

    γ_i = ½·(L + mu) − ½·(L − mu)·cos(π·(i + ½) / steps), and the step size is lr / γ_i: lr is a factor. Agarwal et al.
    2021.

    >>> s = refopt.schedules.chebyshev(mu=0.1, L=1, steps=8)
    >>> [round(s(k), 2) for k in range(8)]
    [9.2, 1.01, 2.16, 1.57, 5.69, 1.08, 3.33, 1.25]
    """
    i = order(k, steps)
    gamma = (L + mu) / 2 - (L - mu) / 2 * math.cos(math.pi * (i + 0.5) / steps)
    return lr / gamma
