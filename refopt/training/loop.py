"""The training loop: epochs of shuffled mini-batches.

Everything that training has to know to go on is in one `Run` of plain data, which is what a checkpoint holds; the rest, the
`Course`, follows from the arguments. Random numbers are functions of the seed and the place in the training (see
`refopt.training.examples`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refopt import numbers
from refopt.recurrence import Rule, nearest
from refopt.training.course import Course
from refopt.training.examples import digest, orders, taken
from refopt.training.groups import Group
from refopt.training.history import History, Row
from refopt.training.progress import Bar, Silence
from refopt.training.run import found, save

__all__ = ["Epoch", "train"]

ON_NONFINITE = {
    "end": "the training ends",
    "raise": "FloatingPointError",
    "ignore": "it goes on, for rules that can handle it",
}


class Epoch(NamedTuple):
    """What a callback is shown: the epoch's row, and where training stands, in copies of its own."""

    row: Row
    theta: Any
    state: dict[str, Any]
    running: Any


def train(
    net: Any,
    rule: Rule,
    data: Any,
    *,
    epochs: int,
    batch_size: int = 32,
    schedule: Any = None,
    transforms: Sequence[Rule] = (),
    groups: Mapping[str, Group] | None = None,
    dropout: Any = None,
    seed: int = 0,
    theta: Any = None,
    dtype: Any = np.float32,
    validation: Any = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    goal: Callable[[Row], bool] | Mapping[str, float] | None = None,
    on_nonfinite: str = "end",
    callbacks: Sequence[Callable[[Epoch], Any]] = (),
    progress: bool = False,
    checkpoint: str | Path | None = None,
    every: int | None = None,
    resume: bool = False,
) -> History:
    """Train `net` by `rule`; returns the `History`, which holds the trained ``theta``.

    data, validation
        A `refopt.data.Split` or a pair (x, y). What is measured on: the Split's held-out part (with `patience` it then also
        chooses theta, and is no fair test of it); or ``validation=(x, y)``; or
        ``validation=0.1``, a tenth of the examples to learn from, drawn by the seed (a Split's held-out part stays unseen).
    epochs, batch_size, seed
        In each epoch every example comes up once, in an order that depends on seed and epoch alone, so every rule sees the same
        batches. The examples left over after the last full batch wait for the next epoch.
    theta, dtype
        The start: `theta`, which decides the dtype, or ``net.init(seed, dtype)``, brought to where the data are.
    schedule
        The learning rate, or several hyper-parameters by name, ``{"lr": …, "beta1": …}``: functions of the number of updates
        done, or objects that are shown the validation loss after each epoch (see `refopt.training.signals`).
    transforms
        Wrappers around the rule, the first of which sees the raw gradient first: ``(refopt.l2(weight_decay=0.01),)``.
    groups
        Tensors with other hyper-parameters or another rule: ``{"no_decay": Group(no_decay(net), weight_decay=0.0)}``.
    dropout
        Overrides the rate of the net's dropout layers: a number, a function of the number of updates done, or an object that is
        shown validation loss − training loss after each epoch, `AdaptiveDropout`.
    patience, min_delta
        End after so many epochs in a row whose validation loss is not more than min_delta below that of the last epoch that
        was better; the history's theta is then the best epoch's. Where nothing is held out the training loss counts.
    goal
        End when ``goal(row)`` is true, or when columns of the row reach values: ``{"validation_accuracy": 0.98}`` (at least, of
        accuracies; at most, of the others).
    on_nonfinite
        A loss or gradient that is not finite ends the training before its update is made ("end", ``history.ended`` is
        "diverged"), raises FloatingPointError ("raise"), or goes to the rule ("ignore": for ``skip_nonfinite``).
    callbacks
        Functions of an `Epoch`, called before the first update and after each epoch that this call finishes; one that returns
        True ends the training.
    checkpoint, every, resume
        A file that is written after each epoch and, with `every`, after so many updates; see `refopt.training.save_checkpoint`.
        With ``resume=True`` training goes on from there, to the same bits as if it had never stopped, or begins where there is
        no such file. A run with other arguments is refused; `epochs` and what ends a training may differ (but a schedule that
        was made for another number of updates is another schedule). Functions of your own (schedule, dropout, groups) are
        compared by name and by some of their values. Ctrl-C leaves the last checkpoint.

    Data on a device (arrays of CuPy) are trained on there. An update brings nothing to the host and nothing to the device but
    masks of dropout: the losses of an epoch, and whether they were finite, are read when it is over, and the order of the
    examples goes there when it begins. ``history.theta`` stays there.

    The same arguments give the same bits on one machine with one number of BLAS threads. With another number, large matrix
    products may be cut into other sums: with OpenBLAS and one or two threads the bits were the same for batches of up to 256 in
    nets up to 1,024 wide, others for a batch of 1,348, and others in losses measured over 1,348 examples in float64.

    >>> net = refopt.nets.MLP([64, 16, 10])
    >>> history = train(net, refopt.adam(lr=0.01), refopt.data.digits(), epochs=10, goal={"validation_accuracy": 0.9})
    >>> history.ended
    'goal'
    >>> net.accuracy(history.theta, *refopt.data.digits()[2:]) == history.rows[-1].validation_accuracy >= 0.9
    True

    Raises ValueError and TypeError for arguments that do not fit, OSError where the checkpoint cannot be written or would
    overwrite that of another run.
    """
    _demand(epochs, "epochs", 0)
    _demand(seed, "seed", 0)
    _demand(batch_size, "batch_size", 1)
    for value, name in ((patience, "patience"), (every, "every")):
        if value is not None:
            _demand(value, name, 1)
    if not 0 <= min_delta < math.inf:
        raise ValueError(f"min_delta must be finite and at least 0, got {min_delta!r}")
    if on_nonfinite not in ON_NONFINITE:
        raise ValueError(f"unknown on_nonfinite {on_nonfinite!r}{nearest(on_nonfinite, ON_NONFINITE)}")
    for call in callbacks:
        if not callable(call):
            raise TypeError(f"callbacks must be functions of an Epoch, got {call!r}")
    if checkpoint is None and (every is not None or resume):
        raise ValueError(f"{'every' if every is not None else 'resume'} needs checkpoint=, the file")
    given, theta = theta, net.init(seed, dtype) if theta is None else theta
    if getattr(theta, "shape", None) != (net.size,) or theta.dtype.kind != "f":
        got = f"{theta.dtype} {theta.shape}" if hasattr(theta, "shape") else type(theta).__name__
        raise ValueError(f"{net} trains a floating-point theta of shape ({net.size},), got {got}")
    if theta.dtype.itemsize < 4:
        raise ValueError(f"training is in float32 or float64; in {theta.dtype} ε and the squares of gradients underflow")
    examples, tolerant = taken(data, validation, seed, theta.dtype), on_nonfinite == "ignore"
    theta = numbers.beside(theta, examples.x) if given is None else theta
    course = Course(
        net, rule, examples, schedule, transforms, groups, dropout, seed, theta, batch_size, tolerant, min_delta
    )  # fmt: skip
    reached = _goal(goal)
    path = None if checkpoint is None else Path(checkpoint)
    made = {} if path is None else course.description() | {"data": digest(examples)}
    stored = None if path is None else found(path, made, resume, theta)
    run = course.begin() if stored is None else stored

    def finish_row(shown: Silence) -> bool:
        """Save and show the epoch that was just measured; whether a callback ends the training."""
        if path is not None and run.failure is None:
            save(run, path, made)
        shown.row(run.rows[-1])
        if not callbacks:
            return False
        epoch = Epoch(run.rows[-1], run.theta.copy(), deepcopy(run.state), deepcopy(run.running))  # a callback may keep it
        answers = [call(epoch) for call in callbacks]
        return any(answer is True or answer is np.True_ for answer in answers)

    def ending() -> tuple[str, str] | None:
        if run.failure is not None:
            return "diverged", f"Diverged: {run.failure}."
        if stopped:
            return "callback", f"A callback ended it after epoch {run.epoch}."
        if reached(run.rows[-1]):
            return "goal", f"The goal was reached in epoch {run.epoch}."
        if patience is not None and run.waited >= patience:
            return "patience", f"No better loss for {patience} epochs; the best one is that of epoch {run.best['epoch']}."
        return ("epochs", f"All epochs are done: {run.epoch}.") if run.epoch >= epochs else None

    places, stopped = orders(seed, len(examples.y), run.epoch + 1), False
    with Bar(epochs * course.batches, rule.name) if progress else Silence() as shown, np.errstate(all="ignore"):
        if stored is None:
            course.measure(run)
            stopped = finish_row(shown)
        while (end := ending()) is None:
            for _ in course.updates(run, next(places)):
                shown.update(run.updates)
                due = every is not None and run.updates % every == 0 and run.batch < course.batches
                if path is not None and due and course.settle(run):
                    save(run, path, made)
            course.measure(run)
            stopped = finish_row(shown)
    if run.failure is not None and on_nonfinite == "raise":
        raise FloatingPointError(run.failure)
    return run.history(*end, best=patience is not None)


def _goal(goal: Any) -> Callable[[Row], bool]:
    """Whether a row is what was wanted."""
    if goal is None:
        return lambda row: False
    if callable(goal):
        return lambda row: bool(goal(row))
    if not isinstance(goal, Mapping) or not goal:
        raise TypeError(f"goal must be a function of a Row, or a dict such as {{'validation_accuracy': 0.98}}; got {goal!r}")
    for name, value in goal.items():
        if name not in Row._fields:
            raise ValueError(f"goal: unknown column {name!r}{nearest(name, Row._fields)}")
        if not isinstance(value, (int, float)) or math.isnan(value):
            raise TypeError(f"goal: {name} must be a number, got {value!r}")

    def reached(row: Row) -> bool:
        pairs = ((name, getattr(row, name), value) for name, value in goal.items())
        return all(
            found is not None and (found >= value if name.endswith("accuracy") else found <= value)
            for name, found, value in pairs
        )

    return reached


def _demand(value: Any, name: str, least: int) -> int:
    try:
        whole = index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if whole < least or isinstance(value, bool):
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return whole
