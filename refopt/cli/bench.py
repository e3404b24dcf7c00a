"""Timings, measured side by side in one run where they are ratios. ``train``: one training step of several networks (loss,
gradient, Adam) against PyTorch's and JAX's, on one thread, about 45 s; ``proof``: the time of a proof."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt bench``."""
    parser.add_argument("what", choices=["train", "proof"], help="what is timed")
    parser.add_argument("--only", metavar="CASES", help="train: some of the networks, e.g. mlp-64,cnn-28 (default: all)")
    parser.add_argument("--blocks", type=int, default=40, help="train: how often the libraries take turns (default: 40)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the timings."""
    from refopt import bench

    if options.blocks < 1:
        raise ValueError(f"--blocks must be at least 1, got {options.blocks}")
    if options.what == "proof" and options.only is not None:
        raise ValueError("--only goes with train")
    if options.what == "proof":
        result = bench.proof()
    else:
        result = bench.train(_names(options.only), options.blocks, _progress)
    if options.json:
        print(json.dumps(result, indent=2, allow_nan=False))
    elif options.what == "proof":
        print(f"{result['what']}: {result['seconds']:.2f} s (median of 5)")
    else:
        _print_training(result)


def _names(only: str | None) -> list[str] | None:
    return None if only is None else [name.strip() for name in only.split(",") if name.strip()]


def _progress(row: dict[str, Any]) -> None:
    print(f"timed {row['case']}", file=sys.stderr, flush=True)


def _print_training(result: dict[str, Any]) -> None:
    """Two tables: the times with their ratios, and the losses that show that all did the same work."""
    from refopt.cli.tables import print_rows

    rows, versions = result["cases"], result["versions"]
    missing = "–" if {"jax", "optax"} <= versions.keys() else "not installed"
    times, losses = [], []
    for row in rows:
        line = [row["case"], row["network"], str(row["batch"]), _time(row["refopt"])]
        for library in ("torch", "jax"):
            line += [_time(row[library]), _ratio(row[library])] if row[library] else [missing, ""]
        times.append(line)
        lost = [f"{row[library]['loss']:.6f}" if row[library] else missing for library in ("refopt", "torch", "jax")]
        losses.append([row["case"], str(row["steps"]), *lost])
    print(f"{result['what']}\n")
    print_rows(["case", "network", "batch", "refopt", "torch", "torch/refopt", "jax", "jax/refopt"], times, left=2)
    print("\nLoss after a block of so many steps from the same start:\n")
    print_rows(["case", "steps", "refopt", "torch", "jax"], losses)
    busy = [row[library]["busy"] for row in rows for library in ("refopt", "torch", "jax") if row[library]]
    print(f"\nMedians of {rows[0]['blocks']} blocks in turns; ratios with their quartiles over the blocks. ", end="")
    print(f"Threads at work: {min(busy):.2f} to {max(busy):.2f}.")
    print(", ".join(f"{name} {number}" for name, number in versions.items()) + f"; {result['cpu']}.")


def _time(result: dict[str, Any]) -> str:
    return f"{result['us']:.1f} µs" if result["us"] < 1000 else f"{result['us'] / 1000:.2f} ms"


def _ratio(result: dict[str, Any]) -> str:
    low, middle, high = result["ratio"]
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
