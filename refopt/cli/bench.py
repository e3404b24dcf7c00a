"""Timings, measured side by side in one run where they are ratios; without --threads on one thread. What is compiled is so
before the turns that count. ``step``: one update of ten million parameters by each of several rules, and of a thousand small
tensors, beside torch.optim, Optax and the memory alone, about three minutes. ``train``: one training step of several networks
(loss, gradient, Adam) beside PyTorch and JAX, about a minute. ``race``: a thousand starts at once beside one by one, seconds.
``landscape``: a loss surface, and what is found out about curvature, about a minute. ``proof``, ``import``: the time of a
proof, of an import, seconds. ``gpu``: one update of a hundred million parameters on CuPy beside torch's on CUDA."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt bench``."""
    parser.add_argument("what", choices=list(BENCHES), help="what is timed")
    parser.add_argument(
        "--only",
        metavar="CASES",
        help="some cases: of train e.g. mlp-64,cnn-28, of step and gpu adam,adam 1e3,sgd 50x400,adamw 1e2..1e8",
    )
    parser.add_argument("--blocks", type=int, help="how often the libraries take turns (default: 30 for train, else 5)")
    parser.add_argument("--threads", type=int, help="on how many threads all take part in step (default: 1)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--out", metavar="DIR", help="write bench.json into DIR, of step with several sizes also bench.svg")


def run(options: argparse.Namespace) -> None:
    """Print the timings."""
    if options.blocks is not None and options.blocks < 1:
        raise ValueError(f"--blocks must be at least 1, got {options.blocks}")
    if options.what not in IN_TURNS and (options.only is not None or options.blocks is not None):
        raise ValueError(f"--only and --blocks go with {', '.join(IN_TURNS[:-1])} and {IN_TURNS[-1]}")
    if options.what != "step" and options.threads is not None:
        raise ValueError("--threads goes with step")
    if options.out is not None:
        from refopt.cli.directory import demand_writable

        if options.what == "gpu":
            from refopt.bench.gpu import device_library

            device_library()  # without one no folder is made
        demand_writable(options.out)
    measure, show = BENCHES[options.what]
    result = measure(options)
    if options.out is not None:
        _write(result, options.out)
    if options.json:
        print(json.dumps(result, indent=2, allow_nan=False))
    else:
        show(result)


def _write(result: dict[str, Any], directory: str) -> None:
    """The result as a file, whole or not at all; and the figure of a rule's sizes, where there are two or more."""
    from pathlib import Path

    from refopt.training.files import write_whole

    text = json.dumps(result, indent=2, allow_nan=False) + "\n"
    write_whole(Path(directory) / "bench.json", lambda file: file.write(text.encode()))
    sizes: dict[str, int] = {}
    for row in result.get("cases", ()):
        if "memory_us" in row and row["tensors"] == 1:
            sizes[row["rule"]] = sizes.get(row["rule"], 0) + 1
    drawn = [rule for rule, count in sizes.items() if count > 1]
    if drawn:
        try:
            from refopt import view
        except ImportError as error:
            print(f"no figure is drawn: {error}", file=sys.stderr)
            return
        view.save(view.updates_figure(result, drawn[0]), directory, "bench", kinds=["svg"])


def _train(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.train(_names(options.only), options.blocks or 30, _progress)


def _step(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.step(_names(options.only), options.blocks or 5, _progress, 1 if options.threads is None else options.threads)


def _gpu(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.gpu(_names(options.only), options.blocks or 5, _progress)


def _proof(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.proof()


def _import(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.importing()


def _race(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.population()


def _landscape(options: argparse.Namespace) -> dict[str, Any]:
    from refopt import bench

    return bench.landscape()


def _names(only: str | None) -> list[str] | None:
    return None if only is None else [name.strip() for name in only.split(",") if name.strip()]


def _progress(row: dict[str, Any]) -> None:
    print(f"timed {row['case']}", file=sys.stderr, flush=True)


def _print_population(result: dict[str, Any]) -> None:
    """Both times, and the losses, which show that both did the same work."""
    together, alone = result["loss"]["together"], result["loss"]["alone"]
    print(f"{result['what']}\n")
    print(f"as one array program  {result['seconds'] * 1000:9.1f} ms   mean loss of the sample {together!r}")
    print(f"one by one            {result['one_by_one'] * 1000:9.0f} ms   mean loss of the sample {alone!r}")
    _note(
        f"One by one takes {_ratio(result['ratio'])} times as long: medians of {_blocks(result['blocks'])}, in turns, with the",
        f"quartiles; measured on {result['sample']} starts and scaled up.",
        f"New memory of all at once: {_mebi(result['peak_bytes']) or 'not known here'}.",
        _origin(result),
    )


def _print_proof(result: dict[str, Any]) -> None:
    """The time, as a multiple of that of the walk alone."""
    print(f"{result['what']}: {_time(result['seconds'] * 1e6)}")
    _note(
        f"Median of {result['rounds']}, quartiles {_spread(result['spread'])}; {_ratio(result['ratio'])} times as long as the",
        f"same walk without a proof, in turns. New memory: {_mebi(result['peak_bytes']) or 'not known here'}.",
        _origin(result),
    )


def _print_import(result: dict[str, Any]) -> None:
    """The time beyond that of Python, and that of NumPy."""
    print(f"{result['what']}: {_time(result['seconds'] * 1e6)}, of which NumPy {_time(result['of which numpy'] * 1e6)}")
    _note(
        f"Median of {result['rounds']}, quartiles {_spread(result['spread'])}; the whole process takes",
        f"{_ratio(result['ratio'])} times as long as one that imports NumPy, in turns.",
        _origin(result),
    )


def _print_landscape(result: dict[str, Any]) -> None:
    """The times, and of how many gradients that is the time."""
    from refopt.cli.tables import print_rows

    lines = []
    for what, seconds in result["seconds"].items():
        gradients, new = f"{result['gradients'][what]:.0f}", _mebi(result["peak_bytes"][what])
        lines.append([what, _time(seconds * 1e6), _spread(result["spread"][what]), gradients, new])
    print(f"{result['what']}\n")
    print_rows(["work", "time", "quartiles", "gradients", "new memory"], lines)
    _note(
        f"Medians of {result['rounds']} rounds, in turns; gradients: how many times as long as one gradient over all digits",
        f"({_time(result['gradient_seconds'] * 1e6)}).",
        _origin(result),
    )


def _print_steps(result: dict[str, Any]) -> None:
    """The times with their ratios, and how far they are from what the memory alone would take."""
    from refopt.cli.tables import print_rows

    rows, lines = result["cases"], []
    for row in rows:
        case = [row["case"] if " " in row["case"] else f"{row['case']} {row['parameters']:.0e}".replace("e+0", "e")]
        for library, one in row["libraries"].items():
            limit = f"{one['memory'][1]:.1f}" if row["tensors"] == 1 else ""
            new = _mebi(one["peak_bytes"])
            lines.append([*case, library, _time(one["us"]), _ratio(one.get("ratio")), limit, new, f"{one['first']:.6f}"])
            case = [""]
    first = next(iter(rows[0]["libraries"]))
    head = ["case", "library", "one update", f"as long as {first}", "as long as memory", "new memory", "first parameter"]
    print(f"{result['what']}\n")
    print_rows(head, lines, left=2)
    traced, pieces = (max(row[name] for row in rows) for name in ("traced_bytes", "piece"))
    _note(
        f"Medians of {_blocks(rows[0]['blocks'])}, in turns, after two for what is compiled or touched for the first time.",
        f"As long as {first}: with the quartiles over the blocks. As long as memory: as reading and writing as many bytes,",
        "which takes its turns with the others. New memory: the most that two steps take beside theta, gradient and state, as",
        f"the system counts it; a blocked step takes {traced / 1024:.0f} KiB at most by Python's count, in pieces of up to",
        f"{pieces} entries.",
        f"Not installed here: {', '.join(result['missing'])}." if result["missing"] else "",
        _busy(rows),
        _origin(result),
    )


def _print_gpu(result: dict[str, Any]) -> None:
    """The times on the device, how far they are from its copies, and that refopt's numbers are NumPy's."""
    from refopt.cli.tables import print_rows

    rows, lines = result["cases"], []
    for row in rows:
        case = [row["case"]]
        for library, one in row["libraries"].items():
            said = [_time(one["us"]), _ratio(one.get("ratio")), f"{one['memory'][1]:.2f}", _time(one["call_us"])]
            lines.append([*case, library, *said, f"{one['first']:.6f}"])
            case = [""]
    head = ["case", "library", "one update", "as long as refopt", "as long as a copy", "the call", "first parameter"]
    print(f"{result['what']}\n")
    print_rows(head, lines, left=2)
    _note(
        f"Medians of {_blocks(rows[0]['blocks'])}, in turns, after two for what is compiled, by events on the device; with the",
        "quartiles over the blocks. As long as a copy on the device that reads and writes as many bytes. The call: until",
        "Python goes on, while the device works.",
        *map(_on_device, rows),
        result["torch"],
        f"{result['device']}.",
        _origin(result),
    )


def _on_device(row: dict[str, Any]) -> str:
    """How fast copies are, and that the numbers are NumPy's."""
    off = "has numbers where NumPy has none, or the other way round"
    if row["ulps"] is not None:
        off = f"is {row['ulps']:.3g} ulps off NumPy's at most"
    return (
        f"{row['case']}: copies move {row['gigabytes_per_second']:.0f} GB/s; theta of {row['compared']} entries {off} "
        f"after {row['compared_steps']} steps; {row['transfers']} transfers in a step."
    )


def _print_training(result: dict[str, Any]) -> None:
    """The times with their ratios, beside the losses, which show that all did the same work."""
    from refopt.cli.tables import print_rows

    rows, lines = result["cases"], []
    for row in rows:
        case = [row["case"], row["network"], f"{row['batch']}"]
        for library, one in row["libraries"].items():
            said = ["not installed", "", "", ""]
            if one:
                said = [_time(one["us"]), _ratio(one.get("ratio")), _mebi(one["peak_bytes"]), f"{one['loss']:.6f}"]
            lines.append([*case, library, *said])
            case = ["", "", ""]
    head = ["case", "network", "batch", "library", "one step", "as long as refopt", "new memory", "loss after a block"]
    print(f"{result['what']}\n")
    print_rows(head, lines, left=4)
    _note(
        f"Medians of {_blocks(rows[0]['blocks'])}, in turns, after two for what is compiled; how many times as long as refopt,",
        "with the quartiles over the blocks. New memory: the most that parameters, optimizer and three steps take.",
        "A block: " + ", ".join(f"{row['steps']} steps ({row['case']})" for row in rows) + ".",
        _busy(rows),
        _origin(result),
    )


def _note(*sentences: str) -> None:
    """Words below a table, in lines of one width."""
    from textwrap import fill

    words = " ".join(filter(None, sentences))
    print("\n" + fill(words, 120, break_on_hyphens=False))


def _blocks(count: int) -> str:
    return "1 block" if count == 1 else f"{count} blocks"


def _busy(rows: list[dict[str, Any]]) -> str:
    """How many threads really worked."""
    busy = [one["busy"] for row in rows for one in row["libraries"].values() if one]
    low, high = f"{min(busy):.2f}", f"{max(busy):.2f}"
    return f"Threads at work: {low} to {high} (less than 1: the machine had other work)."


def _origin(result: dict[str, Any]) -> str:
    """When and on what it was measured."""
    packages = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return f"{result['date']}; {packages}; {result['cpu']}, {result['system']}."


def _time(microseconds: float) -> str:
    if microseconds < 1000:
        return f"{microseconds:.1f} µs"
    return f"{microseconds / 1000:.2f} ms" if microseconds < 1e6 else f"{microseconds / 1e6:.2f} s"


def _spread(seconds: Sequence[float]) -> str:
    """The quartiles around a median."""
    return f"{_time(seconds[0] * 1e6)} to {_time(seconds[2] * 1e6)}"


def _mebi(count: int | None) -> str:
    """Bytes as a column of a table has them; nothing where they could not be asked for."""
    return "" if count is None else f"{count / 2**20:.1f} MiB"


def _ratio(quartiles: Sequence[float] | None) -> str:
    if quartiles is None:
        return "1"
    low, middle, high = quartiles
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


BENCHES: dict[str, tuple[Callable[[argparse.Namespace], dict[str, Any]], Callable[[dict[str, Any]], None]]] = {
    "step": (_step, _print_steps),
    "train": (_train, _print_training),
    "race": (_race, _print_population),
    "landscape": (_landscape, _print_landscape),
    "proof": (_proof, _print_proof),
    "import": (_import, _print_import),
    "gpu": (_gpu, _print_gpu),
}
IN_TURNS = ("train", "step", "gpu")  # whose cases can be chosen
