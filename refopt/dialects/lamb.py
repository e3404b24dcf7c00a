"""LAMB: where the bias corrections stand, and how long the step is made."""

from refopt.numbers import minimum, over

__all__ = ["after_ratio", "as_long", "as_long_with_decay", "before_ratio", "nowhere", "up_to_ten", "up_to_ten_and_eps"]


def before_ratio(c1, c2):
    """m / c1 and v / c2, nothing after the ratio: Algorithm 2 of the paper, not in its version 3; most libraries."""
    return c1, c2, 1


def after_ratio(c1, c2):
    """The ratio is that of the raw moments, and the step is divided by c1 afterwards: pytorch_optimizer."""
    return 1, 1, c1


def nowhere(c1, c2):
    """The raw moments: version 3 of the paper; torch_optimizer."""
    return 1, 1, 1


def as_long(size, length, eps, weight_decay):
    """‖θ‖/‖u‖, the paper with φ(z) = z; and 1 where a norm is 0, as in optax, keras, tinygrad, timm with always_adapt."""
    return over(size, length, size, length)


def as_long_with_decay(size, length, eps, weight_decay):
    """The paper's ratio where there is weight decay; without it Adam: timm by default."""
    return as_long(size, length, eps, weight_decay) if weight_decay > 0 else 1


def up_to_ten(size, length, eps, weight_decay):
    """φ(z) = min(z, 10): torch_optimizer."""
    return over(minimum(size, 10), length, size, length)


def up_to_ten_and_eps(size, length, eps, weight_decay):
    """φ(z) = min(z, 10), and ε beside ‖u‖: pytorch_optimizer."""
    return over(minimum(size, 10), length + eps, size, length)
