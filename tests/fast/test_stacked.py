"""Tensors of equal shape as one stack: the plain step of each in every bit, whichever branches they take."""

import copy
import itertools
import math
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inplace import assert_same, fresh, gradients, made, run_both, start

import refopt
from refopt import fast, numbers
from refopt.dialects import adafactor as estimates
from refopt.dialects import clip, first, lamb, projection, rebound, trust
from refopt.fast import stacked
from refopt.fast.stack import Divided, Stack
from refopt.fast.stacked import Stacked
from refopt.rules.sgd import sgd

SHAPES = [(3,), (), (2, 5), (0,), (40,), (7, 3, 2), (1,), (1, 6), (130,), (2, 2, 3, 2), (3, 0)]
NAMES = [name for name in refopt.names() if refopt.rule(name).scope == "tensor"]


def cut(vector, shapes, kind=list):
    """A container of arrays of its own memory, filled from `vector`."""
    stops = np.cumsum([math.prod(shape) for shape in shapes])
    parts = [vector[stop - math.prod(shape) : stop].reshape(shape).copy() for stop, shape in zip(stops, shapes, strict=True)]
    return {f"p{i}": part for i, part in enumerate(parts)} if kind is dict else kind(parts)


def several(shapes, times=5):
    """Each shape some times, not side by side."""
    return list(shapes) * times


def tensors(shapes, dtype, kind=list, steps=22):
    """A start and gradients; some tensors are zero at first, some have no gradient, all the time or for a while."""
    size = sum(math.prod(shape) for shape in shapes)
    theta, gs = start(size, dtype), gradients(size, dtype, steps)
    stops = np.cumsum([math.prod(shape) for shape in shapes])
    for i, (stop, shape) in enumerate(zip(stops, shapes, strict=True)):
        some = slice(stop - math.prod(shape), stop)
        if i % 7 == 3:
            theta[some] = 0
        for t, g in enumerate(gs):
            if i % 5 == 2 or (i + t) % 11 == 0:
                g[some] = 0
    return cut(theta, shapes, kind), [cut(g, shapes, kind) for g in gs]


def all_stacked(rule):
    """Whether no tensor has gone alone at the last step in place."""
    bound = rule._blocked.get("bound")
    return isinstance(bound, Stacked) and not bound.alone


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [list, tuple, dict])
@pytest.mark.parametrize("name", NAMES)
def test_every_rule_that_needs_each_tensor(name, kind, dtype):
    rule = fresh(refopt.rule(name))
    run_both(rule, *tensors(several(SHAPES), dtype, kind))
    assert all_stacked(rule)


READINGS = [
    refopt.lamb(weight_decay=0.01, trust=lamb.up_to_ten, debias=lamb.after_ratio),
    refopt.lamb(trust=lamb.as_long_with_decay),
    refopt.lamb(weight_decay=0.01, trust=lamb.as_long_with_decay),
    refopt.lars(weight_decay=0.01, trust=trust.skipping_zeros),
    refopt.lars(weight_decay=0.01, trust=trust.matrices_only),
    refopt.lars(weight_decay=0.01, trust=trust.norm_of_sum),
    refopt.adafactor(estimate=estimates.bounded, floor=1e-3),
    refopt.adafactor(step_size=estimates.absolute),
    refopt.adam_mini(by_row=True, weight_decay=0.1),
    refopt.adamp(delta=10.0, weight_decay=0.1, cosine=projection.added),
    refopt.sgdp(delta=0.5, weight_decay=0.1, nesterov=True),
    refopt.apollo(rebound=rebound.belief),
    refopt.novograd(first=first.that_moves),
    refopt.clip_by_norm(cap=clip.floored_above, max_norm=1e-8),
    refopt.clip_by_norm(cap=clip.finite_or_nan, inner=refopt.lamb),
    refopt.agc(inner=refopt.agc(inner=refopt.adafactor)),
    refopt.centralize(inner=refopt.sm3(momentum=0.9)),
    refopt.clip_by_norm(inner=refopt.fromage),
    refopt.clip_by_norm(inner=refopt.aggmo),
    refopt.lookahead(inner=refopt.novograd),
    refopt.cautious(inner=refopt.lamb),
    refopt.grokfast_ma(inner=refopt.lars, width=3),
    refopt.clip_by_norm(inner=refopt.radam),
]


@pytest.mark.parametrize("rule", READINGS, ids=str)
def test_readings_and_rules_in_rules(rule):
    rule = fresh(rule)
    run_both(rule, *tensors(several(SHAPES, 4), "float64"))
    assert all_stacked(rule)


@settings(max_examples=60, deadline=None)
@given(
    shapes=st.lists(st.lists(st.integers(0, 5), max_size=3).map(tuple), min_size=1, max_size=4),
    order=st.randoms(use_true_random=False),
    limits=st.tuples(st.integers(0, 300), st.integers(1, 3), st.integers(0, 600)),
    name=st.sampled_from(NAMES),
    dtype=st.sampled_from(["float16", "float32", "float64"]),
)
def test_any_shapes(shapes, order, limits, name, dtype):
    """Some alone, some in chunks of any size, in any order."""
    shapes = [shape for shape in shapes for _ in range(order.randrange(1, 9))]
    order.shuffle(shapes)
    rule = fresh(refopt.rule(name))
    with pytest.MonkeyPatch.context() as patch:
        for what, limit in zip(("SMALL", "FEW", "TOGETHER"), limits, strict=True):
            patch.setattr(stacked, what, max(limit, 1))
        run_both(rule, *tensors(shapes, dtype, steps=6))
    assert isinstance(rule._blocked["bound"], Stacked)


def test_tensors_of_real_sizes():
    """Sums over more than the 8 and the 128 entries at which NumPy adds in another way; more than one chunk."""
    for shape, name in itertools.product([(100,), (9, 129), (257,), (16, 16, 3)], ["lamb", "adafactor", "adamp", "sm3"]):
        rule, rng = refopt.rule(name)(), np.random.default_rng(1)
        theta = [rng.standard_normal(shape, np.float32) * 10.0 ** rng.integers(-3, 3) for _ in range(7)] * 40
        theta = [x.astype("f4") for x in theta]
        run_both(rule, theta, [[rng.standard_normal(shape, np.float32) for _ in theta] for _ in range(2)])
        assert all_stacked(rule)
        assert len(rule._blocked["bound"].chunks) > (0 if math.prod(shape) < 250 else 1)


@pytest.mark.parametrize("function", [np.sum, np.max])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_reduction_of_a_stack_is_that_of_each_tensor_in_every_bit(function, dtype):
    """What the stacks rest on: the order in which NumPy adds up a row does not depend on the rows beside it."""
    rng = np.random.default_rng(2)
    shapes = [(n,) for n in (1, 7, 8, 9, 127, 128, 129, 1000, 8193)]
    shapes += list(itertools.product((1, 2, 9, 130), (1, 3, 8, 129))) + list(itertools.product((1, 3), (2, 9), (1, 17)))
    for shape, k in itertools.product(shapes, (1, 2, 33)):
        x = (rng.standard_normal((k, *shape)) * 10.0 ** rng.uniform(-3, 3, (k, *shape))).astype(dtype)
        axes = [axes for count in range(len(shape)) for axes in itertools.combinations(range(len(shape)), count + 1)]
        assert_same(function(Stack(x)).array, np.array([function(row) for row in x]))
        for some in axes:
            plain = [function(row.copy(), axis=some, keepdims=True) for row in x]
            assert_same(function(Stack(x), axis=some, keepdims=True).array, np.stack(plain))


def test_a_branch_divides_the_tensors():
    x = Stack(np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0]]))
    size = numbers.norm(x)
    assert (size.shape, size.array.tolist()) == ((), [5.0, 0.0, 1.0])
    with pytest.raises(Divided) as caught:
        bool(size > 0)
    assert caught.value.where.tolist() == [True, False, True]
    assert bool(size >= 0)
    assert not size > 5


def test_arithmetic_of_numbers_is_that_of_scalars():
    """A power of a NumPy scalar is not rounded as that of an array."""
    x = np.random.default_rng(3).uniform(0.1, 9, 2000)
    for power in (2, 0.5, 3, 0.3, -1.7):
        assert_same((Stack(x) ** power).array, np.array([entry**power for entry in x]))
        assert_same((power ** Stack(x)).array if power > 0 else x, np.array([power**entry for entry in x]) if power > 0 else x)
    assert_same(np.exp(Stack(x)).array, np.array([np.exp(entry) for entry in x]))


def test_memory_is_kept():
    for name in NAMES:
        rule = fresh(refopt.rule(name))
        theta, gs = tensors(several([(3,), (2, 4)]), "float64", dict, 3)
        state = rule.init(theta)

        def arrays(tree):
            if isinstance(tree, dict):
                return [x for key in tree for x in arrays(tree[key])]
            if isinstance(tree, tuple):
                return [x for part in tree for x in arrays(part)]
            return [tree] if isinstance(tree, np.ndarray) else []

        before, containers = arrays([theta, state][0]) + arrays(state), [theta, *state.values()]
        for g in gs:
            rule.update_(theta, g, state)
        assert all(a is b for a, b in zip(before, arrays(theta) + arrays(state), strict=True))
        assert all(a is b or isinstance(a, int) for a, b in zip(containers, [theta, *state.values()], strict=True))


def test_other_layouts_of_memory():
    """The order of a sum is that of the memory: Fortran's, columns, turned and broadcast gradients."""
    rng = np.random.default_rng(4)
    for name in NAMES:
        rule = fresh(refopt.rule(name))
        theta = [rng.standard_normal((9, 17)) for _ in range(12)]
        theta[1] = np.asfortranarray(theta[1])
        theta[5] = rng.standard_normal((17, 9)).T
        theta[7] = rng.standard_normal((9, 34))[:, ::2]
        gs = []
        for t in range(5):
            g = [rng.standard_normal((9, 17)) for _ in theta]
            g[1 + t] = np.asfortranarray(g[1 + t])
            g[6] = rng.standard_normal((17, 9)).T if t > 2 else g[6]
            g[9] = np.broadcast_to(rng.standard_normal(17), (9, 17)) if t == 2 else g[9]
            gs.append(g)
        state = rule.init(theta)
        for g in gs:
            expected = rule.update(theta, g, state)
            rule.update_(theta, g, state)
            assert_same((theta, state), expected, name)
        assert isinstance(rule._blocked["bound"], Stacked)


def both(rule, theta, state):
    """A function that makes a step in place and a plain one, and compares."""
    plain, other = copy.deepcopy(theta), copy.deepcopy(state)

    def step(g, **hyper):
        nonlocal plain, other
        given = copy.deepcopy(g)
        rule.update_(theta, g, state, **hyper)
        plain, other = rule.update(plain, given, other, **hyper)
        assert_same((theta, state), (plain, other))

    return step


def test_gradients_that_are_memory_of_the_step():
    for limit, picked in itertools.product(
        (1, 1 << 14), (lambda x, m: x, lambda x, m: x[::-1], lambda x, m: m[1:] + m[:1], lambda x, m: [x[0]] * 6)
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(stacked, "SMALL", limit)
            rule, theta = refopt.lamb(lr=0.1), [np.arange(1.0, 6.0) + i for i in range(6)]
            state = rule.init(theta)
            step = both(rule, theta, state)
            step([np.ones(5)] * 6)
            for _ in range(3):
                plain, other = copy.deepcopy((theta, state))
                g = copy.deepcopy(picked(theta, state["m"]))
                rule.update_(theta, picked(theta, state["m"]), state)
                plain, other = rule.update(plain, g, other)
                assert_same((theta, state), (plain, other))


def test_what_shares_memory_is_refused_or_stepped_plainly():
    base = np.zeros((5, 4))
    x = [np.ones(4) for _ in range(4)]
    rule = refopt.lamb(lr=0.1)
    for theta in ([x[0], *x], [*base, base[1]], [base[0, :2], base[0, 1:3], base[1, :2], base[2, :2]]):
        state, before = rule.init(theta), copy.deepcopy(theta)
        with pytest.raises(ValueError, match="share memory"):
            rule.update_(theta, [np.ones_like(y) for y in theta], state)
        assert_same(theta, before)
    state, other = rule.init(x), rule.init(x)
    state["m"] = [np.zeros(4)] * 4  # one array for all
    plain = copy.deepcopy(x)
    for t in range(3):
        g = [np.sin(np.arange(4.0) + i + t) for i in range(4)]
        rule.update_(x, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same((x, state), (plain, other))


def test_what_changes_between_steps_is_seen():
    rule, theta = refopt.novograd(lr=0.1), [np.arange(1.0, 6.0) + i for i in range(6)]
    state, g = rule.init(theta), [np.sin(np.arange(5.0) * (i + 1)) for i in range(6)]
    step = both(rule, theta, state)
    step(g)
    step(g, lr=0.5)
    step(g, weight_decay=0.1)
    step(g, first=first.that_moves)
    assert isinstance(rule._blocked["bound"], Stacked)
    for t in range(3):
        bound = rule._blocked["bound"] if t else None
        step(g, lr=0.5 / (t + 1))
        assert bound in (None, rule._blocked["bound"])  # another number binds nothing again
    with pytest.raises(TypeError, match="has no hyper-parameter 'rate'"):
        rule.update_(theta, g, state, rate=1.0)
    step([x.astype("f4") for x in g])  # cast, as everywhere
    step([None, *g[1:]])  # a tensor without a gradient
    step(g)
    for bad in (g[:5], [*g[:5], np.ones(4)], dict(enumerate(g)), [*g[:5], np.ones(5, int)]):
        before = copy.deepcopy((theta, state))
        with pytest.raises((TypeError, ValueError)):
            rule.update_(theta, bad, state)
        assert_same((theta, state), before)
    for t in (-1, 2.5):
        with pytest.raises(TypeError, match="whole number"):
            rule.update_(theta, g, {**state, "t": t})
    theta[1].flags.writeable = False
    before = copy.deepcopy((theta, state))
    with pytest.raises(ValueError, match=r"theta\[1\] is read-only"):
        rule.update_(theta, g, state)
    assert_same((theta, state), before)


def test_states_out_of_files():
    """Counts of NumPy, norms as Python's numbers or 0-d arrays; copied and pickled states."""
    for name in NAMES:
        rule = fresh(refopt.rule(name))
        theta, gs = tensors(several([(3,), (2, 4)]), "float32", steps=12)
        state = rule.init(theta)
        rule.update_(theta, gs[0], state)
        state = pickle.loads(pickle.dumps(copy.deepcopy(state)))
        if "t" in state:
            state["t"] = np.int64(state["t"])
        if name == "novograd":
            state["v"][0], state["v"][1], state["v"][2] = float(state["v"][0]), np.array(state["v"][1]), [1.5][0]
        step = both(rule, theta, state)
        with np.errstate(all="ignore"):
            for g in gs[1:]:
                step(g)
        assert all_stacked(rule)


def test_numbers_that_differ_between_tensors():
    """A count of its own for each tensor that moves: after the first step such a state is stepped tensor by tensor."""
    text = "n = n + 1 if numbers.norm(g) > 0 else n; theta = theta - lr * g / n"
    space = {"numbers": numbers}
    lines = "\n".join(f"    {line}" for line in text.split("; "))
    exec(f"def step(theta, g, n, *, lr=0.1):\n{lines}\n    return locals()", space)
    space["step"].__module__ = "__main__"
    rule = refopt.Rule(lambda theta: dict(n=1), space["step"], scope="tensor")
    theta = [np.ones(3) for _ in range(6)]
    step = both(rule, theta, rule.init(theta))
    step([np.ones(3)] * 6)
    step([np.ones(3) * (i % 2) for i in range(6)])
    step([np.ones(3) * (i % 3) for i in range(6)])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("theta = theta - lr * g * g.mean()", "the step asks for .mean of an array"),
        ("theta = theta - lr * g / np.linalg.norm(g)", "numpy.norm is no operation on each entry, and no sum or maximum"),
        ("theta = theta - lr * (g @ g) * g", "matmul with a tensor's shape"),
        ("theta = theta - lr * g ** numbers.norm(g)", "pow of a tensor and one number for each"),
        ("theta = theta - lr * g if g > 0 else g", "ValueError: The truth value of an array"),
        ("theta = theta - np.add.reduce(g)", "add.reduce with a tensor's shape"),
        ("theta = theta - lr * numbers.total(g.T)", "the step asks for .T of an array"),
        ("theta = theta - lr * float(numbers.norm(g)) * g", "TypeError: float() argument"),
    ],
)
def test_what_cannot_be_stacked_makes_the_plain_step(text, why):
    rule = made(text, "tensor")
    assert fast.why_not_stacked(rule, (3,)).startswith(why)
    theta = [np.arange(1.0, 4.0) + i for i in range(6)]
    if "if g" in text:
        with pytest.raises(ValueError, match="ambiguous"):
            rule.update_(theta, theta, rule.init(theta))
        return
    step = both(rule, theta, rule.init(theta))
    with np.errstate(all="ignore"):
        for t in range(3):
            step([np.sin(np.arange(3.0) + i + t) for i in range(6)])


def test_nothing_is_taken_on_trust(monkeypatch):
    """A NumPy that adds up the rows of an array in another order than a row alone."""
    monkeypatch.setattr(stacked, "_COMPARED", {})
    right = Stack._reduced
    monkeypatch.setattr(Stack, "_reduced", lambda x, *a, **k: right(Stack(x.array[:, ::-1].copy()), *a, **k))
    rule, theta = refopt.lamb(lr=0.1), [np.arange(1.0, 30.0) + i for i in range(6)]
    assert fast.why_not_stacked(rule, (29,)) == "its stacked step is not the plain one in every bit"
    step = both(rule, theta, rule.init(theta))
    step([np.sin(np.arange(29.0) + i) for i in range(6)])
    assert "bound" not in rule._blocked


def test_a_step_that_can_be_stacked_no_longer_is_made_plainly():
    rule = made("t = t + 1; theta = theta - lr * g * (float(numbers.norm(g)) if t % 5 == 0 else 1.0)", "tensor")
    assert fast.why_not_stacked(rule) is None
    theta = [np.arange(1.0, 4.0) + i for i in range(6)]
    step = both(rule, theta, rule.init(theta))
    for t in range(1, 8):
        step([np.sin(np.arange(3.0) + i + t) for i in range(6)])
        assert ("bound" in rule._blocked) == (t % 5 != 0)


def test_lists_that_take_turns_and_threads():
    rule = refopt.lamb(lr=0.1, weight_decay=0.01)
    lists = [tensors(several([(3,), (2, 4)]), "float32", steps=9) for _ in range(4)]

    def run(work):
        theta, gs = work
        state = rule.init(theta)
        step = both(rule, theta, state)
        for g in gs:
            step(g)
        return True

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, lists)) == [True] * 4
    some, others = ([x.copy() for x in lists[0][0]], [x.copy() * 2 for x in lists[0][0]])
    steps = [both(rule, theta, rule.init(theta)) for theta in (some, others)]
    for g in lists[0][1]:
        for step in steps:
            step(g)


def test_an_error_in_the_middle_changes_nothing():
    rule, theta = refopt.novograd(lr=0.1), [np.arange(1.0, 6.0) + i for i in range(6)]
    state, g = rule.init(theta), [np.ones(5) for _ in range(6)]
    step = both(rule, theta, state)
    step(g)
    before = copy.deepcopy((theta, state))
    with np.errstate(over="raise"), pytest.raises(FloatingPointError):
        rule.update_(theta, [*g[:5], np.full(5, 1e200)], state)
    assert_same((theta, state), before)
    step(g)


def test_who_is_asked():
    assert all(fast.why_not_stacked(refopt.rule(name)) is None for name in NAMES)
    assert fast.why_not_stacked(sgd) == "its scope is 'element'"
    assert fast.why_not_stacked(refopt.normalize) == "its scope is 'network'"
    assert fast.why_not_stacked(refopt.lamb(lr=np.ones(3)), (3,)) == "a hyper-parameter holds an array"
    assert fast.why_not_stacked(refopt.lamb, (100, 100)).startswith("tensors of more than 16384 bytes step one by one")
    theta = [np.ones(3) for _ in range(5)]
    rule = refopt.lamb(lr=np.full(3, 0.1))
    step = both(rule, theta, rule.init(theta))
    step([np.ones(3)] * 5)


@pytest.mark.parametrize("name", NAMES)
def test_tensors_that_step_alone_are_not_bound_again(name, monkeypatch):
    """Also where an entry of the state is a tuple of arrays, as SM3 has it: the tuple stays the caller's own."""
    rule, times = fresh(refopt.rule(name)), []
    monkeypatch.setattr(stacked, "SMALL", 100)
    theta, gs = tensors([*several([(3, 4)]), (20, 20), (20, 20)], "float32", steps=4)
    state = rule.init(theta)
    rule.update_(theta, gs[0], state)
    once = Stacked.__init__
    monkeypatch.setattr(Stacked, "__init__", lambda *args, **words: (times.append(1), once(*args, **words))[1])
    for g in gs[1:]:
        rule.update_(theta, g, state)
    assert not times


def test_rules_by_name():
    assert fast.why_not("adam") is None
    assert fast.why_not_stacked("lamb") is None
    for ask in (fast.why_not, fast.why_not_stacked):
        with pytest.raises(ValueError, match="unknown rule 'adm'; did you mean 'adam'"):
            ask("adm")
