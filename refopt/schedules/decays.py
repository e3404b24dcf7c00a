"""Falling from the first update on: by a factor, by a divisor, along a power of what is left.

Readings
    after     held; stretched: keras's PolynomialDecay with cycle=True; goes_on: pytorch_optimizer's LinearScheduler, below
              `end` and even below zero (a defect)
    end       0 in torch, and has to be given in optax; 1e-4 in keras; 1e-7 in transformers
    power     of the polynomial: 1 in keras, torch and transformers, 0.5 in timm
"""

from refopt.schedules.periods import held
from refopt.schedules.schedule import Schedule

__all__ = ["exponential", "inverse_time", "linear", "polynomial"]


@Schedule
def exponential(k, *, lr, gamma, steps=1, begin=0, end=None):
    """Times gamma in every period, evenly: lr·γ^(k / steps).

    `begin` moves it to later and `end` is a bound that the value stops at (optax). torch's ExponentialLR has steps = 1.

    >>> s = refopt.schedules.exponential(lr=1, gamma=0.25, steps=2)
    >>> [s(k) for k in range(4)]
    [1.0, 0.5, 0.25, 0.125]
    """
    value = lr * gamma ** (max(k - begin, 0) / steps)
    if end is None:
        return value
    return max(value, end) if gamma < 1 else min(value, end)


@Schedule
def inverse_time(k, *, lr, rate, steps=1, staircase=False):
    """Divided by what grows evenly: lr / (1 + rate·k / steps).

    Robbins & Monro 1951 prove that gradient descent with noise arrives with rates like 1/k. Keras's InverseTimeDecay; the
    argument `decay` of older Keras optimizers, and torch's `lr_decay` of Adagrad, with steps = 1.
    """
    p = k // steps if staircase else k / steps
    return lr / (1 + rate * p)


@Schedule
def linear(k, *, lr, steps, end=0.0, begin=0, after=held):
    """A straight line from lr to end.

    torch's LinearLR and transformers' linear schedule; with end above lr it is a warm-up.

    >>> s = refopt.schedules.linear(lr=1, end=0.5, steps=4)
    >>> [s(k) for k in range(6)]
    [1.0, 0.875, 0.75, 0.625, 0.5, 0.5]
    """
    p = after(max(k - begin, 0), steps)
    return lr + (end - lr) * p


@Schedule
def polynomial(k, *, lr, steps, end=0.0, power=1.0, begin=0, after=held):
    """A power of what is left: end + (lr − end)·(1 − k / steps)^power.

    "poly" in Chen et al. 2017, DeepLab, arXiv:1606.00915, with power 0.9.
    """
    p = after(max(k - begin, 0), steps)
    return end + (lr - end) * (1 - p) ** power
