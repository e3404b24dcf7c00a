"""Honest timings: `train`, a training step beside other libraries; `step`, the update alone; `proof` and `importing`,
the time of a proof and of an import.

What is compared starts from the same parameters, sees the same batches, takes turns in one process on one thread, and comes to
the same loss, which is shown beside the times.
"""

from refopt.bench.cases import CASES, Case
from refopt.bench.importing import importing
from refopt.bench.proving import proof
from refopt.bench.training import timed, train
from refopt.bench.turns import Timing, interleaved
from refopt.bench.updates import UPDATES, Update, step

__all__ = ["CASES", "UPDATES", "Case", "Timing", "Update", "importing", "interleaved", "proof", "step", "timed", "train"]
