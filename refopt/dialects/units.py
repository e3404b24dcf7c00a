"""Units: the axes of a tensor over which the weights of one unit (an output, a channel) lie.

PyTorch has a unit's weights in a row, x @ W.T, JAX and Keras in a column, x @ W; the paper of a method has one of the two, and
a library what it is given. A tensor of one axis (a bias), or none, is one unit.
"""

__all__ = ["output_first", "output_first_but_3d", "output_last", "output_last_but_3d"]


def output_first(x):
    """All axes but the first: rows of a matrix, channels of PyTorch's kernels; timm, optax for centralisation."""
    return tuple(range(1 if x.ndim > 1 else 0, x.ndim))


def output_last(x):
    """All axes but the last: columns of a matrix, channels of JAX's and Keras's kernels; the authors' code of AGC."""
    return tuple(range(x.ndim - 1 if x.ndim > 1 else x.ndim))


def output_first_but_3d(x):
    """As output_first, but of three axes only the second: pytorch_optimizer for adaptive clipping."""
    return (1,) if x.ndim == 3 else output_first(x)


def output_last_but_3d(x):
    """As output_last, but of three axes only the first (the heads of attention), and a tensor that is a vector but for axes
    of length 1 is one unit: optax for adaptive clipping.
    """
    long = sum(size != 1 for size in x.shape)
    return tuple(range(x.ndim)) if long <= 1 else (0,) if x.ndim == 3 else output_last(x)
