"""Ways down: functions that fall from 1 at p = 0 to 0 at p = 1. A way up is one of them read backwards, ``shape(1 - p)``."""

import math

__all__ = ["cosine", "exponential", "linear", "one_minus_power", "one_minus_sqrt", "one_minus_square"]


def linear(p):
    """1 − p."""
    return 1 - p


def cosine(p):
    """½·(1 + cos(π·p)): flat at both ends."""
    return (1 + math.cos(math.pi * p)) / 2


def one_minus_sqrt(p):
    """1 − √p: steep at first (Hägele et al. 2024, arXiv:2405.18392)."""
    return 1 - math.sqrt(p)


def one_minus_square(p):
    """1 − p²: steep at last."""
    return 1 - p**2


class one_minus_power:
    """1 − p^exponent: ``one_minus_power(0.7)`` is a shape."""

    def __init__(self, exponent):
        if not 0 < exponent < math.inf:
            raise ValueError(f"the exponent of one_minus_power must be positive and finite, got {exponent!r}")
        self.exponent, self.__name__ = exponent, f"one_minus_power({exponent!r})"

    def __call__(self, p):
        """The value at p."""
        return 1 - p**self.exponent

    def __eq__(self, other):
        return isinstance(other, one_minus_power) and self.exponent == other.exponent

    def __hash__(self):
        return hash(self.exponent)


class exponential:
    """(r^p − r) / (1 − r), an exponential decay that arrives: ``exponential(0.1)`` is a shape (timm)."""

    def __init__(self, ratio):
        if not 0 < ratio < 1:
            raise ValueError(f"the ratio of exponential must be between 0 and 1, got {ratio!r}")
        self.ratio, self.__name__ = ratio, f"exponential({ratio!r})"

    def __call__(self, p):
        """The value at p."""
        return (self.ratio**p - self.ratio) / (1 - self.ratio)

    def __eq__(self, other):
        return isinstance(other, exponential) and self.ratio == other.ratio

    def __hash__(self):
        return hash(self.ratio)
