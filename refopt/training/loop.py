"""The training loop: epochs of shuffled mini-batches.

Everything that training has to know to go on is in one `Run` of plain data, which is what a checkpoint holds; the rest follows
from the arguments. Random numbers are functions of the seed and the place in the training (`refopt.training.examples`).
"""

from __future__ import annotations

import hashlib
import inspect
import math
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import index
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from refopt.recurrence import Rule, nearest
from refopt.training.checkpoint import load_checkpoint, save_checkpoint
from refopt.training.examples import Examples, digest, dropout_seed, orders, taken
from refopt.training.files import discard_partials
from refopt.training.groups import Group, Grouping
from refopt.training.history import Best, History, Row, Steps
from refopt.training.measuring import accuracy_of, loss_of, norm, peak_bytes, state_bytes
from refopt.training.progress import Bar, Silence
from refopt.training.signals import Signals, text

__all__ = ["RUNNING_DECAY", "Epoch", "train"]

RUNNING_DECAY = 0.9  # running statistics: 0.9 of the old ones, 0.1 of the batch's
ON_NONFINITE = {
    "end": "the training ends",
    "raise": "FloatingPointError",
    "ignore": "it goes on, for rules that can handle it",
}


class Epoch(NamedTuple):
    """What a callback is shown: the epoch's row, and where training stands. The arrays must not be written to."""

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
        A `refopt.data.Split` or a pair (x, y). What is measured on: the Split's held-out part; or ``validation=(x, y)``; or
        ``validation=0.1``, a tenth of the examples to learn from, drawn by the seed (a Split's held-out part stays unseen).
    epochs, batch_size, seed
        In each epoch every example comes up once, in an order that depends on seed and epoch alone, so every rule sees the same
        batches. The examples left over after the last full batch wait for the next epoch.
    theta, dtype
        The start: `theta`, which decides the dtype, or ``net.init(seed, dtype)``.
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
        no such file. A run with other arguments is refused; `epochs` and what ends a training may differ.

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
    theta = net.init(seed, dtype) if theta is None else theta
    examples = taken(data, validation, seed, theta.dtype)
    course = _Course(net, rule, examples, schedule, transforms, groups, dropout, seed, theta, batch_size)
    course.tolerant, course.min_delta = on_nonfinite == "ignore", min_delta
    reached = _goal(goal)
    path = None if checkpoint is None else Path(checkpoint)
    made = {} if path is None else course.description() | {"data": digest(examples)}
    found = None if path is None else _found(path, made, resume)
    run = course.begin() if found is None else found

    def finish_row(shown: Silence) -> bool:
        """Save and show the epoch that was just measured; whether a callback ends the training."""
        if path is not None and run.failure is None:
            save(run, path, made)
        shown.row(run.rows[-1])
        epoch = Epoch(run.rows[-1], run.theta, run.state, run.running)
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
        if found is None:
            course.measure(run)
            stopped = finish_row(shown)
        while (end := ending()) is None:
            for _ in course.updates(run, next(places)):
                shown.update(run.updates)
                if path is not None and every is not None and run.updates % every == 0 and run.batch < course.batches:
                    save(run, path, made)
            course.measure(run)
            stopped = finish_row(shown)
    if run.failure is not None and on_nonfinite == "raise":
        raise FloatingPointError(run.failure)
    return _history(run, *end, patience)


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
    def restored(cls, content: dict[str, Any]) -> Run:
        """The inverse of `content`."""
        run = cls(**content)
        run.rows = [Row(*row) for row in run.rows]
        for name in ("losses", "lrs", "grad_norms"):
            setattr(run, name, array("d", content[name].tobytes()))
        return run


class _Course:
    """The parts of a training that do not change, put together from the arguments of `train`."""

    tolerant: bool  # of numbers that are not finite
    min_delta: float

    def __init__(
        self,
        net: Any,
        rule: Rule,
        examples: Examples,
        schedule: Any,
        transforms: Sequence[Rule],
        groups: Mapping[str, Group] | None,
        dropout: Any,
        seed: int,
        theta: Any,
        batch_size: int,
    ) -> None:
        if not isinstance(rule, Rule):
            raise TypeError(f"rule must be a Rule, for instance refopt.adam or refopt.rule('adam'); got {rule!r}")
        if getattr(theta, "shape", None) != (net.size,) or theta.dtype.kind != "f":
            got = f"{theta.dtype} {theta.shape}" if hasattr(theta, "shape") else type(theta).__name__
            raise ValueError(f"{net} trains a floating-point theta of shape ({net.size},), got {got}")
        self.net, self.examples, self.seed, self.theta = net, examples, seed, theta
        self.batch_size = _demand(batch_size, "batch_size", 1)
        if batch_size > len(examples.y):
            raise ValueError(f"batch_size must be from 1 to the {len(examples.y)} training examples, got {batch_size}")
        self.batches = len(examples.y) // batch_size
        named = schedule if isinstance(schedule, Mapping) else {} if schedule is None else {"lr": schedule}
        self.schedule = Signals(named, "schedule")
        self.dropout = Signals({} if dropout is None else {"dropout": dropout}, "dropout")
        self.grouping: Grouping | None = None
        self.main = rule
        if groups:
            inside = len(transforms)
            while inside and transforms[inside - 1].scope != "network":
                inside -= 1  # what sees entries or tensors alone does the same inside a group
            self.main = wrapped(rule, transforms[inside:])
            self.grouping = Grouping(net, self.main, groups, lambda whole: wrapped(whole, transforms[:inside]))
            self.rule = self.grouping.rule
        else:
            self.rule = self.main = wrapped(rule, transforms)
        self.by_tensor = _sees_tensors(self.rule)
        words = inspect.signature(net.loss_and_grad).parameters
        self.takes_seed, self.takes_out = "seed" in words, "out" in words
        if dropout is not None and "dropout" not in words:
            raise ValueError(f"dropout={text(dropout)} was given, but {net} has no dropout")
        if self.dropout.init() and examples.y_validation is None:
            raise ValueError(
                f"{text(dropout)} follows validation loss − training loss, but nothing is held out: give validation="
            )
        running = net.init_running(theta.dtype) if hasattr(net, "init_running") else None
        self.running = running if running is not None and running.size else None
        self.functions(examples.x[:1], examples.y[:1], {})  # a rule that asks for what the net has not is an error now

    def description(self) -> dict[str, Any]:
        """What a run that goes on from a checkpoint must agree with."""
        return {
            "net": text(self.net),
            "rule": text(self.rule if self.grouping is None else self.grouping),
            "schedule": repr(self.schedule),
            "dropout": repr(self.dropout),
            "dtype": str(self.theta.dtype),
            "parameters": self.net.size,
            "start": hashlib.blake2b(self.theta.tobytes(), digest_size=8).hexdigest(),
            "seed": self.seed,
            "batch_size": self.batch_size,
        }

    def begin(self) -> Run:
        """The run before its first update."""
        signals = {"schedule": self.schedule.init(), "dropout": self.dropout.init()}
        signals["groups"] = self.grouping.init() if self.grouping else {}
        run = Run(self.theta.copy(), self.rule.init(self.shown(self.theta)), self.running, signals)
        hyper, _ = self.hyper(run)
        self.rule(**hyper)  # unknown names and values out of range are errors now
        if self.grouping is not None:
            self.grouping.demand(hyper)
        return run

    def shown(self, theta: Any) -> Any:
        """The flat theta as the rule sees it."""
        return self.net.views(theta) if self.by_tensor else theta

    def flat(self, tree: Any) -> Any:
        """The inverse of `shown`."""
        return np.concatenate([tree[name].reshape(-1) for name, *_ in self.net.views.places]) if self.by_tensor else tree

    def hyper(self, run: Run) -> tuple[dict[str, Any], float]:
        """The keywords of the rule for the next update, and its learning rate (NaN: there is none, or more than one)."""
        scheduled = self.schedule.values(run.signals["schedule"], run.updates)
        lr = scheduled.get("lr", self.lr)
        if self.grouping is not None:
            scheduled = self.grouping.hyper(scheduled, run.signals["groups"], run.updates)
        return scheduled, lr

    @property
    def lr(self) -> float:
        """The learning rate that the rule has bound; NaN where it has none, or a population of them."""
        try:
            lr = self.main.lr
        except TypeError:
            return math.nan
        return lr if isinstance(lr, (int, float)) else math.nan

    def functions(self, x: Any, y: Any, words: dict[str, Any]) -> dict[str, Any]:
        """The functions of theta, on this batch and with its dropout masks, that the rule cannot do without."""
        given = {}
        for name in self.rule.needs:
            if name == "grad":
                given[name] = lambda theta: self.shown(self.net.loss_and_grad(self.flat(theta), x, y, **words)[1])
            elif name == "loss" and words:
                given[name] = lambda theta: self.net.loss_and_grad(self.flat(theta), x, y, **words)[0]
            elif name == "loss":
                given[name] = lambda theta: self.net.loss(self.flat(theta), x, y)
            elif not self.by_tensor and hasattr(self.net, name):
                given[name] = lambda *vectors, name=name: getattr(self.net, name)(*vectors, x, y)
            else:
                raise ValueError(f"{self.rule.name} needs {name}, which {self.net} does not give")
        return given

    def updates(self, run: Run, places: np.ndarray) -> Iterator[None]:
        """Make the updates of an epoch, or those that are left of one; a number that is not finite ends it early.

        `places` is the order of the examples.

        Pauses after each. ``run.seconds`` counts the time between the pauses.
        """
        size, (x, y), run.update_norm = self.batch_size, self.examples[:2], None
        for batch in range(run.batch, self.batches):
            began = time.perf_counter()
            place = places[batch * size : (batch + 1) * size]
            self.update(run, x.take(place, axis=0), y.take(place, axis=0), last=batch == self.batches - 1)
            run.seconds += time.perf_counter() - began
            if run.failure is not None:
                break
            run.batch = batch + 1
            yield
        run.epoch, run.batch = run.epoch + 1, 0

    def update(self, run: Run, x: Any, y: Any, last: bool) -> None:
        """One update, or none where the loss or the gradient is not finite; `last` of its epoch."""
        words: dict[str, Any] = {"seed": dropout_seed(self.seed, run.updates)} if self.takes_seed else {}
        if self.dropout.signals:
            words |= self.dropout.values(run.signals["dropout"], run.updates)
            run.dropout = words["dropout"]
        functions = self.functions(x, y, dict(words)) if self.rule.needs else {}
        if self.takes_out:
            words["out"] = self._gradient
        if run.running is not None:
            words["statistics"] = self._statistics
        loss, g = self.net.loss_and_grad(run.theta, x, y, **words)
        loss, length = float(loss), norm(g)
        if not (math.isfinite(loss) and math.isfinite(length)) and not self.tolerant:
            what = f"the gradient is not finite (the loss is {loss:.6g})" if math.isfinite(loss) else f"the loss is {loss}"
            run.failure = f"{what} at update {run.updates + 1}, batch {run.batch + 1} of epoch {run.epoch + 1}"
            return
        hyper, lr = self.hyper(run)
        if run.running is not None:
            run.running = RUNNING_DECAY * run.running + (1 - RUNNING_DECAY) * self._statistics
        if self.by_tensor:
            tree, run.state = self.rule.update(self.shown(run.theta), self.shown(g), run.state, **functions, **hyper)
            theta = self.flat(tree)
        else:
            theta, run.state = self.rule.update(run.theta, g, run.state, **functions, **hyper)
        if last:
            run.update_norm = norm(theta - run.theta)
        run.theta = theta
        run.updates += 1
        run.losses.append(loss)
        run.lrs.append(lr)
        run.grad_norms.append(length)

    @property
    def _gradient(self) -> Any:
        """The array that the net writes every gradient into."""
        if "gradient" not in self.__dict__:
            self.gradient = np.empty_like(self.theta)
        return self.gradient

    @property
    def _statistics(self) -> Any:
        if "statistics" not in self.__dict__:
            self.statistics = np.empty_like(self.running)
        return self.statistics

    def measure(self, run: Run) -> None:
        """Add the row of the epoch that was just finished, and show it to whatever adapts."""
        x, y, x_validation, y_validation = self.examples
        words = {} if run.running is None else {"running": run.running}
        loss = loss_of(self.net, run.theta, x, y, **words)
        held = (self.net, run.theta, x_validation, y_validation)
        validation = None if y_validation is None else loss_of(*held, **words)
        judged = loss if validation is None else validation
        row = Row(
            epoch=run.epoch,
            updates=run.updates,
            train_loss=loss,
            train_accuracy=accuracy_of(self.net, run.theta, x, y, **words),
            validation_loss=validation,
            validation_accuracy=None if validation is None else accuracy_of(*held, **words),
            lr=run.lrs[-1] if run.lrs and not math.isnan(run.lrs[-1]) else None,
            dropout=run.dropout,
            grad_norm=run.grad_norms[-1] if run.grad_norms else None,
            update_norm=run.update_norm,
            seconds=run.seconds,
            state_bytes=state_bytes(run.state),
            peak_bytes=peak_bytes(),
        )
        run.rows.append(row)
        if run.failure is None and not math.isfinite(loss) and not self.tolerant:
            run.failure = f"the training loss is {loss} after epoch {run.epoch}, update {run.updates}"
        if not run.best or judged < run.best["loss"]:
            run.best = {"epoch": run.epoch, "loss": judged, "theta": run.theta, "running": run.running}
        run.waited = 0 if judged < run.reference - self.min_delta else run.waited + 1
        run.reference = judged if run.waited == 0 else run.reference
        if run.epoch:
            gap = 0.0 if validation is None else validation - loss
            run.signals = {
                "schedule": self.schedule.observe(run.signals["schedule"], judged),
                "dropout": self.dropout.observe(run.signals["dropout"], gap),
                "groups": self.grouping.observe(run.signals["groups"], judged) if self.grouping else {},
            }


def wrapped(rule: Rule, transforms: Sequence[Rule]) -> Rule:
    """`rule` inside the transforms, of which the first sees the raw gradient first."""
    for transform in reversed(transforms):
        if not isinstance(transform, Rule) or transform.inner is None:
            raise TypeError(f"transforms must be wrappers, for instance refopt.l2(weight_decay=0.01); got {transform!r}")
        place = next(name for name, value in transform.hyper.items() if value is transform.inner)
        if transform.inner != transform.defaults[place]:
            raise ValueError(f"{transform!r} already has a rule inside; as a transform it goes around the rule of the training")
        rule = transform(**{place: rule})
    return rule


def save(run: Run, path: Path, made: dict[str, Any]) -> None:
    """Write the checkpoint of a run; `made` is what it was made of."""
    save_checkpoint(path, {"made": made, "run": run.content()})


def _found(path: Path, made: dict[str, Any], resume: bool) -> Run | None:
    """The run to go on with; None where there is none."""
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
    return Run.restored(content["run"])


def _history(run: Run, ended: str, reason: str, patience: int | None) -> History:
    steps = Steps(*(np.array(values) for values in (run.losses, run.lrs, run.grad_norms)))
    best = Best(**run.best)
    theta, running = (best.theta, best.running) if patience is not None else (run.theta, run.running)
    return History(run.rows, steps, theta, run.state, running, best, ended, reason)


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


def _sees_tensors(rule: Rule) -> bool:
    return rule.scope == "tensor" or (rule.inner is not None and _sees_tensors(rule.inner))


def _demand(value: Any, name: str, least: int) -> int:
    try:
        whole = index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None
    if whole < least or isinstance(value, bool):
        raise ValueError(f"{name} must be at least {least}, got {value!r}")
    return whole
