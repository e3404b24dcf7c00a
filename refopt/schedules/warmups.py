"""Up in a straight line, then down with the root of the number of updates.

Readings
    before    of inverse_sqrt: rising, lr·k / warmup: transformers; flat, lr: Raffel et al. 2020 (T5), arXiv:1910.10683
    timescale after the warm-up, lr / √((k − warmup + timescale) / timescale); as long as the warm-up in transformers, or 10 000
              where there is none
    noam      counts from t = k + 1: its formula has no value for 0
"""

import math
from functools import partial

from refopt.schedules.schedule import Schedule

__all__ = ["flat", "inverse_sqrt", "noam", "rising"]


def rising(k, warmup):
    """In a straight line from 0: transformers."""
    return k / warmup


def flat(k, warmup):
    """No warm-up, the highest value from the start: T5."""
    return 1.0


@Schedule
def inverse_sqrt(k, *, lr, warmup, timescale=None, before=rising):
    """Up to lr, then down as the root of the number of updates: lr·√(warmup / k).

    With a timescale of its own it falls as lr·√(timescale / (k − warmup + timescale)). Transformers' inverse_sqrt; torch,
    optax and keras have none.

    >>> s = refopt.schedules.inverse_sqrt(lr=1, warmup=4)
    >>> [round(s(k), 3) for k in (0, 1, 4, 16)]
    [0.0, 0.25, 1.0, 0.5]
    """
    if k < warmup:
        return lr * before(k, warmup)
    timescale = timescale or warmup or 10_000
    return lr * math.sqrt(timescale / (k - warmup + timescale))


def _there_is_a_warm_up(*, warmup, **_):
    if warmup < 1:
        raise ValueError(f"noam: warmup must be at least 1, got {warmup}")


@partial(Schedule, check=_there_is_a_warm_up)
def noam(k, *, d_model, warmup=4000, lr=1.0):
    """The first transformer's: lr·d_model^−½·min(t^−½, t·warmup^−³ᐟ²), t = k + 1.

    Vaswani et al. 2017, arXiv:1706.03762, equation 3. lr is a factor. The peak, at t = warmup, is 1 / √(d_model·warmup).

    >>> refopt.schedules.noam(d_model=4, warmup=25)(24)
    0.1
    """
    t = k + 1
    return lr * d_model**-0.5 * min(t**-0.5, t * warmup**-1.5)
