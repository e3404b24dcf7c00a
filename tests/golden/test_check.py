"""check: honest implementations pass, wrong ones fail where they are wrong, and the caller's side is looked at too."""

import numpy as np
import pytest

import refopt
from refopt.dialects.denominator import eps_hat
from refopt.frameworks import FRAMEWORKS
from refopt.golden import available, check, subject, vectors

# Readings that no input of this kind tells apart: without bias correction eps_hat is eps_outside; the cosines of AdamP and SGDP
# are compared with a bound and hardly ever decide; with floor 0 Adafactor's estimates are one.
SAME = {("amsgrad", "eps_hat"), ("adamp", "added"), ("sgdp", "added"), ("adafactor", "bounded")}


@pytest.mark.parametrize("name", available())
def test_every_rule_passes_its_own_vectors(name):
    report = check(subject(refopt.rule(name)), name)
    assert report.ok, str(report)
    assert report.skipped == ()
    assert len(report.passed) == len(vectors(name)["vectors"])


def other_readings():
    found = {}
    for table in FRAMEWORKS.values():
        for reading in table.values():
            rule = reading.rule
            while rule is not None:
                for hole in rule.holes:
                    found[rule.name, hole, rule.hyper[hole].__name__] = rule.hyper[hole]
                rule = rule.inner
    for (name, hole, word), function in found.items():
        if name in available() and function is not refopt.rule(name).hyper[hole] and (name, word) not in SAME:
            yield pytest.param(name, hole, function, id=f"{name}-{word}")


@pytest.mark.parametrize(("name", "hole", "function"), list(other_readings()))
def test_another_library_s_reading_fails(name, hole, function):
    assert not check(subject(refopt.rule(name)(**{hole: function})), name).ok


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop", "lamb", "adafactor", "nadam", "adamw"])
def test_float32_is_not_float64(name):
    def make(**hyper):
        inside = subject(refopt.rule(name))(**hyper)

        class Single:
            init = lambda self, params: inside.init([x.astype(np.float32) for x in params])  # noqa: E731
            step = lambda self, params, grads: inside.step(  # noqa: E731
                [x.astype(np.float32) for x in params], [g.astype(np.float32) for g in grads]
            )

        return Single()

    assert not check(make, name).ok


class Adam:
    """Adam as somebody else writes it: lists, running products, in another order of operations."""

    def __init__(self, lr, beta1, beta2, eps):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps

    def init(self, params):
        self.m, self.v, self.p1, self.p2 = [0 * x for x in params], [0 * x for x in params], 1.0, 1.0

    def set_lr(self, lr):
        self.lr = lr

    def load(self, start):
        self.m, self.v, self.p1, self.p2 = start["m"], start["v"], self.beta1 ** start["t"], self.beta2 ** start["t"]

    def step(self, params, grads):
        self.p1, self.p2 = self.p1 * self.beta1, self.p2 * self.beta2
        self.m = [m + (1 - self.beta1) * (g - m) for m, g in zip(self.m, grads, strict=True)]
        self.v = [v + (1 - self.beta2) * (g * g - v) for v, g in zip(self.v, grads, strict=True)]
        rate = self.lr / (1 - self.p1)
        return [
            x - rate * m / (np.sqrt(v) / np.sqrt(1 - self.p2) + self.eps)
            for x, m, v in zip(params, self.m, self.v, strict=True)
        ]


def test_an_honest_program_in_another_order_of_operations_passes():
    report = check(Adam, "adam")
    assert report.ok, str(report)


def wrong(**changes):
    """Adam with something else in place of a method."""
    return type("Wrong", (Adam,), changes)


def in_place(self, params, grads):
    for x, new in zip(params, Adam.step(self, params, grads), strict=True):
        x[...] = new
    return params


def keeping(self, params, grads):
    """It keeps the gradients of the first step, and not a copy: right until their owner writes others over them."""
    if not hasattr(self, "kept"):
        self.kept, self.copies = grads, [g.copy() for g in grads]
    moved = zip(Adam.step(self, params, grads), self.kept, self.copies, strict=True)
    return [x + 1e-290 * (kept - copy) for x, kept, copy in moved]


@pytest.mark.parametrize(
    ("changes", "words", "flags"),
    [
        ({"step": in_place}, "changed the parameters that were handed in", {"Basic"}),
        ({"step": lambda self, params, grads: grads[0].fill(0) or params}, "changed the gradients", {"Basic"}),
        ({"step": keeping}, "ulp off", {"Basic"}),
        ({"step": lambda self, params, grads: params[0]}, "step returned ndarray, not a list", {"Basic"}),
        ({"step": lambda self, params, grads: [x.reshape(-1) for x in params]}, "shapes", {"Basic"}),
        ({"step": lambda self, params, grads: 1 / 0}, "raised ZeroDivisionError: division by zero", {"Basic"}),
        ({"step": lambda self, params, grads: [x * np.nan for x in params]}, "nan, expected", {"Basic"}),
        ({"set_lr": lambda self, lr: None}, "ulp off", {"LearningRate"}),
        ({"load": lambda self, start: None}, "ulp off", {"LateStart"}),
    ],
)
def test_what_is_wrong_is_said(changes, words, flags):
    report = check(wrong(**changes), "adam")
    assert not report.ok
    assert words in str(report)
    assert flags <= set(report.flags)
    if flags != {"Basic"}:
        assert set(report.flags) == flags  # and nothing else


def test_where_it_is_wrong_is_said():
    report = check(subject(refopt.adam(denominator=eps_hat)), "adam")
    first = next(failure for failure in report.failures if "EpsPlacement" in failure.flags)
    assert (first.vector, first.step) == ("adam/2", 1)
    document = next(v for v in vectors("adam")["vectors"] if v["id"] == "adam/2")
    place = np.ravel_multi_index(first.index, document["shapes"][first.tensor])
    assert first.expected == document["steps"][0]["theta"][first.tensor][place]
    assert first.ulps > first.allowed
    assert repr(first.got) in str(first)


def test_what_a_subject_cannot_do_is_skipped_and_said():
    bare = type("Bare", (), {name: getattr(Adam, name) for name in ("__init__", "init", "step")})
    report = check(bare, "adam")
    assert report.ok
    missing = "it takes no missing gradients: TypeError: unsupported operand type(s) for -: 'NoneType' and 'float'"
    assert {why for _, why in report.skipped} == {"it needs set_lr", "it needs load", missing}
    assert not check(lambda: None, "adam").ok
    assert "it takes no lr" in str(check(lambda: None, "adam"))
    assert "make raised ZeroDivisionError" in str(check(lambda **hyper: 1 / 0, "adam"))


def test_a_subject_may_lack_what_it_leaves_at_the_default():
    def plain(lr, rho, eps):
        return subject(refopt.rmsprop)(lr=lr, rho=rho, eps=eps)

    report = check(plain, "rmsprop")
    assert report.ok
    assert len(report.passed) >= 10
    assert {why for _, why in report.skipped} <= {f"it takes no {x}" for x in ("momentum", "centered", "initial_accumulator")}


def test_what_there_is_not_is_said():
    with pytest.raises(ValueError, match="there are no vectors of 'sam'"):
        check(Adam, "sam")
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        check(Adam, "addam")


class Tolerant(Adam):
    """Knows missing gradients: puts something in their place, or leaves the tensor alone."""

    def instead(self, x):
        return None

    def step(self, params, grads):
        filled = [self.instead(x) if g is None else g for x, g in zip(params, grads, strict=True)]
        new = super().step(params, [np.zeros_like(x) if g is None else g for x, g in zip(params, filled, strict=True)])
        return [x.copy() if g is None else y for x, y, g in zip(params, new, filled, strict=True)]


def test_a_missing_gradient_moves_nothing():
    assert not any("MissingGradient" in failure.flags for failure in check(Tolerant, "adam").failures)
    coasting = type("Coasting", (Tolerant,), {"instead": lambda self, x: np.zeros_like(x)})
    report = check(coasting, "adam")
    assert {flag for failure in report.failures for flag in failure.flags} == {"MissingGradient"}
    unaware = type("Unaware", (Tolerant,), {"instead": lambda self, x: np.full_like(x, np.nan)})
    report = check(unaware, "adam")
    assert report.ok
    assert [why for _, why in report.skipped] == ["it takes no missing gradients"] * 2


def test_what_was_returned_must_stay():
    class Own(Adam):
        def init(self, params):
            super().init(params)
            self.own = [x.copy() for x in params]

        def step(self, params, grads):
            for x, new in zip(self.own, super().step(params, grads), strict=True):
                x[...] = new
            return self.own

    report = check(Own, "adam")
    assert "it changed arrays that it had returned before" in report.failures[0].what
    assert report.failures[0].step == 2

    class Same(Adam):
        """Returns the caller's own array where nothing moves, which is allowed."""

        def step(self, params, grads):
            new = super().step(params, grads)
            return [x if np.array_equal(x, y) else y for x, y in zip(params, new, strict=True)]

    assert check(Same, "adam").ok


def test_the_distance_of_what_passed_is_said():
    assert check(subject(refopt.signsgd), "signsgd").ulps <= 1
    assert 1 < check(subject(refopt.adam), "adam").ulps < 500
