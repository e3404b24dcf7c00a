"""Half a cosine, once or again and again: Loshchilov & Hutter, SGDR, ICLR 2017, arXiv:1608.03983, equation 5.

Readings
    after     of cosine: held in optax, keras, timm; goes_on in torch, transformers and pytorch_optimizer: it rises again
    end       the learning rate itself, as in torch and timm; optax and keras take it as a fraction of lr, "alpha"
    height    of a later cycle, with shrink ≠ 1: whole: lr·shrink^i in timm and pytorch_optimizer; above_end: end + (lr −
              end)·shrink^i in keras. torch's do not shrink.
    grown     the next length, with growth no whole number: exact: keras, timm; truncated: pytorch_optimizer. torch: whole only.
    cycles    none is the last in torch, keras and pytorch_optimizer; one by default in timm; as listed in optax
"""

from functools import partial

from refopt.schedules.periods import held
from refopt.schedules.schedule import Schedule
from refopt.schedules.shapes import cosine as half_cosine

__all__ = ["above_end", "cosine", "exact", "truncated", "warm_restarts", "whole"]


@Schedule
def cosine(k, *, lr, steps, end=0.0, power=1.0, after=held):
    """Half a cosine from lr to end: end + (lr − end)·½·(1 + cos(π·k / steps)).

    `power` is an exponent of the cosine's half (optax).

    >>> s = refopt.schedules.cosine(lr=1, steps=4)
    >>> [round(s(k), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.0]
    >>> s = refopt.schedules.get("cosine", framework="torch", lr=1, steps=4)
    >>> [round(s(k), 3) for k in range(6)]
    [1.0, 0.854, 0.5, 0.146, 0.0, 0.146]
    """
    p = after(k, steps)
    return end + (lr - end) * half_cosine(p) ** power


def whole(lr, end, factor):
    """All of lr shrinks: timm, pytorch_optimizer."""
    return lr * factor


def above_end(lr, end, factor):
    """What lies above end shrinks: keras."""
    return end + (lr - end) * factor


def exact(length, growth):
    """The next cycle may end between two updates: keras, timm."""
    return length * growth


def truncated(length, growth):
    """The next cycle has a whole number of updates: pytorch_optimizer."""
    return max(1, int(length * growth))


def _warm_up_fits(*, warmup, steps, **_):
    if warmup >= steps:
        raise ValueError(f"the warm-up is part of the first cycle, so warmup must be below steps; got {warmup} and {steps}")


@partial(Schedule, check=_warm_up_fits, fractional=True)
def warm_restarts(
    k, *, lr, steps, end=0.0, growth=1.0, shrink=1.0, cycles=None, warmup=0, height=whole, grown=exact
):  # fmt: skip
    """Half a cosine again and again, each growth times as long and shrink times as high.

    `steps` is the length of the first cycle; its first `warmup` updates, and those of each later one, climb from end
    (pytorch_optimizer). k may lie between two updates, as in torch. The lowest value, end, is never used, except after the
    last of `cycles`.

    >>> s = refopt.schedules.warm_restarts(lr=1, steps=2, growth=2)
    >>> [round(s(k), 3) for k in range(7)]
    [1.0, 0.5, 1.0, 0.854, 0.5, 0.146, 1.0]
    """
    i, length = 0, steps
    if growth == 1:
        i, k = divmod(k, steps)
    while k >= length:
        i, k, length = i + 1, k - length, warmup + grown(length - warmup, growth)
    if cycles is not None and i >= cycles:
        return end
    peak = height(lr, end, shrink**i)
    if k < warmup:
        return end + (peak - end) * k / warmup
    p = (k - warmup) / (length - warmup)
    return end + (peak - end) * half_cosine(p)
