"""How long a gradient is, for clipping."""

from refopt.numbers import mean, norm, sqrt

__all__ = ["euclidean", "root_mean_square"]


def euclidean(g):
    """The root of the sum of squares: keras's clipnorm, torch."""
    return norm(g)


def root_mean_square(g):
    """The root of the mean of squares, which does not grow with the size of a tensor: optax.clip_by_block_rms."""
    return sqrt(mean(g * g))
