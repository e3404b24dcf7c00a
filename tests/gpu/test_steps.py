"""Steps in place on a device: one kernel, the bits of the plain step there, and nothing is moved after the first step."""

import copy

import numpy as np
import pytest
from inplace import TEXTS, TILE, assert_same, fresh, gradients, made, start

import refopt
from refopt import fast
from refopt.fast import blocked, kernel

SUMS = ("aggmo", "grokfast_ma")  # a device sums rows in an order of its own
ELEMENTWISE = [name for name in refopt.names() if fast.why_not(fresh(refopt.rule(name))) is None]


@pytest.fixture(autouse=True)
def short_pieces(xp, monkeypatch):
    """Scratch arrays of TILE entries, where a step needs any."""
    if not xp.compiles:
        pytest.skip("there is no C compiler to compile the text of kernels with")
    monkeypatch.setattr(kernel, "PIECE", TILE)


def numbers(xp, dtype):
    """Gradients of all kinds; a device's own bits of a number too small for float32 are no business of ours."""
    return [xp.put(g) for g in gradients(3 * TILE + 7, dtype, 14 if dtype == "float32" else 22)]


def walk(xp, rule, theta, gs, **hyper):
    """Step in place and plainly beside each other, both on the device; returns theta and the state in place."""
    here, state = xp.put(theta), rule.init(xp.put(theta))
    plain, other = xp.put(theta), copy.deepcopy(state)
    arrays = [here, *(x for x in state.values() if isinstance(x, xp.module.ndarray))]
    with np.errstate(all="ignore"):
        for t, g in enumerate(gs):
            assert rule.update_(here, g, state, **hyper) is None
            plain, other = rule.update(plain, g, other, **hyper)
            assert_same(xp.get(here), xp.get(plain), f"{rule} step {t + 1}: theta")
            assert_same(xp.get(state), xp.get({name: other[name] for name in state}), f"{rule} step {t + 1}: state")
    assert all(
        a is b for a, b in zip(arrays, [here, *(x for x in state.values() if isinstance(x, xp.module.ndarray))], strict=True)
    )
    return here, state


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_rule_on_the_device_equals_its_plain_step_there_in_every_bit(xp, name, dtype):
    rule = fresh(refopt.rule(name))
    walk(xp, rule, start(3 * TILE + 7, dtype), numbers(xp, dtype))
    if name in SUMS:
        assert "bound" not in rule._blocked
        return
    bound = rule._blocked["bound"]
    assert isinstance(getattr(bound, "bound", bound), kernel.OnDevice)  # of a nest of rules that of its parts


@pytest.mark.parametrize("text", TEXTS)
def test_steps_that_lie_differently_in_memory(xp, text):
    for a in (2.0, 0.3):
        rule = made(text)(a=a)
        walk(xp, rule, start(TILE + 1, "float64"), [xp.put(g) for g in gradients(TILE + 1, "float64")])
        assert not xp.exact or isinstance(rule._blocked["bound"], kernel.OnDevice)


def test_nothing_is_moved_and_a_step_is_one_kernel(xp):
    rule, theta = refopt.adam(lr=0.1), xp.put(start(1000, "float32"))
    state, gs = rule.init(theta), xp.put(gradients(1000, "float32", 12))
    rule.update_(theta, gs[0], state)
    xp.begin()
    for t, g in enumerate(gs[1:]):
        rule.update_(theta, g, state, lr=0.1 / (t + 1))
    xp.moved("host", 0)
    xp.moved("device", 0)
    xp.launched(11)


@pytest.mark.parametrize("contained", [False, True])
@pytest.mark.parametrize("where", ["theta", "g", "state"])
def test_what_lives_elsewhere_is_refused_with_nothing_changed(xp, where, contained):
    """Also what the step does not look at, as ADOPT's first one: it would come to light when it is written."""

    def given(x, name):
        x = x if name == where else xp.put(x)
        return [x, xp.put(np.ones(3))] if contained else x

    for rule in (refopt.adopt(), refopt.asgd(), refopt.lamb(), refopt.ema(inner=refopt.fromage), refopt.aggmo()):
        theta, g = given(np.ones(4), "theta"), given(np.ones(4), "g")
        state = rule.init(xp.put([np.ones(4), np.ones(3)]) if contained else xp.put(np.ones(4)))
        state = xp.get(state) if where == "state" else state
        before = copy.deepcopy(theta), copy.deepcopy(state)
        for step in (rule.update, rule.update_):
            with pytest.raises(TypeError, match=r"theta lives on .* bring both to one place"):
                step(theta, g, state)
            assert_same((xp.get(theta), xp.get(state)), (xp.get(before[0]), xp.get(before[1])))


def test_what_has_no_kernel_is_made_plainly(xp):
    for rule in (refopt.lamb(lr=0.1), refopt.adam(lr=xp.put(np.full(20, 0.1, "f4")))):
        walk(xp, rule, start(20, "float32"), [xp.put(g) for g in gradients(20, "float32", 5)])
        assert "bound" not in rule._blocked
    theta = xp.put(start((4, 6), "float32"))[:, ::2]  # not contiguous
    rule = refopt.adam(lr=0.1)
    state, plain = rule.init(theta), theta.copy()
    for g in gradients((4, 3), "float32", 5):
        g = xp.put(g)
        plain, other = rule.update(plain, g, {**state, "m": state["m"].copy(), "v": state["v"].copy()})
        rule.update_(theta, g, state)
        assert_same(xp.get(theta), xp.get(plain))
        assert_same(xp.get(state["v"]), xp.get(other["v"]))


def test_a_kernel_that_is_wrong_is_not_used(xp, monkeypatch):
    """The comparison with the plain step, on the device, before a recording is used."""
    monkeypatch.setitem(kernel.TEXTS, np.add, "{0} + {1} + {1} * {0}")
    rule = refopt.adam(lr=0.1)
    walk(xp, rule, start(20, "float64"), [xp.put(g) for g in gradients(20, "float64", 5)])
    assert "bound" not in rule._blocked
    assert list(blocked._REFUSED.values()) == ["its replay gives another theta than the step"]


def test_a_kernel_that_does_not_compile_is_not_used(xp, monkeypatch):
    monkeypatch.setitem(kernel.TEXTS, np.add, "unheard_of({0}, {1})")
    rule = refopt.adam(lr=0.1)
    walk(xp, rule, start(20, "float64"), [xp.put(g) for g in gradients(20, "float64", 5)])
    assert "bound" not in rule._blocked


def test_other_arrays_other_numbers_and_errors(xp):
    rule, theta = refopt.adam(lr=0.1), xp.put(start(20, "float64"))
    state, g = rule.init(theta), xp.put(gradients(20, "float64", 1)[0])
    for broken, error in [
        ((theta, g[:5], state), ValueError),
        ((theta, g, {"t": 0}), ValueError),
        ((theta, 1j * g, state), TypeError),
    ]:
        before = xp.get(theta).copy()
        with pytest.raises(error):
            rule.update_(*broken)
        assert_same(xp.get(theta), before)
        rule.update_(theta, g, state)
    other = xp.put(start(20, "float64"))  # another theta, another state
    fresh_state, plain = rule.init(other), rule.init(other)
    rule.update_(other, g, fresh_state)
    assert_same(xp.get(other), xp.get(rule.update(xp.put(start(20, "float64")), g, plain)[0]))
    rule.update_(theta, theta, state)  # its own gradient
    assert state["t"] == 4


@pytest.mark.parametrize("container", [list, dict])
@pytest.mark.parametrize("rule", ["adam", "sgd", "lookahead"])
def test_many_tensors(xp, rule, container):
    """One kernel for each tensor; nothing is moved, and every array stays where it is."""
    shapes = [(3,), (), (4, 5), (0,), (1, 7, 2)]
    around = (lambda parts: dict(zip("abcde", parts, strict=True))) if container is dict else list
    rule, theta = refopt.rule(rule)(lr=0.1), around([xp.put(start(shape, "float64")) for shape in shapes])
    state, plain = (
        rule.init(theta),
        {key: x.copy() for key, x in theta.items()} if container is dict else [x.copy() for x in theta],
    )
    other = copy.deepcopy(state)
    for t, gs in enumerate(zip(*(gradients(shape, "float64", 8) for shape in shapes), strict=True)):
        g = around(xp.put(list(gs)))
        xp.begin()
        with np.errstate(all="ignore"):
            rule.update_(theta, g, state)
            if t >= 2 and rule.name != "lookahead":
                xp.moved("host", 0)
                xp.moved("device", 0)
            plain, other = rule.update(plain, g, other)
        assert_same(xp.get(theta), xp.get(plain))
        assert_same(xp.get(state), xp.get({name: other[name] for name in state}))
    assert "bound" in rule._blocked


def test_shared_memory_is_seen(xp):
    memory = xp.put(np.arange(1.0, 13.0))
    theta, rule = [memory[:8], memory[4:]], refopt.adam(lr=0.1)
    before = xp.get(memory)
    with pytest.raises(ValueError, match=r"theta\[0\] and theta\[1\] share memory"):
        rule.update_(theta, [theta[0] * 2, theta[1] * 2], rule.init(theta))
    assert_same(xp.get(memory), before)
    apart = [memory[:6], memory[6:][::-1]]  # one behind the other
    rule.update_(apart, [x * 2 for x in apart], rule.init(apart))
    assert np.all(xp.get(memory) != before)
