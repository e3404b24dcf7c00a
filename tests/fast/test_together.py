"""Many tensors in place: the plain step in every bit, however large they are and however they lie in memory."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inplace import assert_same, fresh, gradients, run_both, start

import refopt
from refopt import fast
from refopt.fast import blocked, together
from refopt.fast.together import Together

SHAPES = [(3,), (), (2, 5), (0,), (40,), (7, 3, 2), (1,), (100,)]


def cut(vector, shapes, kind=list):
    """A container of arrays of its own memory, filled from `vector`."""
    stops = np.cumsum([int(np.prod(shape)) for shape in shapes])
    parts = [vector[stop - int(np.prod(s)) : stop].reshape(s).copy() for stop, s in zip(stops, shapes, strict=True)]
    return {f"p{i}": part for i, part in enumerate(parts)} if kind is dict else kind(parts)


@pytest.fixture(params=[30, 8192], ids=["some alone", "all together"])
def small(request, monkeypatch):
    monkeypatch.setattr(together, "SMALL", request.param)


@pytest.mark.parametrize("kind", [list, tuple, dict])
@pytest.mark.parametrize("name", [name for name in refopt.names() if fast.why_not(fresh(refopt.rule(name))) is None])
def test_every_elementwise_rule(name, kind, small):
    rule, size = fresh(refopt.rule(name)), sum(int(np.prod(shape)) for shape in SHAPES)
    gs = [cut(g, SHAPES, kind) for g in gradients(size, "float32")]
    run_both(rule, cut(start(size, "float32"), SHAPES, kind), gs)
    bound = rule._blocked["bound"]
    assert isinstance(getattr(bound, "bound", bound), Together)  # of a nest of rules that of its parts


@settings(max_examples=40)
@given(
    shapes=st.lists(st.lists(st.integers(0, 6), max_size=3).map(tuple), min_size=1, max_size=12),
    limit=st.integers(0, 200),
    name=st.sampled_from(["adam", "sgd", "radam", "lion", "rprop"]),
    own=st.booleans(),
)
def test_any_shapes(shapes, limit, name, own):
    """Also where the state does not lie in one vector."""
    rule, size = refopt.rule(name)(), sum(int(np.prod(shape)) for shape in shapes)
    theta, gs = cut(start(size, "float64"), shapes), [cut(g, shapes) for g in gradients(size, "float64", 9)]
    state = rule.init(theta)
    if own:
        state = copy.deepcopy({key: [x.copy() for x in v] if isinstance(v, list) else v for key, v in state.items()})
    plain, other = copy.deepcopy(theta), copy.deepcopy(state)
    with pytest.MonkeyPatch.context() as patch, np.errstate(all="ignore"):
        patch.setattr(together, "SMALL", limit)
        for g in gs:
            rule.update_(theta, g, state)
            plain, other = rule.update(plain, g, other)
            assert_same((theta, state), (plain, other))
    assert isinstance(rule._blocked["bound"], Together)


def test_moments_stay_where_init_made_them():
    rule, theta = refopt.adam(lr=0.1), [np.ones(5), np.ones((2, 3))]
    state = rule.init(theta)
    rule.update_(theta, [np.ones(5), np.ones((2, 3))], state)
    bound = rule._blocked["bound"]
    assert len(bound.gathered) == 1  # theta alone is copied
    assert np.shares_memory(bound.parts[-1][1]["m"], state["m"][0])


def test_what_lies_apart_or_overlaps_is_stepped_rightly():
    """Columns of one array, tensors with a gap between them, state that is memory of another tensor's."""
    block = start(60, "float64").reshape(6, 10)
    base = np.zeros(40)
    for theta in ([block[:, 2], block[:, 4]], [block[0, :4], block[0, 5:9]], [block[2], block[1]]):
        for lie in (
            lambda a, b: [a, b],
            lambda a, b: [base[: a.size], base[a.size + 1 :][: b.size]],
            lambda a, b: [base[: a.size]] * 2,
        ):
            rule = refopt.lion(lr=0.1)
            mine, state = theta, rule.init(theta)
            base[...] = 0
            state["m"] = lie(*state["m"])
            plain, other = copy.deepcopy(theta), copy.deepcopy(rule.init(theta))
            for t in range(4):
                g = [np.sin(x + t) for x in plain]
                rule.update_(mine, g, state)
                plain, other = rule.update(plain, g, other)
                assert_same(mine, plain)
                assert_same([x.copy() for x in state["m"]], other["m"])


@pytest.mark.parametrize("limit", [0, 8192])
def test_gradients_that_are_memory_of_the_step(limit, monkeypatch):
    monkeypatch.setattr(together, "SMALL", limit)
    for picked in (lambda x, m: [x[0], x[1]], lambda x, m: [x[1], x[0]], lambda x, m: [m[1], m[0]]):
        rule, theta = refopt.adam(lr=0.1), [np.arange(1.0, 6.0), np.arange(2.0, 7.0)]
        state = rule.init(theta)
        plain, other = copy.deepcopy(theta), copy.deepcopy(state)
        rule.update_(theta, [np.ones(5), np.ones(5)], state)
        plain, other = rule.update(plain, [np.ones(5), np.ones(5)], other)
        for _ in range(3):
            g = copy.deepcopy(picked(plain, other["m"]))
            rule.update_(theta, picked(theta, state["m"]), state)
            plain, other = rule.update(plain, g, other)
            assert_same((theta, state), (plain, other))


def test_what_changes_between_steps_is_seen():
    rule, theta = refopt.adam(lr=0.1), [np.arange(1.0, 6.0), np.arange(2.0, 7.0)]
    state, g = rule.init(theta), [np.ones(5), np.full(5, 0.1)]
    plain, other = copy.deepcopy(theta), copy.deepcopy(state)

    def both(g):
        nonlocal plain, other
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same((theta, state), (plain, other))

    both(g)
    theta[0] = theta[0].copy()  # another array
    both(g)
    state["v"] = [x.copy() for x in state["v"]]
    both(g)
    both([g[0].astype("f4"), g[1]])  # cast, as everywhere
    both([None, g[1]])  # a tensor without a gradient
    both(g)
    state["t"] = other["t"] = 1000
    both(g)
    for bad in ([g[0]], [g[0], np.ones(4)], {"a": g[0], "b": g[1]}, [g[0], np.ones(5, int)]):
        before = copy.deepcopy((theta, state))
        with pytest.raises((TypeError, ValueError)):
            rule.update_(theta, bad, state)
        assert_same((theta, state), before)
    theta[1].flags.writeable = False
    before = copy.deepcopy((theta, state))
    with pytest.raises(ValueError, match=r"theta\[1\] is read-only"):
        rule.update_(theta, g, state)
    assert_same((theta, state), before)


def test_the_way_may_change(peer):
    peer("numba")
    rule, theta = refopt.adam(lr=0.1), [np.arange(1.0, 6.0), np.arange(2.0, 7.0)]
    state, plain = rule.init(theta), copy.deepcopy(theta)
    other = copy.deepcopy(state)
    for t in range(6):
        g = [np.sin(x + t) for x in plain]
        with fast.using("fused" if t % 2 else "blocked"):
            rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same((theta, state), (plain, other))


@pytest.mark.parametrize("other", ["uint8", "int32", "float64"])
@pytest.mark.parametrize("what", ["theta", "m"])
def test_tensors_that_are_views_into_memory_of_another_dtype(what, other):
    vector = np.zeros(80 // np.dtype(other).itemsize, other).view("float32")
    rule, theta = refopt.adam(lr=0.1), [np.ones(5, "f4"), np.ones(15, "f4")]
    views, g = [vector[:5], vector[5:]], [np.full(5, 0.5, "f4"), np.full(15, 0.25, "f4")]
    theta = views if what == "theta" else theta
    state = rule.init(theta)
    state["m"] = views if what == "m" else state["m"]
    plain, after = copy.deepcopy(theta), copy.deepcopy(state)
    for _ in range(3):
        rule.update_(theta, g, state)
        plain, after = rule.update(plain, g, after)
        assert_same((theta, state), (plain, after))
    assert isinstance(rule._blocked["bound"], Together)


@pytest.mark.parametrize("count", [np.int64(3), -1, 3.0])
def test_a_count_out_of_a_file_stops_no_later_step(count, monkeypatch):
    """The plain step converts it, or refuses it; either says nothing about the rule."""
    monkeypatch.setattr(blocked, "_REFUSED", {})
    rule, theta, g = refopt.adam(lr=0.1), [np.ones(3), np.ones(4)], [np.ones(3), np.ones(4)]
    state = {**rule.init(theta), "t": count}
    if count < 0:
        with pytest.raises(TypeError, match="must be a whole number of at least 0"):
            rule.update_(theta, g, state)
        state["t"] = 3
    else:
        rule.update_(theta, g, state)
        assert_same(state["t"], 4)
    rule.update_(theta, g, state)
    assert isinstance(rule._blocked["bound"], Together)
    assert fast.why_not(refopt.adam) is None


def test_hyper_parameters_of_one_step_bind_nothing_again(small):
    rule, theta = refopt.radam(lr=0.1), cut(start(100, "float64"), [(60,), (40,)])
    state, plain = rule.init(theta), copy.deepcopy(theta)
    other, bound = copy.deepcopy(state), None
    for t, g in enumerate(gradients(100, "float64", 9)):
        hyper, parts = [{}, {"lr": 0.5 / (t + 1)}, {"beta1": 0.5}][t % 3], cut(g, [(60,), (40,)])
        rule.update_(theta, parts, state, **hyper)
        plain, other = rule.update(plain, parts, other, **hyper)
        assert_same((theta, state), (plain, other))
        bound = bound or rule._blocked["bound"]
        assert rule._blocked["bound"] is bound
