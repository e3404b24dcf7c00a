"""Fromage: the size of a tensor over the size of its gradient, when one of them is 0 or nearly so."""

from refopt.numbers import maximum, over

__all__ = ["floored", "one_at_zero"]


def one_at_zero(size, length):
    """1 where a norm is 0, which is a plain gradient step: the authors' code, pytorch_optimizer."""
    return over(size, length, size, length)


def floored(size, length):
    """No norm below 1e-6, so that a tensor of zeros hardly moves: optax, braintools."""
    return maximum(size, 1e-6) / maximum(length, 1e-6)
