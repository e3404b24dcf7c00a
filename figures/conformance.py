"""Draw figures/conformance.svg, and write its numbers beside it: what ``refopt conformance`` does, into this folder."""

from pathlib import Path

from refopt.cli import main

folder = Path(__file__).parent
status = main(["conformance", "--out", str(folder)])
(folder / "conformance.png").unlink(missing_ok=True)  # the SVG is enough here
raise SystemExit(status)
