"""Train a network by a rule, on the handwritten digits unless told otherwise, and write history.csv, history.json, history.png
and history.svg. Progress goes to standard error; --json prints one JSON document instead of the table. With --checkpoint FILE
training that was stopped goes on from there: the same command with --resume, to the same bits."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from refopt.cli.choice import setting
from refopt.cli.directory import demand_writable
from refopt.recurrence import nearest

__all__ = ["DATA", "NETS", "SCHEDULES", "arguments", "run"]


def _digits() -> Any:
    from refopt.data import digits

    return digits()


def _mlp(data: Any, hidden: list[int]) -> Any:
    from refopt.nets import MLP

    return MLP([data.x_train.shape[1], *hidden, int(data.y_train.max()) + 1])


def _constant(k: int, lr: float, steps: int) -> float:
    return lr


def _linear(k: int, lr: float, steps: int) -> float:
    return lr * (1 - k / steps)


# What can be chosen by name; a line here is all that another one needs.
DATA: dict[str, Callable[[], Any]] = {"digits": _digits}  # () -> a Split
NETS: dict[str, Callable[[Any, list[int]], Any]] = {"mlp": _mlp}  # (the Split, the sizes of the hidden layers) -> a net
SCHEDULES: dict[str, Callable[[float, int], Any]] = {  # (learning rate, all updates) -> what refopt.train takes
    "constant": lambda lr, steps: partial(_constant, lr=lr, steps=steps),
    "linear": lambda lr, steps: partial(_linear, lr=lr, steps=steps),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt train``."""
    add = parser.add_argument
    add("--data", metavar="NAME", default="digits", help=f"what to learn: {', '.join(DATA)} (default: digits)")
    add("--net", metavar="NAME", default="mlp", help=f"what learns it: {', '.join(NETS)} (default: mlp)")
    add("--hidden", metavar="A,B,…", default="64,32", help="the sizes of the hidden layers (default: 64,32)")
    add("--rule", metavar="RULE", default="adam", help="a name from refopt list (default: adam)")
    add("--framework", help="read the rule as this library does: torch, optax, keras, …")
    add("--lr", type=float, help="the learning rate (default: the rule's own)")
    add("--set", metavar="WORD=VALUE", action="append", default=[], help="another hyper-parameter: --set beta1=0.95")
    add("--schedule", metavar="NAME", help=f"how the learning rate changes: {', '.join(SCHEDULES)} (default: not at all)")
    add("--epochs", type=int, default=20, help="passes over the training examples (default: 20)")
    add("--batch-size", type=int, default=32, help="examples in a batch (default: 32)")
    add("--seed", type=int, default=0, help="decides the start and the order of the batches (default: 0)")
    add("--patience", type=int, metavar="N", help="stop after N epochs without a lower validation loss; the best one is kept")
    add("--checkpoint", metavar="FILE", help="write where training stands after every epoch")
    add("--every", type=int, metavar="N", help="and after every N updates")
    add("--resume", action="store_true", help="go on from the checkpoint, where there is one")
    add("--out", metavar="DIR", default="refopt-out", help="where the history goes (default: refopt-out)")
    add("--json", action="store_true", help="print one JSON document instead of the table")
    add("--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> int:
    """Train, write the history and print its table; the status is 1 where training diverged."""
    import refopt

    data = _named(DATA, "data set", options.data)()
    net = _named(NETS, "net", options.net)(data, _sizes(options.hidden))
    hyper = dict(setting(text) for text in options.set) | ({} if options.lr is None else {"lr": options.lr})
    rule = refopt.rule(options.rule, options.framework, **hyper)
    schedule = None
    if options.schedule is not None:
        steps = options.epochs * (len(data.y_train) // options.batch_size) if options.batch_size > 0 else 0
        schedule = _named(SCHEDULES, "schedule", options.schedule)(rule.lr, max(steps, 1))
    demand_writable(options.out)
    history = refopt.train(
        net,
        rule,
        data,
        epochs=options.epochs,
        batch_size=options.batch_size,
        schedule=schedule,
        seed=options.seed,
        patience=options.patience,
        checkpoint=options.checkpoint,
        every=options.every,
        resume=options.resume,
        progress=not options.quiet,
    )
    title = f"{net} by {rule.name} on {options.data}"
    out = Path(options.out)
    paths = [history.to_csv(out / "history.csv"), history.to_json(out / "history.json"), *_figure(history, title, out)]
    if options.json:
        made = {"refopt": refopt.__version__, "data": options.data, "net": repr(net), "rule": repr(rule), "seed": options.seed}
        made |= {"batch_size": options.batch_size, "schedule": options.schedule, "files": [str(path) for path in paths]}
        print(json.dumps(made | history.document(), indent=2, allow_nan=False))
    else:
        print(f"{net}, {net.size} parameters, float32\n{rule}\n\n{history}\n\nWritten: {', '.join(map(str, paths))}")
    return 1 if history.ended == "diverged" else 0


def _named(table: dict[str, Callable[..., Any]], kind: str, name: str) -> Callable[..., Any]:
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}{nearest(name, table)}")
    return table[name]


def _sizes(text: str) -> list[int]:
    try:
        return [int(size) for size in text.split(",") if size.strip()]
    except ValueError:
        raise ValueError(f"--hidden takes whole numbers, 64,32 for instance; got {text!r}") from None


def _figure(history: Any, title: str, out: Path) -> list[Path]:
    """history.png and history.svg; nothing, and a word about it, where matplotlib is missing."""
    try:
        from refopt import view
    except ImportError as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return []
    return view.save(history.plot(title=title), out, "history")
