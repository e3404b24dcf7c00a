"""How far a period has come, and what follows its end: readings of ``after``, (k, steps) → p."""

import math

__all__ = ["goes_on", "held", "stretched"]


def held(k, steps):
    """The value at the end stays: optax, keras, timm; torch where a schedule has no way back."""
    return min(k, steps) / steps


def goes_on(k, steps):
    """The formula goes on, so that a cosine rises again and is back at 2·steps: torch, transformers, pytorch_optimizer."""
    return k / steps


def stretched(k, steps):
    """At the end it jumps up, to a longer period that ends at the next multiple of steps: keras with cycle=True."""
    return k / (steps * max(1, math.ceil(k / steps)))
