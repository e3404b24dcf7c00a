"""Toy functions with what is known of them: gradient, minima, a start, and the trap that each sets."""

from refopt.problems.toys import Problem, get, names

__all__ = ["Problem", "get", "names"]
