"""What a training leaves: a row after every epoch, three numbers of every update, and where it ended."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refopt.recurrence import nearest
from refopt.training.files import write_whole

__all__ = ["Best", "History", "Row", "Steps"]


class Row(NamedTuple):
    """Where training stands after an epoch (epoch 0: before the first update). None: not measured, or not there.

    Losses and accuracies are measured after the epoch over all examples, not averaged over its batches.
    """

    epoch: int
    updates: int  # done so far
    train_loss: float  # mean over all training examples, without dropout
    train_accuracy: float | None  # shares, of classification nets
    validation_loss: float | None
    validation_accuracy: float | None
    lr: float | None  # of the last update
    dropout: float | None  # the rate of the last update, where train was given one
    grad_norm: float | None  # Euclidean norm of the gradient at the last update, before any transform
    update_norm: float | None  # and of the change of theta that it made
    seconds: float  # spent in updates so far; measuring, callbacks and checkpoints are not counted
    state_bytes: int  # memory of the arrays of the rule's state
    peak_bytes: int | None  # the most memory that the process has held so far, where the system tells


class Steps(NamedTuple):
    """One entry an update, float64. NaN: there is none (a rule without lr)."""

    loss: np.ndarray  # of the update's batch, before the update
    lr: np.ndarray
    grad_norm: np.ndarray


class Best(NamedTuple):
    """The epoch with the lowest validation loss (training loss where nothing was held out)."""

    epoch: int
    loss: float
    theta: Any
    running: Any


# name, heading, format: the columns of a table
COLUMNS = {
    "epoch": ("epoch", "d"),
    "train_loss": ("train loss", ".4g"),
    "train_accuracy": ("train acc.", ".1%"),
    "validation_loss": ("val. loss", ".4g"),
    "validation_accuracy": ("val. acc.", ".1%"),
    "lr": ("lr", ".3g"),
    "dropout": ("dropout", ".3g"),
    "grad_norm": ("‖g‖", ".2e"),
    "update_norm": ("‖Δθ‖", ".2e"),
    "seconds": ("seconds", ".2f"),
}


class History:
    """A training that is over.

    ``history.rows`` has a `Row` for every epoch, ``history["train_loss"]`` one column of them as an array;
    ``history.steps`` (`Steps`) has every update.

    ``theta`` and ``running`` (batch normalisation's statistics, or None) are what to use: the last ones, or those of the
    best epoch where the training had patience. ``state`` is the rule's after the last update. ``best`` is the epoch with the
    lowest validation loss.

    ``ended`` says why it ended: "epochs" (all done), "goal", "patience", "callback" or "diverged"; ``reason`` is a sentence.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        steps: Steps,
        theta: Any,
        state: dict[str, Any],
        running: Any,
        best: Best,
        ended: str,
        reason: str,
    ) -> None:
        self.rows, self.steps = tuple(rows), steps
        self.theta, self.state, self.running, self.best = theta, state, running, best
        self.ended, self.reason = ended, reason

    def __getitem__(self, column: str) -> np.ndarray:
        """A column of the rows, float64; NaN where it is None."""
        if column not in Row._fields:
            raise KeyError(f"unknown column {column!r}{nearest(column, Row._fields)}")
        values = (getattr(row, column) for row in self.rows)
        return np.array([math.nan if value is None else value for value in values], dtype=np.float64)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"{self.table()}\n{self.reason}"

    def table(self, most: int = 12) -> str:
        """The rows as text, columns that hold nothing left out; of a long training `most` rows, evenly chosen."""
        head, body = self._cells(most)
        widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
        lines = [head, ["─" * width for width in widths], *body]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines)

    def _repr_html_(self) -> str:
        head, body = self._cells(12)
        rows = [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in body]
        heading = "".join(f"<th>{escape(cell)}</th>" for cell in head)
        return f"<table><thead><tr>{heading}</tr></thead><tbody>{''.join(rows)}</tbody></table><p>{escape(self.reason)}</p>"

    def _cells(self, most: int) -> tuple[list[str], list[list[str]]]:
        if most < 2:
            raise ValueError(f"a table needs at least 2 rows, got most={most}")
        names = [name for name in COLUMNS if any(getattr(row, name) is not None for row in self.rows)]
        chosen = sorted({round(i) for i in np.linspace(0, len(self.rows) - 1, min(most, len(self.rows)))})
        body = [[_cell(getattr(self.rows[i], name), COLUMNS[name][1]) for name in names] for i in chosen]
        return [COLUMNS[name][0] for name in names], body

    def to_csv(self, path: str | Path) -> Path:
        """Write the rows to `path`, floats in the shortest form that reads back to the same bits; None is an empty field."""
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows(["" if value is None else repr(value) for value in row] for row in self.rows)
        return write_whole(path, lambda file: file.write(text.getvalue().encode()))

    def to_json(self, path: str | Path) -> Path:
        """Write rows, steps and the ending to `path`: strict JSON, in which a number that is not finite is null."""
        text = json.dumps(self.document(), indent=1, allow_nan=False)
        return write_whole(path, lambda file: file.write(text.encode() + b"\n"))

    def document(self) -> dict[str, Any]:
        """What `to_json` writes."""
        return {
            "ended": self.ended,
            "reason": self.reason,
            "best": {"epoch": self.best.epoch, "loss": _finite(self.best.loss)},
            "rows": [{name: _finite(value) for name, value in row._asdict().items()} for row in self.rows],
            "steps": {name: [_finite(value) for value in values.tolist()] for name, values in self.steps._asdict().items()},
        }

    def plot(self, **options: Any) -> Any:
        """The figure of this training; see `refopt.view.history_figure`. Needs matplotlib; shows nothing by itself."""
        import refopt

        return refopt.view.history_figure(self, **options)


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _cell(value: Any, form: str) -> str:
    if value is None:
        return ""
    return format(value, form) if math.isfinite(value) else str(value)
