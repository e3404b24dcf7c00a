"""What does not change during a training, and how an epoch of updates is made with it."""

from __future__ import annotations

import hashlib
import inspect
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from refopt import numbers
from refopt.fast import why_not
from refopt.gradients import chain
from refopt.recurrence import Rule
from refopt.training.examples import Examples, dropout_seed
from refopt.training.groups import Group, Grouping
from refopt.training.history import Row
from refopt.training.later import Later, first_not_finite
from refopt.training.measuring import accuracy_of, loss_of, norm, peak_bytes, state_bytes
from refopt.training.run import Run
from refopt.training.signals import Signals, text

__all__ = ["RUNNING_DECAY", "Course"]

SMALL = 10_000  # with fewer parameters, binding a scheduled value for a step in place costs more than the step
RUNNING_DECAY = 0.9  # running statistics: 0.9 of the old ones, 0.1 of the batch's


class Course:
    """The parts of a training that do not change, put together from the arguments of `train`."""

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
        tolerant: bool,
        min_delta: float,
    ) -> None:
        if not isinstance(rule, Rule):
            raise TypeError(f"rule must be a Rule, for instance refopt.adam or refopt.rule('adam'); got {rule!r}")
        self.net, self.examples, self.seed, self.theta, self.batch_size = net, examples, seed, theta, batch_size
        self.tolerant, self.min_delta = tolerant, min_delta  # tolerant: of numbers that are not finite
        if batch_size > len(examples.y):
            raise ValueError(f"batch_size must be from 1 to the {len(examples.y)} training examples, got {batch_size}")
        self.batches = len(examples.y) // batch_size
        named = schedule if isinstance(schedule, Mapping) else {} if schedule is None else {"lr": schedule}
        self.schedule = Signals(named, "schedule")
        self.dropout = Signals({} if dropout is None else {"dropout": dropout}, "dropout")
        whole = _wrapped(rule, transforms)
        self.grouping: Grouping | None = None
        self.main = rule
        if groups:
            inside = len(transforms)
            while inside and transforms[inside - 1].scope != "network":
                inside -= 1  # what sees entries or tensors alone does the same inside a group
            self.main = _wrapped(rule, transforms[inside:])
            self.grouping = Grouping(net, self.main, groups, lambda whole: _wrapped(whole, transforms[:inside]))
            self.rule = self.grouping.rule
        else:
            self.rule = self.main = whole
        self.by_tensor = _sees_tensors(self.rule)
        nest = self.rule.inner is not None  # where one cannot be stepped in place, that would only be a copy more
        self.in_place = self.rule.scope == "element" and not (nest and why_not(self.rule, theta.dtype) is not None)
        words = inspect.signature(net.loss_and_grad).parameters
        self.takes_seed, self.takes_out = "seed" in words and getattr(net, "random", True), "out" in words
        if dropout is not None and ("dropout" not in words or not getattr(net, "drops", True)):
            raise ValueError(f"dropout={text(dropout)} was given, but {net} has no dropout")
        if self.dropout.init() and examples.y_validation is None:
            raise ValueError(
                f"{text(dropout)} follows validation loss − training loss, but nothing is held out: give validation="
            )
        running = net.init_running(theta.dtype) if hasattr(net, "init_running") else None
        self.running = numbers.beside(running, theta) if running is not None and running.size else None
        self._demand_one_place()
        self.later = None if numbers.on_host(theta) else Later(theta, self.batches)
        self.functions(examples.x[:1], examples.y[:1], {})  # a rule that asks for what the net has not is an error now

    def _demand_one_place(self) -> None:
        """All examples must live where theta does; those on a device are looked at here, once, and not at every update."""
        for name, part in zip(self.examples._fields, self.examples, strict=True):
            if part is not None and type(part) is not type(self.theta) and numbers.on_host(part) != numbers.on_host(self.theta):
                kinds = [f"{type(x).__module__.partition('.')[0]}.{type(x).__name__}" for x in (self.theta, part)]
                raise TypeError(
                    f"theta is a {kinds[0]}, but {name} of the data a {kinds[1]}; bring all to one place, for instance by "
                    "cupy.asarray"
                )
        if not numbers.on_host(self.theta) and hasattr(self.net, "demand"):
            x, y, x_validation, y_validation = self.examples
            self.net.demand(x, y)
            if y_validation is not None:
                self.net.demand(x_validation, y_validation)

    def description(self) -> dict[str, Any]:
        """What a run that goes on from a checkpoint must agree with."""
        return {
            "net": _told(self.net),
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
        run.update_norm = None
        self.places = numbers.beside(places, self.examples.x)
        for batch in range(run.batch, self.batches):
            began = time.perf_counter()
            if self.later is None:
                self._batch(run, batch)
            else:
                self._batch_ahead(run, batch)
            run.seconds += time.perf_counter() - began
            if run.failure is not None:
                break
            run.batch = batch + 1
            yield
            if run.failure is not None:  # found when a checkpoint was due
                break
        run.epoch, run.batch = run.epoch + 1, 0

    def _batch(self, run: Run, batch: int) -> None:
        size, (x, y) = self.batch_size, self.examples[:2]
        place = self.places[batch * size : (batch + 1) * size]
        self.update(run, x.take(place, axis=0), y.take(place, axis=0), last=batch == self.batches - 1)

    def _batch_ahead(self, run: Run, batch: int) -> None:
        """An update on a device, of which nobody knows yet whether the updates before it were finite."""
        assert self.later is not None
        if not (self.later.waiting or self.tolerant):
            self.later.begin(run)
        try:
            self._batch(run, batch)
        except Exception:  # what a rule has to say to numbers that are not finite counts for nothing
            if self.settle(run):
                raise
        else:
            if batch == self.batches - 1:
                self.settle(run)

    def settle(self, run: Run) -> bool:
        """Read what waits on the device, so that the run is complete; False where a number was not finite: see `Later`."""
        if self.later is None or not self.later.waiting:
            return run.failure is None
        losses, lengths = self.later.read()
        bad = None if self.tolerant else first_not_finite(losses, lengths)
        if bad is not None:
            self.later.go_back(run)
            for _ in range(bad):
                self._batch(run, run.batch)
                run.batch += 1
            self.later.read()
            run.dropout = self.words(run).get("dropout", run.dropout)
            run.failure = self._not_finite(run, losses[bad], lengths[bad])
        run.losses.extend(losses[:bad])
        run.grad_norms.extend(lengths[:bad])
        return bad is None

    def _not_finite(self, run: Run, loss: float, length: float) -> str | None:
        """What is wrong with the update that comes next, in words; None: nothing."""
        if math.isfinite(loss) and math.isfinite(length):
            return None
        what = f"the gradient is not finite (the loss is {loss:.6g})" if math.isfinite(loss) else f"the loss is {loss}"
        return f"{what} at update {run.updates + 1}, batch {run.batch + 1} of epoch {run.epoch + 1}"

    def words(self, run: Run) -> dict[str, Any]:
        """What the net is told beside theta and the batch of the next update."""
        words: dict[str, Any] = {"seed": dropout_seed(self.seed, run.updates)} if self.takes_seed else {}
        return words | self.dropout.values(run.signals["dropout"], run.updates) if self.dropout.signals else words

    def update(self, run: Run, x: Any, y: Any, last: bool) -> None:
        """One update, or none where the loss or the gradient is not finite; `last` of its epoch."""
        words = self.words(run)
        run.dropout = words.get("dropout", run.dropout)
        functions = self.functions(x, y, dict(words)) if self.rule.needs else {}
        if self.takes_out:
            words["out"] = self._gradient
        if run.running is not None:
            words["statistics"] = self._statistics
        loss, g = self.net.loss_and_grad(run.theta, x, y, **words)
        if self.later is not None:
            self.later.note(loss, g)
        else:
            loss, length = float(loss), norm(g)
            if not (math.isfinite(loss) and math.isfinite(length)) and not self.tolerant:
                run.failure = self._not_finite(run, loss, length)
                return
            run.losses.append(loss)
            run.grad_norms.append(length)
        hyper, lr = self.hyper(run)
        if run.running is not None:
            run.running = RUNNING_DECAY * run.running + (1 - RUNNING_DECAY) * self._statistics
        in_place = self.in_place and (not hyper or run.theta.size > SMALL)
        before = run.theta.copy() if last and in_place else run.theta
        if in_place:
            theta = run.theta  # the run's own, as its state is
            self.rule.update_(theta, g, run.state, **functions, **hyper)
        elif self.by_tensor:
            tree, run.state = self.rule.update(self.shown(run.theta), self.shown(g), run.state, **functions, **hyper)
            theta = self.flat(tree)
        else:
            theta, run.state = self.rule.update(run.theta, g, run.state, **functions, **hyper)
        if last:
            run.update_norm = norm(theta - before)
        run.theta = theta
        run.updates += 1
        run.lrs.append(lr)

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
        if not run.best or judged < run.best["loss"] or (math.isnan(run.best["loss"]) and not math.isnan(judged)):
            run.best = {"epoch": run.epoch, "loss": judged, "theta": run.theta.copy(), "running": run.running}
        run.waited = 0 if judged < run.reference - self.min_delta else run.waited + 1
        run.reference = judged if run.waited == 0 else run.reference
        if run.epoch:
            gap = 0.0 if validation is None else validation - loss
            run.signals = {
                "schedule": self.schedule.observe(run.signals["schedule"], judged),
                "dropout": self.dropout.observe(run.signals["dropout"], gap),
                "groups": self.grouping.observe(run.signals["groups"], judged) if self.grouping else {},
            }


def _told(net: Any) -> str:
    """A net in one line, with a digest of all of its layers' words."""
    architecture = getattr(net, "architecture", None)
    if architecture is None:
        return text(net)
    return f"{text(net)} #{hashlib.blake2b(architecture.encode(), digest_size=4).hexdigest()}"


def _wrapped(rule: Rule, transforms: Any) -> Rule:
    """`rule` inside the transforms, of which the first sees the raw gradient first."""
    if not isinstance(transforms, (tuple, list)):
        raise TypeError(f"transforms must be a tuple or list of rules around a rule, got {transforms!r}")
    try:
        return chain(rule, *transforms)
    except TypeError as error:
        raise TypeError(f"transforms: {str(error).removeprefix('chain: ')}") from None


def _sees_tensors(rule: Rule) -> bool:
    return rule.scope == "tensor" or (rule.inner is not None and _sees_tensors(rule.inner))
