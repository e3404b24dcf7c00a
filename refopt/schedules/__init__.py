"""Learning-rate schedules: each one function, written once, in the readings of the libraries.

    from refopt import schedules
    s = schedules.cosine(lr=0.1, steps=1000)                    # bound; schedules.names() lists them all
    s(0), s(500)                                                # the learning rates of the updates 1 and 501
    schedules.get("cosine", framework="torch", lr=0.1, steps=1000)      # as a library reads it: torch's rises again

``s(k)`` is the value for the update that comes after k updates. It goes into a step of a rule:

>>> s = refopt.schedules.warmup(inner=refopt.schedules.cosine(lr=0.1, steps=90), warmup=10)
>>> rule, theta = refopt.adam, np.array([1.0, -2.0])
>>> state = rule.init(theta)
>>> for k in range(100):
...     theta, state = rule.update(theta, 2 * theta, state, lr=s(k))
>>> bool(abs(theta).max() < 0.05)
True

A new schedule is one function in a file of this room, and its name in the imports below. ``refopt.schedules.libraries`` has the
libraries' readings as data, ``refopt.schedules.shapes`` the ways down that some schedules let one choose.
"""

from __future__ import annotations

from typing import Any

from refopt.recurrence import nearest
from refopt.schedules.annealing import cosine, warm_restarts
from refopt.schedules.around import chained, proportional, sequential, warmup
from refopt.schedules.budgets import rex, wsd
from refopt.schedules.cycles import cyclic, cyclic_momentum, one_cycle, one_cycle_momentum
from refopt.schedules.decays import exponential, inverse_time, linear, polynomial
from refopt.schedules.plateaus import Observer, plateau
from refopt.schedules.schedule import WORDS, Schedule, Word
from refopt.schedules.spectrum import chebyshev
from refopt.schedules.steps import constant, interpolated, multistep, piecewise, step
from refopt.schedules.warmups import inverse_sqrt, noam

__all__ = [
    "WORDS", "Observer", "Schedule", "Word", "chained", "chebyshev", "constant", "cosine", "cyclic", "cyclic_momentum",
    "exponential", "get", "interpolated", "inverse_sqrt", "inverse_time", "linear", "multistep", "names", "noam", "one_cycle",
    "one_cycle_momentum", "piecewise", "plateau", "polynomial", "proportional", "rex", "sequential", "step", "warm_restarts",
    "warmup", "wsd",
]  # fmt: skip


def names() -> list[str]:
    """The names of every schedule, sorted."""
    return sorted(name for name, value in globals().items() if isinstance(value, Schedule))


def get(name: str, framework: str | None = None, **hyper: Any) -> Schedule:
    """The schedule called `name`; with `framework` ("torch", "optax", "keras", …) in that library's reading and defaults.

    >>> refopt.schedules.get("cosine", framework="torch", lr=0.1, steps=100)
    cosine(lr=0.1, steps=100, end=0.0, power=1.0, after=goes_on)

    A library that has a schedule in more than one way has further entries, such as "cosine warmup"; they are listed in
    `refopt.schedules.libraries`. Raises ValueError for an unknown name or framework, TypeError for an unknown word.
    """
    if framework is not None:
        from refopt.schedules.libraries import schedule

        return schedule(name, framework, **hyper)
    if name not in names():
        raise ValueError(f"unknown schedule {name!r}{nearest(name, names())}")
    return globals()[name](**hyper)
