"""The same step on balls: proofs of the correctly rounded value of every name of a step.

A ball is a midpoint with a radius that encloses the exact result of real arithmetic (Arb, through python-flint). The rule's
own text runs on object arrays of balls; where the ball lies between two rounding boundaries, the rounded digit is proven.

    proofs = refopt.exact.prove(refopt.adam(), theta, gradients)
    proofs[0]["m_hat"].value      # after the first step: correctly rounded to float64

Needs python-flint: ``pip install python-flint``.
"""

try:
    import flint as _flint  # noqa: F401
except ImportError as error:
    raise ImportError("refopt.exact needs python-flint: pip install python-flint") from error

from refopt.exact.ball import Ball, Undecided, balls, working_precision
from refopt.exact.derivative import Dual, gradient_enclosure
from refopt.exact.proof import Proof, prove
from refopt.exact.rounding import FORMATS, Format, ulps_between

__all__ = [
    "FORMATS",
    "Ball",
    "Dual",
    "Format",
    "Proof",
    "Undecided",
    "balls",
    "gradient_enclosure",
    "prove",
    "ulps_between",
    "working_precision",
]
