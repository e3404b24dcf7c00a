"""Honest timings: `train`, a training step beside other libraries; `step`, the update alone, and `gpu` on a GPU; `proof`,
`importing`, `population` and `landscape`, the time of a proof, of an import, of a race of many starts and of a surface.

What is compared starts from the same parameters, sees the same batches, takes turns in one process on as many threads (one,
unless more are asked for), and comes to the same loss, which is shown beside the times.
"""

from refopt.bench.cases import CASES, Case
from refopt.bench.gpu import gpu
from refopt.bench.importing import importing
from refopt.bench.landscapes import landscape
from refopt.bench.populations import population
from refopt.bench.proving import proof
from refopt.bench.training import timed, train
from refopt.bench.turns import Timing, interleaved
from refopt.bench.updates import UPDATES, Update, step

__all__ = [
    "CASES", "UPDATES", "Case", "Timing", "Update", "gpu", "importing", "interleaved", "landscape", "population", "proof",
    "step", "timed", "train",
]  # fmt: skip
