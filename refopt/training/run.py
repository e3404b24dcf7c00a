"""Where a training stands: plain data, which is all that a checkpoint holds."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from refopt.training.checkpoint import load_checkpoint, placed, save_checkpoint
from refopt.training.files import discard_partials
from refopt.training.history import Best, History, Row, Steps

__all__ = ["Run", "found", "save"]


@dataclass
class Run:
    """Where training stands: plain data, complete."""

    theta: Any
    state: dict[str, Any]
    running: Any  # batch normalisation's statistics, or None
    signals: dict[str, Any]  # of schedules and dropout that adapt
    updates: int = 0
    epoch: int = 0  # epochs finished
    batch: int = 0  # batches done of the next one
    best: dict[str, Any] = field(default_factory=dict)
    reference: float = math.inf  # the loss that patience compares with
    waited: int = 0  # epochs without a better one
    rows: list[Row] = field(default_factory=list)
    losses: array = field(default_factory=lambda: array("d"))
    lrs: array = field(default_factory=lambda: array("d"))
    grad_norms: array = field(default_factory=lambda: array("d"))
    update_norm: float | None = None
    dropout: float | None = None
    seconds: float = 0.0
    failure: str | None = None  # where a number was not finite

    def content(self) -> dict[str, Any]:
        """All of it, as a checkpoint holds it."""
        content = {part.name: getattr(self, part.name) for part in fields(self)}
        content["rows"] = [tuple(row) for row in self.rows]
        return content | {name: np.array(content[name]) for name in ("losses", "lrs", "grad_norms")}

    @classmethod
    def restored(cls, content: dict[str, Any], like: Any = None) -> Run:
        """The inverse of `content`, with what the training works on where the array `like` lives."""
        run = cls(**content | {name: placed(content[name], like) for name in ("theta", "state", "running", "best")})
        run.rows = [Row(*row) for row in run.rows]
        for name in ("losses", "lrs", "grad_norms"):
            setattr(run, name, array("d", content[name].tobytes()))
        return run

    def history(self, ended: str, reason: str, best: bool) -> History:
        """What it leaves; with `best` the theta of the best epoch."""
        steps = Steps(*(np.array(values) for values in (self.losses, self.lrs, self.grad_norms)))
        top = Best(**self.best)
        theta, running = (top.theta, top.running) if best else (self.theta, self.running)
        return History(self.rows, steps, theta, self.state, running, top, ended, reason)


def save(run: Run, path: Path, made: dict[str, Any]) -> None:
    """Write the checkpoint of a run; `made` is what it was made of."""
    save_checkpoint(path, {"made": made, "run": run.content()})


def found(path: Path, made: dict[str, Any], resume: bool, like: Any = None) -> Run | None:
    """The run to go on with, where the array `like` lives; None where there is none."""
    discard_partials(path)
    if not path.exists():
        return None
    if not resume:
        raise FileExistsError(f"there is a checkpoint {path}: go on from it (resume), or remove it, or name another file")
    content = load_checkpoint(path)
    if not isinstance(content, dict) or set(content) != {"made", "run"}:
        raise ValueError(f"{path} holds no checkpoint of refopt.train, but other data")
    there = content["made"]
    different = [key for key in dict.fromkeys((*made, *there)) if made.get(key) != there.get(key)]
    if different:
        tell = "; ".join(f"{key} there {there.get(key)}, here {made.get(key)}" for key in different)
        raise ValueError(f"the checkpoint {path} is that of another run: {tell}")
    if set(content["run"]) != {part.name for part in fields(Run)}:
        raise ValueError(f"{path} holds a run of another version of refopt, which cannot go on here")
    return Run.restored(content["run"], like)
