"""AMSGrad: where the bias corrections stand relative to the running maximum.

Every reading takes the corrections ``c1 = 1 - beta1**t`` and ``c2 = 1 - beta2**t`` and returns what divides m, what divides
v before the maximum is taken, and what divides the maximum.
"""

__all__ = ["after_maximum", "before_maximum", "uncorrected"]


def uncorrected(c1, c2):
    """No bias correction: Algorithm 2 of the AMSGrad paper."""
    return 1.0, 1.0, 1.0


def after_maximum(c1, c2):
    """The maximum of raw moments, corrected when used: torch, keras."""
    return c1, 1.0, c2


def before_maximum(c1, c2):
    """The maximum of corrected moments, so dominated by the noisy first ones: optax."""
    return c1, c2, 1.0
