"""Whether the learning rate is inside the momentum buffer or outside: (factor of what goes in, factor of what comes out).

The two are the same method while the learning rate is constant. When it changes, what is inside keeps the rate of its day.
"""

__all__ = ["lr_inside", "lr_outside"]


def lr_outside(lr):
    """The buffer holds gradients: torch; optax for SGD."""
    return 1.0, lr


def lr_inside(lr):
    """The buffer holds steps, the classical velocity: keras, scikit-learn; optax for RMSprop."""
    return lr, 1.0
