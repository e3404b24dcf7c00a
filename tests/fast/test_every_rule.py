"""Every rule in place on memory that lies awkwardly, on threads, and without new memory: the bits of the plain step."""

import copy
import tracemalloc

import numpy as np
import pytest
from inplace import TILE, assert_same, fresh, gradients, run_both, start

import refopt
from refopt import fast
from refopt.fast import blocked, threads, why_not
from refopt.fast.blocked import Bound

STEPS = 4
BLOCKED = [name for name in refopt.names() if why_not(fresh(refopt.rule(name))) is None]


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    """Pieces of TILE entries, in recordings of this test's own."""
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 0)
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})


@pytest.fixture
def shares(monkeypatch):
    """Says how many threads step vectors as short as 100 entries."""
    monkeypatch.setattr(blocked, "WORTH_A_THREAD", 100)
    monkeypatch.setattr(threads, "_count", None)
    yield fast.set_num_threads
    blocked.take(blocked.way())


@pytest.mark.parametrize("way", fast.WAYS)
@pytest.mark.parametrize("name", BLOCKED)
def test_on_threads(name, way, shares, peer):
    if way == "fused":
        peer("numba")
    with fast.using(way):
        for count, size, dtype in ((2, 2049, "float32"), (5, 2 * 4 * TILE + 1, "float64")):
            shares(count)
            run_both(fresh(refopt.rule(name)), start(size, dtype), gradients(size, dtype, 8))


def strided(x):
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)
    wide[..., ::2] = x
    return wide[..., ::2]


LAYOUTS = [strided, np.asfortranarray, lambda x: np.ascontiguousarray(x[::-1])[::-1]]


@pytest.mark.parametrize("name", BLOCKED)
def test_where_nothing_is_contiguous(name):
    shape = (20, 30)
    for layout in LAYOUTS:
        rule = fresh(refopt.rule(name))
        theta, plain = layout(start(shape, "float32")), start(shape, "float32")
        strides = theta.strides
        state, other = rule.init(theta), rule.init(plain)
        for key, x in state.items():
            if isinstance(x, np.ndarray) and x.shape == shape:
                state[key] = layout(x)
        for number, g in enumerate(gradients(shape, "float32", STEPS)):
            rule.update_(theta, layout(g) if number % 2 else g, state)
            plain, other = rule.update(plain, g, other)
            assert_same(np.ascontiguousarray(theta), plain)
            assert_same({key: np.ascontiguousarray(x) if np.ndim(x) else x for key, x in state.items()}, other)
        assert theta.strides == strides


def arrays_of(state, shape):
    return [key for key, x in state.items() if isinstance(x, np.ndarray) and x.shape == shape]


@pytest.mark.parametrize("name", BLOCKED)
def test_where_arrays_are_one_memory(name):
    """The same array twice in the state; the gradient in the state; the gradient as theta; the gradient as a shifted theta."""
    size = 3 * TILE + 7
    for overlap in ("state", "gradient in state", "gradient is theta", "gradient overlaps theta"):
        rule, memory = fresh(refopt.rule(name)), np.zeros(size + 5)
        theta = memory[5:]
        theta[:] = start(size, "float64")
        g = gradients(size, "float64", 1)[0].copy()
        state = rule.init(theta)
        keys = arrays_of(state, theta.shape)
        if overlap == "state":
            state |= dict.fromkeys(keys, state[keys[0]]) if keys else {}
        elif overlap == "gradient in state" and keys:
            g[:] = np.abs(g)
            state[keys[-1]] = g
        elif overlap == "gradient is theta":
            g = theta
        elif overlap == "gradient overlaps theta":
            g = memory[:-5]
        plain, other = theta.copy(), copy.deepcopy({key: np.copy(x) if key in keys else x for key, x in state.items()})
        with np.errstate(all="ignore"):
            for _ in range(STEPS):
                used = g.copy()
                rule.update_(theta, g, state)
                plain, other = rule.update(plain, used, other)
                assert_same(theta, plain, overlap)
                assert_same(state, other, overlap)


@pytest.mark.parametrize("count", [1, 2])
def test_new_memory_is_a_few_pieces(count, shares, monkeypatch):
    """Beside theta, gradient and state: scratch arrays of a piece for each thread, however many entries there are."""
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 1 << 18)
    size = 1_500_000
    shares(count)
    for name in BLOCKED:
        rule = fresh(refopt.rule(name))
        if name == "grokfast_ma":
            rule = rule(width=5)  # a view of a piece of each of a hundred rows is some memory, too
        theta, g = np.ones(size, "float32"), np.full(size, 0.5, "float32")
        state = rule.init(theta)
        few = size // 2  # bytes: an eighth of theta
        rule.update_(np.ones(3, "float32"), np.ones(3, "float32"), rule.init(np.ones(3, "float32")))  # it is recorded
        tracemalloc.start()
        try:
            for allowed in (*[few] * 11, 1 << 14):  # the first steps may have branches of their own, every fifth too
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[0]
                rule.update_(theta, g, state)
                assert tracemalloc.get_traced_memory()[1] - before < allowed, name
        finally:
            tracemalloc.stop()
        bound = rule._blocked["bound"]
        assert isinstance(getattr(bound, "bound", bound), Bound), name  # of a nest of rules that of its parts
