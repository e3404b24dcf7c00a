"""Up and down between two learning rates: Smith 2017, arXiv:1506.01186 (cyclic); Smith & Topin 2018, arXiv:1708.07120 (one).

The momentum may go the other way, down while the learning rate goes up. It has a schedule of its own, ``cyclic_momentum``
and ``one_cycle_momentum``, of the same words, and goes into the same update::

    rule.update(theta, g, state, lr=s(k), momentum=m(k))       # beta1 in Adam

Readings
    phases    where the phases of one cycle end. two_phases: the peak is at pct·steps − 1 and the end at steps − 1: torch;
              two_phases_later: at ⌊pct·steps⌋ and at steps: optax's cosine_onecycle_schedule. three_phases: back at the start,
              as far down as it went up, and then on to the end: torch with three_phase=True; three_phases_later: back at the
              start at ⌊pct_final·steps⌋: optax's linear_onecycle_schedule
    shape     cosine by default in torch; optax has a function for each
"""

from functools import partial

from refopt.schedules.schedule import Schedule
from refopt.schedules.shapes import cosine

__all__ = [
    "cyclic", "cyclic_momentum", "exp_range", "one_cycle", "one_cycle_momentum", "three_phases", "three_phases_later",
    "triangular", "triangular2", "two_phases", "two_phases_later",
]  # fmt: skip


def triangular(cycle, k, gamma):
    """Every cycle is as high as the first."""
    return 1.0


def triangular2(cycle, k, gamma):
    """Every cycle is half as high as the one before."""
    return 0.5 ** (cycle - 1)


def exp_range(cycle, k, gamma):
    """The height shrinks by gamma in every update."""
    return gamma**k


def _height(k, up, down, gamma, scale):
    """How far up it is, from 0 to 1 and back in every cycle, and how much of that counts."""
    down = up if down is None else down
    cycle, place = divmod(k, up + down)
    return (place / up if place <= up else (up + down - place) / down) * scale(cycle + 1, k, gamma)


@Schedule
def cyclic(k, *, lr, peak, up=2000, down=None, gamma=1.0, scale=triangular):
    """Straight up from lr to peak and down again, over and over.

    With triangular2 or exp_range for `scale` later cycles are lower. torch's CyclicLR; optax and keras have none.

    >>> s = refopt.schedules.cyclic(lr=0, peak=1, up=2, scale=refopt.schedules.cycles.triangular2)
    >>> [s(k) for k in range(7)]
    [0.0, 0.5, 1.0, 0.5, 0.0, 0.25, 0.5]
    """
    return lr + (peak - lr) * _height(k, up, down, gamma, scale)


@Schedule
def cyclic_momentum(k, *, low=0.8, high=0.9, up=2000, down=None, gamma=1.0, scale=triangular):
    """The momentum to go with cyclic: down from high to low and up again."""
    return high + (low - high) * _height(k, up, down, gamma, scale)


def two_phases(steps, pct, pct_final):
    """Up and down, the last update at the end: torch."""
    return pct * steps - 1, steps - 1


def three_phases(steps, pct, pct_final):
    """Up, down as long, and on down, the last update at the end: torch."""
    return pct * steps - 1, 2 * pct * steps - 2, steps - 1


def two_phases_later(steps, pct, pct_final):
    """Up and down, the peak after a whole number of updates, the end after the last: optax."""
    return int(pct * steps), steps


def three_phases_later(steps, pct, pct_final):
    """Up, down until pct_final, and on down, likewise: optax."""
    return int(pct * steps), int(pct_final * steps), steps


def _in_order(*, steps, pct, pct_final, phases, **_):
    ends = phases(steps, pct, pct_final)
    if list(ends) != sorted(ends):
        raise ValueError(f"the phases of one cycle must end one after the other; with these pct they end at {ends}")


def _along(k, start, peak, end, ends, shape):
    """The value after k updates on the way start, peak, (start,) end."""
    heights = (start, peak, end) if len(ends) == 2 else (start, peak, start, end)
    begin = 0
    for stop, left, right in zip(ends, heights, heights[1:], strict=False):
        if begin < stop and k <= stop:
            p = (k - begin) / (stop - begin)
            return right + (left - right) * shape(p)
        begin = stop
    return end


@partial(Schedule, check=_in_order)
def one_cycle(
    k, *, lr, steps, pct=0.3, pct_final=0.85, div=25.0, final_div=1e4, phases=two_phases, shape=cosine
):  # fmt: skip
    """Once up from lr / div to lr, once down to lr / (div·final_div).

    After the last phase the value is held; torch's OneCycleLR raises there (and at k = steps gives a value above its end).

    >>> s = refopt.schedules.one_cycle(lr=1, steps=10)
    >>> [round(s(k), 3) for k in range(10)]
    [0.04, 0.52, 1.0, 0.95, 0.812, 0.611, 0.389, 0.188, 0.05, 0.0]
    """
    start = lr / div
    end = start / final_div
    return _along(k, start, lr, end, phases(steps, pct, pct_final), shape)


@partial(Schedule, check=_in_order)
def one_cycle_momentum(
    k, *, steps, low=0.85, high=0.95, pct=0.3, pct_final=0.85, phases=two_phases, shape=cosine
):  # fmt: skip
    """The momentum to go with one_cycle: down from high to low, and up again for good."""
    return _along(k, high, low, high, phases(steps, pct, pct_final), shape)
