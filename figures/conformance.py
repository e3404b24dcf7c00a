"""Draw figures/conformance.svg, and write its numbers beside it: what ``refopt conformance`` does, into this folder."""

from pathlib import Path

from refopt.cli import main

raise SystemExit(main(["conformance", "--out", str(Path(__file__).parent)]))
