"""LARS: the local learning rate of a tensor, and the weight decay that the tensor gets: (ratio, weight decay).

Every reading takes the tensor, its gradient, the trust coefficient κ, weight_decay λ, and eps.
"""

from refopt.numbers import norm, over

__all__ = ["matrices_only", "norm_of_sum", "only_with_decay", "skipping_zeros", "sum_of_norms"]


def sum_of_norms(theta, g, coefficient, weight_decay, eps):
    """κ‖θ‖/(‖g‖ + λ‖θ‖): Algorithm 1 of the paper; 1 where ‖θ‖ or ‖g‖ is 0; tinygrad, timm with always_adapt."""
    size, length = norm(theta), norm(g)
    return over(coefficient * size, length + weight_decay * size + eps, size, length), weight_decay


def norm_of_sum(theta, g, coefficient, weight_decay, eps):
    """κ‖θ‖/‖g + λθ‖, the step that is really made; 1 where one of the two is 0: optax, braintools."""
    size, length = norm(theta), norm(g + weight_decay * theta)
    return over(coefficient * size, length + eps, size, length), weight_decay


def only_with_decay(theta, g, coefficient, weight_decay, eps):
    """The paper's ratio where there is weight decay; without it plain momentum: timm by default."""
    return sum_of_norms(theta, g, coefficient, weight_decay, eps) if weight_decay > 0 else (1, weight_decay)


def skipping_zeros(theta, g, coefficient, weight_decay, eps):
    """As timm, but a tensor that is zero, or whose gradient is, gets no weight decay: torch_optimizer."""
    moving = norm(theta) > 0 and norm(g) > 0
    return only_with_decay(theta, g, coefficient, weight_decay, eps) if moving else (1, 0)


def matrices_only(theta, g, coefficient, weight_decay, eps):
    """Ratio and decay for tensors of two or more axes; a bias gets neither: pytorch_optimizer."""
    size, length = norm(theta), norm(g) + weight_decay * norm(theta)
    ratio = over(coefficient * size, length, size, length)
    return (ratio, weight_decay) if theta.ndim > 1 else (1, 0)
