"""A step in place is the plain step in every bit, whatever it meets; and who cannot have it is told, with nothing changed.

The plain step, `Rule.update`, is the measure here; other tests compare that one with closed forms, balls and libraries.
"""

import copy
import gc
import pickle
import re
import sys
import threading
import tracemalloc
import types
import weakref
from pathlib import Path

import adversarial
import numpy as np
import pytest
from inplace import TEXTS, TILE, assert_same, fresh, gradients, made, run_both, start

import refopt
from refopt.fast import blocked, why_not
from refopt.frameworks import FRAMEWORKS
from refopt.numbers import zeros_like
from refopt.recurrence import Rule

SIZES = (0, 1, TILE - 1, TILE, TILE + 1, 3 * TILE + 7)
SUMS = ("aggmo", "grokfast_ma")  # rules that add up rows
READINGS = [(framework, entry) for framework, table in FRAMEWORKS.items() for entry in table]


@pytest.fixture(autouse=True)
def short_pieces(monkeypatch):
    """Pieces of TILE entries, in recordings of this test's own."""
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 0)
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    monkeypatch.setattr(blocked, "_REFUSED", {})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", refopt.names())
def test_every_rule_in_place_equals_the_plain_step_in_every_bit(name, dtype):
    rule = fresh(refopt.rule(name))
    for size in SIZES if why_not(rule, dtype) is None else (0, 1, 50):
        run_both(rule, start(size, dtype), gradients(size, dtype))
        alone = size == 1 and name in SUMS  # NumPy sums rows of one entry in another order
        assert ("bound" in rule._blocked) == (why_not(rule, dtype) is None and not alone)


@pytest.mark.parametrize("dtype", ["float16", "longdouble"])
def test_other_floating_point_numbers(dtype):
    for name in refopt.names():
        rule = fresh(refopt.rule(name))
        if why_not(rule) is None:
            run_both(rule, start(TILE + 1, dtype), gradients(TILE + 1, dtype, 5))


@pytest.mark.parametrize(("framework", "entry"), READINGS)
def test_every_reading_of_a_library(framework, entry):
    rule = fresh(FRAMEWORKS[framework][entry].rule)
    run_both(rule, start(TILE + 1, "float32"), gradients(TILE + 1, "float32"))


@pytest.mark.parametrize("shape", [(), (1,), (20, 30), (4, 5, 30), (0, 3)])
@pytest.mark.parametrize("name", ["adam", "nadam", "sgd", "lamb", "l2", "aggmo", "adafactor"])
def test_shapes(name, shape):
    run_both(refopt.rule(name)(), start(shape, "float32"), gradients(shape, "float32"))


def strided(shape):
    wide = np.zeros((*shape[:-1], 2 * shape[-1]), "float32")
    wide[..., ::2] = start(shape, "float32")
    return wide[..., ::2]


@pytest.mark.parametrize("make", [strided, lambda shape: np.asfortranarray(start(shape, "float32"))])
def test_theta_that_is_not_contiguous_is_overwritten_where_it_lies(make):
    rule, theta = refopt.adam(lr=0.1), make((20, 30))
    plain, other = start((20, 30), "float32"), rule.init(theta)
    state, strides = rule.init(theta), theta.strides
    for g in gradients((20, 30), "float32", 18):
        rule.update_(theta, np.asfortranarray(g), state)
        plain, other = rule.update(plain, g, other)
    assert theta.strides == strides
    assert_same(np.ascontiguousarray(theta), plain)
    if theta.base is not None:
        assert not theta.base[..., 1::2].any()  # what lies between is somebody else's


def test_memory_that_is_not_native_or_not_numpys_own(tmp_path):
    rule, g = refopt.adam(lr=0.1), gradients(600, "float64", 3)
    swapped, file = start(600, ">f8"), np.memmap(tmp_path / "theta", "float64", "w+", shape=600)
    file[:] = plain = start(600, "float64")
    states, other = [rule.init(plain), rule.init(plain)], rule.init(plain)
    for one in g:
        rule.update_(swapped, one, states[0])
        rule.update_(file, one, states[1])
        plain, other = rule.update(plain, one, other)
    assert swapped.dtype == ">f8"
    assert_same(swapped.astype("float64"), plain)
    assert_same(np.array(file), plain)


@pytest.mark.parametrize(
    "name", ["adam", "asgd", "lars", "sam", "ema", "lookahead", "adafactor", "aggmo", "clip_by_global_norm"]
)
@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_containers_keep_their_arrays(name, kind):
    rule = fresh(refopt.rule(name))
    contained = (lambda x: dict(x)) if kind is dict else (lambda x: kind(x.values()))
    theta = contained(adversarial.start())
    state = rule.init(theta)
    first = [id(x) for _, x in blocked._leaves([theta, state], "state") if x.ndim]
    plain, other = copy.deepcopy(theta), copy.deepcopy(state)
    for t, g in enumerate(adversarial.gradients(20)):
        g = contained(g)
        if t == 5:  # a tensor without a gradient
            g = {**g, "b": None} if kind is dict else kind([*list(g.values() if kind is dict else g)[:-1], None])
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same(theta, plain)
        assert_same({name: state[name] for name in other}, other)
    assert [id(x) for _, x in blocked._leaves([theta, state], "state") if x.ndim] == first


def test_where_the_gradient_is_theta_itself_the_step_is_right_still():
    for name in ("adam", "sgd", "adan", "lamb"):
        rule = refopt.rule(name)()
        theta = start(600, "float64")
        plain, state, other = theta.copy(), rule.init(theta), rule.init(theta)
        for _ in range(4):
            rule.update_(theta, theta, state)
            plain, other = rule.update(plain, plain, other)
        assert_same(theta, plain)
        assert_same(state, other)


@pytest.mark.parametrize("overlap", ["same", "view", "gradient", "theta", "gradient of theta"])
def test_state_that_shares_memory_gets_memory_of_its_own(overlap):
    rule, theta, memory = refopt.adam(lr=0.1), start(600, "float64"), np.zeros(1200)
    g = gradients(600, "float64", 3)[0].copy()
    plain = theta.copy()
    zero = np.zeros(600)
    if overlap == "gradient of theta":
        memory[100:700] = theta
        theta, g = memory[100:700], memory[:600]
    pairs = {
        "same": (zero, zero),
        "view": (memory[:600], memory[300:900]),
        "gradient": (g, np.zeros(600)),
        "theta": (np.zeros(600), theta),
        "gradient of theta": (np.zeros(600), np.zeros(600)),
    }
    m, v = pairs[overlap]
    state = {"t": 0, "m": m, "v": np.abs(v) if overlap == "gradient of theta" else v}
    other, kept = copy.deepcopy({"t": 0, "m": m.copy(), "v": v.copy()}), g.copy()
    with np.errstate(invalid="ignore"):  # theta as a second moment is negative
        for _ in range(3):
            used = g.copy()
            rule.update_(theta, g, state)
            plain, other = rule.update(plain, used, other)
            assert_same(theta, plain)
            assert_same(state, other)
    if overlap != "gradient of theta":
        assert_same(g, kept)
        assert "bound" in rule._blocked  # after the first step nothing is shared


def test_tensors_of_theta_that_share_memory_are_refused():
    memory = np.arange(6.0)
    for theta in ({"a": memory, "b": memory}, {"a": memory[:4], "b": memory[2:]}, [memory, memory[::-1]]):
        rule = refopt.sgd()
        state, g = rule.init(theta), copy.deepcopy(theta)
        with pytest.raises(ValueError, match="share memory; a step in place needs an array for each"):
            rule.update_(theta, g, state)
        assert memory.tolist() == [0, 1, 2, 3, 4, 5]
        assert state["t"] == 0
    theta = {"a": memory[::2], "b": memory[1::2]}  # side by side is not the same
    rule.update_(theta, {"a": np.ones(3), "b": np.ones(3)}, rule.init(theta))
    assert np.allclose(memory, np.arange(6) - rule.lr)


@pytest.mark.parametrize("contained", [False, True])
def test_entries_of_theta_that_are_one_memory_are_refused(contained):
    memory = np.full(1, 0.5)
    theta = np.lib.stride_tricks.as_strided(memory, (3, 20), (0, 0))
    theta, g = ([theta], [np.ones((3, 20))]) if contained else (theta, np.ones((3, 20)))
    rule = refopt.adam(lr=0.1)
    state = rule.init(theta)
    with pytest.raises(ValueError, match=r"theta(\[0\])? has one memory for several entries"):
        rule.update_(theta, g, state)
    assert (memory[0], state["t"]) == (0.5, 0)


@pytest.mark.parametrize("bound_before", [False, True])
@pytest.mark.parametrize("name", ["adam", "lamb"])
@pytest.mark.parametrize("what", ["theta", "m", "v"])
def test_read_only_arrays_are_refused_and_nothing_is_changed(what, name, bound_before):
    rule, theta = refopt.rule(name)(), start(600, "float64")
    g, state = gradients(600, "float64", 1)[0], rule.init(theta)
    if bound_before:
        rule.update_(theta, g, state)
    (theta if what == "theta" else state[what]).flags.writeable = False
    before = copy.deepcopy((theta, state))
    for _ in range(2):
        with pytest.raises(ValueError, match=("theta" if what == "theta" else rf"state\['{what}'\]") + " is read-only"):
            rule.update_(theta, g, state)
        assert_same((theta, state), before)
    g.flags.writeable = False
    (theta if what == "theta" else state[what]).flags.writeable = True
    rule.update_(theta, g, state)  # a gradient may be read-only


def wrong(theta, g, state):
    """What a caller may get wrong: (theta, g, state)."""
    yield theta, g[:-1], state
    yield theta, g.astype("float32").astype("int64"), state
    yield theta, g.reshape(-1, 1), state
    yield theta, g * 1j, state
    yield theta, None, state
    yield theta, {"a": g}, state
    yield theta.astype(int), g, state
    yield theta, g, None
    yield theta, g, {**state, "more": 1}
    yield theta, g, {name: x for name, x in state.items() if name != "m"}
    yield theta, g, {**{name: x for name, x in state.items() if name != "m"}, "n": state["m"]}
    for t in (-1, 1.5, "1", None, True, np.nan):
        yield theta, g, {**state, "t": t}
    yield theta, g, {**state, "m": state["m"][:-1]}
    yield theta, g, {**state, "m": 0.0}
    if "P" in state:
        for number in ("1", None, True, 1j):
            yield theta, g, {**state, "P": number}


@pytest.mark.parametrize("bound_before", [False, True])
@pytest.mark.parametrize("name", ["adam", "nadam"])
def test_what_the_plain_step_refuses_is_refused_with_the_same_words(name, bound_before):
    rule, theta = refopt.rule(name)(), start(600, "float64")
    g, state = gradients(600, "float64", 1)[0], rule.init(theta)
    if bound_before:
        rule.update_(theta, g, state)
    bound, before = rule._blocked.get("bound"), copy.deepcopy((theta, g, state))
    for case in wrong(theta, g, state):
        with pytest.raises((TypeError, ValueError)) as plain:
            rule.update(*case)
        with pytest.raises(type(plain.value)) as here:
            rule.update_(*case)
        assert str(here.value) == str(plain.value)
        assert_same((theta, g, state), before)
        if type(case[2]) is dict and case[0] is theta and case[1] is g:  # in the very dict that is bound
            right = dict(state)
            if bound is not None:
                rule._blocked["bound"] = bound
            state.clear()
            state.update(case[2])
            with pytest.raises(type(plain.value)):
                rule.update_(theta, g, state)
            state.clear()
            state.update(right)
            assert_same((theta, g, state), before)
    with pytest.raises(TypeError, match="has no hyper-parameter 'lrr'"):
        rule.update_(theta, g, state, lrr=1)


def test_numbers_on_which_the_step_fails_change_nothing():
    rule, theta = refopt.adabound(), start(600, "float64")
    g, state = gradients(600, "float64", 1)[0], rule.init(theta)
    rule.update_(theta, g, state)
    before = copy.deepcopy((theta, state | {"base_lr": 0.0}))
    state["base_lr"] = 0.0
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            rule.update_(theta, g, state, lr=0.0)
        assert_same((theta, state), before)
    state["base_lr"] = 0.1
    rule.update_(theta, g, state)  # and did not spoil the rule
    assert "bound" in rule._blocked


def test_what_cannot_be_written_into_is_refused():
    rule = refopt.adam()
    for theta in ([1.0, 2.0], 1.0, np.float64(1.0)):
        state = rule.init(theta)
        with pytest.raises(TypeError, match=r"theta(\[0\])? must be an array to be overwritten, got float"):
            rule.update_(theta, theta, state)
        assert state["t"] == 0
    theta = np.ones(3)
    state = types.MappingProxyType(rule.init(theta))
    with pytest.raises(TypeError, match="it must be a dict, not a mappingproxy"):
        rule.update_(theta, theta, state)
    assert theta.tolist() == [1, 1, 1]


def test_counts_that_went_through_a_file_are_numbers_again():
    rule, theta = refopt.nadam(), start(600, "float32")
    state, g = rule.init(theta), gradients(600, "float32", 2)
    rule.update_(theta, g[0], state)
    loaded = {
        "t": np.array(1),
        "P": np.float64(state["P"]),
        "m": state["m"].astype("float64"),
        "v": state["v"].astype("float16"),
    }
    plain, other = rule.update(theta, g[1], loaded)
    rule.update_(theta, g[1], loaded)
    assert_same(theta, plain)
    assert_same(loaded, other)  # in theta's dtype now


@pytest.mark.parametrize("what", ["theta", "state", "g", "all"])
@pytest.mark.parametrize("rule", [refopt.adam(lr=0.1), refopt.aggmo(lr=0.1), refopt.ema(inner=refopt.aggmo(lr=0.1))])
def test_arrays_that_were_unpickled_step_in_place(rule, what):
    """Their dtype is equal to NumPy's own, but another object."""

    def sent(x, name):
        return pickle.loads(pickle.dumps(x)) if what in (name, "all") else x

    rule, theta, gs = rule(), sent(start(20, "float32"), "theta"), gradients(20, "float32", 5)
    state = sent(rule.init(theta), "state")
    plain, other = theta.copy(), copy.deepcopy(state)
    for g in gs:
        g = sent(g, "g")
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same((theta, state), (plain, other))
        assert "bound" in rule._blocked


def test_arrays_that_were_replaced_between_steps():
    rule = refopt.adam(lr=0.1)
    theta = start(600, "float64")
    state = rule.init(theta)
    plain, other = theta.copy(), copy.deepcopy(state)
    for t, g in enumerate(gradients(600, "float64", 8)):
        old = theta, dict(state)
        kept = copy.deepcopy(old)
        if t % 4 == 0:
            state["m"] = state["m"].copy()
        if t % 4 == 1:
            theta = theta.copy()
        if t % 4 == 2:
            state = dict(state)  # another dict of the same arrays
        if t % 4 == 3:
            state["t"] += 5
            other["t"] += 5
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same(theta, plain)
        assert_same(state, other)
        if theta is not old[0]:
            assert_same(old[0], kept[0])  # the one that is out of use


def test_keywords_for_one_step_and_a_schedule_without_end():
    rule = refopt.sgd(momentum=0.9)
    theta = start(600, "float32")
    state, plain, g = rule.init(theta), theta.copy(), gradients(600, "float32", 1)[0]
    other = copy.deepcopy(state)
    recordings = set()
    for k in range(300):
        rule.update_(theta, g, state, lr=0.1 / (k + 1), momentum=0.9 - k / 1000)
        plain, other = rule.update(plain, g, other, lr=0.1 / (k + 1), momentum=0.9 - k / 1000)
        recordings.add((len(blocked._RECORDINGS), sum(map(len, blocked._RECORDINGS.values()))))
    assert_same(theta, plain)
    assert_same(state, other)
    assert max(recordings) <= (1, 3)  # the first step, and all others
    assert rule.lr == refopt.sgd.lr


def test_functions_made_in_a_loop_do_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(blocked, "KEPT", 10)
    theta, g = start(30, "float64"), gradients(30, "float64", 1)[0]
    for k in range(40):
        rule = refopt.adam(denominator=lambda v_hat, eps, c2, k=k: np.sqrt(v_hat) + eps + k)
        state = rule.init(theta)
        plain, _ = rule.update(theta, g, state)
        rule.update_(theta, g, state)
        assert_same(theta, plain)
        assert len(blocked._RECORDINGS) <= 10


def test_an_array_for_a_hyper_parameter():
    run_both(refopt.adam(lr=np.linspace(0.01, 1, 50)), start(50, "float32"), gradients(50, "float32"))
    rule = refopt.adam()
    run_both(rule, start(50, "float32"), gradients(50, "float32"), lr=np.linspace(0.01, 1, 50))
    assert why_not(refopt.adam(lr=np.ones(3))) == "lr holds an array"


@pytest.mark.parametrize(
    "rule",
    [
        refopt.radam(beta2=0.9),  # rectified from the sixth step on
        refopt.radam(),
        refopt.adopt,
        refopt.sgd(momentum=0.9, dampening=0.5),
        refopt.asgd(t0=5.0),
        refopt.adabound(lr=1.0, gamma=0.5),
        refopt.rule("sgd", framework="torch", momentum=0.9, nesterov=True),
        refopt.adam(lr=0, beta1=0, beta2=0, eps=0),
    ],
)
def test_branches_and_odd_numbers(rule):
    rule = rule()
    for size in (5, 600):
        run_both(rule, start(size, "float32"), gradients(size, "float32"))
        assert "bound" in rule._blocked


def test_one_rule_for_two_thetas_in_turn():
    rule = refopt.adam(lr=0.1)
    pairs = [
        (start(size, dtype), gradients(size, dtype)) for size, dtype in ((300, "float32"), (700, "float64"), (300, "float32"))
    ]
    states = [rule.init(theta) for theta, _ in pairs]
    plain = [(theta.copy(), copy.deepcopy(state)) for (theta, _), state in zip(pairs, states, strict=True)]
    for t in range(18):
        for i, (theta, gs) in enumerate(pairs):
            rule.update_(theta, gs[t], states[i])
            plain[i] = rule.update(plain[i][0], gs[t], plain[i][1])
            assert_same((theta, states[i]), plain[i])


@pytest.mark.parametrize("shared", ["rule", "recording"])
def test_threads_with_arrays_of_their_own(shared):
    """One rule, or two that share a recording: what one thread computes never reaches the other."""
    rule, size, steps = refopt.adam(lr=0.1), 5 * TILE, 150
    rng = np.random.default_rng(0)
    starts = [rng.normal(size=size) * 10.0**k for k in range(4)]
    found, wanted = [None] * 4, []
    for theta in starts:
        x, state = theta, rule.init(theta)
        for _ in range(steps):
            x, state = rule.update(x, theta, state)
        wanted.append((x, state))

    def walk(k):
        own = rule if shared == "rule" else rule(lr=0.1)
        x, state = starts[k].copy(), own.init(starts[k])
        for _ in range(steps):
            own.update_(x, starts[k], state)
        found[k] = (x, state)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=walk, args=(k,)) for k in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    for a, b in zip(found, wanted, strict=True):
        assert_same(a, b)


def test_a_rule_that_has_stepped_in_place_can_be_copied_and_pickled():
    rule, theta = refopt.adam(lr=0.1), start(600, "float64")
    state, (g, later) = rule.init(theta), gradients(600, "float64", 2)
    rule.update_(theta, g, state)
    size = len(pickle.dumps(refopt.adam(lr=0.1)))
    assert len(pickle.dumps(rule)) == size  # the arrays do not travel with it
    for other in (pickle.loads(pickle.dumps(rule)), copy.copy(rule), copy.deepcopy(rule), rule(), rule(lr=0.1)):
        assert other == rule
        x, s = theta.copy(), copy.deepcopy(state)
        plain = rule.update(theta, later, state)
        other.update_(x, later, s)
        assert_same((x, s), plain)


def test_a_step_in_place_needs_next_to_no_memory(monkeypatch):
    monkeypatch.setattr(blocked, "cache_bytes", lambda: 1 << 20)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # on more, each has pieces of its own: tests/fast/test_every_rule.py
    rule, theta = refopt.adam(lr=0.1), np.ones(2_000_000, "float32")
    g, state = np.ones_like(theta), rule.init(theta)
    tracemalloc.start()
    try:
        for allowed in (1 << 20, 1 << 14):  # scratch for one piece, and what recording takes; then nothing
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            rule.update_(theta, g, state)
            assert tracemalloc.get_traced_memory()[1] - before < allowed
    finally:
        tracemalloc.stop()
    assert "bound" in rule._blocked


def test_who_runs_blocked_and_why_not():
    rules = {name: fresh(refopt.rule(name)) for name in refopt.names()}
    reasons = {name: why_not(rule) for name, rule in rules.items()}
    assert {name for name, reason in reasons.items() if reason is None} == {
        name for name, rule in rules.items() if rule.scope == "element" and not rule.needs
    }
    for name, rule in rules.items():
        assert reasons[name] == why_not(rule, "float32")
        if rule._own_needs:
            assert reasons[name].startswith("it calls ")
        elif rule._own_scope == "tensor":
            assert reasons[name] == "its scope is 'tensor': needs the shape or norm of each tensor: runs tensor by tensor"
        elif rule._own_scope == "network":
            assert reasons[name].startswith(("its scope is 'network': needs to see all", "it draws random numbers"))
    assert why_not(refopt.l2(inner=refopt.ema(inner=refopt.lamb))) == f"inside it is ema: inside it is lamb: {reasons['lamb']}"
    assert why_not(refopt.swa(inner=refopt.adam(lr=np.ones(3)))) == "inside it is adam: lr holds an array"
    assert why_not(refopt.lookahead(inner=refopt.sam)) == f"inside it is sam: {reasons['sam']}"


@pytest.mark.parametrize("text", TEXTS)
def test_steps_that_lie_differently_in_memory(text):
    rule = made(text)
    assert why_not(rule) is None
    for a in (2.0, 0.5, -1.0, 1.0, 3.0, 0.0, 0.3):
        for dtype in ("float32", "float64"):
            for size in (5, TILE + 1):
                run_both(rule(a=a), start(size, dtype), gradients(size, dtype))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("m, p = p, m", "results change places"),
        ("theta = theta - g.mean()", "the step asks for .mean of an array"),
        ("theta = theta - numbers.total(g)", "numpy.sum is no operation on each entry"),
        ("theta = theta - np.clip(g, -1, 1)", "numpy.clip is not recorded; refopt.numbers.clipped is"),
        ("m += g", "it writes into an array that it was given"),
        ("theta = theta - np.add.accumulate(g)", "add.accumulate is not one operation on each entry"),
        ("theta = theta - np.float64(0.1) * g", "float64"),
        ("theta = theta - np.ones(1) * g", "ndarray"),
        ("theta = theta - g if (g > 0).any() else theta", "the step asks for .any of an array"),
        ("theta = theta - g if g is not None and np.max(g) > 0 else theta", "numpy.max is no operation"),
        ("theta = np.modf(theta)[0]", "modf"),
        ("theta = theta - np.where(np.ones(len(g)) > 0, g, 0.0)", "TypeError"),
        ("theta = theta - (g > 0) * lr", None),  # float64, where theta is float32
        ("theta = theta * np.sqrt(a)", "numpy.sqrt of a scalar"),
        ("theta = theta - np.exp(-a * t) * g; t = t + 1", "numpy.exp of a scalar"),  # math.exp rounds otherwise now and then
        ("x = lr; x = [x := x * x for _ in range(20)][-1]; theta = theta - x * g", "its arithmetic on scalars is too long"),
    ],
)
def test_steps_that_cannot_be_recorded_are_made_plainly(text, reason):
    rule = made(text)
    if reason is not None:
        assert reason in why_not(rule)
        run_both(rule, start(20, "float64"), gradients(20, "float64"))
        assert "bound" not in rule._blocked
        return
    run_both(rule, start(20, "float64"), gradients(20, "float64"))  # right in float64, recorded or not
    theta = start(20, "float32")  # there the rule itself makes float64 of it, which theta cannot hold
    before, state = theta.copy(), rule.init(theta)
    assert why_not(rule, "float32") == "theta becomes float64"
    with pytest.raises(TypeError, match="theta has dtype float32, which does not hold what it becomes: float64"):
        rule.update_(theta, theta * 0.5, state)
    assert_same(theta, before)


def test_a_step_that_is_recorded_once_cannot_be_recorded_wrongly():
    """Who asks a number for its type gets another answer while it is recorded; a comparison with the step itself sees it."""
    rule = made("t = t + 1; x = 2.0 if isinstance(t, int) else 3.0; theta = theta - x * g")
    assert why_not(rule) == "its replay gives another theta than the step"
    run_both(rule, start(600, "float64"), gradients(600, "float64"))


def test_another_gradient_binds_nothing_again():
    rule, theta = refopt.adam(lr=0.1), start(600, "float64")
    state, gs = rule.init(theta), gradients(600, "float64", 12)
    plain, other = theta.copy(), copy.deepcopy(state)
    wide = np.empty(1200)
    for t, g in enumerate(gs):
        if t == 4:
            wide[::2] = g
            g = wide[::2]  # not contiguous
        if t == 7:
            g = g.reshape(1, 600)[0]
        bound = rule._blocked.get("bound")
        rule.update_(theta, g, state)
        plain, other = rule.update(plain, g, other)
        assert_same(theta, plain)
        assert_same(state, other)
        assert t in (0, 4, 5) or rule._blocked["bound"] is bound


@pytest.mark.parametrize("name", ["b", "theta"])
def test_another_gradient_that_is_memory_of_the_step(name):
    rule, theta = refopt.sgd(lr=0.1, momentum=0.9, nesterov=True), np.linspace(-1.0, 1.0, 600)
    state = rule.init(theta)  # Nesterov's step reads g once more when b has its new value
    for _ in range(2):  # the first step has a branch of its own
        rule.update_(theta, np.cos(theta), state)
    plain, other = theta.copy(), copy.deepcopy(state)
    g = theta if name == "theta" else state[name]
    plain, other = rule.update(plain, g.copy(), other)
    rule.update_(theta, g, state)
    assert_same((theta, state), (plain, other))


def test_another_gradient_in_another_order_of_memory():
    rule, theta = refopt.adam(lr=0.1), np.linspace(-1.0, 1.0, 600).reshape(20, 30)
    state, g = rule.init(theta), np.asfortranarray(np.cos(theta))
    plain, other = theta.copy(), copy.deepcopy(state)
    for first in (np.sin(theta), g, g):  # the last time with other numbers in the same array
        rule.update_(theta, first, state)
        plain, other = rule.update(plain, first, other)
        assert_same((theta, state), (plain, other))
        g *= -3


def test_branches_that_come_back_are_found_again():
    rule = made("t = t + 1; theta = theta - g if t % 3 else theta + lr * g")
    run_both(rule, start(600, "float64"), gradients(600, "float64"))
    assert len(rule._blocked["bound"].plans) == 2


def test_what_cannot_be_recorded_is_tried_once(monkeypatch):
    tried, record = [], blocked.record
    monkeypatch.setattr(blocked, "record", lambda *inputs: tried.append(1) or record(*inputs))
    rule = made("theta = theta - g.mean()")
    for lr in (0.1, 0.2):
        run_both(rule(lr=lr), start(20, "float64"), gradients(20, "float64"))
    assert len(tried) == 1


@pytest.mark.parametrize("number", [np.int64(1), np.float32(1), 1.0, True, -1, None])
def test_counts_of_containers_that_went_through_a_file(number):
    rule, theta = refopt.adam(lr=0.1), [start(20, "float64"), start(3, "float64")]
    state, g = rule.init(theta), [np.ones(20), np.ones(3)]
    rule.update_(theta, g, state)
    state["t"] = number
    before = copy.deepcopy((theta, state))
    try:
        plain = rule.update(*copy.deepcopy((theta, g, state)))
    except TypeError as error:
        with pytest.raises(TypeError, match=re.escape(str(error))):
            rule.update_(theta, g, state)
        assert_same((theta, state), before)
    else:
        rule.update_(theta, g, state)
        assert_same((theta, state), plain)


def test_a_branch_on_every_step_of_containers_ends_in_the_plain_step():
    rule = made("t = t + 1; theta = theta - lr * g * len([k for k in range(60) if t == k])")
    theta = [start(20, "float64"), start(3, "float64")]
    run_both(rule, theta, [[g[:20], g[20:]] for g in gradients(23, "float64")])


def test_a_branch_on_every_step_ends_in_the_plain_step():
    rule = made("t = t + 1; theta = theta - g * float(t)")
    run_both(rule, start(20, "float64"), gradients(20, "float64"))
    assert sum(map(len, blocked._RECORDINGS.values())) == blocked.BRANCHES
    assert "bound" not in rule._blocked


def test_names_that_the_recording_uses_itself():
    def step(theta, g, r0, c0, k1, *, array=0.5, numbers=2.0, copyto=0.1, dtype=3.0, add=1.0):
        r0 = (r0 + g * array) * numbers
        c0 = np.where(g > 0, r0, c0) + add
        k1 = np.maximum(k1, c0) * dtype
        theta = theta - copyto * k1
        return locals()

    rule = Rule(lambda theta: dict(r0=zeros_like(theta), c0=zeros_like(theta), k1=zeros_like(theta)), step)
    assert why_not(rule) is None
    run_both(rule, start(600, "float32"), gradients(600, "float32"))

    def taken(theta, g, *, abs=0.5, _c0=1.0):
        theta = theta - abs * g
        return locals()

    assert why_not(Rule(lambda theta: {}, taken)) == "the name 'abs' is used by the recording"


def test_a_number_of_the_state_may_change_its_type():
    """Of an array of truth values a whole number makes whole numbers, a fraction makes fractions."""

    def step(theta, g, P, *, lr=0.1):
        theta = theta - lr * ((g > 0) * P)
        P = P * 0.5
        return locals()

    rule = Rule(lambda theta: dict(P=1), step)
    assert why_not(rule) is None
    run_both(rule, start(20, "float64"), gradients(20, "float64", 6))


def test_the_text_of_a_number_holds_for_that_number():
    rule = made("t = t + 1; theta = theta - len(f'{t}') * g; m = m + repr(t).count('1')")
    run_both(rule, start(20, "float64"), gradients(20, "float64", 12))
    assert len(rule._blocked["bound"].plans) == 12


@pytest.mark.parametrize("name", ["adam", "radam"])
def test_hyper_parameters_of_one_step_bind_nothing_again(name):
    rule, theta = refopt.rule(name, lr=0.1), start(600, "float64")
    state, gs = rule.init(theta), gradients(600, "float64", 12)
    plain, other = theta.copy(), copy.deepcopy(state)
    for t, g in enumerate(gs):
        hyper = [{}, {"lr": 0.5 / (t + 1)}, {"lr": np.linspace(0.1, 0.2, 600)}, {"beta1": 0.5, "eps": 0.1}][t % 4]
        bound = rule._blocked.get("bound")
        rule.update_(theta, g, state, **hyper)
        plain, other = rule.update(plain, g, other, **hyper)
        assert_same((theta, state), (plain, other))
        if t % 4 == 2:  # a population
            assert "bound" not in rule._blocked
        elif bound is not None and name == "adam":  # radam has a branch on t
            assert rule._blocked["bound"] is bound


def test_another_reading_for_one_step():
    rule, theta = refopt.adam(lr=0.1), start(600, "float64")
    other_reading = refopt.rule("adam", framework="keras").hyper["denominator"]
    assert other_reading is not rule.hyper["denominator"]
    state, plain = rule.init(theta), theta.copy()
    other = copy.deepcopy(state)
    for t, g in enumerate(gradients(600, "float64", 6)):
        hyper = {"denominator": other_reading, "eps": 0.1} if t % 2 else {"eps": 0.1}
        rule.update_(theta, g, state, **hyper)
        plain, other = rule.update(plain, g, other, **hyper)
        assert_same((theta, state), (plain, other))


@pytest.mark.parametrize("contained", [False, True])
def test_arrays_are_let_go_with_the_next_step_and_with_the_rule(contained):
    gc.collect()
    gc.disable()  # no cycle may hold what can be gigabytes
    try:
        rule, theta, refs = refopt.adam(lr=0.1), start(600, "float64"), []
        theta = [theta] if contained else theta
        state = rule.init(theta)
        for t in range(10):
            g = start(600, "float64")
            refs.append(weakref.ref(g))
            rule.update_(theta, [g] if contained else g, state, **({"lr": 0.01 * t} if t % 2 else {}))
            del g
            assert sum(ref() is not None for ref in refs) <= 1
        del rule
        assert refs[-1]() is None
    finally:
        gc.enable()


def test_a_recording_that_another_thread_made_meanwhile_is_taken(monkeypatch):
    """Sixteen threads that begin at once must not fill the places of sixteen branches with one."""
    sample, nested = blocked._sample, []

    def meanwhile(rule, dtype, scalars, placed):
        if not nested:
            nested.append(True)
            nested.append(blocked._recording(rule, dtype, scalars))
        return sample(rule, dtype, scalars, placed)

    monkeypatch.setattr(blocked, "_sample", meanwhile)
    rule, theta = refopt.adam(), np.ones(5)
    rule.update_(theta, np.ones(5), rule.init(theta))
    assert list(map(len, blocked._RECORDINGS.values())) == [1]


def test_the_pieces_are_as_large_as_the_cache_lets_them(monkeypatch):
    """Theta, g, m, v and two scratch arrays of float32 fill half of the core's own cache, which Linux tells."""
    told = Path("/sys/devices/system/cpu/cpu0/cache/index2")
    if not told.exists() or (told / "level").read_text() != "2\n":
        pytest.skip("this system does not say how large its caches are where Linux says it")
    monkeypatch.undo()
    size = min(int((told / "size").read_text().strip("K\n")) * 1024, 2 << 20)
    assert blocked.cache_bytes() == size
    monkeypatch.setattr(blocked, "_RECORDINGS", {})
    rule, theta = refopt.adam(), np.ones(5, "f4")
    rule.update_(theta, theta + 1, rule.init(theta))
    (plans,) = blocked._RECORDINGS.values()
    assert plans[0].tile == size // 2 // (6 * 4)


def test_a_step_that_returns_nothing_is_told():
    def step(theta, g, *, lr=0.1):
        theta = theta - lr * g

    assert why_not(Rule(lambda theta: {}, step)) == "its step does not return its names, as return locals() does"


def test_no_sign_is_taken_in_place():
    """NumPy takes ten times as long for it."""
    found = 0
    for name in refopt.names():
        rule = fresh(refopt.rule(name))
        if why_not(rule) is None:
            run_both(rule, start(20, "float64"), gradients(20, "float64", 3))
    for plans in blocked._RECORDINGS.values():
        for operand, place in re.findall(r"_sign\((\w+), (\w+)\)", "".join(plan.source for plan in plans)):
            assert operand != place
            found += 1
    assert found >= 5


def test_the_order_of_bytes_is_said():
    swapped = np.dtype("f8").newbyteorder()
    assert why_not(refopt.adam, swapped) == "theta is not in the machine's byte order"
