"""The catalogue: which mistakes are made with which rule. A kind stands once and applies to every rule that has its lines."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from inspect import getsource
from typing import Any

from refopt import catalogue
from refopt.golden.files import available, vectors
from refopt.golden.mistakes import anywhere, misuse, particular
from refopt.golden.mistakes.edits import Lines, Mistake
from refopt.recurrence import Rule

__all__ = ["Kind", "all", "of"]

M = "m = beta1 * m + (1 - beta1) * g"
V = "v = beta2 * v + (1 - beta2) * g**2"
C1, C2 = "c1 = 1 - beta1**t", "c2 = 1 - beta2**t"
MHAT, VHAT = "m_hat = m / c1", "v_hat = v / c2"
MOVE = "theta = theta - update"
COUNT = "t = t + 1"


@dataclass(frozen=True)
class Kind:
    """A mistake that is made with many rules; `flags` in order of preference, for not every rule has every vector."""

    name: str
    flags: tuple[str, ...]
    explanation: str
    lines: Lines = ()
    loop: Callable[[Rule], Any] | None = None
    link: str = ""
    unless: tuple[str, ...] = ()  # rules for which it is no mistake, or none that can be seen
    only: Callable[[Rule], bool] | tuple[str, ...] = field(default=())

    def fits(self, rule: Rule) -> bool:
        """Whether the rule has the lines, or is among those that the loop is for."""
        if rule.name in self.unless:
            return False
        if self.only:
            return self.only(rule) if callable(self.only) else rule.name in self.only
        text = getsource(rule.recurrence)
        return builtins.all(old in ("", "return") or f"    {old}\n" in text or f"    {old}  #" in text for old, _ in self.lines)


def _has(*names: str) -> Callable[[Rule], bool]:
    return lambda rule: set(names) <= {*rule.state_names, *rule.hyper}


KINDS = [
    # Bias correction and counters.
    Kind(
        "bias correction of m frozen", ("LateStart", "Long"),
        "The correction of the first moment stays that of the first step, 1 / (1 - beta1): steps are ten times too long later.",
        ((C1, "c1 = 1 - beta1"),), unless=("lamb",),
    ),
    Kind(
        "bias correction of v frozen", ("LateStart", "Long"),
        "The correction of the second moment stays that of the first step, 1 / (1 - beta2): steps get too short.",
        ((C2, "c2 = 1 - beta2"),),
    ),
    Kind(
        "no bias correction of m", ("Basic",),
        "The first moment is not corrected for its start at 0: the first step is 1 - beta1 of what it should be.",
        ((C1, "c1 = 1"),), unless=("lamb",),
    ),
    Kind(
        "no bias correction of v", ("Basic",),
        "The second moment is not corrected for its start at 0: the first step is about 30 times too long at beta2 = 0.999.",
        ((C2, "c2 = 1"),),
    ),
    Kind(
        "no bias correction", ("Basic",), "Neither moment is corrected for its start at 0.",
        ((C1, "c1 = 1"), (C2, "c2 = 1")), unless=("lamb",),
    ),
    Kind(
        "bias corrections swapped", ("Basic",), "The first moment gets the correction of the second, and the other way round.",
        ((C1, "c1 = 1 - beta2**t"), (C2, "c2 = 1 - beta1**t")),
    ),
    Kind(
        "bias correction multiplied", ("Basic",),
        "The moments are multiplied by 1 - beta**t instead of divided: the first steps are far too short.",
        ((MHAT, "m_hat = m * c1"), (VHAT, "v_hat = v * c2")), link="https://github.com/karpathy/convnetjs/pull/70",
    ),
    Kind(
        "m corrected in place", ("Basic",),
        "The corrected first moment overwrites the raw one, so that the correction accumulates from step to step.",
        ((MHAT, "m = m / c1; m_hat = m"),), link="https://github.com/frgfm/holocron/issues/1",
    ),
    Kind(
        "v corrected in place", ("Basic",),
        "The corrected second moment overwrites the raw one, so that the correction accumulates from step to step.",
        ((VHAT, "v = v / c2; v_hat = v"),), link="https://github.com/frgfm/holocron/issues/1",
    ),
    Kind(
        "beta to the power t + 1", ("Basic",), "The bias corrections are those of the next step: the counter is one ahead.",
        ((C1, "c1 = 1 - beta1 ** (t + 1)"), (C2, "c2 = 1 - beta2 ** (t + 1)")),
    ),
    Kind(
        "beta times t", ("Basic",), "beta * t stands where beta**t should: right at t = 1 only.",
        ((C1, "c1 = abs(1 - beta1 * t)"), (C2, "c2 = abs(1 - beta2 * t)")),
    ),
    Kind(
        "power of beta in float32", ("Precision",),
        "1 - beta2**t is computed in float32 and loses three digits, as 1 - 0.999 does.",
        ((C2, "c2 = 1 - float(__import__('numpy').float32(beta2**t))"),), unless=("lamb",),
    ),
    Kind(
        "the counter begins at 1", ("Basic",),
        "The step counter is 2 in the first update: it began at 1 and is increased before it is used.",
        ((COUNT, "t = t + 1 if t else 2"),),
        only=("adafactor", "nadam", "nadamw", "adan", "adabound", "amsbound", "adopt", "apollo"),
    ),
    Kind(
        "counted twice", ("Basic",), "The step counter goes up twice a step.", ((COUNT, "t = t + 2"),),
        unless=("amsgrad", "yogi", "novograd"),
        link="https://github.com/geoopt/geoopt/issues/164", only=_has("t", "beta2"),
    ),
    Kind(
        "never counted", ("Basic",), "The step counter stays at its first value: every step is made as the first.",
        ((COUNT, "t = 1"),), unless=("amsgrad", "yogi", "adamax"),
        link="https://github.com/allenai/OLMo-core/pull/317", only=_has("t", "beta2"),
    ),
    Kind(
        "one counter for all tensors", ("Shapes",),
        "The counter goes up in the loop over the tensors: the second tensor of the first step is at t = 2.",
        loop=misuse.SharedCounter, link="https://github.com/flashlight/flashlight/issues/143",
        only=("adam", "adamw", "nadamw", "radam", "lamb", "adafactor", "adabelief", "adamax", "adabound", "adan", "asgd"),
    ),
    Kind(
        "counter of eight bits", ("LateStart",), "The step counter is one byte and begins again after 255 steps.",
        loop=misuse.EightBits, only=("adam", "radam", "adamw", "qhadam"),
    ),
    Kind(
        "counter not restored", ("LateStart",),
        "A checkpoint brings back the moments but not the step counter, so that they are corrected as if they were new.",
        loop=misuse.CounterAnew, only=("adam", "adamw", "adamax", "radam", "adabelief", "diffgrad", "lamb", "qhadam"),
    ),
    Kind(
        "moments not restored", ("LateStart",), "A checkpoint brings back the step counter but not the moments.",
        loop=misuse.EmptyState, only=("adam", "adamw", "adan", "apollo", "addsign", "sgd", "pid", "amsgrad"),
    ),
    # Moments.
    Kind(
        "weights of m swapped", ("Basic",), "beta1 weighs the new gradient and 1 - beta1 the old moment.",
        ((M, "m = (1 - beta1) * m + beta1 * g"),),
    ),
    Kind(
        "m without 1 - beta1", ("Basic",),
        "The new gradient enters the first moment with weight 1: steps up to ten times too long.",
        ((M, "m = beta1 * m + g"),), unless=("lamb",),
    ),
    Kind(
        "beta2 in m", ("Basic",), "The two betas are swapped.",
        ((M, "m = beta2 * m + (1 - beta2) * g"), (V, "v = beta1 * v + (1 - beta1) * g**2")),
    ),
    Kind(
        "v of the moment", ("Basic",), "The second moment is a mean of m**2 instead of g**2.",
        ((V, "v = beta2 * v + (1 - beta2) * m**2"),),
    ),
    Kind(
        "v squared after averaging", ("Basic",), "The weighted gradient is squared, weight and all: (1 - beta2)**2 * g**2.",
        ((V, "v = beta2 * v + ((1 - beta2) * g) ** 2"),),
    ),
    Kind(
        "v of absolute values", ("Basic",), "The second moment is a mean of abs(g): its square was forgotten.",
        ((V, "v = beta2 * v + (1 - beta2) * abs(g)"),),
    ),
    Kind(
        "v without its memory", ("Basic",), "The second moment is this step's g**2 alone.",
        ((V, "v = (1 - beta2) * g**2"),),
    ),
    Kind(
        "parameters before moments", ("SignFlip", "Basic"),
        "The parameters are moved with the first moment of the step before: every gradient comes one step late.",
        ((M, "late = m; m = beta1 * m + (1 - beta1) * g"), (MHAT, "m_hat = late / c1")),
    ),
    Kind(
        "v of the step before", ("Spike", "Basic"), "The step is divided by the second moment before this gradient entered it.",
        ((V, "late = v; v = beta2 * v + (1 - beta2) * g**2"), (VHAT, "v_hat = late / c2")),
    ),
    # Denominators.
    Kind(
        "no root", ("Basic",), "The step is divided by the second moment itself instead of by its root.",
        (("denom = denominator(v_hat, eps, c2)", "denom = v_hat + eps"),),
    ),
    Kind(
        "no eps", ("ZeroGradient", "EpsPlacement"), "Nothing is added to the root: 0 / 0 where a gradient has always been 0.",
        (("denom = denominator(v_hat, eps, c2)", "denom = sqrt(v_hat)"),),
    ),
    Kind(
        "eps inside the root", ("EpsPlacement",), "sqrt(v_hat + eps): a floor of 1e-4 under the denominator instead of 1e-8.",
        (("denom = denominator(v_hat, eps, c2)", "denom = sqrt(v_hat + eps)"),),
        link="https://github.com/CyberZHG/keras-radam/issues/29", unless=("amsgrad",),
    ),
    Kind(
        "eps inside and outside the root", ("EpsPlacement",), "eps is added twice, inside the root and beside it.",
        (("denom = denominator(v_hat, eps, c2)", "denom = sqrt(v_hat + eps) + eps"),),
        link="https://github.com/kozistr/pytorch_optimizer/issues/397",
    ),
    Kind(
        "eps as a floor", ("EpsPlacement",), "The larger of root and eps instead of their sum.",
        (("denom = denominator(v_hat, eps, c2)", "denom = maximum(sqrt(v_hat), eps)"),),
    ),
    Kind(
        "eps not corrected", ("EpsPlacement",),
        "eps is added before the bias correction of v, and so grows by 1 / sqrt(c2): Keras's reading.",
        (("denom = denominator(v_hat, eps, c2)", "denom = (sqrt(v) + eps) / sqrt(c2)"),),
        link="https://github.com/tensorflow/tensorflow/issues/9047",
    ),
    # Steps.
    Kind(
        "ascent", ("Basic",),
        "The step is added instead of subtracted: the program climbs.", ((MOVE, "theta = theta + update"),),
    ),
    Kind(
        "clipped entries", ("Spike",), "Every entry of the gradient is clipped to ±1, which nobody asked for.",
        loop=misuse.ClippedValues,
        only=("sgd", "adam", "adamw", "adagrad", "rmsprop", "adadelta", "accsgd", "aggmo", "qhm", "lamb", "yogi", "adabelief"),
    ),
    Kind(
        "clipped norm", ("Spike", "Basic"), "The gradients are scaled to a norm of at most 1, which nobody asked for.",
        loop=misuse.ClippedNorm, only=("sgd", "adam", "rmsprop", "adamax", "radam", "adan", "ftrl", "pid", "ogd", "asgd"),
    ),
    # The caller's arrays and the loop.
    Kind(
        "parameters overwritten", ("CallerArrays",), "The caller's parameter arrays are updated in place.",
        loop=misuse.InPlace, only=("sgd", "adam", "adagrad", "lion", "lookahead", "ema", "fromage", "ftrl"),
    ),
    Kind(
        "gradients cleared", ("CallerArrays",), "The caller's gradient arrays are set to zero after the step.",
        loop=misuse.SpentGradient, only=("sgd", "adam", "rmsprop", "signsgd", "accumulation", "lars"),
    ),
    Kind(
        "gradients scaled in place", ("CallerArrays",), "The caller's gradient arrays are scaled, and not copies of them.",
        loop=misuse.ScaledGradient,
        only=("clip_by_value", "clip_by_norm", "clip_by_global_norm", "agc", "centralize", "normalize"),
    ),
    Kind(
        "decay in the caller's gradient", ("CallerArrays",), "L2 regularization adds to the caller's gradient arrays.",
        loop=misuse.SummedDecay, only=("l2",),
    ),
    Kind(
        "the gradient is kept, not copied", ("CallerArrays",),
        "The gradient of the step before is the caller's array, which holds something else by then.",
        loop=misuse.KeptGradient, only=("adan", "diffgrad", "ogd", "pid", "rprop"),
    ),
    Kind(
        "momentum is the first gradient, not a copy", ("CallerArrays",),
        "The momentum begins as the caller's gradient array, and is overwritten with it.",
        loop=misuse.KeptMomentum, only=("sgd", "sgdp"),
    ),
    Kind(
        "the start is kept, not copied", ("CallerArrays",),
        "The slow weights begin as the caller's parameter arrays and change with them.",
        loop=misuse.KeptState, only=("lookahead",),
    ),
    Kind(
        "new learning rate one step late", ("LearningRate",), "A new learning rate is used from the step after.",
        loop=misuse.LateRate, only=("sgd", "adam", "adamw", "rmsprop", "lion", "lamb", "asgd", "adafactor", "ftrl", "adabound"),
    ),
    Kind(
        "learning rate fixed", ("LearningRate",), "The learning rate of the first step is used for good.",
        loop=misuse.OldRate, link="https://github.com/lessw2020/Ranger-Deep-Learning-Optimizer/pull/9",
        only=("sgd", "adam", "radam", "adagrad", "adadelta", "lars", "adamax", "nadam", "sm3", "novograd", "qhm", "signum"),
    ),
    Kind(
        "state lost", ("Basic",), "The state is made anew at every step.", loop=misuse.ForgetfulState,
        only=(
            "adam", "adagrad", "adadelta", "rmsprop", "lion", "signum", "qhm", "aggmo", "sm3", "ftrl", "rprop", "adan",
            "apollo", "novograd", "adopt", "accsgd",
        ),
    ),
    Kind(
        "state lost", ("Long",), "The state of the wrapper is made anew at every step, so that it never comes into play.",
        loop=misuse.ForgetfulState, only=("accumulation",),
    ),
    Kind(
        "entries with gradient 0 skipped", ("ZeroGradient",),
        "A gradient entry of 0 is taken for absent: momentum does not decay and the parameter does not coast.",
        loop=misuse.WithoutZeroEntries,
        only=("adam", "adamw", "adamax", "amsgrad", "lion", "radam", "nadam", "adabelief", "signum", "adan", "diffgrad"),
    ),
    Kind(
        "tensors with gradient 0 skipped", ("ZeroGradient",),
        "A tensor whose gradient is all zero is not moved and its state does not decay or count.",
        loop=misuse.WithoutZeroTensors,
        only=("adam", "adamw", "lion", "lamb", "radam", "novograd", "lars", "amsgrad", "adamax", "nadam", "qhadam", "yogi"),
    ),
    Kind(
        "missing gradients are zero", ("MissingGradient",),
        "A tensor without a gradient is moved as if its gradient were zero: it coasts and decays.",
        loop=anywhere.MissingAsZero, link="https://github.com/KellerJordan/Muon/issues/54",
        only=("sgd", "adam", "adamw", "lion", "lamb", "nadam", "qhm", "rmsprop", "signum", "adan", "pid", "aggmo"),
    ),
    Kind(
        "scalars skipped", ("Shapes",), "A tensor without axes is not updated.", loop=misuse.NoScalars,
        only=("sgd", "adam", "adafactor", "lamb", "sm3", "adamp", "rprop"),
    ),
    Kind(
        "state shared by shape", ("Shapes",), "Two tensors of one shape use one state: it is looked up by shape.",
        loop=misuse.SharedState,
        only=("adam", "adagrad", "rmsprop", "lion", "adafactor", "novograd", "adadelta", "sm3", "yogi"),
    ),
    Kind(
        "gradient transposed", ("Shapes",), "A matrix of gradients is read column by column where parameters go row by row.",
        loop=misuse.ColumnMajor, only=("sgd", "adam", "adafactor", "sm3", "lamb"),
    ),
    Kind(
        "every row a tensor", ("Shapes",), "Norms are taken over the rows of a matrix and not over the tensor.",
        loop=misuse.Rows, only=("lamb", "lars", "fromage", "novograd", "adam_mini", "cautious", "clip_by_norm"),
    ),
    Kind(
        "float32", ("Precision",), "Everything is computed in float32.", loop=misuse.Singles,
        only=("sgd", "adam", "rmsprop", "adagrad", "lamb", "adafactor", "lion", "adadelta", "nadam", "ftrl", "rprop", "asgd",
              "clip_by_norm", "clip_by_global_norm", "agc", "normalize", "centralize"),
    ),
    Kind(
        "state in float32", ("Precision",), "The state is kept in float32 between steps that are computed in float64.",
        loop=misuse.SingleState,
        only=("adam", "rmsprop", "adagrad", "lamb", "adafactor", "adadelta", "novograd", "sm3", "qhm", "accsgd", "pid"),
    ),
]  # fmt: skip


@cache
def all() -> list[Mistake]:
    """Every mistake of the catalogue, sorted by rule."""
    return sorted(_everything(), key=lambda mistake: (mistake.rule, mistake.name))


def of(rule: str) -> list[Mistake]:
    """The mistakes that are made with one rule."""
    return [mistake for mistake in all() if mistake.rule == rule]


def _everything() -> Iterator[Mistake]:
    for name in available():
        rule = catalogue.rule(name)
        flags = vectors(name)["flags"]
        for kind in KINDS:
            if kind.fits(rule):
                flag = next((flag for flag in kind.flags if flag in flags), kind.flags[0])
                yield Mistake(name, kind.name, flag, kind.explanation, kind.link, lines=kind.lines, loop=kind.loop)
        for word in FALSY.get(name, ()):
            yield Mistake(
                name, f"{word} 0 taken for absent", "ZeroHyper", f"Where {word} is 0 its default is used: `{word} or default`.",
                lines=(("", f"{word} = {word} or {rule.hyper[word]!r}"),),
            )  # fmt: skip
        for word, value in rule.hyper.items():
            if word in HARD_CODED.get(name, ()):
                yield Mistake(
                    name, f"{word} written into the code", "Hyper",
                    f"{word} is {value} whatever the caller asks for.", lines=(("", f"{word} = {value!r}"),),
                )  # fmt: skip
    yield from particular.MISTAKES


# Words whose 0 programs take for absent.
FALSY = {
    "adam": ("beta1",), "lion": ("beta1",), "lamb": ("beta1", "eps"), "nadam": ("beta1", "momentum_decay"), "qhadam": ("nu1",),
    "radam": ("beta1",), "signum": ("momentum",), "pid": ("integral", "derivative"), "adopt": ("beta1",), "qhm": ("nu",),
    "novograd": ("beta1",), "ftrl": ("beta",), "amsgrad": ("beta1",), "adamax": ("eps",), "grokfast": ("lamb",),
}  # fmt: skip

# Words whose value programs write into a formula.
HARD_CODED = {
    "adam": ("eps", "beta2"), "adamw": ("eps", "weight_decay"), "rmsprop": ("rho", "eps"), "adagrad": ("eps",),
    "adadelta": ("eps", "rho"), "lamb": ("eps", "weight_decay"), "lars": ("trust_coefficient",),
    "adafactor": ("d", "eps2", "decay_rate"), "lion": ("beta2",), "nadam": ("momentum_decay",), "radam": ("threshold",),
    "yogi": ("eps",), "adabound": ("gamma", "final_lr"), "adabelief": ("eps",), "rprop": ("eta_plus",),
    "asgd": ("alpha",), "ftrl": ("beta", "l2"), "adamp": ("delta",), "sgdp": ("wd_ratio",), "qhadam": ("nu2",),
    "pid": ("integral",), "novograd": ("eps",), "accsgd": ("constant",), "apollo": ("eps",), "powersign": ("alpha",),
    "grokfast": ("lamb",), "lookahead": ("alpha",), "accumulation": ("k",), "clip_by_value": ("max_value",),
    "clip_by_norm": ("max_norm",), "clip_by_global_norm": ("max_norm",), "agc": ("clipping",), "l1": ("weight_decay",),
    "gradient_noise": ("gamma", "eta"), "normalize": ("eps",), "adan": ("eps",), "sm3": ("eps",),
    "noisy_sgd": ("gamma",), "ema": ("decay",), "signum": ("momentum",), "qhm": ("nu",),
    "ogd": ("alpha",), "diffgrad": ("eps",), "nadamw": ("weight_decay",), "adam_mini": ("weight_decay",), "adopt": ("eps",),
    "adamod": ("beta3",), "adamax": ("beta2",), "amsgrad": ("beta2",), "amsbound": ("final_lr",), "addsign": ("alpha",),
}  # fmt: skip
