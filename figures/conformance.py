"""Which library runs which optimizer as its paper has it. A number: the paper's digits, off by so many units in the last
place; a letter: another arithmetic under the same name. Look along a row to see whom a port may be compared to.

Drawn from the numbers in conformance.json; ``refopt conformance --out figures`` measures them again, in about four minutes.
"""

import json
import math
from pathlib import Path

from refopt import view
from refopt.golden.conformance import Conformity

folder = Path(__file__).parent
rows = json.loads((folder / "conformance.json").read_text(encoding="utf-8"))
found = [Conformity(**row | {"ulps": math.nan if row["ulps"] is None else row["ulps"]}) for row in rows]
view.save(view.conformance_figure(found), folder, "conformance", kinds=["svg"])
