"""Other ways to run the same step: never the formula again, but a replay of the rule's own text, equal to it in every bit."""

from refopt.fast.blocked import update_, why_not
from refopt.fast.stacked import why_not_stacked
from refopt.fast.threads import get_num_threads, set_num_threads
from refopt.fast.ways import WAYS, use, using, way

__all__ = ["WAYS", "get_num_threads", "set_num_threads", "update_", "use", "using", "way", "why_not", "why_not_stacked"]
