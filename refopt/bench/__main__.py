"""``python -m refopt.bench train|step BLOCKS NAME …``: time these here, and print the row of each as one line of JSON."""

from __future__ import annotations

import json
import sys

from refopt.bench import training, updates
from refopt.bench.process import one_core

TIMED = {"train": training.timed, "step": updates.timed}


def main(what: str, blocks: str, *names: str) -> int:
    """Time them; 130 when interrupted."""
    one_core()
    try:
        for name in names:
            print(json.dumps(TIMED[what](name, int(blocks)), allow_nan=False), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
