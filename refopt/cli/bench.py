"""Timings, measured side by side in one run where they are ratios. ``train``: one training step against PyTorch's; ``proof``:
the time of a proof."""

from __future__ import annotations

import argparse
import json

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt bench``."""
    parser.add_argument("what", choices=["train", "proof"], help="what is timed")
    parser.add_argument("--blocks", type=int, default=40, help="how often the two take turns (default: 40)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the timing."""
    from refopt import bench

    if options.blocks < 1:
        raise ValueError(f"--blocks must be at least 1, got {options.blocks}")
    result = bench.train(options.blocks) if options.what == "train" else bench.proof()
    if options.json:
        print(json.dumps(result, indent=2))
        return
    if options.what == "proof":
        print(f"{result['what']}: {result['seconds']:.2f} s (median of 5)")
        return
    print(f"{result['what']}\n")
    print(f"    refopt {result['refopt_us']:8.1f} µs    loss after a block {result['refopt_loss']:.6f}")
    print(f"    torch  {result['torch_us']:8.1f} µs    loss after a block {result['torch_loss']:.6f}")
    print(f"    ratio  {result['ratio']:8.2f}")
    print(f"\nMedians of {result['steps']} interleaved steps; NumPy {result['numpy']}, torch {result['torch']}, ", end="")
    print(f"Python {result['python']}, {result['cpu']}.")
