"""``python -m refopt.bench train|step BLOCKS THREADS NAME …``: time these here; each row is printed as one line of JSON."""

from __future__ import annotations

import json
import sys

from refopt.bench import training, updates
from refopt.bench.process import keep_to

TIMED = {"train": training.timed, "step": updates.timed}


def main(what: str, blocks: str, threads: str, *names: str) -> int:
    """Time them; 130 when interrupted."""
    keep_to(int(threads))
    try:
        for name in names:
            print(json.dumps(TIMED[what](name, int(blocks)), allow_nan=False), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
