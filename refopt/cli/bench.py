"""Timings, measured side by side in one run where they are ratios. ``train``: one training step of several networks (loss,
gradient, Adam) against PyTorch's and JAX's, on one thread, about 40 s; ``proof``: the time of a proof; ``landscape``: of a
loss surface and what else is found out about curvature."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt bench``."""
    parser.add_argument("what", choices=["train", "proof", "landscape"], help="what is timed")
    parser.add_argument("--only", metavar="CASES", help="train: some of the networks, e.g. mlp-64,cnn-28 (default: all)")
    parser.add_argument("--blocks", type=int, default=30, help="train: how often the libraries take turns (default: 30)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the timings."""
    from refopt import bench

    if options.blocks < 1:
        raise ValueError(f"--blocks must be at least 1, got {options.blocks}")
    if options.what != "train" and options.only is not None:
        raise ValueError("--only goes with train")
    if options.what == "proof":
        result = bench.proof()
    elif options.what == "landscape":
        result = bench.landscape()
    else:
        result = bench.train(_names(options.only), options.blocks, _progress)
    if options.json:
        print(json.dumps(result, indent=2, allow_nan=False))
    elif options.what == "proof":
        print(f"{result['what']}: {result['seconds']:.2f} s (median of 5)")
    elif options.what == "landscape":
        for what, seconds in result["seconds"].items():
            print(f"{seconds:7.2f} s  {what}")
        print(f"{result['what']}; {result['cpu']}")
    else:
        _print_training(result)


def _names(only: str | None) -> list[str] | None:
    return None if only is None else [name.strip() for name in only.split(",") if name.strip()]


def _progress(row: dict[str, Any]) -> None:
    print(f"timed {row['case']}", file=sys.stderr, flush=True)


def _print_training(result: dict[str, Any]) -> None:
    """The times with their ratios, beside the losses, which show that all did the same work."""
    from refopt.cli.tables import print_rows

    rows, lines = result["cases"], []
    for row in rows:
        case = [row["case"], row["network"], f"{row['batch']}"]
        for library, one in row["libraries"].items():
            said = [_time(one["us"]), _ratio(one.get("ratio")), f"{one['loss']:.6f}"] if one else ["not installed", "", ""]
            lines.append([*case, library, *said])
            case = ["", "", ""]
    print(f"{result['what']}\n")
    print_rows(["case", "network", "batch", "library", "one step", "as long as refopt", "loss after a block"], lines, left=4)
    busy = [one["busy"] for row in rows for one in row["libraries"].values() if one]
    print(
        f"\nMedians of {rows[0]['blocks']} blocks, in turns; how many times as long as refopt, with the quartiles over the ",
        end="",
    )
    print("blocks.\nA block: " + ", ".join(f"{row['steps']} steps ({row['case']})" for row in rows) + ".")
    print(f"Threads at work: {min(busy):.2f} to {max(busy):.2f} (less than 1: the machine had other work). ", end="")
    print(", ".join(f"{name} {number}" for name, number in result["versions"].items()) + f"; {result['cpu']}.")


def _time(microseconds: float) -> str:
    return f"{microseconds:.1f} µs" if microseconds < 1000 else f"{microseconds / 1000:.2f} ms"


def _ratio(quartiles: tuple[float, float, float] | None) -> str:
    if quartiles is None:
        return "1"
    low, middle, high = quartiles
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
