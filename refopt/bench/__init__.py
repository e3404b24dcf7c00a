"""Honest timings: `train`, a training step beside other libraries; `proof`, the time of a proof; `landscape`, of a surface.

What is compared starts from the same parameters, sees the same batches, takes turns in one process on one thread, and comes to
the same loss, which is shown beside the times.
"""

from refopt.bench.cases import CASES, Case
from refopt.bench.landscapes import landscape
from refopt.bench.proving import proof
from refopt.bench.training import timed, train
from refopt.bench.turns import Timing, interleaved

__all__ = ["CASES", "Case", "Timing", "interleaved", "landscape", "proof", "timed", "train"]
