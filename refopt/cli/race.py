"""Train the digits network with every rule from the same start over the same batches, walk two toy functions, and write
race.png and race.svg; with --compare also compare.png and compare.svg, eight panels over the trainings. With --animate the
rules only walk a toy function, which is written as a page that plays (.html), a GIF or a film (.mp4). Progress goes to standard
error; --json prints one JSON document instead of the table."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from refopt.cli.directory import demand_writable
from refopt.cli.tables import print_rows

__all__ = ["arguments", "run"]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt race``."""
    parser.add_argument("--rules", metavar="A,B,…", help="which rules take part (default: all)")
    parser.add_argument("--epochs", type=int, default=None, help="passes over the training images (default: 40)")
    parser.add_argument("--seed", type=int, default=0, help="decides the start and the order of the batches (default: 0)")
    parser.add_argument("--out", metavar="DIR", default="refopt-out", help="where the figure goes (default: refopt-out)")
    parser.add_argument("--theme", default="light", help="the look of the figures: light (default) or dark")
    parser.add_argument("--compare", action="store_true", help="draw losses, ratios, time and memory side by side too")
    parser.add_argument("--animate", metavar="FILE", help="write an animation of the walks, FILE.html, .gif or .mp4, and stop")
    parser.add_argument("--on", metavar="PROBLEM", help="for --animate: beale or rosenbrock (default: beale)")
    parser.add_argument("-n", "--steps", type=int, help="for --animate: how many steps (default: 100)")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the table")
    parser.add_argument("--tune", action="store_true", help="find the table of learning rates again (about a minute), and stop")


def run(options: argparse.Namespace) -> None:
    """Run the race, or the search for the learning rates."""
    from refopt.training import racing

    chosen = None
    if options.rules is not None:
        chosen = [name.strip() for name in options.rules.split(",") if name.strip()]
        if not chosen:
            raise ValueError("--rules names no rule")
        if len(set(chosen)) < len(chosen):
            raise ValueError(f"--rules names a rule twice: {', '.join(chosen)}")
    if options.seed < 0:
        raise ValueError(f"--seed must be at least 0, got {options.seed}")
    if options.animate is not None:
        for word in ("compare", "tune", "epochs"):
            if getattr(options, word):
                raise ValueError(f"--{word} is of the race; --animate FILE only walks a toy function")
        _animate(racing, chosen, options)
        return
    for word in ("on", "steps"):
        if getattr(options, word) is not None:
            raise ValueError(f"--{word} goes with --animate FILE; the race itself has courses of its own")
    if options.tune:
        _tune(racing, chosen, options.json)
        return
    rules = racing.entrants(chosen)  # what is unknown or cannot be written is an error before the race, not after it
    demand_writable(options.out)
    epochs = racing.EPOCHS if options.epochs is None else options.epochs
    if epochs < 1:
        raise ValueError(f"--epochs must be at least 1, got {epochs}")
    from refopt import view

    look = view.theme(options.theme)
    racers = _race(racing, rules, epochs, options.seed)
    toys = [racing.toy_race(racing.entrants(chosen, toy), toy) for toy in racing.TOYS]
    with look:
        paths = view.save(view.race_figure(racers, toys), options.out, "race")
        if options.compare:
            histories = {racer.name: racer.history for racer in racers}
            title = f"{len(racers)} optimizers on the handwritten digits"
            paths += view.save(view.comparison_figure(histories, title), options.out, "compare")
    if options.json:
        print(json.dumps(_document(racers, epochs, options.seed, paths), indent=2, allow_nan=False))
    else:
        _print_table(racers, epochs, paths)


def _race(racing: Any, rules: list[Any], epochs: int, seed: int) -> list[Any]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:>10}"), BarColumn(), TextColumn("{task.fields[news]}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        tasks = {rule.name: progress.add_task(rule.name, total=epochs, news="") for rule in rules}

        def show(racer: Any) -> None:
            news = f"loss {racer.train_loss:.1e}  test {racer.test_accuracy:6.1%}"
            progress.update(tasks[racer.name], completed=len(racer.losses) - 1, news=news)

        return racing.race(rules, epochs, seed, show)


def _animate(racing: Any, chosen: list[str] | None, options: argparse.Namespace) -> None:
    """Walk the toy function and write the animation."""
    from refopt import problems, view

    on, steps = "beale" if options.on is None else options.on, 100 if options.steps is None else options.steps
    problem = problems.get(on)
    if on not in racing.TOYS:
        raise ValueError(f"no learning rates are tuned for {on}; --on takes {' or '.join(sorted(racing.TOYS))}")
    if steps < 1:
        raise ValueError(f"--steps must be at least 1, got {steps}")
    walks = racing.toy_race(racing.entrants(chosen, on), on, steps)
    with view.theme(options.theme):
        path = view.animate(walks, problem, options.animate)
    if options.json:
        lasts = [{"name": run.name, "lr": run.lr, "loss": run.losses[-1], "steps": len(run.path) - 1} for run in walks]
        print(json.dumps({"problem": on, "steps": steps, "animation": str(path), "rules": lasts}, indent=2, allow_nan=False))
    else:
        rows = [[run.name, f"{run.lr:g}", f"{run.losses[-1]:.2e}"] for run in sorted(walks, key=lambda run: run.losses[-1])]
        print_rows(["rule", "lr", f"loss after {steps} steps"], rows)
        print(f"\nAnimation: {path}")


def _tune(racing: Any, chosen: list[str] | None, as_json: bool) -> None:
    from rich.console import Console

    table: dict[str, dict[str, float]] = {}
    with Console(stderr=True).status("sweeping learning rates") as status:
        for name, course, lr in racing.tune(chosen):
            status.update(f"{name} on {course}: lr {lr:g}")
            table.setdefault(name, {})[course] = lr
    if as_json:
        print(json.dumps(table, indent=2))
        return
    courses = ("digits", *racing.TOYS)
    rows = [[name, *(f"{rates[course]:g}" for course in courses)] for name, rates in table.items()]
    print_rows(["rule", *(f"lr on {course}" for course in courses)], rows)
    shipped = {name: racing.LEARNING_RATES.get(name) for name in table}
    print("\nThis is the table that ships." if table == shipped else f"\nThe table that ships is another: {shipped}")


def _document(racers: list[Any], epochs: int, seed: int, paths: list[Path]) -> dict[str, Any]:
    from refopt import __version__
    from refopt.training.racing import BATCH_SIZE, SIZES

    def finite(x: float) -> float | None:
        return x if math.isfinite(x) else None

    return {
        "refopt": __version__,
        "net": SIZES,
        "batch_size": BATCH_SIZE,
        "epochs": epochs,
        "seed": seed,
        "figures": [str(path) for path in paths],
        "rules": [
            {
                "name": racer.name,
                "lr": racer.lr,
                "train_loss": finite(racer.train_loss),
                "test_accuracy": racer.test_accuracy,
                "epochs_to_95": racer.epochs_to_95,
                "seconds": racer.seconds,
                "state_bytes_per_parameter": racer.state_bytes_per_parameter,
            }
            for racer in racers
        ],
    }


def _print_table(racers: list[Any], epochs: int, paths: list[Path]) -> None:
    head = ["rule", "lr", "train loss", "test accuracy", "epochs to 95 %", "seconds", "state bytes/parameter"]
    rows = [
        [
            racer.name,
            f"{racer.lr:g}",
            f"{racer.train_loss:.2e}" if math.isfinite(racer.train_loss) else "diverged",
            f"{racer.test_accuracy:.1%}",
            str(racer.epochs_to_95) if racer.epochs_to_95 is not None else "never",
            f"{racer.seconds:.2f}",
            f"{racer.state_bytes_per_parameter:g}",
        ]
        for racer in sorted(racers, key=lambda racer: -racer.test_accuracy)
    ]
    print_rows(head, rows)
    from refopt.training.racing import remarks

    print(f"\nHandwritten digits (UCI, CC BY 4.0), float32, epochs: {epochs}. {remarks([racer.name for racer in racers])}")
    print(f"Figures: {', '.join(map(str, paths))}")
