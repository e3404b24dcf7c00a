"""What the tests of steps in place share: starts, gradients, made-up rules, and the comparison with the plain step."""

import copy

import adversarial
import numpy as np

import refopt
from refopt.fast import why_not
from refopt.numbers import zeros_like
from refopt.recurrence import Rule

TILE = 256  # the smallest there is
STEPS = 22

# Steps of theta, g, t, m, p that lie differently in memory.
TEXTS = [
    "p = theta; theta = theta - lr * g",  # the old theta is kept
    "p = m; m = g; theta = theta - m",  # a queue
    "m, p = theta, m; theta = theta - lr * g",  # a longer one
    "m = g; p = g",
    "m = g - m; p = m; theta = m",  # one result in three places
    "x = m * 0.5 + g; y = x * 2; theta = theta - y * m; m = x; p = np.abs(theta) + y * 3",  # x outlives its last reader
    "p = np.zeros_like(g); m = numbers.zeros_like(p)",  # of infinity and NaN too
    "p = np.ones_like(g); m = numbers.copy(g)",
    "theta = theta - g**a",  # an exponent that may be 2
    "theta = theta - np.abs(g)**a; t = t + 1",
    "theta = theta - np.where(g > 0, g, lr); m = np.where(m > g, m, theta)",
    "m = numbers.where(g * m < 0, 0.5, 1.2, like=g) * g",
    "m = numbers.where(g > 0, 1, 0, like=g) * g",
    "t = t + 1; x = g * (t > 2); theta = theta - x if t % 3 == 0 else theta + lr",
    "x = numbers.sqrt(t + 0.5) * numbers.sign(lr - 0.05); theta = theta * x + numbers.exp(-lr) * numbers.maximum(lr, t)",
    "theta = theta * (-0.0 - lr)**2 + abs(-lr) - g / -0.0",
    "theta = 0 * theta + float('inf') + g",
]


def gradients(shape, dtype, steps=STEPS):
    """The adversarial ones as one array; late ones have the smallest numbers of the dtype, then infinity and NaN."""
    size, tiny = int(np.prod(shape)), np.finfo(dtype).smallest_subnormal
    out = []
    for t, tensors in enumerate(adversarial.gradients(STEPS)[:steps]):
        with np.errstate(over="ignore"):
            g = np.resize(np.concatenate([x.reshape(-1) for x in tensors.values()]), size).astype(dtype)
        if t >= 14:
            g[2::7] = tiny * np.arange(-3, len(g[2::7]) - 3).astype(dtype)
        if t >= 18:
            g[3::50], g[4::50], g[5::50] = np.inf, -np.inf, np.nan
        out.append(g.reshape(shape))
    return out


def start(shape, dtype):
    flat = np.concatenate([x.reshape(-1) for x in adversarial.start().values()])
    return np.resize(flat, int(np.prod(shape))).astype(dtype).reshape(shape)


def fresh(rule):
    """The rule without what an earlier test bound to it, with the functions that it cannot run without."""
    return adversarial.ready(rule)()


def assert_same(a, b, where=""):
    """Equal in every bit, and of one kind; of a NaN only that it is one."""
    assert type(a) is type(b), where
    if isinstance(a, dict):
        assert list(a) == list(b), where
        for key in a:
            assert_same(a[key], b[key], f"{where}[{key!r}]")
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b), where
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            assert_same(x, y, f"{where}[{i}]")
    elif isinstance(a, (np.ndarray, np.generic)):
        assert (a.dtype, a.shape) == (b.dtype, b.shape), where
        assert np.array_equal(a, b, equal_nan=True), where
        assert np.all((np.signbit(a) == np.signbit(b)) | np.isnan(a)), where  # zeros too
    else:
        assert a == b or (a != a and b != b), where


def run_both(rule, theta, gs, **hyper):
    """Step in place and plainly beside each other; returns the theta and state in place."""
    here, state = copy.deepcopy(theta), rule.init(theta)
    plain, other = theta, copy.deepcopy(state)
    arrays = list(leaves([here, state]))
    with np.errstate(all="ignore"):
        for t, g in enumerate(gs):
            before = copy.deepcopy(g)
            assert rule.update_(here, g, state, **hyper) is None
            plain, other = rule.update(plain, g, other, **hyper)
            assert_same(here, plain, f"{rule} step {t + 1}: theta")
            assert_same({name: state[name] for name in other}, other, f"{rule} step {t + 1}: state")
            assert_same(g, before)
    if why_not(rule) is None:  # theta and the state are where they were
        assert all(a is b for a, b in zip(arrays, leaves([here, state]), strict=True))
    return here, state


def leaves(tree):
    """The arrays of containers, however deep, that are no single numbers."""
    if isinstance(tree, (list, tuple, dict)):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(part)
    elif isinstance(tree, np.ndarray) and tree.ndim:
        yield tree


def made(text, scope="element"):
    """A rule of theta, g, t, m, p whose step is `text`."""
    space = {"np": np, "numbers": refopt.numbers}
    lines = "\n".join(f"    {line}" for line in text.split("; "))
    exec(f"def step(theta, g, t, m, p, *, lr=0.1, a=2.0):\n{lines}\n    return locals()", space)
    space["step"].__module__ = "__main__"
    return Rule(lambda theta: dict(t=0, m=zeros_like(theta), p=zeros_like(theta)), space["step"], scope=scope)
