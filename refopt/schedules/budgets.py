"""For a number of updates that is known: warm-up, stable, decay; and REX.

Readings
    bottoms   decay_only: the decay falls to end, the warm-up rises from start: timm; everywhere: the warm-up rises from end,
              too: transformers; outside: the decay falls to 0 and then jumps up to end: pytorch_optimizer, but for its cosine
    shape     of the decay: one_minus_sqrt in pytorch_optimizer and timm, cosine in transformers, by default
"""

from functools import partial

from refopt.schedules.periods import held
from refopt.schedules.schedule import Schedule
from refopt.schedules.shapes import linear, one_minus_sqrt

__all__ = ["decay_only", "everywhere", "outside", "rex", "wsd"]


def decay_only(start, end):
    """`end` is where the decay arrives: timm."""
    return start, end


def everywhere(start, end):
    """`end` is the lowest value, at the start, too: transformers."""
    return end, end


def outside(start, end):
    """`end` is what follows the decay: pytorch_optimizer."""
    return start, 0.0


def _known_timescale(*, stable_power, timescale, warmup, **_):
    if stable_power and not (timescale or warmup):
        raise ValueError("wsd: stable_power without a warm-up needs a timescale")


@partial(Schedule, check=_known_timescale)
def wsd(
    k, *, lr, warmup, stable, decay, start=0.0, end=0.0, stable_power=0.0, timescale=None,
    shape=one_minus_sqrt, ramp=linear, bottoms=decay_only,
):  # fmt: skip
    """Warm-up, stable, decay: up from start·lr to lr, there for a while, down to end.

    Hu et al. 2024 (MiniCPM), arXiv:2404.06395. `shape` is the decay's, one of `refopt.schedules.shapes`, and `ramp` the
    warm-up's, read backwards. With stable_power the stable phase falls, too, as (1 + updates / timescale)^−stable_power (timm).

    >>> s = refopt.schedules.wsd(lr=1, warmup=2, stable=3, decay=4)
    >>> [round(s(k), 3) for k in range(10)]
    [0.0, 0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.293, 0.134, 0.0]
    """
    foot, aim = bottoms(start * lr, end)
    if k < warmup:
        return foot + (lr - foot) * ramp(1 - k / warmup)
    past = k - warmup
    top = max(lr * (1 + past / (timescale or warmup or 1)) ** -stable_power, end)
    if past < stable:
        return top
    if past < stable + decay:
        p = (past - stable) / decay
        return aim + (top - aim) * shape(p)
    return end


@Schedule
def rex(k, *, lr, steps, end=0.0):
    """High for long, then down ever faster: lr·(1 − p) / (1 − p / 2), p = k / steps.

    Chen, Wolfe & Kyrillidis 2022, REX, arXiv:2107.04197.

    >>> refopt.schedules.rex(lr=3, steps=2)(1)
    2.0
    """
    p = held(k, steps)
    return end + (lr - end) * (1 - p) / (1 - p / 2)
