"""Where eps stands beside the root of the second moment.

Every reading takes the second moment `v` as the rule divides by it (bias-corrected in the Adam family) and `eps`; `c2` is
the bias correction ``1 - beta2**t`` that was divided out of `v`, and 1 where a rule has none.
"""

from refopt.numbers import sqrt

__all__ = ["eps_hat", "eps_inside", "eps_outside"]


def eps_outside(v, eps, c2=1.0):
    """√v + ε: Adam's Algorithm 1; torch, optax."""
    return sqrt(v) + eps


def eps_inside(v, eps, c2=1.0):
    """√(v + ε): RMSprop and Adagrad of keras and optax. An entry with g = 0 gets √ε, not ε."""
    return sqrt(v + eps)


def eps_hat(v, eps, c2=1.0):
    """√v + ε/√c2: "epsilon hat", the reordered form at the end of section 2 of the Adam paper; keras, scikit-learn, ONNX.

    Adding ε to the root of the raw moment, before the correction, makes it larger by 1/√c2: 31.6 at the first step.
    """
    return sqrt(v) + eps / sqrt(c2)
