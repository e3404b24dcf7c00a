"""LARS: what the size of a tensor is divided by when weight decay takes part."""

from refopt.numbers import norm

__all__ = ["norm_of_sum", "sum_of_norms"]


def sum_of_norms(theta, g, weight_decay):
    """‖g‖ + λ‖θ‖: Algorithm 1 of the paper."""
    return norm(g) + weight_decay * norm(theta)


def norm_of_sum(theta, g, weight_decay):
    """‖g + λθ‖: optax."""
    return norm(g + weight_decay * theta)
