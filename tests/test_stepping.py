"""walk and narrate: what they yield is what the rule computed."""

from pathlib import Path

import adversarial
import numpy as np
import pytest

import refopt
from refopt.stepping import layers


def bowl(theta):
    return 2 * theta


def test_walk_yields_one_record_a_step():
    records = list(refopt.walk(refopt.sgd(lr=0.25), np.array([8.0]), bowl, steps=3))
    assert [record["theta"].item() for record in records] == [4.0, 2.0, 1.0]
    assert [record["g"].item() for record in records] == [16.0, 8.0, 4.0]
    assert list(refopt.walk(refopt.sgd, np.ones(1), bowl, steps=0)) == []


def test_walk_takes_gradients_and_starts_from_a_checkpoint():
    gradients = [g["W"] for g in adversarial.gradients()]
    theta = adversarial.start()["W"]
    whole = list(refopt.walk(refopt.adam, theta, gradients))
    assert len(whole) == len(gradients)
    half = whole[9]
    state = {name: half[name] for name in refopt.adam.state_names}
    rest = list(refopt.walk(refopt.adam, half["theta"], iter(gradients[10:]), state=state))
    assert np.array_equal(rest[-1]["theta"], whole[-1]["theta"])
    assert len(list(refopt.walk(refopt.adam, theta, gradients, steps=4))) == 4


def test_walk_records_are_snapshots_of_a_reused_gradient_buffer():
    buffer = np.zeros(1)

    def grad(theta):
        buffer[:] = 2 * theta
        return buffer

    records = list(refopt.walk(refopt.sgd(lr=0.25, momentum=0.5), np.array([8.0]), grad, steps=2))
    assert [record["g"].item() for record in records] == [16.0, 8.0]
    assert [record["b"].item() for record in records] == [16.0, 16.0]


def test_a_missing_gradient_does_not_end_the_walk_silently():
    with pytest.raises(TypeError, match="g is None"):
        list(refopt.walk(refopt.sgd, np.ones(1), [np.ones(1), None, np.ones(1)]))


def test_narrate_returns_nothing_of_the_callers():
    theta = np.ones(2)
    state = refopt.rmsprop.init(theta)
    for line in refopt.narrate(refopt.rmsprop, theta, theta, state):
        assert not any(np.shares_memory(line.value, x) for x in (theta, *state.values()))


def test_walk_says_what_is_missing():
    with pytest.raises(TypeError, match="give steps="):
        refopt.walk(refopt.sgd, np.ones(1), bowl)  # at the call, not at the first record
    with pytest.raises(ValueError, match="3 steps asked for, but there are only 1 gradients"):
        list(refopt.walk(refopt.sgd, np.ones(1), [np.ones(1)], steps=3))
    with pytest.raises(ValueError, match="at least 0"):
        list(refopt.walk(refopt.sgd, np.ones(1), bowl, steps=-1))


@pytest.mark.parametrize("name", refopt.names())
@pytest.mark.parametrize("pack", [lambda x: x["W"], dict, lambda x: list(x.values())], ids=["array", "dict", "list"])
def test_narrate_shows_the_real_lines_with_the_values_of_the_record(name, pack):
    rule = adversarial.ready(refopt.rule(name))
    theta, g = pack(adversarial.start()), pack(adversarial.gradients(1)[0])
    state = rule.init(theta)
    record = rule.step(theta, g, state)
    lines = refopt.narrate(rule, theta, g, state)
    source = Path(rule.recurrence.__code__.co_filename).read_text(encoding="utf-8")
    last = {}
    for line in lines:
        assert line.source in source
        assert line.name in line.source.partition("=")[0]
        last.setdefault(line.name, []).append(line.value)
    assert "theta" in last
    if rule.scope == "tensor" and not hasattr(theta, "shape"):  # narrated tensor by tensor
        keys = theta if isinstance(theta, dict) else range(len(theta))

        def of_the_last(name, value):
            if name == "inner_state":
                return {part: of_the_last(part, inside) for part, inside in value.items()}
            return value if not isinstance(value, (dict, list)) else value[list(keys)[-1]]

        record = {name: of_the_last(name, value) for name, value in record.items()}
        assert all(len(values) == len(theta) for values in last.values())
    last = {name: values[-1] for name, values in last.items()}
    for key, value in last.items():
        assert same(value, record[key])
    inputs = {"g", *rule.hyper}
    assert set(last) == set(record) - inputs


def same(a, b):
    if isinstance(a, (dict, list, tuple)):
        keys = a if isinstance(a, dict) else range(len(a))
        return type(a) is type(b) and all(same(a[key], b[key]) for key in keys)
    if np.shape(b) == ():  # a 0-d tensor is run as a vector of one entry
        return np.size(a) == 1 and np.ravel(a)[0] == b
    return np.array_equal(a, b) and np.shape(a) == np.shape(b)


@pytest.mark.parametrize("name", [name for name in refopt.names() if refopt.rule(name).inner])
@pytest.mark.parametrize("inner", ["adam", "lamb", "noisy_sgd", "l2", "clip_by_norm", "clip_by_global_norm"])
@pytest.mark.parametrize("pack", [lambda x: x["W"], lambda x: x["scale"], dict, lambda x: list(x.values())])
def test_layers_are_what_each_rule_of_a_nest_is_given(name, inner, pack):
    """Each layer run again by itself gives the bits that the whole step gave."""
    inner = refopt.rule(inner)
    if name == "cautious":
        inner = refopt.adam if inner.inner else inner  # it needs a step called update
    rule = adversarial.ready(refopt.rule(name, inner=inner))
    theta, gradients = pack(adversarial.start()), list(map(pack, adversarial.gradients(2)))
    _, state = rule.update(theta, gradients[0], rule.init(theta))
    expected = rule.step(theta, gradients[1], state)
    found = layers(rule, theta, gradients[1], state)
    assert [layer.rule.name for layer in found] == [rule.name, *nest(inner)][: 1 if name == "accumulation" else None]
    for layer in found:
        record = layer.rule.step(*layer[1:])
        assert same(
            {key: record[key] for key in layer.rule.state_names}, {key: expected[key] for key in layer.rule.state_names}
        )
        expected = record["inner_state"] if layer.rule.inner else {}
        assert not layer.rule.__dict__.get("heard")
    if name in ("l2", "grokfast", "clip_by_value", "clip_by_norm", "clip_by_global_norm", "agc", "centralize"):
        assert same(found[-1].rule.update(*found[-1][1:])[0], rule.update(theta, gradients[1], state)[0])


def nest(rule):
    return [] if rule is None else [rule.name, *nest(rule.inner)]


def test_layers_takes_overrides_and_refuses_what_a_step_refuses():
    rule, theta = refopt.l2(inner=refopt.sgd), np.ones(2)
    outer, inside = layers(rule, theta, theta, rule.init(theta), lr=0.5, weight_decay=1.0)
    assert (outer.rule.hyper["weight_decay"], inside.rule.hyper["lr"]) == (1.0, 0.5)
    assert inside.g.tolist() == [2.0, 2.0]
    for bad in (rule, refopt.sgd):
        with pytest.raises(ValueError, match="shape"):
            layers(bad, theta, np.ones(3), bad.init(theta))
    inside.theta[0] = 9
    assert theta.tolist() == [1, 1]


def test_narrate_of_a_statement_over_several_lines_and_of_two_names():
    def step(theta, g, *, lr=0.5):
        update, sign = (
            lr * g,
            -1,
        )
        theta = theta + sign * update
        return locals()

    rule = refopt.Rule(lambda theta: {}, step, name="wide")
    lines = refopt.narrate(rule, np.array([1.0]), np.array([2.0]), {})
    assert [(line.name, float(np.ravel(line.value)[0])) for line in lines] == [("update", 1.0), ("sign", -1.0), ("theta", 0.0)]
    assert lines[0].source.startswith("update, sign = (")
    assert lines[0].source.endswith(")")


def test_narrate_overrides_and_leaves_the_tracer_alone():
    import sys

    before = sys.gettrace()
    lines = refopt.narrate(refopt.sgd, np.array([1.0]), np.array([2.0]), refopt.sgd.init(np.ones(1)), lr=0.25)
    assert {line.name: line.value for line in lines}["theta"].tolist() == [0.5]
    with pytest.raises(ValueError, match="shape"):
        refopt.narrate(refopt.sgd, np.array([1.0]), np.ones(2), refopt.sgd.init(np.ones(1)))
    assert sys.gettrace() is before


def test_narrate_of_a_wrapper_around_its_own_kind_tells_the_outer_step():
    rule = refopt.lookahead(inner=refopt.lookahead(k=2), k=3)
    lines = refopt.narrate(rule, np.ones(1), np.ones(1), rule.init(np.ones(1)))
    assert [line.name for line in lines] == ["t", "fast", "inner_state", "slow", "theta"]


def test_narrate_sees_other_kinds_of_assignments():
    def step(theta, g, *, lr=0.5):
        update: object = lr * g
        update += 1
        if lr > 0:
            theta = theta - update
        return locals()

    lines = refopt.narrate(refopt.Rule(lambda theta: {}, step, name="odd"), np.array([1.0]), np.array([2.0]), {})
    assert [line.name for line in lines] == ["update", "update", "theta"]
    assert lines[-1].value.tolist() == [-1.0]
