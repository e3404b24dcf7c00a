"""Data sets: handwritten digits, shipped with the package."""

from refopt.data.digits import Split, digits

__all__ = ["Split", "digits"]
