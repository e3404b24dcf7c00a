"""Every entry of `refopt.schedules.libraries` against the real library, driven as its users drive it, update by update.

A difference is measured relative to the largest value of the schedule: near its end a cosine is the difference of two numbers
close to 1, and no library has more digits of it than ours.
"""

import ast
import importlib
import importlib.util
import inspect
import json
import sys
import warnings
from functools import cache
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from conftest import import_peer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from refopt import schedules
from refopt.schedules.libraries import LIBRARIES

UPDATES = 70
TOLERANCE = 1e-12
ENTRIES = [(framework, name) for framework, table in LIBRARIES.items() for name in table]
PLATEAUS = [entry for entry in ENTRIES if entry[1].startswith("plateau")]
# These find the cycle as a rounded fraction or by a logarithm: where one begins they may still be in the one before.
LATE = [("timm", "warm_restarts"), ("transformers", "warm_restarts")]


# The libraries


def library(framework):
    """What the calls of a library may name."""
    if framework in ("keras", "optax"):
        import_peer("jax").config.update("jax_enable_x64", True)
    if framework == "keras":
        keras = import_peer("keras")
        keras.config.set_floatx("float64")
        return {"keras": keras, "optimizer": lambda lr: SimpleNamespace(learning_rate=lr), "watching": watching}
    if framework == "optax":
        return {"optax": import_peer("optax"), "each": lambda x: build("optax", x.name, words(x))}
    torch = import_peer("torch")
    names = {"torch": torch, "chain": lambda make, optimizer: make(optimizer)}
    names["optimizer"] = lambda lr: torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    names["each"] = lambda x, optimizer: build("torch", x.name, words(x), optimizer=lambda lr: optimizer)
    names["momentum"] = lambda scheduler: SimpleNamespace(optimizer=scheduler.optimizer, step=scheduler.step, word="momentum")
    if framework == "transformers":
        import_peer("transformers")
        names["transformers"] = SimpleNamespace(optimization=importlib.import_module("transformers.optimization"))
    if framework == "timm":
        names["timm"] = SimpleNamespace(scheduler=timm_scheduler())
    if framework == "pytorch_optimizer":
        names["pytorch_optimizer"] = import_peer("pytorch_optimizer")
        names["follower"] = Follower
    return names


def watching(optimizer, callback):
    callback.set_model(SimpleNamespace(optimizer=optimizer))
    callback.on_train_begin()
    return callback


@cache
def timm_scheduler():
    """timm.scheduler without the rest of timm, which wants torchvision. Nobody else gets to see that."""
    found = importlib.util.find_spec("timm")
    if found is None or "timm" in sys.modules:
        import_peer("timm")
        return importlib.import_module("timm.scheduler")
    timm = ModuleType("timm")
    timm.__path__ = list(found.submodule_search_locations)
    sys.modules["timm"] = timm
    try:
        return importlib.import_module("timm.scheduler")
    finally:
        for name in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
            del sys.modules[name]


class Follower:
    """A scheduler for another to follow: its learning rate is a function of k."""

    def __init__(self, of):
        self.of, self.k = of, 0

    @property
    def last_lr(self):
        return [self.of(self.k)]


def words(schedule):
    """All hyper-parameters, those of the schedule inside too."""
    inner = schedule.hyper.get("inner")
    return (words(inner) if inner is not None else {}) | dict(schedule.hyper)


def build(framework, name, hyper, **names):
    """The library's own scheduler, made by the call of the table with our words as variables."""
    if framework == "keras":  # a Python float is weak there, and makes a schedule of float32
        hyper = {word: np.float64(value) if isinstance(value, float) else value for word, value in hyper.items()}
        hyper = {word: tuple(map(np.float64, x)) if word == "values" else x for word, x in hyper.items()}
    return eval(LIBRARIES[framework][name].call, {**library(framework), **names, **hyper})


def drive(framework, name, hyper, updates):
    """The value that each update uses."""
    real = build(framework, name, hyper)
    if framework in ("optax", "keras"):
        if framework == "keras" and name in ("cosine warmup", "warm_restarts"):
            real = import_peer("jax").jit(real)  # uncompiled, each call of these would compile their branches again
        return [float(real(k)) for k in range(updates)]
    if framework == "timm":
        return [lr(real)] + [real.step(k) or lr(real) for k in range(1, updates)]
    if name == "proportional":
        values = []
        for k in range(updates):
            real.lr_scheduler.k = k
            values.append(real.step())
        return values
    values = []
    for k in range(updates):
        if type(real).__name__ in ("CosineScheduler", "LinearScheduler"):
            real.step()
            values.append(lr(real))
            continue
        values.append(lr(real))
        if k + 1 < updates:
            real.optimizer.step()
            real.step()
    return values


def lr(scheduler):
    return scheduler.optimizer.param_groups[0][getattr(scheduler, "word", "lr")]


# Hyper-parameters

WORDS = {
    "lr": st.floats(1e-4, 2),
    "steps": st.integers(1, 40),
    "warmup": st.integers(1, 20),
    "stable": st.integers(0, 20),
    "decay": st.integers(1, 30),
    "begin": st.integers(0, 20),
    "up": st.integers(1, 20),
    "down": st.integers(1, 20),
    "gamma": st.floats(0.5, 1.0),
    "rate": st.floats(0, 2),
    "power": st.floats(0.25, 3),
    "growth": st.integers(1, 3).map(float),
    "shrink": st.floats(0.3, 1.0),
    "cycles": st.integers(1, 4),
    "staircase": st.booleans(),
    "pct": st.floats(0.1, 0.5),
    "pct_final": st.floats(0.5, 0.95),
    "div": st.floats(1.0, 50.0),
    "final_div": st.floats(1.0, 1e5),
    "timescale": st.integers(1, 50).map(float),
    "stable_power": st.sampled_from([0.0, 0.5, 1.3]),
    "start": st.floats(1e-3, 1.0),
    "low": st.floats(0.5, 0.85),
    "high": st.floats(0.85, 0.99),
    "reference": st.floats(0.5, 2),
    "origin": st.floats(0.0, 0.4),
}
ONE_CYCLE = st.integers(60, 90)
SEVERAL = st.lists(st.integers(2, 60), min_size=1, max_size=4, unique=True).map(lambda several: tuple(sorted(several)))


@st.composite
def hyper_parameters(draw, framework, name):
    """Every word that the library's call takes."""
    reading = LIBRARIES[framework][name]
    chosen = {word: draw(WORDS[word]) for word in reading.words if word in WORDS}
    if "end" in reading.words:
        chosen["end"] = draw(st.floats(0, 1)) * chosen["lr"]
    if "peak" in reading.words:
        chosen["peak"] = chosen["lr"] + draw(st.floats(0, 2))
    if name.startswith("one_cycle"):
        chosen["steps"] = draw(ONE_CYCLE)
    if "milestones" in reading.words and "schedules" not in reading.words:
        chosen["milestones"] = draw(SEVERAL)
        if "ConstantLR" in name:
            top = draw(st.floats(0.1, 1))
            chosen |= {"milestones": chosen["milestones"][:1], "values": (top * draw(st.floats(0.05, 1)), top)}
        elif "values" in reading.words:
            count = len(chosen["milestones"]) + 1
            chosen["values"] = tuple(draw(st.lists(st.floats(0.1, 1), min_size=count, max_size=count)))
    if "schedules" in reading.words:
        chosen |= draw(several_schedules(framework, name))
    if "of" in reading.words:
        chosen["of"] = schedules.cosine(lr=1, steps=30, end=0.5)
    if framework == "pytorch_optimizer" and name == "chebyshev":
        chosen["steps"] = draw(st.sampled_from([8, 16, 32, 64]))
    if framework == "pytorch_optimizer" and name == "warm_restarts":
        chosen |= {"growth": draw(st.floats(1, 2.5)), "steps": 21 + draw(st.integers(0, 10))}
    if framework == "torch" and name == "chained":
        chosen.setdefault("lr", 0.5)
    return chosen


@st.composite
def several_schedules(draw, framework, name):
    lr = 1.0 if name == "chained" else draw(st.floats(0.1, 1))
    get = lambda which, **hyper: schedules.get(which, framework=framework, **hyper)  # noqa: E731
    steps, gamma = draw(st.integers(3, 15)), draw(st.floats(0.5, 0.99))
    made = [
        get("warmup", warmup=steps, start=draw(st.floats(0.1, 1)), lr=lr),
        get("step", lr=lr, steps=steps, gamma=gamma),
        get("exponential", lr=lr, gamma=gamma),
    ]
    if name == "chained":
        return {"schedules": tuple(made)}
    made.append(get("cosine", lr=lr, steps=steps))
    return {"schedules": tuple(made), "milestones": tuple(sorted(draw(st.sets(st.integers(1, 60), min_size=3, max_size=3))))}


def examples(count):
    """Some draws; nothing is shrunk, since every example is a walk of its own."""
    health = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture]
    return settings(max_examples=count, phases=[Phase.explicit, Phase.generate], suppress_health_check=health, deadline=None)


@pytest.mark.parametrize(("framework", "name"), [entry for entry in ENTRIES if entry not in PLATEAUS])
@examples(5)
@given(data=st.data())
def test_the_reading_is_the_library(framework, name, data):
    hyper = data.draw(hyper_parameters(framework, name))
    ours = schedules.get(name, framework=framework, **hyper)
    updates = min(UPDATES, hyper["steps"]) if "one_cycle" in name and framework == "torch" else UPDATES
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = drive(framework, name, words(ours), updates)
    expected = [ours(k) for k in range(updates)]
    skip = {0} if framework == "pytorch_optimizer" and name in ("rex", "warm_restarts") else set()  # the notes of the entries
    if (framework, name) in LATE:
        starts = cycle_starts(ours, updates)
        late = {k for k in starts if abs(got[k] - ours.hyper["end"]) <= 1e-6 * ours.hyper["lr"]}
        skip |= late
    largest, bound = max(map(abs, expected)), LIBRARIES[framework][name].bound
    for k in set(range(updates)) - skip:
        assert abs(got[k] - expected[k]) <= bound * largest, (k, got[k], expected[k], ours)


def cycle_starts(schedule, updates):
    """Where the cycles of warm restarts begin."""
    starts, length = [0], schedule.hyper["steps"]
    while starts[-1] < updates:
        starts.append(starts[-1] + length)
        length *= schedule.hyper["growth"]
    return {int(k) for k in starts[1:-1]}


@pytest.mark.parametrize(
    ("framework", "k", "hyper"),
    [
        ("timm", 121, dict(steps=1, growth=3.0, cycles=9)),  # math.log(243, 3) is 4.999999999999999
        ("timm", 111, dict(steps=1, growth=10.0, cycles=9)),
        ("transformers", 15, dict(steps=1, cycles=22)),  # 22 · (15 / 22) is 14.999999999999998
        ("transformers", 13, dict(steps=1, cycles=23)),
    ],
)
def test_rounding_makes_libraries_restart_late(framework, k, hyper):
    """Where a cycle begins they may still be at the end of the one before; torch and ours are not."""
    ours = schedules.get("warm_restarts", framework=framework, **hyper, lr=1)
    assert drive(framework, "warm_restarts", words(ours), k + 1)[k] < 1e-12
    assert ours(k) == 1


def test_compiled_keras_in_float32_restarts_late():
    keras = library("keras")["keras"]
    one, ten = np.float32(1), np.float32(10)
    real = import_peer("jax").jit(keras.optimizers.schedules.CosineDecayRestarts(one, 1, ten, one, np.float32(0)))
    assert float(real(11)) < 1e-6
    assert schedules.get("warm_restarts", framework="keras", lr=1, steps=1, growth=10)(11) == 1


@pytest.mark.parametrize("framework", ["optax", "keras"])
def test_compiled_polynomials_may_be_nan(framework):
    """1 − k·(1 / steps), which the compiler makes of 1 − k / steps, may be a little below 0 at the end."""
    many = [schedules.get("polynomial", framework=framework, lr=1, end=0, power=0.5, steps=steps) for steps in range(1, 20)]
    compiled = [
        float(import_peer("jax").jit(build(framework, "polynomial", words(ours)))(ours.hyper["steps"])) for ours in many
    ]
    assert any(map(np.isnan, compiled))
    assert all(ours(ours.hyper["steps"]) == 0 for ours in many)


METRICS = st.lists(st.integers(0, 12).map(lambda i: 0.1 + 0.0737 * i), min_size=60, max_size=80)


def observe(framework, name, hyper, metrics):
    """The learning rate after each metric, as the library has it."""
    real = build(framework, name, hyper)
    if framework == "keras":
        for epoch, metric in enumerate(metrics):
            real.on_epoch_end(epoch, {"val_loss": metric})
            yield float(real.model.optimizer.learning_rate)
    elif framework == "optax":
        state = real.init({"x": np.zeros(1)})
        update = import_peer("jax").jit(lambda state, metric: real.update({"x": np.ones(1)}, state, value=metric))
        for metric in metrics:
            updates, state = update(state, np.float64(metric))
            yield hyper["lr"] * float(updates["x"][0])
    else:
        for epoch, metric in enumerate(metrics, 1):
            real.step(*((epoch, metric) if framework == "timm" else (metric,)))
            yield lr(real)


@pytest.mark.parametrize(("framework", "name"), PLATEAUS)
@examples(6)
@given(data=st.data(), metrics=METRICS)
def test_the_plateau_is_the_library(framework, name, data, metrics):
    reading = LIBRARIES[framework][name]
    drawn = {
        "lr": data.draw(st.floats(0.01, 1)),
        "factor": data.draw(st.floats(0.4, 0.9)),  # keras stops where the rate has no float32
        "patience": data.draw(st.integers(0 if framework != "optax" else 1, 5)),
        "cooldown": data.draw(st.integers(0, 4)),
        "mode": data.draw(st.sampled_from(["min", "max"])),
        "rtol": data.draw(st.sampled_from([1e-4, 0.05])),
        "atol": data.draw(st.sampled_from([1e-4, 0.05])),
        "eps": data.draw(st.sampled_from([1e-8, 1e-2])),
    }
    drawn["end"] = drawn["lr"] * data.draw(st.sampled_from([0.0, 0.03]))
    ours = schedules.get(name, framework=framework, **{word: drawn[word] for word in reading.words})
    state, expected = ours.init(), []
    for metric in metrics:
        state = ours.observe(json.loads(json.dumps(state)), metric)
        expected.append(ours.value(state))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = list(observe(framework, name, dict(ours.hyper), metrics))
    assert np.allclose(got, expected, rtol=TOLERANCE, atol=0)


def test_without_patience_optax_acts_on_every_improvement():
    ours = schedules.get("plateau", framework="optax", lr=1, patience=0, factor=0.5)
    metrics, state, expected = [5.0, 4.0, 4.0, 3.0], ours.init(), []
    for metric in metrics:
        state = ours.observe(state, metric)
        expected.append(ours.value(state))
    assert expected == [0.5, 0.25, 0.25, 0.125]
    assert list(observe("optax", "plateau", dict(ours.hyper), metrics)) == expected


DEFAULTS = {
    "lr": 0.5,
    "end": 0.1,
    "warmup": 7,
    "stable": 9,
    "decay": 11,
    "steps": 65,
    "values": (0.2, 0.9),
    "milestones": (30,),
}
DEFAULTS |= {"gamma": 0.9, "rate": 0.3, "peak": 0.9, "power": 1.5, "cycles": 2}


@pytest.mark.parametrize(("framework", "name"), ENTRIES)
def test_the_defaults_are_the_libraries(framework, name):
    """Called without what has a default in the library, it has the one that is bound here."""
    reading = LIBRARIES[framework][name]
    parameters, arguments = signature(framework, reading.call)
    for argument, node in arguments.items():
        if argument not in parameters:
            continue  # handed on to torch
        default = parameters[argument].default
        if not isinstance(node, ast.Name) or default is inspect.Parameter.empty or default is None:
            continue
        if (node.id, default) == ("mode", "auto"):
            continue  # keras guesses it from the metric's name
        ours = words(reading.schedule).get(node.id)
        if ours is None and node.id not in words(reading.schedule):
            assert node.id in reading.schedule.missing
            assert node.id in ("lr", "end", "warmup", "stable", "steps", "cycles"), (argument, default)
            continue
        assert ours == default, (argument, default)


def signature(framework, call):
    """The parameters of what a call calls, and the arguments given by keyword."""
    names = library(framework)
    wanted = [node for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Call)]
    outer = next(node for node in wanted if ast.unparse(node.func).split(".")[0] in (framework, "torch"))
    function = eval(ast.unparse(outer.func), names)
    return inspect.signature(function).parameters, {word.arg: word.value for word in outer.keywords}
