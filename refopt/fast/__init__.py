"""Other ways to run the same step: never the formula again, but a replay of the rule's own text, equal to it in every bit.

``rule.update_`` chooses. An elementwise rule, also around other rules, runs "blocked", or after ``use("fused")`` compiled by
numba; the loops are kept in the user's cache directory (``~/.cache/refopt`` on Linux), or where ``REFOPT_CACHE`` says. From
half a million entries on it uses every core, or as many threads as `set_num_threads` or ``OMP_NUM_THREADS`` say. In a list or
dict, tensors of up to 8,192 entries step together. A rule that needs each tensor's norm or shape steps tensors of one shape,
of up to 16 KiB and at least four of them, as one stack. On a device a step is one kernel for each tensor. Everything else
makes the plain step, whose results are copied.

`why_not` and `why_not_stacked` say for a rule, also one of your own, what stands in the way; in its step, take what
`refopt.numbers` has (sqrt, where, maximum, clipped, norm, …) from there.
"""

from refopt.fast.blocked import update_, why_not
from refopt.fast.stacked import why_not_stacked
from refopt.fast.threads import get_num_threads, set_num_threads
from refopt.fast.ways import WAYS, use, using, way

__all__ = ["WAYS", "get_num_threads", "set_num_threads", "update_", "use", "using", "way", "why_not", "why_not_stacked"]
