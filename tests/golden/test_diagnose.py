"""diagnose: an implementation that is wrong in a known way is told so, and one that is right as well."""

import random

import numpy as np
import pytest

import refopt
from refopt.dialects.denominator import eps_hat, eps_inside
from refopt.dialects.rate import lr_inside
from refopt.golden import check, diagnose, subject
from refopt.golden.mistakes import all as mistakes


def frozen(rule, **values):
    """A subject that takes no notice of what some hyper-parameters are said to be."""
    return lambda **hyper: subject(rule)(**(hyper | values))


class InPlaceAdam:
    """Right numbers, written into its caller's arrays."""

    def __init__(self, **hyper):
        self.inside = subject(refopt.adam)(**hyper)
        self.init, self.load, self.set_lr = self.inside.init, self.inside.load, self.inside.set_lr

    def step(self, params, grads):
        for x, new in zip(params, self.inside.step(params, grads), strict=True):
            x[...] = new
        return params


def uncorrected_with_squared_beta2(**hyper):
    """Two mistakes at once: this Adam written out."""
    lr, beta1, beta2, eps = hyper["lr"], hyper["beta1"], hyper["beta2"] ** 2, hyper["eps"]
    state = {}

    class Both:
        def init(self, params):
            state.update(m=[0 * x for x in params], v=[0 * x for x in params], lr=lr)

        def load(self, start):
            state.update(start)

        def set_lr(self, lr):
            state["lr"] = lr

        def step(self, params, grads):
            state["m"] = [beta1 * m + (1 - beta1) * g for m, g in zip(state["m"], grads, strict=True)]
            state["v"] = [beta2 * v + (1 - beta2) * g * g for v, g in zip(state["v"], grads, strict=True)]
            moments = zip(params, state["m"], state["v"], strict=True)
            return [x - state["lr"] * m / (np.sqrt(v) + eps) for x, m, v in moments]

    return Both()


@pytest.mark.parametrize("name", ["sgd", "adam", "lamb", "adafactor", "sm3", "lookahead"])
def test_right_is_right(name):
    (finding,) = diagnose(subject(refopt.rule(name)), name)
    assert (finding.name, finding.exact) == ("right", True)


@pytest.mark.parametrize(
    ("rule", "make", "words"),
    [
        ("adam", subject(refopt.adam(denominator=eps_hat)), "keras's reading"),
        ("rmsprop", subject(refopt.rmsprop(denominator=eps_inside, rate=lr_inside)), "keras's reading"),
        ("adam", frozen(refopt.adam, eps=1e-7), "eps = 1e-07"),
        ("adamw", frozen(refopt.adamw, weight_decay=0.0), "The decay is computed and not used"),
        ("sgd", lambda **hyper: subject(refopt.sgd)(**(hyper | {"momentum": hyper["momentum"] * 0.5})), "momentum × 0.5"),
        ("adam", frozen(refopt.adam(denominator=eps_hat), beta2=0.999), "keras's reading, and beta2"),
        ("adam", frozen(refopt.adam, eps=3.3e-5), "eps = 3.3e-05"),
        ("nadam", frozen(refopt.nadam, beta1=0.87), "beta1 = 0.87"),
        ("sgd", lambda **hyper: subject(refopt.sgd)(**(hyper | {"momentum": hyper["momentum"] * 0.37})), "momentum × 0.37"),
        ("adam", InPlaceAdam, "parameters overwritten"),
        ("adam", uncorrected_with_squared_beta2, "no bias correction, and beta2²"),
    ],
)
def test_the_best_explanation_is_the_true_one(rule, make, words):
    best, *_ = diagnose(make, rule, seconds=90)
    assert best.exact
    assert words in str(best)


class Written:
    """Momentum as anybody writes it; each of those below has one mistake that is not in the catalogue."""

    def __init__(self, lr, momentum, dampening, nesterov):
        self.lr, self.momentum, self.dampening, self.nesterov, self.t = lr, momentum, dampening, nesterov, 0

    def init(self, params):
        self.b = [np.zeros_like(x) for x in params]

    def set_lr(self, lr):
        self.lr = lr

    def load(self, start):
        self.t, self.b = start["t"], start["b"]

    def fresh(self):
        return 1 if self.t == 1 else 1 - self.dampening

    def step(self, params, grads):
        self.t += 1
        self.b = [self.momentum * b + self.fresh() * g for b, g in zip(self.b, grads, strict=True)]
        ahead = [g + self.momentum * b if self.nesterov else b for b, g in zip(self.b, grads, strict=True)]
        return [x - self.lr * d for x, d in zip(params, ahead, strict=True)]


class SquaredDampening(Written):
    def fresh(self):
        return 1 if self.t == 1 else (1 - self.dampening) ** 2


class ScalarsAsVectors(Written):
    def step(self, params, grads):
        return [np.atleast_1d(x) for x in super().step(params, grads)]


class InSingles(Written):
    def step(self, params, grads):
        self.b = [b.astype(np.float32).astype(float) for b in self.b]
        return super().step(params, grads)


class ResetByRate(Written):
    def set_lr(self, lr):
        if lr != self.lr:
            self.b = [0 * b for b in self.b]
        self.lr = lr


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (SquaredDampening, "b = momentum * b + "),
        (ScalarsAsVectors, "right, but it raises"),
        (InSingles, "float32"),
        (ResetByRate, "b cleared with the learning rate"),
    ],
)
def test_mistakes_that_nobody_wrote_down_are_found(make, words):
    best, *_ = diagnose(make, "sgd", seconds=90)
    assert best.exact, best
    assert words in str(best)


def test_what_happens_in_one_situation_only_is_said():
    class WithoutStepOfZero(Written):  # where momentum is 0 its branch forgets the learning rate
        def step(self, params, grads):
            if self.momentum == 0:
                return [x - g for x, g in zip(params, grads, strict=True)]
            return super().step(params, grads)

    best, *_ = diagnose(WithoutStepOfZero, "sgd", seconds=90)
    assert best.exact, best
    assert "momentum is 0" in str(best)


def test_a_sample_of_the_catalogue_is_recognised():
    known = mistakes()
    sample = random.Random(5).sample(known, 30)
    exact = [diagnose(mistake.make, mistake.rule, seconds=90)[0].exact for mistake in sample]
    assert np.mean(exact) >= 0.9


def test_what_is_not_known_is_not_called_exact():
    def make(**hyper):
        made = subject(refopt.adam)(**hyper)
        plain = made.step
        made.step = lambda params, grads: [x + 1e-3 * np.cos(x) for x in plain(params, grads)]
        return made

    findings = diagnose(make, "adam", most=3)
    assert len(findings) == 3
    assert not any(finding.exact for finding in findings)
    with pytest.raises(ValueError, match="could not run a single vector"):
        diagnose(lambda **hyper: None, "adam")
    with pytest.raises(ValueError, match="there are no vectors of 'sam'"):
        diagnose(make, "sam")


@pytest.mark.parametrize("factor", [1 + 1e-13, 1 + 1e-9])
def test_a_tiny_mistake_is_neither_right_nor_float32(factor):
    best, *_ = diagnose(lambda **hyper: subject(refopt.adam)(**(hyper | {"lr": hyper["lr"] * factor})), "adam", seconds=20)
    assert not check(lambda **hyper: subject(refopt.adam)(**(hyper | {"lr": hyper["lr"] * factor})), "adam").ok
    assert best.name != "right"
    assert not best.exact
