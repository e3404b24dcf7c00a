"""Missing gradients: the tensors that have one move as if the others were not there, and the others stay."""

import numpy as np
import pytest

import refopt

THETA = {"a": np.array([1.0, -2.0]), "b": np.array([[0.5, -1.0, 2.0]]), "c": np.array(3.0)}
G = {"a": np.array([0.3, -0.2]), "b": None, "c": np.array(0.7)}
NAMES = [name for name in refopt.names() if not refopt.rule(name).needs and refopt.rule(name).scope != "network"]


@pytest.mark.parametrize("name", NAMES)
def test_the_others_do_not_see_it(name):
    rule = refopt.rule(name)
    before = rule.init(THETA)
    theta, state = rule.update(THETA, G, before)
    some = {key: THETA[key] for key in "ac"}
    alone, alone_state = rule.update(some, {key: G[key] for key in "ac"}, rule.init(some))
    assert all(np.array_equal(theta[key], alone[key]) for key in "ac")
    assert np.array_equal(theta["b"], THETA["b"])
    assert theta["b"] is not THETA["b"]
    # and again, another one missing: the state of both is what it should be
    theta, state = rule.update(theta, {"a": G["a"], "b": np.ones((1, 3)), "c": None}, state)
    alone, _ = rule.update({"a": alone["a"]}, {"a": G["a"]}, _of(alone_state, "a", ["a", "c"]))
    assert np.allclose(theta["a"], alone["a"], rtol=1e-15, atol=0)
    assert np.array_equal(theta["c"], rule.update(THETA, {**G, "b": np.ones((1, 3))}, rule.init(THETA))[0]["c"])


def _of(state, key, keys):
    """The state of one tensor of two."""
    found = {}
    for name, value in state.items():
        if name == "inner_state":
            found[name] = _of(value, key, keys)
        elif isinstance(value, dict):
            found[name] = {key: value[key]}
        else:
            stacked = isinstance(value, np.ndarray) and value.ndim == 2
            found[name] = value[:, :2] if stacked else value
    return found


def test_lists_and_none_at_all():
    rule, theta = refopt.adam, [np.ones(2), np.zeros((2, 2))]
    state = rule.init(theta)
    same, kept = rule.update(theta, [None, None], state)
    assert all(np.array_equal(x, y) and x is not y for x, y in zip(same, theta, strict=True))
    assert kept["t"] == 0
    moved, state = rule.update(theta, [np.ones(2), None], state, lr=0.5)
    assert moved[0].tolist() == pytest.approx([0.5, 0.5])
    assert state["m"][1].tolist() == [[0, 0], [0, 0]]
    assert state["t"] == 1
    with pytest.raises(TypeError, match="g\\[1\\] is None"):
        rule.step(theta, [np.ones(2), None], state)
    with pytest.raises(TypeError, match="g"):
        rule.update(np.ones(2), None, rule.init(np.ones(2)))
