"""A progress bar on standard error, in a terminal or a notebook."""

from __future__ import annotations

import time
from typing import Any

from refopt.training.history import Row

__all__ = ["Bar", "Silence"]

PAUSE = 0.1  # seconds between two looks: a small net makes 20,000 updates in one


class Silence:
    """No progress is shown."""

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, k: int) -> None:
        """After k updates."""

    def row(self, row: Row) -> None:
        """After an epoch."""


class Bar(Silence):
    """The share of the updates that are done, and the latest loss and accuracy."""

    def __init__(self, total: int, what: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[news]}"))
        times = (TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn())
        self.progress = Progress(*columns, *times, console=Console(stderr=True))
        self.task: Any = self.progress.add_task(what, total=total, news="")
        self.last = 0.0

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def update(self, k: int) -> None:
        """After k updates."""
        now = time.perf_counter()
        if now - self.last > PAUSE:
            self.last = now
            self.progress.update(self.task, completed=k)

    def row(self, row: Row) -> None:
        """After an epoch."""
        news = [f"epoch {row.epoch}", f"loss {row.train_loss:.2e}"]
        if row.validation_loss is not None:
            news.append(f"val. {row.validation_loss:.2e}")
        accuracy = row.train_accuracy if row.validation_accuracy is None else row.validation_accuracy
        if accuracy is not None:
            news.append(f"{accuracy:6.1%}")
        self.progress.update(self.task, completed=row.updates, news="  ".join(news))
