"""Whether the two running means of Adam's family are corrected for their start: (what divides m, what divides v)."""

__all__ = ["both", "neither"]


def both(c1, c2):
    """m / c1 and v / c2: optax."""
    return c1, c2


def neither(c1, c2):
    """The raw means: Algorithm 2 of the Yogi paper."""
    return 1.0, 1.0
