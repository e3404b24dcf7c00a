"""Rules around rules, and rows in the state: in place, the plain step of the nest in every bit; and who cannot have it."""

import copy
import gc
import itertools
import os
import pickle
import weakref

import numpy as np
import pytest
from conftest import import_peer
from hypothesis import given, settings
from hypothesis import strategies as st
from inplace import TILE, assert_same, gradients, leaves, run_both, start

import refopt
from refopt import fast
from refopt.fast import blocked, together, why_not
from refopt.fast.nested import Nested
from refopt.numbers import mean, stack, zeros_like
from refopt.recurrence import Rule


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    """Pieces of TILE entries, in recordings of this test's own."""
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 0)
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})


RULES = [name for name in refopt.names() if refopt.rule(name).scope == "element" and refopt.rule(name).inner is None]
AROUND = {
    "accumulation": {"k": [1, 2, 3]},
    "clip_by_value": {"max_value": [0.5, 1e3]},
    "decoupled": {"weight_decay": [0.0, 0.1]},
    "ema": {"decay": [0.0, 0.9]},
    "grokfast": {"alpha": [0.5], "lamb": [0.0, 2.0]},
    "grokfast_ma": {"width": [1, 2, 5], "lamb": [5.0]},
    "l1": {"weight_decay": [0.1]},
    "l2": {"weight_decay": [0.0, 0.1]},
    "lookahead": {"k": [1, 2, 3], "alpha": [0.5, 1.0]},
    "polyak_ruppert": {},
    "swa": {"start": [1, 3], "cycle": [1, 2]},
}


def test_these_are_all_elementwise_wrappers():
    assert set(AROUND) == {name for name in refopt.names() if why_not(refopt.rule(name)) is None} - set(RULES)


@st.composite
def nests(draw, most=3):
    """Elementwise wrappers around an elementwise rule, with odd hyper-parameters."""
    rule = refopt.rule(draw(st.sampled_from(RULES)))
    for _ in range(draw(st.integers(1, most))):
        name = draw(st.sampled_from(sorted(AROUND)))
        rule = refopt.rule(name)(inner=rule, **{key: draw(st.sampled_from(values)) for key, values in AROUND[name].items()})
    return rule


def small(patch):
    patch.setattr(blocked, "cache_bytes", lambda: 0)
    patch.setattr(together, "SMALL", 30)


def walked(rule, theta, gs, hyper):
    """Steps in place and plainly with hyper-parameters of their own; how many were made blocked."""
    state, plain = rule.init(theta), copy.deepcopy(theta)
    other, arrays, count = copy.deepcopy(state), list(leaves([theta, state])), 0
    with np.errstate(all="ignore"):
        for g, words in zip(gs, itertools.cycle(hyper), strict=False):
            rule.update_(theta, g, state, **words)
            count += "bound" in rule._blocked
            plain, other = rule.update(plain, g, other, **words)
            assert_same((theta, state), (plain, other), f"{rule}")
    assert all(a is b for a, b in zip(arrays, leaves([theta, state]), strict=True))
    return count


@settings(max_examples=120, deadline=None)
@given(
    rule=nests(),
    dtype=st.sampled_from(["float32", "float64"]),
    size=st.sampled_from([2, 20, TILE + 1]),
    contained=st.booleans(),
    lrs=st.lists(st.sampled_from([0.1, 0.01, 1.0]), max_size=3),
)
def test_any_nest_equals_the_plain_step_in_every_bit(rule, dtype, size, contained, lrs):
    theta, gs = start(size, dtype), gradients(size, dtype, 20)
    if contained:
        cut = lambda x: {"a": x[:1].reshape(()).copy(), "b": x[1:].copy()}  # noqa: E731
        theta, gs = cut(theta), list(map(cut, gs))
    inmost = rule
    while inmost.inner is not None:
        inmost = inmost.inner
    words = [{"lr": lr} for lr in lrs] if "lr" in inmost._step_names - inmost._start_names else []
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        assert walked(rule, theta, gs, [{}, *words]) == 20 or len(next(iter(branches(rule)))) == blocked.BRANCHES


def branches(rule):
    """The recordings of a rule."""
    for key, plans in blocked._RECORDINGS.items():
        if getattr(key[1], "recurrences", (None,))[0] is rule.recurrence:
            yield plans


@settings(max_examples=12, deadline=None)  # each is compiled, which takes a second
@given(rule=nests(2), dtype=st.sampled_from(["float32", "float64"]))
def test_any_nest_fused(rule, dtype):
    import_peer("numba")
    with fast.using("fused"), pytest.MonkeyPatch.context() as patch:
        patch.setenv("REFOPT_CACHE", os.devnull)  # nothing is kept
        assert walked(rule, start(TILE + 1, dtype), gradients(TILE + 1, dtype, 9), [{}]) == 9


@pytest.mark.parametrize("kind", [None, dict, list, tuple])
@pytest.mark.parametrize(
    "rule",
    [
        refopt.aggmo(lr=0.1),
        refopt.aggmo(lr=0.1, betas=(0.5,)),
        refopt.aggmo(lr=0.1, betas=tuple(np.linspace(0, 0.99, 12).tolist())),
        refopt.grokfast_ma(inner=refopt.aggmo, width=3),
        refopt.lookahead(inner=refopt.l2(inner=refopt.adam(lr=0.1)), k=3),
    ],
)
def test_rows_and_nests_in_containers_stay_where_they_are(rule, kind, monkeypatch):
    monkeypatch.setattr(together, "SMALL", 30)
    theta, gs = start(600, "float32"), gradients(600, "float32")
    if kind is not None:
        parts = [(0, 500), (500, 501), (501, 501), (501, 600)]
        cut = lambda x: {f"p{a}": x[a:b].copy() for a, b in parts}  # noqa: E731
        kinds = {dict: cut, list: lambda x: list(cut(x).values()), tuple: lambda x: tuple(cut(x).values())}
        theta, gs = kinds[kind](theta), list(map(kinds[kind], gs))
    assert walked(rule(), theta, gs, [{}]) == len(gs)


def test_rows_are_summed_in_the_order_of_numpy():
    """What the replay of a sum over rows relies on: rows of two entries and more are added from the first to the last."""
    rng = np.random.default_rng(0)
    for dtype, rows, size in itertools.product("efdg", [*range(1, 20), 64, 129, 300], [2, 3, 4, 7, 8, 9, 17, 100, 9000]):
        x = (rng.normal(size=(rows, size)) * 10.0 ** rng.integers(-3, 3, (rows, size))).astype(dtype)
        x[rng.random(x.shape) < 0.3] = -0.0
        x[:, ::5] = -0.0
        total = x[0] if np.signbit(np.sum(np.full((2, 2), -0.0), axis=0)).all() else 0 + x[0]
        for row in x[1:]:
            total = total + row
        for shape in (x.shape, (rows, 1, size), (rows, size, 1)):
            assert_same(np.sum(x.reshape(shape), axis=0, keepdims=True).reshape(-1), total)


def test_rows_of_one_entry_make_the_plain_step():
    rule = refopt.aggmo(lr=0.1, betas=tuple(np.linspace(0, 0.99, 20).tolist()))
    for theta in (np.ones(1), [np.ones(1)], np.array(1.0)):
        state, plain = rule.init(theta), copy.deepcopy(theta)
        other = copy.deepcopy(state)
        for t in range(20):
            g = [np.full(1, 0.1 * t)] if isinstance(theta, list) else np.full(np.shape(theta), 0.1 * t)
            rule.update_(theta, g, state)
            plain, other = rule.update(plain, g, other)
            assert_same((theta, state), (plain, other))
        assert "bound" not in rule._blocked
    assert walked(rule, [np.ones(1), np.ones(1)], [[np.full(1, 0.1), np.full(1, 0.3)]] * 9, [{}]) == 9


def test_other_hyper_parameters_need_no_new_recording():
    rule = refopt.lookahead(inner=refopt.l2(inner=refopt.adam(lr=0.1), weight_decay=0.1), k=2)
    hyper = [{"lr": 0.1 / (t + 1), "alpha": 0.5 + t / 100, "beta1": 0.9 - t / 100, "weight_decay": t / 100} for t in range(30)]
    assert walked(rule, start(300, "float32"), gradients(300, "float32") * 2, hyper) == 44
    assert list(map(len, blocked._RECORDINGS.values())) == [3]  # the first pull, a pull, none
    blocked._RECORDINGS.clear()
    betas = [{"betas": (0.1 * t, 0.9, 0.99)} for t in range(9)]
    assert walked(refopt.aggmo(lr=0.1), start(300, "float32"), gradients(300, "float32"), betas) == 22
    assert list(map(len, blocked._RECORDINGS.values())) == [1]


def test_the_binding_outlives_steps_with_other_gradients_and_hyper_parameters():
    rule, theta = refopt.ema(inner=refopt.adam(lr=0.1), decay=0.9), start(300, "float32")
    state, bound = rule.init(theta), None
    for t, g in enumerate(gradients(300, "float32", 12)):
        rule.update_(theta, g, state, **({"lr": 0.1 / (t + 1)} if t % 3 else {}))
        assert t < 2 or rule._blocked["bound"] is bound  # the first step has a branch of its own
        bound = rule._blocked["bound"]
        assert isinstance(bound, Nested)


def test_a_branch_that_comes_back_is_found_again_where_there_are_rows():
    rule, theta = refopt.lookahead(inner=refopt.aggmo(lr=0.1), k=3, alpha=0.5), start(300, "float32")
    state, gs = rule.init(theta), gradients(300, "float32", 12)
    for t, g in enumerate(gs):
        before = rule._blocked.get("bound")
        rule.update_(theta, g, state)
        assert t < 6 or rule._blocked["bound"] is before
    assert len(rule._blocked["bound"].bound.plans) == 3  # the first pull, a pull, none


def test_another_rule_inside_for_one_step():
    rule, theta = refopt.l2(inner=refopt.rmsprop(lr=0.1)), start(300, "float64")
    other = refopt.rmsprop(lr=0.1, denominator=refopt.rule("rmsprop", framework="keras").hyper["denominator"])
    same = refopt.adagrad(lr=0.1)  # of another state
    state, gs = rule.init(theta), gradients(300, "float64", 9)
    plain, after = theta.copy(), copy.deepcopy(state)
    for t, g in enumerate(gs):
        words = {"inner": other} if t % 2 else {}
        rule.update_(theta, g, state, **words)
        plain, after = rule.update(plain, g, after, **words)
        assert_same((theta, state), (plain, after))
        before = copy.deepcopy((theta, state))
        if set(same.state_names) != set(rule.inner.state_names):
            with pytest.raises(ValueError, match="adagrad: state 'inner_state' lacks"):
                rule.update_(theta, g, state, inner=same)
            assert_same((theta, state), before)


def bad_states(state):
    """What may be wrong with the state of lookahead(l2(adam)): another state each time."""
    inner = state["inner_state"]["inner_state"]

    def changed(**new):
        return {**state, "inner_state": {"inner_state": {**inner, **new}}}

    yield {**state, "inner_state": None}
    yield {**state, "inner_state": {}}
    yield {**state, "inner_state": inner}
    yield {**state, "more": 1}
    yield {"t": 0, "slow": state["slow"], "inner": state["inner_state"]}
    yield changed(more=1)
    for t in (-1, 1.5, None, True, "1"):
        yield changed(t=t)
    yield changed(m=inner["m"][:-1])
    yield changed(m=None)


@pytest.mark.parametrize("bound_before", [False, True])
def test_what_the_plain_step_refuses_is_refused_with_the_same_words(bound_before):
    rule = refopt.lookahead(inner=refopt.l2(inner=refopt.adam))
    theta, g = start(300, "float64"), gradients(300, "float64", 1)[0]
    state = rule.init(theta)
    if bound_before:
        rule.update_(theta, g, state)
    before = copy.deepcopy((theta, g, state))
    for bad in bad_states(state):
        with pytest.raises((TypeError, ValueError)) as plain:
            rule.update(theta, g, bad)
        kept = copy.deepcopy(bad)
        with pytest.raises(type(plain.value)) as here:
            rule.update_(theta, g, bad)
        assert str(here.value) == str(plain.value)
        assert_same((theta, g, state, bad), (*before, kept))
    state["inner_state"]["inner_state"]["m"].flags.writeable = False
    with pytest.raises(ValueError, match=r"state\['inner_state'\]\['inner_state'\]\['m'\] is read-only"):
        rule.update_(theta, g, state)
    assert_same((theta, g, state), before)


@pytest.mark.parametrize("rule", [refopt.aggmo(lr=0.1), refopt.grokfast_ma(inner=refopt.adam(lr=0.1), width=3)])
def test_rows_that_are_not_what_they_were(rule):
    name, theta = "b" if rule.name == "aggmo" else "window", start(300, "float64")
    state, plain = rule.init(theta), theta.copy()
    other = copy.deepcopy(state)
    for t, g in enumerate(gradients(300, "float64", 18)):
        if t == 3:  # from a file
            state = copy.deepcopy(state)
        if t == 6:
            state[name] = np.asfortranarray(state[name])
        if t == 9:
            state[name] = other[name] = state[name].tolist()
        if t == 12:
            state[name] = state[name].astype("float32")
            other[name] = other[name].astype("float32")
        if t == 15:
            state[name].flags.writeable = False
            with pytest.raises(ValueError, match=rf"state\['{name}'\] is read-only"):
                rule.update_(theta, g, state)
            state[name].flags.writeable = True
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same(theta, plain)
        assert_same({key: np.ascontiguousarray(state[key]) if key == name else state[key] for key in state}, other)
        assert t in (6, 7, 8, 9, 12) or "bound" in rule._blocked
    for bad in (state[name][:, :-1], state[name][0], 1.0, None):
        with pytest.raises((TypeError, ValueError)) as here:
            rule.update_(theta, g, {**state, name: bad})
        with pytest.raises(type(here.value)) as expected:
            rule.update(theta, g, {**state, name: bad})
        assert str(here.value) == str(expected.value)


@pytest.mark.parametrize("shared", ["inner and outer", "theta", "rows and gradient", "row and theta"])
def test_state_that_shares_memory_between_the_levels(shared):
    theta = start(300, "float64")
    rule = refopt.aggmo(lr=0.1) if "row" in shared else refopt.ema(inner=refopt.adam(lr=0.1), decay=0.5)
    state, g = rule.init(theta), gradients(300, "float64", 1)[0].copy()
    if shared == "inner and outer":
        state["average"][:] = 0
        state["inner_state"]["m"] = state["average"]
    elif shared == "theta":
        state["average"] = theta
    elif shared == "rows and gradient":
        state["b"][1] = g
        g = state["b"][1]
    else:
        state["b"][2] = theta
        theta = state["b"][2]
    plain, other = theta.copy(), copy.deepcopy(state)
    for _ in range(3):
        used = g.copy()
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, used, other)
        assert_same((theta, state), (plain, other))


def around(text, kinds="", inner=refopt.adam, begin=None):
    """A wrapper of theta, g, inner_state, more whose step is `text`."""
    space = {"np": np, "stack": stack, "mean": mean, "Rule": Rule, "inner": inner}
    names = ", ".join(["theta", "g", "inner_state", *filter(None, [kinds])])
    lines = "\n".join(f"    {line}" for line in text.split("; "))
    exec(f"def step({names}, *, inner=inner, a=0.5):\n{lines}\n    return locals()", space)
    space["step"].__module__ = "__main__"
    more = begin or (lambda theta: {})
    return Rule(lambda theta, *, inner=inner: dict(inner_state=inner.init(theta), **more(theta)), space["step"])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("u, inner_state = inner.propose(theta, g, inner_state); theta = theta - a * u", None),
        ("record = inner.step(theta, g, inner_state); theta = record['theta'] - a * record['m_hat']", None),
        # the rule inside twice, and its state changed in between
        ("x, s = inner.update(theta, g, inner_state); theta, inner_state = inner.update(x, a * g, s)", None),
        ("theta, inner_state = inner.update(theta, g, dict(inner_state, m=0 * g))", None),
        ("theta, inner_state = inner.update(theta, g, dict(inner_state, t=inner_state['t'] * 2))", None),
        ("theta, inner_state = inner.update(theta, g, dict(inner_state, t=2))", None),
        ("s = inner_state; theta, _ = inner.update(theta, g, s); inner_state = dict(s, m=s['m'] * a)", None),
        # a number where Rule.update would convert or refuse
        ("theta, inner_state = inner.update(theta, g, dict(inner_state, t=4.0))", "the rule adam inside is given another t"),
        ("theta, inner_state = inner.update(theta, g, dict(inner_state, t=inner_state['t'] + 0.0))", "is given another t"),
        ("theta, inner_state = inner.update(theta, g * np.float64(1), inner_state)", "float64"),
        ("theta, inner_state = inner.update(theta, (g > 0) * a, inner_state)", "the rule adam inside is given another g"),
        ("theta, inner_state = inner.update(theta, np.stack([g, g])[0], inner_state)", None),
        ("theta, inner_state = inner.update(theta, np.sqrt(g * g), {**inner_state})", None),
        ("theta, _ = inner.update(theta, g, inner_state); inner_state = {'t': 1}", "the state of adam becomes something else"),
        ("theta, _ = inner.update(theta, g, inner_state); inner_state = theta", "the state of adam becomes something else"),
        ("theta, inner_state = inner.update(theta, g, {'t': 1})", "ValueError: adam: state lacks ['m', 'v']"),
        ("theta, inner_state = inner(lr=a).update(theta, g, inner_state)", "'Inside' object is not callable"),
        ("theta = inner.rule.no", "AttributeError"),
    ],
)
def test_what_a_wrapper_may_do_with_the_rule_inside(text, reason):
    rule = around(text)
    known = why_not(rule, "float32")
    assert known is None if reason is None else reason in known
    theta = start(TILE + 1, "float32")
    state, plain = rule.init(theta), theta.copy()
    other = copy.deepcopy(state)
    for g in gradients(TILE + 1, "float32", 5):
        try:
            plain, other = rule.update(plain, g, other)
        except (TypeError, ValueError, AttributeError) as error:
            with pytest.raises(type(error)):
                rule.update_(theta, g, state)
            return
        rule.update_(theta, g, state)
        assert ("bound" in rule._blocked) == (reason is None)
        if set(other["inner_state"]) != {"t", "m", "v"}:
            return
        assert_same((theta, state), (plain, other))


def test_a_count_that_becomes_negative_is_refused_as_in_the_plain_step():
    rule = around("theta, inner_state = inner.update(theta, g, dict(inner_state, t=inner_state['t'] - 2))")
    theta, g = start(300, "float64"), gradients(300, "float64", 1)[0]
    state = rule.init(theta)
    state["inner_state"]["t"] = 4  # three, two, then no step more
    for _ in range(3):
        rule.update_(theta, g, state)
        assert "bound" in rule._blocked
    before = copy.deepcopy((theta, state))
    for update in (rule.update, rule.update_):
        with pytest.raises(TypeError, match="state 't' must be a whole number of at least 0"):
            update(theta, g, state)
        assert_same((theta, state), before)


ROWS = "b = {}; theta, inner_state = inner.update(theta, g, inner_state)"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stack([*b[1:], g])", None),
        ("stack([b[-1], *b[:-1]])", "results change places"),
        ("stack([b[0], b[1] * a, b[2] + b.shape[0]])", None),
        ("b * a + g - b / 3", None),
        ("np.maximum(b, g)**2", None),
        ("stack([g, theta, 0 * b[2]]) + mean(b, axis=0)[0] * len(b)", None),
        ("stack([g, np.sum(b, axis=0), g])", None),
        ("b * stack([g, g])", "ValueError"),
        ("b[:-1]", "b becomes something else than 3 rows"),
        ("g", "b becomes something else than 3 rows"),
        ("b * mean(b)", "the step asks for"),
        ("np.cumsum(b, axis=0)", "numpy.cumsum of stacked arrays"),
        ("np.sum(b, axis=1, keepdims=True) + b", "numpy.sum of stacked arrays"),
        ("np.add.accumulate(b)", "add.accumulate is not one operation on each entry"),
        ("b[:, :41] + b", "it takes"),
        ("b[[0, 1, 2]]", "it takes"),
        ("stack([b, b])[0]", "numpy.stack of stacked arrays"),
        ("stack([np.ones(41), g, g])", "it stacks what are not arrays like theta"),
        ("b.astype('float16') * 1.0", "a cast from float64 to float16"),
        ("b * b.shape[1]", "the step asks for the shape of an array"),
    ],
)
def test_what_a_step_may_do_with_rows(text, reason):
    rule = around(ROWS.format(text), "b", begin=lambda theta: {"b": stack([zeros_like(theta)] * 3)})
    known = why_not(rule)
    assert known is None if reason is None else reason in known
    theta = start(TILE + 1, "float64")
    state, plain = rule.init(theta), theta.copy()
    other = copy.deepcopy(state)
    with np.errstate(all="ignore"):
        for g in gradients(TILE + 1, "float64", 5):
            try:
                plain, other = rule.update(plain, g, other)
            except (TypeError, ValueError, IndexError, np.exceptions.AxisError):
                break
            rule.update_(theta, g, state)
            assert ("bound" in rule._blocked) == (reason is None)
            assert_same((theta, state), (plain, other))


def test_names_that_meet():
    """The flat name of one part may be the name of another; and a wrapper may call the rule inside what it likes."""

    def step(theta, g, inner_state_t, inner_state_m, inner_state, *, around=refopt.adam, inner_lr=0.5, inner_beta1=0.1):
        inner_state_t = inner_state_t + 1
        inner_state_m = inner_beta1 * inner_state_m + g
        theta, inner_state = around.update(theta, inner_lr * inner_state_m, inner_state)
        return locals()

    def init(theta, *, around=refopt.adam):
        return dict(inner_state_t=0, inner_state_m=zeros_like(theta), inner_state=around.init(theta))

    rule = Rule(init, step)
    assert why_not(rule) is None
    assert walked(rule, start(600, "float32"), gradients(600, "float32"), [{}, {"lr": 0.5}, {"inner_lr": 0.1}]) == 22


@pytest.mark.parametrize("name", ["lamb", "adafactor", "clip_by_global_norm", "noisy_sgd", "cautious", "skip_nonfinite"])
def test_around_a_rule_that_sees_more_than_entries_it_is_the_plain_step(name):
    rule = refopt.lookahead(inner=refopt.l2(inner=refopt.rule(name)), k=2)
    assert why_not(rule).startswith(f"inside it is l2: inside it is {name}: ")
    run_both(rule, start(50, "float32"), gradients(50, "float32", 8))
    assert "bound" not in rule._blocked


def test_two_rules_in_one():
    def step(theta, g, inner_state, *, inner=refopt.adam, other=refopt.sgd):
        theta, inner_state = inner.update(theta, g, inner_state)
        return locals()

    rule = Rule(lambda theta, *, inner=refopt.adam: dict(inner_state=inner.init(theta)), step)
    assert why_not(rule) == "it takes more than one rule"
    run_both(rule, start(50, "float32"), gradients(50, "float32", 5))


def test_arrays_are_let_go_with_the_next_step_and_with_the_rule():
    gc.collect()
    gc.disable()  # no cycle may hold what can be gigabytes
    try:
        rule, theta, refs = refopt.ema(inner=refopt.l2(inner=refopt.adam(lr=0.1))), start(600, "float64"), []
        state = rule.init(theta)
        for t in range(10):
            g = start(600, "float64")
            refs.append(weakref.ref(g))
            rule.update_(theta, g, state, **({"lr": 0.01 * t} if t % 2 else {}))
            del g
            assert sum(ref() is not None for ref in refs) <= 1
        assert "bound" in rule._blocked
        del rule
        assert refs[-1]() is None
    finally:
        gc.enable()


def test_a_nest_that_has_stepped_in_place_can_be_copied_and_pickled():
    rule, theta = refopt.ema(inner=refopt.aggmo(lr=0.1)), start(600, "float64")
    state, (g, later) = rule.init(theta), gradients(600, "float64", 2)
    rule.update_(theta, g, state)
    for other in (pickle.loads(pickle.dumps(rule)), copy.deepcopy(rule), rule(), rule(lr=0.1)):
        x, s = theta.copy(), copy.deepcopy(state)
        other.update_(x, later, s)
        assert_same((x, s), rule.update(theta, later, state))
