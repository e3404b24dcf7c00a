"""One update by Adam, for a hundred to a hundred million parameters, in refopt and other libraries.

Flat is good: where a line is flat, a parameter costs the same however many there are. At the left the calls cost more than the
work, at the right the memory does; the grey, reading and writing the same bytes and nothing else, is the floor. Below: how many
times as long as that each takes. The numbers lie in bench.json, measured by
`refopt bench step --only "adam 1e2..1e8" --out figures`; they are one machine's on one day.
"""

import json
from pathlib import Path

from refopt import view

folder = Path(__file__).parent
view.save(view.updates_figure(json.loads((folder / "bench.json").read_text())), folder, "bench", kinds=["svg"])
