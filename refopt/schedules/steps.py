"""Constant for a while: steps at regular times, at milestones, and lines between them.

Readings
    reached   at_the_milestone: k ≥ milestone, so that s(milestone) is new: torch, optax; one_later: k > milestone: keras;
              one_earlier: k ≥ milestone − 1: timm. Seen in one update at each milestone.
    Optax gives what follows a milestone as a factor of what went before; here, as in keras, the values themselves are given.
"""

from bisect import bisect_right
from functools import partial

from refopt.schedules.schedule import Schedule
from refopt.schedules.shapes import linear

__all__ = ["at_the_milestone", "constant", "interpolated", "multistep", "one_earlier", "one_later", "piecewise", "step"]


def at_the_milestone(k, milestone):
    """The update after `milestone` updates is the first of the new: torch, optax."""
    return k >= milestone


def one_later(k, milestone):
    """That update is the last of the old: keras."""
    return k > milestone


def one_earlier(k, milestone):
    """The update before it is the first of the new: timm."""
    return k >= milestone - 1


def _fit(*, values, milestones, **_):
    if len(values) != len(milestones) + 1:
        raise ValueError(f"there is one value more than milestones; got {len(values)} values and {len(milestones)} milestones")


@Schedule
def constant(k, *, lr):
    """Always lr.

    >>> refopt.schedules.constant(lr=0.1)(7)
    0.1
    """
    return lr


@Schedule
def step(k, *, lr, steps, gamma=0.1, begin=0):
    """Times gamma after every period: lr·γ^⌊k / steps⌋.

    torch's StepLR; the ExponentialDecay of keras and optax with staircase=True. `begin` moves it all to later (optax).

    >>> s = refopt.schedules.step(lr=1, steps=3, gamma=0.5)
    >>> [s(k) for k in range(7)]
    [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]
    """
    periods = max(k - begin, 0) // steps
    return lr * gamma**periods


@Schedule
def multistep(k, *, lr, milestones, gamma=0.1, reached=at_the_milestone):
    """Times gamma at every milestone: lr·γ^(milestones reached).

    A milestone given twice counts twice. torch's MultiStepLR.
    """
    passed = sum(reached(k, milestone) for milestone in milestones)
    return lr * gamma**passed


@partial(Schedule, check=_fit)
def piecewise(k, *, values, milestones, reached=at_the_milestone):
    """A value of its own between any two milestones.

    Keras's PiecewiseConstantDecay; optax's piecewise_constant_schedule, which takes factors. torch's ConstantLR is the one
    with two values, a third of lr (its default) and then lr.

    >>> s = refopt.schedules.piecewise(values=(1, 0.5), milestones=(3,))
    >>> s(3), s(reached=refopt.schedules.steps.one_later)(3)
    (0.5, 1.0)
    """
    passed = sum(reached(k, milestone) for milestone in milestones)
    return values[passed]


@partial(Schedule, check=_fit)
def interpolated(k, *, values, milestones, shape=linear):
    """From value to value, straight or curved.

    values[0] at k = 0, values[i] at milestones[i − 1], and after these the last. optax's piecewise_interpolate_schedule,
    which takes factors; shape is linear or cosine there.
    """
    i = bisect_right(milestones, k)
    if i == len(milestones):
        return values[-1]
    begin = milestones[i - 1] if i else 0
    p = (k - begin) / (milestones[i] - begin)
    return values[i + 1] + (values[i] - values[i + 1]) * shape(p)
