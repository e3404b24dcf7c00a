"""The catalogue of mistakes: each dies on a vector that carries its flag; honest rewrites of the same rules never do."""

from fractions import Fraction
from math import fsum
from types import SimpleNamespace

import numpy as np
import pytest

import refopt
from refopt.frameworks import FRAMEWORKS
from refopt.golden import available, check, mistakes, subject, vectors
from refopt.golden.inputs import FLAGS
from refopt.golden.mistakes import Mistake, edited

ALL = mistakes.all()


@pytest.mark.parametrize("rule", available())
def test_every_mistake_dies_on_a_vector_with_its_flag(rule):
    for mistake in mistakes.of(rule):
        report = check(mistake.make, rule)
        assert not report.ok, f"survives: {mistake}"
        assert mistake.flag in report.flags, f"{mistake}\ndies elsewhere: {report.flags}"
        raised = [failure.what for failure in report.failures if "raised" in failure.what]
        assert not raised, f"{mistake}\nis no program: {raised}"


def test_the_catalogue_is_large_and_covers_every_rule_and_flag():
    assert len(ALL) >= 150
    assert len({(mistake.rule, mistake.name) for mistake in ALL}) == len(ALL)
    assert {mistake.rule for mistake in ALL} == set(available())
    assert {mistake.flag for mistake in ALL} <= set(FLAGS)
    for mistake in ALL:
        assert mistake.flag in vectors(mistake.rule)["flags"], mistake
        assert mistake.explanation.endswith("."), mistake
        assert mistake.link.startswith("https://") or not mistake.link
        assert bool(mistake.hyper) + bool(mistake.lines or mistake.start) + bool(mistake.scope) + bool(mistake.loop) == 1


def test_every_flag_that_names_a_situation_kills_a_mistake():
    named = {mistake.flag for mistake in ALL}
    assert set(FLAGS) - named <= {"Range", "ExactHyper"}  # these are there for programs in other formats


def path(make, rule):
    """Where a subject goes on every vector."""

    def tensors(flat):
        return [np.reshape(x, shape).astype(float) for x, shape in zip(flat, shapes, strict=True)]

    found = []
    for vector in vectors(rule)["vectors"]:
        if "MissingGradient" in vector["flags"]:
            continue
        shapes = [tuple(shape) for shape in vector["shapes"]]
        made = make(**{word: tuple(x) if isinstance(x, list) else x for word, x in vector["hyper"].items()})
        params = tensors(vector["theta"])
        made.init(params)
        if "start" in vector:
            made.load({name: tensors(x) if isinstance(x, list) else x for name, x in vector["start"].items()})
        for t, gradients in enumerate(vector["gradients"]):
            if "lr" in vector:
                made.set_lr(vector["lr"][t])
            with np.errstate(all="ignore"):
                params = made.step([x.copy() for x in params], tensors(gradients))
            shown = [x for part in made.results().values() for x in part] if hasattr(made, "results") else []
            found += [np.ravel(x) for x in (*params, *shown)]
    return np.concatenate(found)


def same(a, b):
    return a.shape == b.shape and np.allclose(a, b, rtol=1e-11, atol=1e-13, equal_nan=True)


def library_readings(name):
    """Every filling of the rule's holes that a library has."""
    found = {}
    for table in FRAMEWORKS.values():
        for reading in table.values():
            rule = reading.rule
            while rule is not None:
                if rule.name == name:
                    holes = {hole: rule.hyper[hole] for hole in rule.holes}
                    found[tuple(sorted((hole, filling.__name__) for hole, filling in holes.items()))] = holes
                rule = rule.inner
    return list(found.values())


@pytest.mark.parametrize("rule", available())
def test_mistakes_differ_and_a_library_s_reading_is_called_so(rule):
    right = path(subject(refopt.rule(rule)), rule)
    readings = [path(subject(refopt.rule(rule)(**holes)), rule) for holes in library_readings(rule)]
    readings = [reading for reading in readings if not same(reading, right)]
    seen = {}
    for mistake in mistakes.of(rule):
        if mistake.flag in ("CallerArrays", "MissingGradient"):
            continue  # it is the caller who sees the one, and the other was left out above
        here = path(mistake.make, rule)
        assert not same(here, right), mistake
        for other, there in seen.items():
            assert not same(here, there), f"{rule}: {mistake.name} and {other} are the same"
        seen[mistake.name] = here
        if any(same(here, reading) for reading in readings):
            assert mistake.hyper or "reading" in mistake.explanation, f"{mistake}\nis what a library means"


def test_an_edit_needs_its_line():
    with pytest.raises(ValueError, match="'theta = theta' occurs 0 times"):
        edited(refopt.adam, (("theta = theta", "theta = 0"),))
    assert edited(refopt.adam) is refopt.adam
    rule = edited(refopt.adam, (("", "g = 2 * g"), ("return", "theta = -theta")))
    assert rule.step(np.ones(2), np.ones(2), rule.init(np.ones(2)))["g"].tolist() == [2, 2]
    old = "return dict(G=zeros_like(theta) + initial_accumulator)"
    new = "return dict(G=zeros_like(theta) + 1)"
    started = Mistake("adagrad", "one", "Basic", "It begins at 1.", start=((old, new),))
    assert not check(started.make, "adagrad").ok
    assert str(started) == "adagrad: one (Basic). It begins at 1."


def lines(*pairs):
    """The pairs whose first text stands in the rule."""

    def of(rule):
        found = []
        for old, new in pairs:
            try:
                edited(rule, ((old, new),))
            except ValueError:
                continue
            found.append((old, new))
        return tuple(found)

    return of


def together(*pairs):
    """The pairs if all of them stand in the rule; else none."""
    of = lines(*pairs)
    return lambda rule: of(rule) if len(of(rule)) == len(pairs) else ()


M, V = "m = beta1 * m + (1 - beta1) * g", "v = beta2 * v + (1 - beta2) * g**2"
DENOMINATOR = "denom = denominator(v_hat, eps, c2)"
# The same formulas in another order of operations, as honest programs have them.
HONEST = {
    "differences": lines(
        (M, "m = m + (1 - beta1) * (g - m)"), (V, "v = v + (1 - beta2) * (g * g - v)"),
        ("G = G + g**2", "G = G + g * g"), ("v = rho * v + (1 - rho) * g**2", "v = v - (1 - rho) * (v - g * g)"),
        ("average = average + (theta - average) / t", "average = (average * (t - 1) + theta) / t"),
        ("b = momentum * b + (1 - momentum) * g", "b = b + (1 - momentum) * (g - b)"),
    ),
    "products": lines((V, "v = beta2 * v + (1 - beta2) * g * g"), (M, "m = g * (1 - beta1) + m * beta1")),
    "weighted root": lines((V, "v = beta2 * v + (sqrt(1 - beta2) * g) ** 2")),
    "roots divided": lines((DENOMINATOR, "denom = sqrt(v) / sqrt(c2) + eps")),
    "rate corrected": together(
        ("m_hat = m / c1", "m_hat = m"), ("update = lr * m_hat / denom", "update = (lr / c1) * (m_hat / denom)")
    ),
    "rate and eps corrected": lines((DENOMINATOR, "denom = (sqrt(v) + eps * sqrt(c2)) / sqrt(c2)")),
    "running products": lines(
        ("c1 = 1 - beta1**t", "c1 = 1 - (exp(t * __import__('math').log(beta1)) if beta1 else 0)"),
        ("c2 = 1 - beta2**t", "c2 = 1 - __import__('functools').reduce(lambda p, _: p * beta2, range(t), 1.0)"),
    ),
    "reciprocals": lines(
        ("update = lr * m_hat / denom", "update = lr * m_hat * (1 / denom)"),
        ("update = lr * g / denom", "update = lr * (g / denom)"),
        ("u = g / denom", "u = g * (1 / denom)"), ("U = g / sqrt(V_hat)", "U = g * (1 / sqrt(V_hat))"),
    ),
    "shrunk first": lines(
        ("update = lr * m_hat / denom + shrink", "update = lr * m_hat / denom; theta = theta * (1 - lr * weight_decay)")
    ),
    "sums from the end": lines(
        ("size = norm(theta)", "size = sqrt(total((theta * theta).reshape(-1)[::-1]))"),
        ("length = norm(u)", "length = sqrt(total((u * u).reshape(-1)[::-1]))"),
        ("length = norm(g)", "length = norm(g.reshape(-1)[::-1])"), ("square = total(g * g)", "square = norm(g) ** 2"),
    ),
    "means for sums": lines(
        ("R = beta2 * R + (1 - beta2) * total(S, -1)", "R = beta2 * R + (1 - beta2) * total(S, -1) / S.shape[-1]")
    ),
    "step in parts": lines(("theta = theta - update", "theta = theta + -1.0 * update")),
    "scale as timm has it": lines(
        ("scale = cap(length, max_norm)", "scale = 1 / maximum(1, length / max_norm)"),
        ("scale = cap(length, limit)", "scale = 1 / maximum(1, length / limit)"),
    ),
    "scale as keras has it": lines(
        ("scale = cap(length, max_norm)", "scale = max_norm * minimum(1 / length, 1 / max_norm)"),
        ("g_unit = g / (length + eps)", "g_unit = g * (1 / (length + eps))"),
    ),
    "scale as optax has it": lines(
        ("g_clipped = scale * g", "g_clipped = where(scale < 1, g * scale, g)"),
        ("g_centered = g - mu", "g_centered = -(mu - g)"),
    ),
    "divided": lines(("g_clipped = scale * g", "g_clipped = g / (1 / scale)")),
}  # fmt: skip


def honest_rewrites():
    found = [(way, name, of(refopt.rule(name))) for way, of in HONEST.items() for name in available()]
    return [pytest.param(name, rewrite, id=f"{way}-{name}") for way, name, rewrite in found if rewrite]


@pytest.mark.parametrize(("name", "found"), honest_rewrites())
def test_an_honest_rewrite_passes(name, found):
    report = check(subject(edited(refopt.rule(name), found)), name)
    assert report.ok, str(report)


def fused(a, b, c):
    """a·b + c, rounded once."""
    a, b, c = np.broadcast_arrays(a, b, c)
    exact = [
        float(Fraction(x) * Fraction(y) + Fraction(z)) for x, y, z in zip(*(p.ravel().tolist() for p in (a, b, c)), strict=True)
    ]
    return np.reshape(exact, a.shape)


class Fused:
    """Adam, AdamW (weight decay) and SGD (momentum) with fused multiply-adds."""

    def __init__(self, **hyper):
        self.h = SimpleNamespace(**hyper)

    def init(self, params):
        self.t, self.m, self.v = 0, [0 * x for x in params], [0 * x for x in params]

    def set_lr(self, lr):
        self.h.lr = lr

    def load(self, start):
        self.t, self.m, self.v = start["t"], start.get("m") or start["b"], start.get("v")


class FusedAdam(Fused):
    def step(self, params, grads):
        h, self.t = self.h, self.t + 1
        self.m = [fused(h.beta1, m, (1 - h.beta1) * g) for m, g in zip(self.m, grads, strict=True)]
        self.v = [fused((1 - h.beta2) * g, g, h.beta2 * v) for v, g in zip(self.v, grads, strict=True)]
        rate, root = h.lr / (1 - h.beta1**self.t), np.sqrt(1 - h.beta2**self.t)
        kept = [fused(-h.lr * getattr(h, "weight_decay", 0.0), x, x) for x in params]
        return [fused(-rate, m / (np.sqrt(v) / root + h.eps), x) for x, m, v in zip(kept, self.m, self.v, strict=True)]


class FusedMomentum(Fused):
    def step(self, params, grads):
        h, self.t = self.h, self.t + 1
        weight = 1 if self.t == 1 else 1 - h.dampening
        self.m = [fused(h.momentum, m, weight * g) for m, g in zip(self.m, grads, strict=True)]
        steps = [fused(h.momentum, m, g) if h.nesterov else m for m, g in zip(self.m, grads, strict=True)]
        return [fused(-h.lr, step, x) for x, step in zip(params, steps, strict=True)]


@pytest.mark.parametrize(("name", "make"), [("adam", FusedAdam), ("adamw", FusedAdam), ("sgd", FusedMomentum)])
def test_fused_multiply_adds_pass(name, make):
    switches = {word: value for word, value in refopt.rule(name).defaults.items() if isinstance(value, bool)}
    assert set(switches) <= {"nesterov"}
    report = check(lambda **hyper: make(**switches | hyper), name)
    assert report.ok, str(report)


def test_exact_sums_pass():
    exact = edited(refopt.lamb, (
        ("size = norm(theta)", "size = sqrt(__import__('math').fsum((theta * theta).ravel().tolist()))"),
        ("length = norm(u)", "length = sqrt(__import__('math').fsum((u * u).ravel().tolist()))"),
    ))  # fmt: skip
    assert fsum([0.1] * 10) == 1.0
    report = check(subject(exact), "lamb")
    assert report.ok, str(report)
