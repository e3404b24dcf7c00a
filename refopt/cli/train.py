"""Train a network by a rule, an MLP by Adam on the handwritten digits unless told otherwise, and write history.csv,
history.json, history.png and history.svg. Progress goes to standard error; --json prints one JSON document instead of the
table. With --checkpoint FILE training that was stopped goes on from there: the same command with --resume, to the same bits."""

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

__all__ = ["DATA", "NETS", "SCHEDULES", "arguments", "hidden_sizes", "run"]


def _shipped(name: str, images: bool, path: str | None) -> Any:
    """A data set that needs no file."""
    from refopt import data

    if path is not None:
        raise ValueError(f"--path is for files that you have; {name} needs none")
    if name == "digits":
        return data.digits(images=images)
    return data.standardise(data.images())[0] if name == "images" else getattr(data, name)()


def _file(name: str, images: bool, path: str | None) -> Any:
    """A data set in files of the user's."""
    from refopt import data

    if path is None:
        raise ValueError(f"--data {name} reads files that you have: --path says where")
    return data.npz(path) if name == "npz" else getattr(data, name)(path, images=images)


def _classes(data: Any) -> int:
    if data.y_train.dtype.kind not in "iu":
        raise ValueError("refopt train learns classes; this data set has numbers for targets")
    return max(int(data.y_train.max()), int(data.y_test.max())) + 1


def _mlp(data: Any, hidden: list[int]) -> Any:
    from refopt.nets import MLP

    return MLP([_shape(data, 1, "mlp")[0], *hidden, _classes(data)])


def _cnn(data: Any, hidden: list[int]) -> Any:
    from refopt.nets import CNN

    channels = (16, 32)
    return CNN(_shape(data, 3, "cnn"), channels, hidden, _classes(data))


def _resnet(data: Any, hidden: list[int]) -> Any:
    from refopt.nets import ResNet

    return ResNet(_shape(data, 3, "resnet"), hidden, 1, _classes(data))


def _mobilenet(data: Any, hidden: list[int]) -> Any:
    from refopt.nets import MobileNetV3

    return MobileNetV3(_shape(data, 3, "mobilenet"), classes=_classes(data), hidden=_one(hidden, "mobilenet"))


def _recurrent(cell: str, data: Any, hidden: list[int]) -> Any:
    from refopt.nets import RecurrentClassifier

    inputs, vocabulary = _sequence(data, cell)
    return RecurrentClassifier(inputs, _one(hidden, cell), _classes(data), cell=cell, vocabulary=vocabulary)


def _transformer(data: Any, hidden: list[int]) -> Any:
    from refopt.nets import TransformerClassifier

    inputs, vocabulary = _sequence(data, "transformer")
    return TransformerClassifier(inputs, _classes(data), vocabulary=vocabulary, width=_one(hidden, "transformer"))


def _shape(data: Any, axes: int, net: str) -> Any:
    shape = data.x_train.shape[1:]
    if len(shape) != axes or data.x_train.dtype.kind != "f":
        wanted = {1: "rows of numbers", 3: "images (height, width, channels)"}[axes]
        raise ValueError(f"--net {net} takes {wanted}; this data set has examples {data.x_train.dtype} {shape}")
    return shape


def _sequence(data: Any, net: str) -> tuple[tuple[int, ...], int | None]:
    """The shape of one example, and how many tokens there are (None: numbers, not tokens)."""
    shape = data.x_train.shape[1:]
    if data.x_train.dtype.kind in "iu" and len(shape) == 1:
        return shape, max(int(data.x_train.max()), int(data.x_test.max())) + 1
    if len(shape) == 2 and data.x_train.dtype.kind == "f":
        return shape, None
    raise ValueError(f"--net {net} takes sequences: tokens (steps,) or numbers (steps, features); this data set has {shape}")


# What can be chosen by name; a line here is all that another one needs.
DATA: dict[str, Callable[[bool, str | None], Any]] = {  # (images, a path) -> a Split
    **{name: partial(_shipped, name) for name in ("digits", "moons", "spirals", "mnist1d", "images", "sequences", "tokens")},
    **{name: partial(_file, name) for name in ("mnist", "cifar10", "npz")},
}
NETS: dict[str, tuple[str, Callable[[Any, list[int]], Any]]] = {  # (default of --hidden, (the Split, --hidden) -> a net)
    "mlp": ("64,32", _mlp),
    "cnn": ("64", _cnn),
    "resnet": ("16,32", _resnet),
    "mobilenet": ("64", _mobilenet),
    "rnn": ("32", partial(_recurrent, "rnn")),
    "gru": ("32", partial(_recurrent, "gru")),
    "transformer": ("32", _transformer),
}
OF_IMAGES = ("cnn", "resnet", "mobilenet")
SCHEDULES: dict[str, Callable[[Any, float, int], Any]] = {  # (the room, learning rate, all updates) -> what refopt.train takes
    "constant": lambda s, lr, steps: s.constant(lr=lr),
    "linear": lambda s, lr, steps: s.linear(lr=lr, steps=steps),
    "cosine": lambda s, lr, steps: s.cosine(lr=lr, steps=steps),
    "warmup_cosine": lambda s, lr, steps: s.warmup(
        inner=s.cosine(lr=lr, steps=max(steps - steps // 10, 1)), warmup=max(steps // 10, 1)
    ),
    "one_cycle": lambda s, lr, steps: s.one_cycle(lr=lr, steps=steps),
    "step": lambda s, lr, steps: s.step(lr=lr, steps=max(steps // 3, 1), gamma=0.1),
    "exponential": lambda s, lr, steps: s.exponential(lr=lr, gamma=0.01, steps=steps),
    "inverse_sqrt": lambda s, lr, steps: s.inverse_sqrt(lr=lr, warmup=max(steps // 10, 1)),
    "rex": lambda s, lr, steps: s.rex(lr=lr, steps=steps),
    "plateau": lambda s, lr, steps: s.plateau(lr=lr, patience=3),
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt train``."""
    add = parser.add_argument
    add("--data", metavar="NAME", default="digits", help=f"what to learn: {', '.join(DATA)} (default: digits)")
    add("--path", metavar="PATH", help="where the files of mnist, cifar10 or npz are")
    add("--net", metavar="NAME", default="mlp", help=f"what learns it: {', '.join(NETS)} (default: mlp)")
    add("--hidden", metavar="A,B,…", help="sizes of the hidden layers (default: 64,32 for mlp; resnet: the channels)")
    add("--rule", metavar="RULE", default="adam", help="a name from refopt list (default: adam)")
    add("--framework", help="read the rule as this library does: torch, optax, keras, …")
    add("--lr", type=float, help="the learning rate (default: the rule's own)")
    add("--set", metavar="WORD=VALUE", action="append", default=[], help="another hyper-parameter: --set beta1=0.95")
    add("--schedule", metavar="NAME", help=f"how the learning rate changes: {', '.join(SCHEDULES)} (default: not at all)")
    add("--fused", action="store_true", help="let numba compile the rule's step: the same numbers, faster in long trainings")
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

    load, (sizes, build) = _named(DATA, "data set", options.data), _named(NETS, "net", options.net)
    if options.schedule is not None:
        _named(SCHEDULES, "schedule", options.schedule)
    data = load(options.net in OF_IMAGES, options.path)
    net = build(data, hidden_sizes(sizes if options.hidden is None else options.hidden))
    hyper = dict(setting(text) for text in options.set) | ({} if options.lr is None else {"lr": options.lr})
    rule = refopt.rule(options.rule, options.framework, **hyper)
    schedule = None
    if options.schedule is not None:
        steps = options.epochs * (len(data.y_train) // options.batch_size) if options.batch_size > 0 else 0
        schedule = SCHEDULES[options.schedule](refopt.schedules, rule.lr, max(steps, 1))
    demand_writable(options.out)
    with refopt.fast.using("fused" if options.fused else "blocked"):
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
    title = f"{options.net} by {rule.name} on {options.data}"
    out = Path(options.out)
    paths = [history.to_csv(out / "history.csv"), history.to_json(out / "history.json"), *_figure(history, title, out)]
    if options.json:
        made = {"refopt": refopt.__version__, "data": options.data, "net": repr(net), "rule": repr(rule), "seed": options.seed}
        made |= {"batch_size": options.batch_size, "schedule": options.schedule, "files": [str(path) for path in paths]}
        print(json.dumps(made | history.document(), indent=2, allow_nan=False))
    else:
        print(f"{net}, {net.size} parameters, float32\n{rule}\n\n{history}\n\nWritten: {', '.join(map(str, paths))}")
    return 1 if history.ended == "diverged" else 0


def _named(table: dict[str, Any], kind: str, name: str) -> Any:
    if name not in table:
        raise ValueError(f"unknown {kind} {name!r}{nearest(name, table)}")
    return table[name]


def hidden_sizes(text: str) -> list[int]:
    """The sizes that --hidden names."""
    try:
        sizes = [int(size) for size in text.split(",") if size.strip()]
    except ValueError:
        sizes = [0]
    if any(size < 1 for size in sizes):
        raise ValueError(f"--hidden takes positive whole numbers, 64,32 for instance; got {text!r}")
    return sizes


def _one(hidden: list[int], net: str) -> int:
    """The only size of a net that takes one."""
    if len(hidden) != 1:
        raise ValueError(f"--net {net} takes one size for --hidden, got {len(hidden)}")
    return hidden[0]


def _figure(history: Any, title: str, out: Path) -> list[Path]:
    """history.png and history.svg; nothing, and a word about it, where matplotlib is missing."""
    try:
        from refopt import view
    except ImportError as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return []
    return view.save(history.plot(title=title), out, "history")
