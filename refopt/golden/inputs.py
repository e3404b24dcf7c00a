"""The designed inputs: for each rule the situations in which wrong optimizers part from right ones, each with its flag.

A number here has at most three digits, so that the files are short and the inputs read well. Nothing is drawn at random.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refopt.recurrence import Rule

__all__ = ["FLAGS", "Design", "designs", "why_none"]

# What a vector with the flag catches: (note, public bugs of this kind, each under https://github.com/).
FLAGS: dict[str, tuple[str, list[str]]] = {
    "Basic": (
        "Gradients of ordinary size: any difference in the formula.",
        ["karpathy/convnetjs/pull/70", "fastai/fastbook/pull/342", "kozistr/pytorch_optimizer/pull/347"],
    ),
    "CallerArrays": (
        "Every vector, but named here: the caller's arrays changed, or kept instead of copied.",
        ["pytorch/pytorch/issues/12218", "ml-explore/mlx/pull/4426"],
    ),
    "Precision": (
        "Every vector, but named here: arithmetic or state in fewer bits than float64 has.",
        ["tenstorrent/tt-metal/issues/55935", "ooples/AiDotNet.Tensors/pull/960"],
    ),
    "Averages": (
        "Rules that are there for an average of the parameters: the average itself, and what begins it.",
        ["huggingface/diffusers/issues/1864", "ostris/ai-toolkit/issues/1034"],
    ),
    "EpsPlacement": (
        "Gradients as small as eps: inside or outside the root, before or after a bias correction.",
        ["tensorflow/tensorflow/issues/9047", "kozistr/pytorch_optimizer/issues/397", "CyberZHG/keras-radam/issues/29"],
    ),
    "ZeroGradient": (
        "Entries that are exactly zero, for a while or for good, and a step in which all are.",
        ["google-deepmind/optax/pull/1769", "deeplearning4j/deeplearning4j/issues/2705"],
    ),
    "ZeroParameter": (
        "Tensors that begin at zero, which have no norm and nothing to decay.",
        ["cybertronai/pytorch-lamb/pull/6"],
    ),
    "SignFlip": (
        "Gradients whose sign turns, at every step or once after a run.",
        ["google-deepmind/optax/pull/1725", "libfann/fann/issues/85"],
    ),
    "Spike": (
        "One gradient of 1e4 that decays: running maxima, means with the wrong memory, clipping that is not asked for.",
        ["pytorch/pytorch/pull/4314"],
    ),
    "Range": ("Gradients from 1e-10 to 1e5 side by side: overflow, underflow, entries that are not kept apart.", []),
    "LearningRate": (
        "The learning rate changes between steps: what is inside a momentum keeps the old one.",
        ["apache/mxnet/issues/15533", "lessw2020/Ranger-Deep-Learning-Optimizer/pull/9"],
    ),
    "LateStart": (
        "The state of step 1000: bias corrections and schedules that count from another number, and what is not restored.",
        ["KempnerInstitute/KempnerForge/pull/115", "deepspeedai/DeepSpeed/pull/564"],
    ),
    "Hyper": (
        "Hyper-parameters other than the defaults: constants that are written into the code.",
        ["lessw2020/Ranger-Deep-Learning-Optimizer/issues/6", "ecmwf/WeatherGenerator/issues/1601"],
    ),
    "ZeroHyper": ("Hyper-parameters that are zero, which some programs take for absent.", []),
    "ExactHyper": ("Hyper-parameters that every binary format holds exactly: the arithmetic alone.", []),
    "Switch": ("A switch of the rule is turned.", ["PaddlePaddle/Paddle/pull/12231"]),
    "WeightDecay": (
        "Weight decay: coupled or not, before or after, scaled by the learning rate or not.",
        ["chainer/chainer/issues/261", "jettify/pytorch-optimizer/pull/455", "tinygrad/tinygrad/pull/17708"],
    ),
    "Shapes": (
        "Tensors of 0, 1, 2 and 4 axes, one without entries, two of one shape: per-tensor state that is shared.",
        ["flashlight/flashlight/issues/143", "ml-explore/mlx/pull/3652"],
    ),
    "LargeTensor": ("A tensor much longer than its step: clamped norms, and norms over the wrong tensors.", []),
    "Long": ("More steps: thresholds, cycles, windows.", ["google-deepmind/optax/issues/263"]),
    "Clipping": (
        "Gradients longer than a limit, shorter, as long, and of no length; entries and units likewise.",
        ["huggingface/transformers/pull/614", "paiml/entrenar/issues/311", "HomebrewML/HeavyBall/issues/67"],
    ),
    "Units": (
        "Tensors of two, three and four axes, whose slices differ: which axes are one unit, and which are summed over.",
        ["SlopDotCash/asi/issues/439", "google-deepmind/optax/issues/906"],
    ),
    "MissingGradient": (
        "A tensor has no gradient (null), in no step or not in the last ones: neither it nor its state may move or decay.",
        ["KellerJordan/Muon/issues/54", "Tiiiger/QPyTorch/pull/41"],
    ),
}

# Another value for every word, exact in every binary format.
OTHER = {
    "adafactor.lr": 1.0,
    "alpha": 0.25, "beta": 0.75, "beta1": 0.75, "beta2": 0.875, "beta3": 0.5, "betas": (0.25, 0.75, 0.5), "c": 0.5,
    "clipping": 0.25,
    "constant": 0.5, "d": 1.5, "dampening": 0.25, "decay": 0.75, "decay_rate": 0.5, "delta": 5.0, "delta_max": 0.75,
    "delta_min": 0.0625, "derivative": 2.0, "eps": 0.0625, "eps1": 0.0625, "eps2": 0.125, "eps_root": 0.0625, "eta": 0.5,
    "eta_minus": 0.25, "eta_plus": 1.5, "f_min": -1.0, "final_lr": 0.5, "gamma": 0.25, "history_size": 3,
    "initial_accumulator": 0.25, "initial_momentum": 0.125, "integral": 3.0, "k": 2, "kappa": 64.0, "l1": 0.0625,
    "l2": 0.125, "lamb": 1.5, "lambd": 0.125, "lr": 0.125,
    "max_norm": 2.0, "max_value": 0.75, "min_curvature": 0.0, "momentum": 0.75, "momentum_decay": 0.125,
    "nu": 0.5, "nu1": 0.5, "nu2": 0.75, "rho": 0.75, "seed": 3, "sigma": 0.5, "start": 2, "cycle": 2, "t0": 2.0,
    "threshold": 4.5, "total_steps": 8, "periods": 1.0, "trust_coefficient": 0.125, "wd_ratio": 0.5, "weight_decay": 0.125,
    "width": 3, "xi": 4.0, "floor": 0.0,
}  # fmt: skip


# Words that may be zero.
ZEROS = {
    "momentum", "beta1", "dampening", "weight_decay", "eps", "beta", "nu", "nu1", "l1", "l2", "momentum_decay", "lamb",
    "integral", "derivative", "initial_accumulator", "eps_root",
}  # fmt: skip


@dataclass(frozen=True)
class Design:
    """One vector before its proof: hyper-parameters, start, gradients, and the learning rate of each step if it changes."""

    comment: str
    flags: tuple[str, ...]
    theta: list[np.ndarray]
    gradients: list[list[np.ndarray]]
    hyper: dict[str, Any] = field(default_factory=dict)
    lr: list[float] | None = None
    state: dict[str, Any] | None = None


def why_none(rule: Rule) -> str:
    """Why a rule has no vectors; "" if it has."""
    if rule.needs:
        return f"{rule.name} needs the {rule.needs[0]} function; vectors have gradients only"
    if rule.name == "skip_nonfinite":
        return f"{rule.name} is there for NaN and infinity, which JSON cannot write; without them it is the rule inside"
    return ""


def designs(rule: Rule) -> Iterator[Design]:
    """Every vector of a rule; the rule is in the reading and with the defaults of its paper."""
    three = [(2, 3), (4,), ()]
    averages = ("Averages",) if {"average", "ax"} & set(rule.state_names) else ()
    waiting = bool({"threshold", "t0"} & set(rule.defaults))  # something begins only after some steps
    numbers = _numbers(rule)
    yield Design("ordinary gradients, defaults", ("Basic", "CallerArrays", "Precision", *averages), *_walk(three, 5))
    for comment, flags, theta, gradients in _situations(waiting):
        yield Design(comment, flags, theta, gradients)
    if numbers:
        theta, gradients = _walk(three, 8 if waiting else 5)
        for tensors in gradients:
            tensors[1][:1] = np.round(tensors[1][:1] * 0.01, 4)
        flags = ("Hyper", "ExactHyper", "CallerArrays", *averages)
        yield Design("every hyper-parameter another", flags, theta, gradients, numbers)
        for comment, flags, theta, gradients in _situations(waiting):
            words = numbers
            if "ZeroGradient" in flags and "trust_coefficient" in numbers:
                words = numbers | {"weight_decay": 0.0}  # LARS: its paper and all libraries differ where only the gradient is 0
            if not {"Range", "LargeTensor", "EpsPlacement"} & set(flags):
                yield Design(f"{comment}; other hyper-parameters", flags, theta, gradients, words)
    if "delta_max" in numbers:
        theta, gradients = _walk([(2, 3), (4,)], 7)
        for t, tensors in enumerate(gradients):
            tensors[0] = np.abs(tensors[0])
            tensors[1] = np.abs(tensors[1]) * (-1.0) ** (t // 2)
        yield Design("runs of one sign, up to the limits", ("Hyper", "Long"), theta, gradients, numbers)
    nothing = {word: 0.0 for word in numbers if word in ZEROS and rule.defaults[word] != 0}
    if nothing.pop("eps", None) is not None and rule.name != "apollo":  # its first direction is 0, and so is its length
        yield Design("no eps", ("ZeroHyper",), *_walk(three, 4), {"eps": 0.0})
    if nothing:
        theta, gradients = _walk(three, 4)
        gradients[0][1][:2] = 0.0
        yield Design("hyper-parameters that are zero", ("ZeroHyper",), theta, gradients, nothing)
        for word in nothing:
            yield Design(f"{word} is zero, the others not", ("ZeroHyper",), theta, gradients, numbers | {word: 0.0})
    for switch in (word for word, value in rule.defaults.items() if isinstance(value, bool)):
        turned = {switch: not rule.defaults[switch]}
        words = {word: value for word, value in numbers.items() if word in ("lr", "momentum")}
        yield Design(f"with {switch}", ("Switch",), *_walk([(2, 3), (4,)], 4), {**words, **turned})
        yield Design(f"with {switch}; other hyper-parameters", ("Switch",), *_walk([(2, 3), (4,)], 4), {**numbers, **turned})
    yield from _limits(rule)
    yield from _units(rule)
    if "weight_decay" in rule.defaults:
        for decay in (0.125, 0.0):
            if decay != rule.defaults["weight_decay"]:
                yield Design(f"weight decay {decay}", ("WeightDecay",), *_walk(three, 4), {"weight_decay": decay})
    yield from _changing_rates(rule, numbers)
    yield from _late_starts(rule, numbers)
    yield from _missing(rule, numbers)


Situation = tuple[str, tuple[str, ...], list[np.ndarray], list[list[np.ndarray]]]


def _situations(waiting: bool) -> Iterator[Situation]:
    """What happens to gradients, whatever the hyper-parameters."""
    three = [(2, 3), (4,), ()]
    theta, gradients = _walk([(2, 3), (4,)], 6 if waiting else 4, size=1e-8)
    gradients[1][0][:, 1] = 0.0
    yield "gradients of the size of eps and below", ("EpsPlacement",), theta, gradients
    theta, gradients = _walk([*three, (2,)], 6)
    for t, tensors in enumerate(gradients):
        tensors[0][:, 0] = 0.0
        tensors[0][1] *= t != 2
        tensors[1][2:] *= t > 2
        tensors[3] *= t > 1
        for g in tensors:
            g *= t != 3
    theta[1] *= 0.0
    comment = "zeros: entries for good, entries and a tensor that wake up, a row, a step, a tensor of parameters"
    yield comment, ("ZeroGradient", "ZeroParameter"), theta, gradients
    theta, gradients = _walk([(2, 3), (4,)], 6)
    for t, tensors in enumerate(gradients):
        tensors[0] = np.abs(tensors[0]) * (-1.0) ** t
        tensors[1] = np.abs(tensors[1]) * (1.0 if t < 4 else -1.0)
    yield "signs: a flip at every step, one flip after a run", ("SignFlip",), theta, gradients
    theta, gradients = _walk([(2, 3)], 6)
    for t, tensors in enumerate(gradients):
        tensors[0][0, 1] = 1e4 * 0.125**t
    yield "a spike of 1e4 that decays", ("Spike",), theta, gradients
    theta, gradients = _walk([(3, 2), (3,)], 3)
    for tensors in gradients:
        tensors[0] *= np.array([[1e-10, 1e-6], [1e-3, 1.0], [1e3, 1e5]])
    yield "sizes from 1e-10 to 1e5 in one tensor", ("Range",), theta, gradients
    shapes = [(), (3,), (2, 4), (2, 1, 2, 2), (0,), (2, 4)]
    theta, gradients = _walk(shapes, 3)
    for tensors in gradients:
        tensors[5] = np.round(tensors[5] * 0.01, 4)
    yield "tensors of every kind, two of one shape, one empty", ("Shapes",), theta, gradients
    theta, gradients = _walk([(2, 2), (3,)], 3)
    theta[0] *= 100.0
    yield "one tensor a hundred times as large as the other", ("LargeTensor",), theta, gradients
    yield "more steps", ("Long",), *_walk([(2, 2)], 12)


def _limits(rule: Rule) -> Iterator[Design]:
    """Gradients at a limit, where libraries part, and on both sides of it; lengths are whole numbers."""
    if not {"max_norm", "max_value", "clipping"} & set(rule.defaults):
        return
    theta = [_tensor(shape, seed) for seed, shape in enumerate([(2,), (3,), (2, 2), ()])]
    zero: list[np.ndarray] = [0.0 * x for x in theta]

    def with_(*parts: Any) -> list[np.ndarray]:
        return [np.array(part, dtype=float) for part in parts] + zero[len(parts) :]

    gradients = [
        with_([3.0, 4.0], [1.0, 2.0, 2.0], [[0.0, 6.0], [8.0, 0.0]], 12.0),  # 5, 3, 10 and 12 long
        with_([3.0, 0.0], [0.0, -4.0, 0.0]),  # 5 over both
        with_([3.0, 4.0], [12.0, 0.0, 0.0]),  # 13 over both
        with_([0.5, -0.5], [0.5, -0.5, 0.0]),  # 1 over both
        with_([0.0, 1.0], [-0.25, 0.0, 0.5], [[0.125, -5.0], [5.0, 5.25]], -1.0),
        with_(),
        with_([0.75, 1.0], [5.0, -5.25, 4.75], [[2.0, 1.0], [0.0, 2.0]], 0.25),
    ]
    limits: dict[str, Any] = {word: 5.0 for word in ("max_norm", "max_value") if word in rule.defaults}
    if limits:
        yield Design("at a limit of 1, above it, below it", ("Clipping", "ZeroGradient"), theta, gradients)
        flags = ("Clipping", "Hyper", "ExactHyper")
        yield Design("at a limit of 5, above it, below it", flags, theta, gradients, limits)
        small = [[g * 2.0**-30 for g in tensors] for tensors in gradients[:3]]
        yield Design("a limit of 5e-9", ("Clipping", "EpsPlacement"), theta, small, dict.fromkeys(limits, 5 * 2.0**-30))
        return
    theta[0], theta[1] = np.array([3.0, 4.0]), np.array([2.0, -1.0, 2.0])
    theta[2] = np.array([[0.0, 0.0], [6.0, 8.0]])  # a unit of zeros
    words = {"clipping": 1.0, "eps": 0.125}
    yield Design("as long as the weights, longer, shorter", ("Clipping", "ZeroParameter"), theta, gradients, words)
    tiny = [[g * 2.0**-27 for g in tensors] for tensors in gradients[:3]]
    words = {"clipping": 2.0**-20, "eps": 2.0**-4}
    yield Design("limits below 1e-6", ("Clipping", "EpsPlacement"), [x * 2.0**-4 for x in theta], tiny, words)


def _units(rule: Rule) -> Iterator[Design]:
    """Tensors whose slices along every axis differ."""
    if "units" not in rule.defaults:
        return
    theta, gradients = _walk([(3, 2), (2, 3, 2), (2, 1, 2, 3), (1, 3), (3, 1), (3,)], 3)
    for tensors in gradients:
        tensors[0][0] *= 0.125
        tensors[1][0, 1] *= 4.0
        tensors[1][1, :, 1] *= 0.0625
        tensors[2][1, 0, 1] *= 0.125
    switches = [word for word, value in rule.defaults.items() if isinstance(value, bool)]
    numbers = _numbers(rule)
    yield Design("units along every axis", ("Units", "Shapes"), theta, gradients)
    if numbers:
        yield Design("units along every axis; other hyper-parameters", ("Units", "Hyper"), theta, gradients, numbers)
    for word in switches:
        turned = {word: not rule.defaults[word]}
        yield Design(f"units along every axis; with {word}", ("Units", "Switch"), theta, gradients, turned)


def _changing_rates(rule: Rule, numbers: dict[str, Any]) -> Iterator[Design]:
    inside = rule
    while inside.inner is not None and "lr" not in inside.hyper:
        inside = inside.inner
    if "lr" not in inside._step_names:
        return
    lr = [0.125, 0.125, 0.5, 0.03125, 0.03125]
    words = {"lr": 0.125} if inside is rule else {}
    some: dict[str, Any] = {word: numbers[word] for word in ("momentum", "final_lr") if word in numbers}
    some |= {"gamma": 0.25} if "final_lr" in numbers else {}  # bounds that bind
    for extra, comment in ((some, ""), (numbers, "; other hyper-parameters")):
        if extra is some or numbers:
            # three thirds may lie exactly between two numbers, which no ball decides
            walk = _walk([(2, 4) if rule.name == "centralize" else (2, 3), (4,)], 5)
            yield Design(f"the learning rate changes{comment}", ("LearningRate",), *walk, words | extra | words, lr)


def _late_starts(rule: Rule, numbers: dict[str, Any]) -> Iterator[Design]:
    """The state as after 999 steps; one entry has a mean of squares that is exactly the square of its gradient."""
    kinds = [rule._kinds.get(name) for name in rule.state_names]
    if not kinds or not set(kinds) <= {"count", "array", "number"} or "array" not in kinds or "inner_state" in rule.state_names:
        return
    theta, gradients = _walk([(2, 3)], 3)
    gradients[0][0][0, 0] = 0.5
    state: dict[str, Any] = {}
    for name, kind in zip(rule.state_names, kinds, strict=True):
        if kind == "count":
            state[name] = 999
        elif kind == "number":
            state[name] = 0.25
        else:
            i = len(state)
            state[name] = [np.round(np.abs(_tensor((2, 3), 40 + i)) * (0.5, 0.5, 0.04, 0.06, 0.3)[i], 4)]
            state[name][0][0, 0] = 0.25
    words = {"momentum": 0.75} if rule.defaults.get("momentum") == 0 else {}
    yield Design("from step 1000 on", ("LateStart",), theta, gradients, words, state=state)
    if numbers:
        yield Design("from step 1000 on; other hyper-parameters", ("LateStart",), theta, gradients, numbers, state=state)
        switches = {word: not value for word, value in rule.defaults.items() if isinstance(value, bool)}
        if switches:
            yield Design(
                "from step 1000 on; switched", ("LateStart", "Switch"), theta, gradients, numbers | switches, state=state
            )


def _missing(rule: Rule, numbers: dict[str, Any]) -> Iterator[Design]:
    """One tensor never has a gradient, one loses it; none gets it back, for libraries count such steps in two ways."""
    if rule.scope == "network":
        return  # what its one norm, or its noise, is then, is nowhere written
    theta, gradients = _walk([(3,), (2, 2), (2,)], 4)
    wrapped = rule.inner is not None  # an average goes on without gradients
    for t, tensors in enumerate(gradients):
        tensors[1] = None  # type: ignore[call-overload]
        if t > 1 and not wrapped:
            tensors[2] = None  # type: ignore[call-overload]
    yield Design("a tensor without gradients", ("MissingGradient",), theta, gradients)
    if numbers:
        yield Design("a tensor without gradients; other hyper-parameters", ("MissingGradient",), theta, gradients, numbers)


def _numbers(rule: Rule) -> dict[str, Any]:
    """Another value for every number among the hyper-parameters, exact in every binary format."""
    found = {}
    for word, default in rule.defaults.items():
        if isinstance(default, (int, float, tuple)) and not isinstance(default, bool):
            found[word] = OTHER.get(f"{rule.name}.{word}", OTHER[word])
    return found


def _walk(shapes: list[tuple[int, ...]], steps: int, size: float = 1.0) -> tuple[list[np.ndarray], list[list[np.ndarray]]]:
    theta = [_tensor(shape, seed) for seed, shape in enumerate(shapes)]
    seeds = itertools.count(10)
    return theta, [[_tensor(shape, next(seeds)) * size for shape in shapes] for _ in range(steps)]


def _tensor(shape: tuple[int, ...], seed: int) -> np.ndarray:
    """Numbers of both signs between 0.1 and 2, with 1 and -1 among them; a fixed function of the place, not of a generator."""
    place = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    mixed = (place * 37 + seed * 53 + (place + seed) ** 2 * 11) % 191
    return np.asarray(np.where(mixed % 17 == 0, np.sign(mixed - 95.0), np.round((mixed - 95) / 50 + 0.001, 2)), dtype=float)
