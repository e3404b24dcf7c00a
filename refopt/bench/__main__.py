"""``python -m refopt.bench BLOCKS CASE …``: time the cases here, and print the row of each as one line of JSON."""

from __future__ import annotations

import json
import sys

from refopt.bench.training import one_core, timed


def main(blocks: str, *names: str) -> int:
    """Time the cases; 130 when interrupted."""
    one_core()
    try:
        for name in names:
            print(json.dumps(timed(name, int(blocks)), allow_nan=False), flush=True)
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
