"""Clipping: what a gradient is multiplied by, from its `length` and the `limit`: 1 up to the limit, then ever less.

`length` and `limit` are one number each, or (adaptive clipping) one for each unit. The limit is positive, a length is never
negative, and may be infinite: the squares of large gradients overflow.
"""

from refopt.numbers import maximum, minimum, where

__all__ = ["at_limit", "finite_or_nan", "floored", "floored_above", "short_of_limit"]


def at_limit(length, limit):
    """limit / length from the limit on: the papers; optax, keras's clipnorm, timm's LAMB. An infinite length gives 0."""
    return limit / maximum(length, limit)


def short_of_limit(length, limit):
    """min(1, limit / (length + 1e-6)): torch. What is as long as the limit is shortened too, by 1e-6 of itself."""
    return minimum(1, limit / (length + 1e-6))


def finite_or_nan(length, limit):
    """As at_limit, but NaN where the length is infinite: keras's global_clipnorm."""
    return at_limit(length, limit) + (length - length)


def floored_above(length, limit):
    """From the limit on limit / max(length, 1e-6): optax and timm for adaptive clipping. Only a limit below that shows it."""
    return where(length < limit, 1, at_limit(maximum(length, 1e-6), limit), like=length)


def floored(length, limit):
    """As if no length were below 1e-6: pytorch_optimizer for adaptive clipping. Under a limit below that all is shortened."""
    return at_limit(maximum(length, 1e-6), limit)
