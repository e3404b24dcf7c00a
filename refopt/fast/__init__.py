"""Other ways to run the same step: never the formula again, always a replay of the rule's own text, equal to it in every bit."""

from refopt.fast.blocked import update_

__all__ = ["update_"]
