"""Train a network on the handwritten digits, an MLP by Adam unless told otherwise, and look at the loss around where it ended:
on the plane that its path spans most (--directions pca) or along two random directions (--directions random). Writes
landscape.npz with every number, landscape.png and landscape.svg. --redraw FILE.npz draws such a file again; --checkpoint FILE
looks at a network that ``refopt train --checkpoint FILE`` has trained."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median
from typing import Any

from refopt.cli.directory import demand_writable
from refopt.cli.train import NETS, hidden_sizes
from refopt.recurrence import nearest

__all__ = ["arguments", "run"]

OF = ("mlp", "cnn")  # the nets of refopt train that are looked at here


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of ``refopt landscape``."""
    add = parser.add_argument
    add("--net", metavar="NAME", default="mlp", help=f"{' or '.join(OF)} (default: mlp)")
    add("--hidden", metavar="A,B,…", help="sizes of the hidden layers (default: 64,32 for mlp; 64 for cnn)")
    add("--rule", metavar="RULE", default="adam", help="a name from refopt list (default: adam)")
    add("--lr", type=float, help="the learning rate (default: the rule's own)")
    add("--epochs", type=int, default=20, help="passes over the training digits (default: 20)")
    add("--checkpoint", metavar="FILE", help="look at the network of this checkpoint of refopt train; nothing is trained")
    add("--directions", metavar="KIND", help="pca or random (default: pca; random of a checkpoint, which has no path)")
    add("--normalise", metavar="HOW", help="of random directions: filter, layer or none (default: filter)")
    add("--points", type=int, default=41, metavar="N", help="a grid of N × N points (default: 41)")
    add("--span", type=float, metavar="S", help="from −S to S along both directions (default: 1; pca: the box of the path)")
    add("--threads", type=int, default=1, metavar="N", help="so many points at a time, for large nets (default: 1)")
    add("--seed", type=int, default=0, help="decides the start, the batches and the directions (default: 0)")
    add("--out", metavar="DIR", default="refopt-out", help="where the files go (default: refopt-out)")
    add("--redraw", metavar="FILE", help="draw this landscape.npz again; nothing is computed")
    add("--json", action="store_true", help="print one JSON document instead of the summary")
    add("--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> None:
    """Compute or load the surface, write it, draw it and print what is worth knowing."""
    from refopt import landscape

    if options.redraw is not None:
        surface, about = landscape.load(options.redraw)
        if not isinstance(surface, landscape.Surface):
            raise ValueError(f"--redraw takes a surface; {options.redraw} holds a {type(surface).__name__}")
        demand_writable(options.out)
        paths: list[Path] = []
    else:
        surface, about = _computed(options)
        paths = [landscape.save(Path(options.out) / "landscape.npz", surface, about)]
    paths += _figure(surface, str(about.get("title", "")), Path(options.out))
    document = about | _summary(surface) | {"files": [str(path) for path in paths]}
    if options.json:
        print(json.dumps(document, indent=2, allow_nan=False))
    else:
        _print(document)


def _computed(options: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    import refopt
    from refopt import landscape

    kind = _checked(options)
    data = refopt.data.digits(images=options.net == "cnn")
    sizes, build = NETS[options.net]
    net = build(data, hidden_sizes(sizes if options.hidden is None else options.hidden))
    about = {"refopt": refopt.__version__, "net": repr(net), "parameters": net.size, "seed": options.seed}
    path = landscape.Trajectory()
    if options.checkpoint is None:
        rule = refopt.rule(options.rule, **({} if options.lr is None else {"lr": options.lr}))
        demand_writable(options.out)
        history = refopt.train(
            net, rule, data, epochs=options.epochs, seed=options.seed, callbacks=[path], progress=not options.quiet
        )
        if history.ended == "diverged":
            raise ValueError(f"the training diverged, try a smaller --lr. {history.reason}")
        theta = history.theta
        about |= {"rule": repr(rule), "epochs": options.epochs, "test_accuracy": history.rows[-1].validation_accuracy}
        about["title"] = f"{options.net.upper()} on digits, {options.epochs} epochs of {rule.name}"
    else:
        theta = _trained(options.checkpoint, net)
        demand_writable(options.out)
        accuracy = net.accuracy(theta, *data[2:])
        about |= {"checkpoint": str(options.checkpoint), "test_accuracy": accuracy}
        about["title"] = f"{options.net.upper()} on digits, {Path(options.checkpoint).name}"
    objective = landscape.Objective(net, data.x_train, data.y_train)
    walked = path.thetas if kind == "pca" else None
    plane = (
        landscape.random_plane(theta, net, normalise=options.normalise or "filter", seed=options.seed)
        if walked is None
        else landscape.pca_plane(walked)
    )
    words = {"span": options.span, "points": options.points, "threads": options.threads}
    if options.quiet:
        return landscape.surface(objective.loss, plane, path=walked, **words), about
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True)) as shown:
        task = shown.add_task("surface", total=options.points**2)
        chunk = max(options.points, options.threads)  # a row at a time
        surface = landscape.surface(
            objective.loss,
            plane,
            path=walked,
            chunk=chunk,
            progress=lambda done, total: shown.update(task, completed=done),
            **words,
        )
    return surface, about


def _checked(options: argparse.Namespace) -> str:
    """The kind of directions; ValueError for options that do not fit, before anything takes time."""
    from refopt.landscape.directions import NORMALISE

    if options.net not in OF:
        raise ValueError(f"unknown net {options.net!r}{nearest(options.net, OF)}")
    kinds = ("pca", "random")
    kind = options.directions or (kinds[0] if options.checkpoint is None else kinds[1])
    if kind not in kinds:
        raise ValueError(f"unknown directions {kind!r}{nearest(kind, kinds)}")
    if kind == "pca" and options.checkpoint is not None:
        raise ValueError("--directions pca needs a path, which a checkpoint does not hold; random needs none")
    if kind == "pca" and options.normalise is not None:
        raise ValueError("--normalise goes with --directions random: principal directions have length 1")
    if options.normalise is not None and options.normalise not in NORMALISE:
        raise ValueError(f"unknown --normalise {options.normalise!r}{nearest(options.normalise, NORMALISE)}")
    if kind == "pca" and options.epochs < 2:
        raise ValueError(f"--directions pca needs a path of at least 2 epochs, got --epochs {options.epochs}")
    for name, least in (("points", 2), ("threads", 1), ("epochs", 0), ("seed", 0)):
        if getattr(options, name) < least:
            raise ValueError(f"--{name} must be at least {least}, got {getattr(options, name)}")
    if options.span is not None and not 0 < options.span < float("inf"):
        raise ValueError(f"--span must be a positive number, got {options.span}")
    return kind


def _trained(file: str, net: Any) -> Any:
    """The theta of a checkpoint of refopt train, or of a file that holds a theta."""
    from refopt.training import load_checkpoint

    content = load_checkpoint(file)
    run = content.get("run", content) if isinstance(content, dict) else {"theta": content}
    theta: Any = run.get("theta") if isinstance(run, dict) else None
    if getattr(theta, "shape", None) != (net.size,):
        found = f"one of shape {theta.shape}" if hasattr(theta, "shape") else "none"
        raise ValueError(f"{file}: {net} needs a theta of {net.size} numbers, found {found} (is --net or --hidden another?)")
    return theta


def _summary(surface: Any) -> dict[str, Any]:
    plane, path = surface.plane, surface.path
    lowest, highest = (dict(zip(("a", "b", "loss"), at, strict=True)) for at in (surface.lowest, surface.highest))
    found = {"directions": plane.kind, "points": list(surface.losses.shape[::-1]), "minimum": lowest, "maximum": highest}
    if plane.explained is not None:
        found["explained_variance"] = plane.explained.tolist()
    if path is not None:
        found |= {"path_losses": surface.path_losses.tolist(), "projection_error": surface.off_plane.tolist()}
    return found


def _print(document: dict[str, Any]) -> None:
    columns, rows = document["points"]
    print(f"{document.get('title', 'A surface')}: {document.get('net', '')}, {document.get('parameters', '?')} parameters")
    if document.get("test_accuracy") is not None:
        print(f"test accuracy      {document['test_accuracy']:.1%}")
    print(f"plane              {document['directions']}, {columns} × {rows} points")
    for name in ("minimum", "maximum"):
        at = document[name]
        print(f"{name:18} {at['loss']:.4g} at a = {at['a']:.3g}, b = {at['b']:.3g}")
    if "explained_variance" in document:
        first, second = document["explained_variance"]
        print(f"explained variance {first:.1%} + {second:.1%} of the path's")
    if "projection_error" in document:
        errors = document["projection_error"]
        print(f"projection error   median {median(errors):.1%}, largest {max(errors):.1%} of the distance from the end")
        print(f"loss at the end    {document['path_losses'][-1]:.4g}")
    print(f"\nWritten: {', '.join(document['files'])}")


def _figure(surface: Any, title: str, out: Path) -> list[Path]:
    """landscape.png and landscape.svg; nothing, and a word about it, where matplotlib is missing."""
    try:
        from refopt import view
    except ImportError as error:
        print(f"no pictures: {error}", file=sys.stderr)
        return []
    return view.save(view.landscape_figure(surface, title), out, "landscape")
