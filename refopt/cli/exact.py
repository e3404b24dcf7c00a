"""Walk a rule in float64 and prove, step by step, what the exact result rounds to: the digits side by side, and the error
of the floating-point run in units in the last place (ulp)."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from refopt.cli.choice import add_choice, chosen

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt exact``."""
    add_choice(parser, steps=10)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the float64 run beside the proof."""
    import numpy as np

    import refopt
    from refopt.cli.tables import print_rows

    rule, problem = chosen(options)
    records: list[dict[str, Any]] = []
    with np.errstate(all="ignore"):
        for record in refopt.walk(rule, problem.start, problem.grad, options.steps):
            if not np.isfinite(record["theta"]).all():
                raise ValueError(
                    f"{rule.name} leaves for infinity on {problem.name} at step {len(records) + 1}; give a smaller --lr"
                )
            records.append(record)
    # The gradients of the floating-point run are the input of both, so that only the rule's own arithmetic differs.
    proofs = refopt.exact.prove(rule, problem.start, [record["g"] for record in records])
    steps = [_compare(number, *pair) for number, pair in enumerate(zip(records, proofs, strict=True), 1)]
    if options.json:
        print(json.dumps({"rule": repr(rule), "problem": problem.name, "steps": steps}, indent=2, allow_nan=False))
        return
    print(f"{rule}\non {problem.name}, theta[0]; proven digits are those of the exact real result, which is enclosed\n")
    head = ["step", "float64", "exact", "±", "proven float64", "error", "worst name", "its error", "allowed"]
    rows = [
        [
            str(step["step"]),
            repr(step["float64"]),
            step["digits"],
            f"{step['radius']:.0e}" if step["radius"] is not None else "undefined",
            repr(step["proven"]),
            _ulp(step["ulps"]),
            step["worst_name"],
            _ulp(step["worst_ulps"]),
            _ulp(step["worst_budget"]),
        ]
        for step in steps
    ]
    print_rows(head, rows)
    print(
        "\nerror: of theta[0], in ulp. worst name: the name of the step that lost most; allowed: what an honest float64"
        "\nimplementation may lose there, proven on balls that hold all of them."
    )


def _compare(number: int, record: dict[str, Any], proof: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    from refopt.exact import Proof

    errors = {name: proof[name].error(x) for name, x in record.items() if isinstance(proof.get(name), Proof)}
    worst = max(errors, key=lambda name: float(errors[name].max()))
    theta = proof["theta"]
    return {
        "step": number,
        "float64": float(record["theta"][0]),
        "digits": theta.balls[0].ball.str(30, radius=False),
        "radius": _finite(float(theta.radius[0])),
        "bits": theta.bits,
        "proven": _finite(float(theta.value[0])),
        "ulps": _finite(float(errors["theta"][0])),
        "worst_name": worst,
        "worst_ulps": _finite(float(errors[worst].max())),
        "worst_budget": _finite(float(np.max(proof[worst].ulps))),
    }


def _finite(x: float) -> float | None:
    return x if math.isfinite(x) else None


def _ulp(x: float | None) -> str:
    if x is None:
        return "no bound"
    return f"{x:.0f}" if x >= 10 or x == int(x) else f"{x:.1f}"
