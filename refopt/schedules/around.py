"""Schedules made of schedules, and one that follows another quantity.

Readings
    inside    what the schedule sees after its warm-up: shifted: k − warmup, its own beginning: optax, keras, transformers, and
              timm with warmup_prefix=True; overlaid: k, so that the warm-up hides its first values: timm by default
    start     of the warm-up, a fraction of the schedule's first value: 0 in transformers and timm, ⅓ in torch; keras, optax and
              timm take the learning rate itself
    chained   torch's ChainedScheduler multiplies what each does to the learning rate, so its schedules stand here with lr = 1
    sequential
              a new schedule begins at its own k = 0: torch's SequentialLR, optax's join_schedules
"""

from bisect import bisect_right
from functools import partial

from refopt.schedules.schedule import Schedule

__all__ = ["chained", "overlaid", "proportional", "sequential", "shifted", "warmup"]


def shifted(k, warmup):
    """The schedule begins after the warm-up."""
    return k - warmup


def overlaid(k, warmup):
    """The schedule began with the warm-up, which hid it: timm."""
    return k


@Schedule
def warmup(k, *, inner, warmup, start=0.0, inside=shifted):
    """A straight line up to the first value of any schedule, then that schedule.

    Goyal et al. 2017, arXiv:1706.02677, section 2.2. The words of the schedule inside may be given here. It begins after the
    `warmup` updates; the first update has `start` times its first value, which is nothing by default.

    >>> s = refopt.schedules.warmup(inner=refopt.schedules.cosine, warmup=2, lr=1, steps=4)
    >>> [round(s(k), 3) for k in range(7)]
    [0.0, 0.5, 1.0, 0.854, 0.5, 0.146, 0.0]
    """
    if k < warmup:
        return inner(0) * (start + (1 - start) * k / warmup)
    return inner(inside(k, warmup))


@Schedule
def chained(k, *, schedules, lr=1.0):
    """The product of schedules, and of lr.

    >>> each = (refopt.schedules.step(lr=1, steps=2, gamma=0.5), refopt.schedules.linear(lr=1, steps=4))
    >>> [refopt.schedules.chained(schedules=each, lr=8)(k) for k in range(4)]
    [8.0, 6.0, 2.0, 1.0]
    """
    value = lr
    for schedule in schedules:
        value = value * schedule(k)
    return value


def _fit(*, schedules, milestones, **_):
    if len(schedules) != len(milestones) + 1:
        got = f"{len(schedules)} schedules and {len(milestones)} milestones"
        raise ValueError(f"there is one schedule more than milestones; got {got}")


@partial(Schedule, check=_fit)
def sequential(k, *, schedules, milestones):
    """One schedule after another, each from its own beginning, one more at each milestone.

    >>> up, down = refopt.schedules.linear(lr=0, end=1, steps=2), refopt.schedules.cosine(lr=1, steps=2)
    >>> [refopt.schedules.sequential(schedules=(up, down), milestones=(2,))(k) for k in range(5)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    i = bisect_right(milestones, k)
    begin = milestones[i - 1] if i else 0
    return schedules[i](k - begin)


def _two_points(*, reference, origin, **_):
    if reference == origin:
        raise ValueError(f"proportional: reference and origin must differ, got {reference} twice")


@partial(Schedule, check=_two_points)
def proportional(k, *, lr, of, reference, end=0.0, origin=0.0, power=1.0):
    """Proportional to another quantity: lr·(of(k) / reference)^power.

    `of` is a schedule or any function of k, `reference` its value at which lr is right. With the batch size this is the
    linear scaling rule (Goyal et al. 2017, arXiv:1706.02677), with power ½ the rule of the root (Krizhevsky 2014,
    arXiv:1404.5997); with the last loss, ``of=lambda k: losses[-1]``, the learning rate falls as the loss does. `end` and
    `origin` move the line: end + (lr − end)·((of(k) − origin) / (reference − origin))^power, which is how GSAM's ρ follows
    a learning rate (pytorch_optimizer).

    >>> batch_size = refopt.schedules.piecewise(values=(32, 64), milestones=(5,))
    >>> s = refopt.schedules.proportional(of=batch_size, reference=32, lr=0.1)
    >>> s(4), s(5)
    (0.1, 0.2)
    """
    p = (of(k) - origin) / (reference - origin)
    if p < 0 and power % 1:
        raise ValueError(f"proportional: {of(k)!r} lies before origin, where power {power} has no value")
    return end + (lr - end) * p**power
