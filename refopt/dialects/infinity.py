"""AdaMax: whether eps is a candidate for the infinity norm or stands beside it: (ε inside the maximum, ε added to it)."""

__all__ = ["eps_beside", "eps_in_maximum", "eps_nowhere"]


def eps_in_maximum(eps):
    """max(β2·u, |g| + ε): torch, optax."""
    return eps, 0.0


def eps_beside(eps):
    """u + ε in the quotient: keras."""
    return 0.0, eps


def eps_nowhere(eps):
    """No ε: Algorithm 2 of the Adam paper."""
    return 0.0, 0.0
