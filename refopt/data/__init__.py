"""Data sets: handwritten digits, shipped with the package."""

from refopt.data.digits import digits
from refopt.data.split import Split, class_counts, split

__all__ = ["Split", "class_counts", "digits", "split"]
