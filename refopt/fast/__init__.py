"""Other ways to run the same step: never the formula again, but a replay of the rule's own text, equal to it in every bit."""

from refopt.fast.blocked import update_, why_not
from refopt.fast.ways import use, using

__all__ = ["update_", "use", "using", "why_not"]
