"""Timings, measured side by side in one run where they are ratios, on one thread. ``train``: one training step of several
networks (loss, gradient, Adam) beside PyTorch and JAX, about 40 s. ``step``: one update of ten million parameters by each of
several rules, and of a thousand small tensors, beside torch.optim and Optax, about two minutes. ``proof``, ``import``: the time
of a proof, of an import. ``race``: a thousand starts at once beside one by one, about 2 s. ``landscape``: a loss
surface, and what is found out about curvature, about 20 s."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt bench``."""
    parser.add_argument("what", choices=list(BENCHES), help="what is timed")
    parser.add_argument(
        "--only", metavar="CASES", help="some cases: of train e.g. mlp-64,cnn-28, of step adam,adam 1e3,sgd 50x400"
    )
    parser.add_argument("--blocks", type=int, help="how often the libraries take turns (default: 30 for train, 5 for step)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(options: argparse.Namespace) -> None:
    """Print the timings."""
    if options.blocks is not None and options.blocks < 1:
        raise ValueError(f"--blocks must be at least 1, got {options.blocks}")
    if options.what not in IN_TURNS and (options.only is not None or options.blocks is not None):
        raise ValueError(f"--only and --blocks go with {' and '.join(IN_TURNS)}")
    BENCHES[options.what](options)


def _train(options: argparse.Namespace) -> None:
    from refopt import bench

    result = bench.train(_names(options.only), options.blocks or 30, _progress)
    _print(result, options.json, _print_training)


def _step(options: argparse.Namespace) -> None:
    from refopt import bench

    result = bench.step(_names(options.only), options.blocks or 5, _progress)
    _print(result, options.json, _print_steps)


def _proof(options: argparse.Namespace) -> None:
    from refopt import bench

    _print(bench.proof(), options.json, lambda found: print(f"{found['what']}: {found['seconds']:.2f} s (median of 5)"))


def _import(options: argparse.Namespace) -> None:
    from refopt import bench

    def show(found: dict[str, Any]) -> None:
        print(f"{found['what']}: {found['seconds']:.3f} s, of which NumPy {found['of which numpy']:.3f} s")

    _print(bench.importing(), options.json, show)


def _race(options: argparse.Namespace) -> None:
    from refopt import bench

    _print(bench.population(), options.json, _print_population)


def _landscape(options: argparse.Namespace) -> None:
    from refopt import bench

    def show(found: dict[str, Any]) -> None:
        for what, seconds in found["seconds"].items():
            print(f"{seconds:7.2f} s  {what}")
        print(f"{found['what']}; {found['cpu']}")

    _print(bench.landscape(), options.json, show)


IN_TURNS = ("train", "step")  # these compare, and take --only and --blocks
BENCHES = {"train": _train, "step": _step, "proof": _proof, "import": _import, "race": _race, "landscape": _landscape}


def _print(result: dict[str, Any], as_json: bool, show: Any) -> None:
    if as_json:
        print(json.dumps(result, indent=2, allow_nan=False))
    else:
        show(result)


def _print_population(result: dict[str, Any]) -> None:
    """Both times, and the losses, which show that both did the same work."""
    together, alone = result["loss"]["together"], result["loss"]["alone"]
    print(f"{result['what']}\n")
    print(f"as one array program  {result['seconds'] * 1000:9.1f} ms   mean loss of the sample {together!r}")
    print(f"one by one            {result['one_by_one'] * 1000:9.0f} ms   mean loss of the sample {alone!r}")
    ratio, sample = _ratio(result["ratio"]), f"measured on {result['sample']} starts and scaled up"
    print(f"\nOne by one takes {ratio} times as long: medians of {result['blocks']} blocks, in turns, with")
    print(f"the quartiles; {sample}. NumPy {result['versions']['numpy']}; {result['cpu']}.")


def _names(only: str | None) -> list[str] | None:
    return None if only is None else [name.strip() for name in only.split(",") if name.strip()]


def _progress(row: dict[str, Any]) -> None:
    print(f"timed {row['case']}", file=sys.stderr, flush=True)


def _print_steps(result: dict[str, Any]) -> None:
    """The times with their ratios, and how far they are from what the memory alone would take."""
    from refopt.cli.tables import print_rows

    lines = []
    for row in result["cases"]:
        case = [row["case"] if " " in row["case"] else f"{row['case']} {row['parameters']:.0e}".replace("e+0", "e")]
        for library, one in row["libraries"].items():
            limit = f"{one['us'] / row['memory_us']:.1f}" if row["tensors"] == 1 else ""
            lines.append([*case, library, _time(one["us"]), _ratio(one.get("ratio")), limit, f"{one['first']:.6f}"])
            case = [""]
    first = next(iter(result["cases"][0]["libraries"]))
    print(f"{result['what']}\n")
    print_rows(["case", "library", "one update", f"as long as {first}", "as long as memory", "first parameter"], lines, left=2)
    print(
        f"\nMedians of {result['cases'][0]['blocks']} blocks, in turns; as long as {first}, with quartiles over the blocks; ",
        end="",
    )
    print("as long as reading\nand writing as many bytes. ", end="")
    peak = max(row["peak_bytes"] for row in result["cases"])
    print(f"Memory of blocked steps beside these arrays: at most {peak / 1024:.0f} KiB. ", end="")
    print(", ".join(f"{name} {number}" for name, number in result["versions"].items()) + f"; {result['cpu']}.")


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


def _ratio(quartiles: Sequence[float] | None) -> str:
    if quartiles is None:
        return "1"
    low, middle, high = quartiles
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"
