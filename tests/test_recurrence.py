"""Rule: binding, containers, dtypes, purity, and one clear error for each kind of bad input."""

import copy
import pickle

import adversarial
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refopt
from refopt.numbers import sqrt

RULES = refopt.names()
ELEMENTWISE = [name for name in RULES if refopt.rule(name).scope == "element"]
AT_START = {"rprop"}  # their lr is the length of the first step and not read again


@pytest.fixture(params=RULES)
def rule(request):
    return adversarial.ready(refopt.rule(request.param))


def walk(rule, theta, gradients):
    state = rule.init(theta)
    for g in gradients:
        theta, state = rule.update(theta, g, state)
    return theta, state


def flat(container):
    return np.concatenate([np.ravel(container[name]) for name in adversarial.SHAPES])


def arrays_of(tree):
    if isinstance(tree, dict):
        return [x for part in tree.values() for x in arrays_of(part)]
    if isinstance(tree, (list, tuple)):
        return [x for part in tree for x in arrays_of(part)]
    return [tree] if isinstance(tree, np.ndarray) else []


# binding


def test_calling_a_rule_binds_and_leaves_the_rule_alone():
    rule = refopt.adam(lr=0.5)(beta1=0.0)
    assert rule.hyper["lr"] == 0.5
    assert rule.hyper["beta1"] == 0.0
    assert refopt.adam.hyper["lr"] == 1e-3
    with pytest.raises(AttributeError, match="frozen"):
        rule.lr = 3


def test_rules_are_values():
    assert refopt.adam(lr=0.5) == refopt.adam(lr=0.5) != refopt.adam(lr=0.25)
    assert pickle.loads(pickle.dumps(refopt.adam(lr=0.5))) == refopt.adam(lr=0.5)
    assert copy.deepcopy(refopt.lookahead(lr=0.5)) == refopt.lookahead(lr=0.5)
    assert hash(refopt.adam(lr=0.5)) == hash(refopt.adam(lr=0.5))


def test_override_for_one_step_equals_binding(rule):
    theta, g = adversarial.start(), adversarial.gradients(1)[0]
    state = rule.init(theta)
    if rule.name in AT_START:
        with pytest.raises(TypeError, match="reads lr at the start only"):
            rule.update(theta, g, state, lr=0.125)
        return
    expected, _ = rule(lr=0.125).update(theta, g, state)
    got, new = rule.update(theta, g, state, lr=0.125)
    assert np.array_equal(flat(got), flat(expected))
    if rule.name in ("accumulation", "adopt", "polyak_sgd"):
        return  # the first call only gathers; lr is a bound that is not reached
    plain, plain_state = rule.update(theta, g, state)
    assert not (np.array_equal(flat(got), flat(plain)) and repr(new) == repr(plain_state))


def test_a_wrapper_hands_unknown_names_to_the_rule_inside():
    rule = refopt.lookahead(inner=refopt.adam, beta1=0.5, k=2)
    assert rule.inner.hyper["beta1"] == 0.5
    assert rule.hyper["k"] == 2
    assert "beta1=0.5" in repr(rule)


@pytest.mark.parametrize(
    ("hyper", "error", "words"),
    [
        ({"betta1": 0.9}, TypeError, "no hyper-parameter 'betta1'; did you mean 'beta1'"),
        ({"lr": float("nan")}, ValueError, "lr must be finite and at least 0, got nan"),
        ({"lr": float("inf")}, ValueError, "finite"),
        ({"lr": -1.0}, ValueError, "at least 0"),
        ({"lr": "0.1"}, TypeError, "real number"),
        ({"lr": True}, TypeError, "real number"),
        ({"lr": 1j}, TypeError, "real number"),
        ({"beta2": 1.0}, ValueError, r"in \[0, 1\), got 1.0"),
        ({"beta2": np.array([0.5, 1.5])}, ValueError, r"in \[0, 1\)"),
        ({"denominator": 3}, TypeError, "must be a function like refopt.dialects.denominator.eps_outside"),
    ],
)
def test_bad_hyper_parameters(hyper, error, words):
    with pytest.raises(error, match=words):
        refopt.adam(**hyper)


def test_bad_switches_and_counts():
    with pytest.raises(TypeError, match="True or False"):
        refopt.sgd(nesterov=1)
    with pytest.raises(TypeError, match="whole number"):
        refopt.lookahead(k=2.5)
    with pytest.raises(ValueError, match="at least 1"):
        refopt.lookahead(k=0)
    with pytest.raises(TypeError, match="must be a rule"):
        refopt.lookahead(inner="adam")
    with pytest.raises(TypeError, match="lookahead has no hyper-parameter 'beta1'"):
        refopt.lookahead(beta1=0.5)


def test_unknown_rules_and_frameworks_name_the_nearest():
    with pytest.raises(ValueError, match="unknown rule 'addam'; did you mean 'adam'"):
        refopt.rule("addam")
    with pytest.raises(AttributeError, match="did you mean 'rmsprop'"):
        refopt.rmsporp
    with pytest.raises(ValueError, match="unknown framework 'pytorch'; did you mean"):
        refopt.rule("adam", framework="pytorch")
    with pytest.raises(ValueError, match="torch has no lion"):
        refopt.rule("lion", framework="torch")


def test_a_rule_must_begin_with_theta_and_g():
    with pytest.raises(TypeError, match="begins with theta, g"):
        refopt.Rule(lambda theta: {}, lambda g, theta: locals())
    with pytest.raises(ValueError, match="unknown scope"):
        refopt.Rule(lambda theta: {}, lambda theta, g: locals(), scope="elements")
    forgetful = refopt.Rule(lambda theta: {}, lambda theta, g, m: locals(), name="forgetful")
    with pytest.raises(TypeError, match="init returns"):
        forgetful.init(np.zeros(2))


# dtype


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_everything_follows_the_dtype_of_theta(rule, dtype):
    theta = np.linspace(-1, 1, 6, dtype=dtype).reshape(2, 3)
    state = rule.init(theta)
    for t in range(1, 8):  # past lookahead's k
        g = np.full((2, 3), 0.5 / t)  # float64: a gradient is cast to the dtype of theta
        record = rule.step(theta, g, state)
        for array in arrays_of(record):
            assert array.dtype == dtype
        theta, state = record["theta"], {name: record[name] for name in rule.state_names}


def test_a_rule_in_float32_is_not_a_rounded_float64_walk():
    theta, g = np.array([0.1]), np.array([0.3])
    single, _ = walk(refopt.adam, theta.astype(np.float32), [g.astype(np.float32)] * 50)
    double, _ = walk(refopt.adam, theta, [g] * 50)
    assert single.dtype == np.float32
    assert 0 < abs(float(single[0]) - float(double[0])) < 1e-5


# containers


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_containers_give_the_bits_of_one_flat_vector(name):
    rule = adversarial.ready(refopt.rule(name))
    theta, gradients = adversarial.start(), adversarial.gradients()
    expected, state = walk(rule, flat(theta), [flat(g) for g in gradients])
    for kind in (dict, list, tuple):
        pack = dict if kind is dict else lambda tree, kind=kind: kind(tree.values())
        got, got_state = walk(rule, pack(theta), [pack(g) for g in gradients])
        assert type(got) is kind
        values = got.values() if kind is dict else got
        assert np.array_equal(np.concatenate([np.ravel(x) for x in values]), expected)
        assert [x.shape for x in values] == list(adversarial.SHAPES.values())
        assert sum(x.size for x in arrays_of(got_state)) == sum(x.size for x in arrays_of(state))


@pytest.mark.parametrize("name", [name for name in RULES if refopt.rule(name).scope == "tensor"])
def test_rules_that_need_each_tensor_see_each_tensor(name):
    """A list of tensors is walked as each tensor alone would be."""
    rule, theta, gradients = adversarial.ready(refopt.rule(name)), adversarial.start(), adversarial.gradients()
    together, _ = walk(rule, theta, gradients)
    for key in theta:
        alone, _ = walk(rule, theta[key], [g[key] for g in gradients])
        assert np.array_equal(together[key], alone)


def test_state_mirrors_the_container():
    theta = adversarial.start()
    state = refopt.adam.init(theta)
    assert state["t"] == 0
    assert {name: x.shape for name, x in state["m"].items()} == adversarial.SHAPES
    record = refopt.lookahead(inner=refopt.adam).step(theta, theta, refopt.lookahead(inner=refopt.adam).init(theta))
    assert record["inner_state"]["m"]["W"].shape == (3, 4)
    assert record["fast"]["scale"].shape == ()


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (2, 3)])
def test_awkward_shapes(rule, shape):
    theta, g = np.full(shape, 0.5), np.full(shape, 0.25)
    for tree in (lambda x: x, lambda x: [x, x]):
        got, state = walk(rule, tree(theta), [tree(g)] * 6)
        assert [x.shape for x in (got if isinstance(got, list) else [got])] == [shape] * np.size(tree([0]), 0)
        assert all(isinstance(x, np.ndarray) for x in arrays_of(state))
    scalar, _ = walk(rule, np.full(1, 0.5), [np.full(1, 0.25)] * 6)
    one, _ = walk(rule, theta, [g] * 6)
    assert isinstance(one, np.ndarray)
    if rule.scope == "element":
        assert np.array_equal(one, np.full(shape, scalar[0]))


def test_non_contiguous_read_only_and_aliased_arrays(rule):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 6))
    expected, _ = walk(rule, values.copy(), [values.copy()] * 7)
    frozen = values.copy()
    frozen.flags.writeable = False
    strided = np.zeros((8, 12))
    strided[::2, ::2] = values
    for theta in (np.asfortranarray(values), strided[::2, ::2], frozen):
        got, _ = walk(rule, theta, [theta] * 7)  # g is theta itself
        if rule.scope == "element":
            assert np.array_equal(got, expected)
        else:  # norms add up in the order of memory
            assert np.allclose(got, expected, rtol=1e-14)


def test_subclasses_of_arrays_become_plain_arrays():
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix)  # np.matrix redefines *
    theta, _ = refopt.adam.update(matrix, matrix, refopt.adam.init(matrix))
    plain = np.asarray(matrix)
    assert type(theta) is np.ndarray
    assert np.array_equal(theta, refopt.adam.update(plain, plain, refopt.adam.init(plain))[0])


# purity


@given(
    name=st.sampled_from(RULES),
    values=hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
        elements=st.sampled_from([0.0, 1.0, -1.0, 0.5, -1e-9, 1e4]),
    ),
    seed=st.integers(0, 2**32 - 1),
)
def test_nothing_passed_in_is_changed_or_returned(name, values, seed):
    rule = adversarial.ready(refopt.rule(name))
    if name == "lookahead":
        rule = rule(k=2)
    theta, g = values, np.asarray(np.random.default_rng(seed).normal(size=values.shape).astype(values.dtype))
    state = rule.init(theta)
    assert_disjoint([theta], arrays_of(state))
    for _ in range(3):
        before = copy.deepcopy((theta, g, state))
        record = rule.step(theta, g, state)
        new_theta, new_state = rule.update(theta, g, state)
        assert_same(before, (theta, g, state))
        assert_disjoint([theta, g, *arrays_of(state)], arrays_of(record))
        assert_disjoint([theta, g, *arrays_of(state)], [new_theta, *arrays_of(new_state)])
        assert_disjoint([new_theta], arrays_of(new_state))
        assert_same((record["theta"], {name: record[name] for name in new_state}), (new_theta, new_state))
        theta, state = new_theta, new_state


def assert_disjoint(inputs, outputs):
    for x in outputs:
        for y in inputs:
            assert not np.shares_memory(x, y)


def assert_same(before, after):
    assert len(arrays_of(before)) == len(arrays_of(after)) > 0
    for x, y in zip(arrays_of(before), arrays_of(after), strict=True):
        assert x.dtype == y.dtype
        assert np.array_equal(x, y, equal_nan=True)


def test_a_reused_gradient_buffer_does_not_reach_the_state():
    """SGD's first momentum buffer is the gradient; a caller who writes the next gradient over it must not change it."""
    rule, theta, g = refopt.sgd(momentum=0.9), np.zeros(2), np.array([1.0, 2.0])
    theta, state = rule.update(theta, g, rule.init(theta))
    record = rule.step(theta, g, state)
    g[:] = 100.0
    assert state["b"].tolist() == [1.0, 2.0]
    assert record["g"].tolist() == [1.0, 2.0]


# state


def test_state_is_a_checkpoint(tmp_path):
    theta, gradients = adversarial.start()["W"], [g["W"] for g in adversarial.gradients()]
    theta_7, state = walk(refopt.adam, theta, gradients[:7])
    np.savez(tmp_path / "checkpoint.npz", **state)
    with np.load(tmp_path / "checkpoint.npz") as file:
        loaded = dict(file)
    expected, _ = walk(refopt.adam, theta, gradients)
    for g in gradients[7:]:
        theta_7, loaded = refopt.adam.update(theta_7, g, loaded)
    assert np.array_equal(theta_7, expected)
    assert type(loaded["t"]) is int


def test_state_may_come_from_json():
    theta = np.ones(2, dtype=np.float32)
    got, state = refopt.adam.update(theta, theta, {"t": 3, "m": [0.5, 0.5], "v": [0.25, 0.25]})
    assert got.dtype == state["m"].dtype == np.float32
    assert state["t"] == 4


@pytest.mark.parametrize(
    ("theta", "g", "state", "error", "words"),
    [
        (np.arange(3), np.ones(3), None, TypeError, "theta has dtype int64; allowed are real floating-point"),
        (np.ones(3, complex), np.ones(3), None, TypeError, "complex128"),
        (np.array([True]), np.ones(1), None, TypeError, "bool"),
        ("adam", np.ones(1), None, TypeError, "theta"),
        ([np.ones(2), np.ones(2, np.float32)], [np.ones(2)] * 2, None, TypeError, "mixes the dtypes float32, float64"),
        ([], [], None, ValueError, "empty list"),
        (np.ones(3), np.ones(2), None, ValueError, r"g has shape \(2,\), theta has \(3,\)"),
        (np.ones((2, 1)), np.ones((1, 2)), None, ValueError, "shapes must be equal"),
        (np.ones(2), np.ones(2, complex), None, TypeError, "g has dtype complex128"),
        (np.ones(2), None, None, TypeError, "g is None"),
        ({"a": np.ones(2)}, {"b": np.ones(2)}, None, ValueError, r"missing \['a'\], not in theta \['b'\]"),
        ({"a": np.ones(2)}, [np.ones(2)], None, TypeError, "g is a list, theta is a dict"),
        ({"a": np.ones(2)}, {"a": np.ones(3)}, None, ValueError, r"g\['a'\] has shape \(3,\)"),
        (np.ones(2), np.ones(2), {"t": 0, "m": np.ones(2)}, ValueError, r"lacks \['v'\]"),
        (np.ones(2), np.ones(2), {"t": 0, "m": np.ones(2), "v": np.ones(2), "w": 1}, ValueError, r"unknown \['w'\]"),
        (np.ones(2), np.ones(2), {"t": 0, "m": np.ones(3), "v": np.ones(2)}, ValueError, r"state 'm' has shape \(3,\)"),
        (np.ones(2), np.ones(2), {"t": "1", "m": np.ones(2), "v": np.ones(2)}, TypeError, "state 't'"),
        (np.ones(2), np.ones(2), [1, 2, 3], ValueError, "state must be the dict"),
        (np.ones(2), np.ones(2), {"t": -1, "m": np.ones(2), "v": np.ones(2)}, TypeError, "whole number of at least 0, got -1"),
        (np.ones(2), np.ones(2), {"t": 0.5, "m": np.ones(2), "v": np.ones(2)}, TypeError, "whole number"),
        (np.ones(2), np.ones(2), {"t": np.ones(2), "m": np.ones(2), "v": np.ones(2)}, TypeError, "whole number"),
        (np.ones(2), np.ones(2), {"t": 0, "m": 0, "v": np.ones(2)}, ValueError, r"state 'm' has shape \(\)"),
        ({"a": {"b": np.ones(2)}}, {"a": np.ones(2)}, None, TypeError, "nested containers are not supported"),
        ({np.ones(2).size}, np.ones(2), None, TypeError, "theta must be an array"),
        (np.ma.masked_array([1.0, 2.0], [True, False]), np.ones(2), None, TypeError, "masked"),
        (np.array(["a", "b"], dtype=object), np.ones(2), None, TypeError, "not real numbers"),
        (np.ones(2), ["1", "2"], None, TypeError, "g has dtype <U1"),
    ],
)
def test_bad_input_has_one_clear_error(theta, g, state, error, words):
    with pytest.raises(error, match=words):
        refopt.adam.update(theta, g, refopt.adam.init(theta) if state is None else state)


def test_nan_and_infinity_go_through_the_formulas():
    theta, g = np.zeros(3), np.array([np.nan, np.inf, 1.0])
    with np.errstate(invalid="ignore"):
        got, state = refopt.adam.update(theta, g, refopt.adam.init(theta))
    assert np.isnan(got[:2]).all()
    assert np.isfinite(got[2])
    assert np.isinf(state["m"][1])


# populations


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_population_of_learning_rates_has_the_bits_of_one_by_one(name):
    """Rows of theta are members of a population; hyper-parameters broadcast along them."""
    rule, rates = adversarial.ready(refopt.rule(name)), np.array([[1e-4], [0.03], [1.0]])
    theta = np.tile(flat(adversarial.start()), (3, 1))
    gradients = [flat(g) for g in adversarial.gradients()]
    together, _ = walk(rule(lr=rates), theta, [np.tile(g, (3, 1)) for g in gradients])
    for row, lr in enumerate(rates[:, 0]):
        alone, _ = walk(rule(lr=float(lr)), theta[row], gradients)
        if name == "asgd":  # takes a power of lr, which NumPy and Python round differently
            assert np.allclose(together[row], alone, rtol=1e-13)
        else:
            assert np.array_equal(together[row], alone)


def test_a_population_must_not_make_theta_larger():
    rule = refopt.adam(lr=np.ones((4, 1)))
    with pytest.raises(ValueError, match="does not broadcast"):
        rule.update(np.ones(3), np.ones(3), rule.init(np.ones(3)))


def test_a_population_follows_the_dtype_of_theta():
    rule, theta = refopt.adam(lr=np.array([0.1, 0.2])), np.ones(2, np.float32)
    assert rule.update(theta, theta, rule.init(theta))[0].dtype == np.float32


def test_a_population_at_the_start():
    rule, theta = refopt.adagrad(initial_accumulator=np.array([0.1, 0.2])), np.ones(2, np.float32)
    assert rule.init(theta)["G"].dtype == np.float32
    with pytest.raises(ValueError, match="does not broadcast"):
        refopt.adagrad(initial_accumulator=np.ones((4, 2))).init(theta)


def test_hyper_parameters_of_any_real_kind_stay_weak():
    from fractions import Fraction

    theta = np.ones(2, np.float32)
    for lr in (np.longdouble("0.125"), Fraction(1, 8), np.float64(0.125), np.float16(0.125), np.array(0.125)):
        rule = refopt.sgd(lr=lr)
        assert type(rule.hyper["lr"]) is float
        assert rule.update(theta, theta, rule.init(theta))[0].dtype == np.float32
    assert type(refopt.lookahead(k=np.int64(3)).hyper["k"]) is int
    with pytest.raises(ValueError, match="finite"):
        refopt.sgd(lr=10**400)


def test_a_rule_may_use_a_word_for_something_else():
    def step(theta, g, *, alpha=2.0):
        theta = theta - alpha * g
        return locals()

    rule = refopt.Rule(lambda theta: {}, step, name="mine")
    assert rule(alpha=3.0).hyper["alpha"] == 3.0
    with pytest.raises(ValueError, match="alpha must be finite"):
        rule(alpha=np.inf)


def test_mistakes_in_a_rule_are_named():
    def forgets(theta, g):
        theta = theta - g

    def bare(theta, g, *, lr):
        return locals()

    with pytest.raises(TypeError, match="ends with return locals"):
        refopt.Rule(lambda theta: {}, forgets, name="forgets").update(np.ones(1), np.ones(1), {})
    with pytest.raises(TypeError, match="lr has none"):
        refopt.Rule(lambda theta: {}, bare)


def test_theta_may_have_the_names_of_a_state():
    theta = {"t": np.ones(1), "b": np.zeros(2), "m": np.ones(2)}
    for rule in (refopt.lookahead(k=1), refopt.lookahead(inner=refopt.lion)):
        got, state = walk(rule, theta, [theta] * 2)
        assert set(got) == set(theta)
        assert set(state["slow"]) == set(theta)


def test_scope_follows_the_rule_inside():
    assert refopt.lookahead(inner=NORMALISED)(inner=refopt.sgd).scope == "element"


# rules that need each tensor


def normalised(theta, g, t, length, *, lr=0.1):
    """Gradient descent by the direction of each tensor's gradient: a rule that needs norms."""
    t = t + 1
    norm = sqrt((g * g).sum())
    length = length + norm
    theta = theta - lr * g / norm
    return locals()


NORMALISED = refopt.Rule(
    lambda theta: {"t": 0, "length": np.zeros(())}, normalised, scope="tensor", name="normalised", paper="none"
)


def test_tensor_scope_runs_tensor_by_tensor():
    theta = {"a": np.zeros((2, 2)), "b": np.zeros(3), "c": np.array(1.0)}
    g = {"a": np.full((2, 2), 2.0), "b": np.array([3.0, 0.0, 4.0]), "c": np.array(-7.0)}
    record = NORMALISED.step(theta, g, NORMALISED.init(theta))
    assert record["t"] == 1
    assert record["theta"]["a"].tolist() == [[-0.05, -0.05], [-0.05, -0.05]]
    assert np.allclose(record["theta"]["b"], [-0.06, 0.0, -0.08], rtol=1e-15)
    assert record["theta"]["c"].tolist() == 1.1
    assert {name: float(x) for name, x in record["length"].items()} == {"a": 4.0, "b": 5.0, "c": 7.0}
    _, state = NORMALISED.update(record["theta"], g, {"t": record["t"], "length": record["length"]})
    assert state["t"] == 2
    assert float(state["length"]["b"]) == 10.0


def test_a_wrapper_has_the_scope_of_the_rule_inside():
    rule = refopt.lookahead(inner=NORMALISED, k=2)
    assert rule.scope == "tensor"
    theta = [np.zeros(2), np.zeros(1)]
    g = [np.array([3.0, 4.0]), np.array([2.0])]
    (a, b), _ = walk(rule, theta, [g, g])
    assert np.allclose(a, [-0.06, -0.08])
    assert np.allclose(b, [-0.1])


def clipped(theta, g, inner_state, *, inner=refopt.sgd, limit=1.0):
    norm = sqrt((g * g).sum())
    theta, inner_state = inner.update(theta, g * (limit / norm), inner_state)
    return locals()


CLIPPED = refopt.Rule(
    lambda theta, *, inner=refopt.sgd: {"inner_state": inner.init(theta)}, clipped, scope="network", name="clipped"
)


def test_network_scope_sees_all_parameters_as_one_vector():
    theta = {"a": np.zeros(1), "b": np.zeros((1, 1))}
    record = CLIPPED(lr=1.0).step(theta, {"a": np.array([3.0]), "b": np.array([[4.0]])}, CLIPPED.init(theta))
    assert record["norm"] == 5.0
    assert np.allclose(record["theta"]["b"], [[-0.8]])


def test_a_rule_that_needs_all_parameters_around_one_that_needs_each_tensor():
    theta = {"a": np.array([3.0, 4.0]), "b": np.array([[30.0, 40.0]])}
    g = {"a": np.array([3.0, 0.0]), "b": np.array([[0.0, 4.0]])}
    fifth = {name: x * (1 / 5) for name, x in g.items()}  # the norm of everything is 5, the limit 1
    for rule in (CLIPPED(inner=refopt.lamb), refopt.lookahead(inner=CLIPPED(inner=refopt.lamb), k=9)):
        assert rule.scope == "network"
        got, state = walk(rule, theta, [g, g])
        expected, inside = walk(refopt.lamb, theta, [fifth, fifth])
        assert all(np.array_equal(got[name], expected[name]) for name in theta)
        state = state["inner_state"] if rule.name == "clipped" else state["inner_state"]["inner_state"]
        assert all(np.array_equal(state["m"][name], inside["m"][name]) for name in theta)
        alone, _ = walk(rule, theta["a"], [g["a"]])
        assert np.array_equal(alone, walk(refopt.lamb, theta["a"], [np.array([1.0, 0.0])])[0])


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_a_rule_that_needs_each_tensor_around_one_that_needs_all_parameters(kind):
    """Each tensor's gradient is brought to length 1, then all to length 1: (3, 4) and 12 become (3, 4)/5/√2 and 1/√2."""

    def pack(*parts):
        return dict(zip("ab", parts, strict=True)) if kind is dict else kind(parts)

    theta, g = pack(np.zeros((1, 2)), np.array(5.0)), pack(np.array([[3.0, 4.0]]), np.array(12.0))
    each = refopt.Rule(CLIPPED.start, clipped, scope="tensor", name="each")
    inner = CLIPPED(inner=refopt.sgd(lr=1.0, momentum=0.5))
    for rule in (each(inner=inner), refopt.ema(inner=each(inner=inner)), each(inner=each(inner=inner))):
        assert rule.scope == "network"
        record = rule.step(theta, g, rule.init(theta))
        a, b = record["theta"].values() if kind is dict else record["theta"]
        assert type(record["theta"]) is kind
        assert np.allclose(a, [[-0.6 / 2**0.5, -0.8 / 2**0.5]], rtol=1e-15)
        assert b.shape == ()
        assert np.allclose(b, 5 - 0.5**0.5, rtol=1e-15)
    # the state inside is that of the rule which sees all, whatever is around it
    rule = each(inner=inner)
    got, state = walk(rule, theta, [g, g])
    record = rule.step(got, g, state)
    assert set(record["inner_state"]) == {"inner_state"}
    buffers = record["inner_state"]["inner_state"]["b"]
    assert type(buffers) is kind
    assert np.allclose(np.ravel(buffers["b"] if kind is dict else buffers[1]), 1.75 / 2**0.5, rtol=1e-15)
    assert record["norm"] == pack(5.0, 12.0)
    # a tensor alone is a vector of its own
    alone, _ = walk(rule, np.zeros(2), [np.array([3.0, 4.0])])
    assert np.allclose(alone, [-0.6, -0.8], rtol=1e-15)
    with pytest.raises(ValueError, match="clipped: state 'inner_state' lacks"):
        rule.update(theta, g, {"inner_state": {}})


def test_a_rule_that_needs_each_tensor_around_one_that_asks_for_the_gradient_or_proposes_a_step():
    theta = {"a": np.array([3.0, -1.0]), "b": np.array([[4.0]])}
    each = refopt.Rule(CLIPPED.start, clipped, scope="tensor", name="each")
    bowl = lambda theta: {name: 2 * x for name, x in theta.items()}  # noqa: E731
    rule = each(inner=refopt.sam(lr=0.5, rho=1.0))
    got, _ = rule.update(theta, bowl(theta), rule.init(theta), grad=bowl)
    unit = {name: x / np.linalg.norm(x) for name, x in theta.items()}
    e = {name: x / 2**0.5 for name, x in unit.items()}
    assert all(np.allclose(got[name], theta[name] - (theta[name] + e[name]), atol=1e-11) for name in theta)
    # a step of the direction of all, masked tensor by tensor: 1/(1 + 1) where one entry of one agrees
    whole = refopt.Rule(lambda theta: {}, direction, scope="network", name="direction")
    record = refopt.cautious(inner=whole).step(theta, {"a": np.array([3.0, 0.0]), "b": np.array([[4.0]])}, {"inner_state": {}})
    assert np.allclose(record["update"]["a"], [2 / 2 * 0.6, 0.0])
    assert np.allclose(record["update"]["b"], [[1 / 2 * 0.8]])


def direction(theta, g, *, lr=1.0):
    update = lr * g / sqrt((g * g).sum())
    theta = theta - update
    return locals()


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_a_container_of_one_tensor_stays_a_container(kind):
    W = np.array([[1.0, 2.0], [3.0, 4.0]])
    theta = {"W": W} if kind is dict else kind([W])
    key = "W" if kind is dict else 0
    got, state = walk(refopt.lamb, theta, [theta] * 2)
    alone, alone_state = walk(refopt.lamb, W, [W] * 2)
    assert type(got) is kind
    assert np.array_equal(got[key], alone)
    assert np.array_equal(state["m"][key], alone_state["m"])


def test_tensor_rules_take_0d_tensors_and_checkpoints_of_lists():
    theta = {"W": np.ones((2, 2), np.float32), "s": np.array(2.0, np.float32)}
    got, state = walk(refopt.lamb, theta, [theta] * 2)
    assert got["s"].shape == ()
    assert isinstance(got["s"], np.ndarray)
    as_json = {"t": 2, **{name: {key: state[name][key].tolist() for key in theta} for name in ("m", "v")}}
    again, new = refopt.lamb.update(got, theta, as_json)
    assert np.array_equal(again["W"], refopt.lamb.update(got, theta, state)[0]["W"])
    assert {x.dtype for x in arrays_of((again, new))} == {np.dtype(np.float32)}
    with pytest.raises(ValueError, match=r"state 'm'\['W'\] has shape \(3,\)"):
        refopt.lamb.update(got, theta, state | {"m": {"W": np.zeros(3), "s": np.zeros(())}})
    with pytest.raises(ValueError, match=r"not in theta \['x'\]"):
        refopt.lamb.update(got, theta, state | {"m": state["m"] | {"x": np.zeros(3)}})


def test_populations_of_every_hyper_parameter_or_a_clear_error():
    theta, betas = np.ones(2), np.array([0.9, 0.8])
    together, _ = walk(refopt.nadam(beta1=betas), theta, [theta] * 3)
    for row, beta1 in enumerate(betas):
        alone, _ = walk(refopt.nadam(beta1=float(beta1)), theta[:1], [theta[:1]] * 3)
        assert np.allclose(together[row], alone[0], rtol=1e-14)
    with pytest.raises(TypeError, match="radam branches on beta2, which must be one number"):
        walk(refopt.radam(beta2=np.array([0.9, 0.99])), theta, [theta])
    with pytest.raises(ValueError, match="threshold must be finite and at least 4"):
        refopt.radam(threshold=3.0)
    with pytest.raises(ValueError, match=r"beta2 must be in \[0, 1\)"):
        walk(refopt.adam(beta2=np.array([1 - 1e-9])), np.ones(1, np.float32), [np.ones(1, np.float32)])


def test_a_rule_keeps_its_own_copy_of_a_population():
    rates = np.array([0.5, 0.25])
    rule = refopt.sgd(lr=rates)
    record = rule.step(np.ones(2), np.ones(2), rule.init(np.ones(2)))
    rates[:] = 9
    record["lr"][:] = 7
    assert rule.hyper["lr"].tolist() == [0.5, 0.25]


def test_numbers_in_a_state_may_become_real_or_differ_between_tensors():
    def step(theta, g, seen, *, lr=1.0):
        seen = seen + 0.5 * sqrt((g * g).sum())
        theta = theta - lr * g
        return locals()

    for scope in ("tensor", "network"):
        rule = refopt.Rule(lambda theta: {"seen": 0}, step, scope=scope, name="seeing")
        theta = {"a": np.ones(1), "b": np.full(1, 2.0)}
        _, state = walk(rule, theta, [theta] * 2)
        expected = {"a": 1.0, "b": 2.0} if scope == "tensor" else 5**0.5
        assert state["seen"] == pytest.approx(expected)


@pytest.mark.parametrize("scope", ["element", "tensor"])
def test_a_rule_whose_init_wants_matrices(scope):
    """Such a rule cannot be asked beforehand what its state is made of; it runs all the same."""

    def init(theta):
        rows, _ = theta.shape
        return {"t": 0, "m": np.zeros_like(theta), "rows": float(rows)}

    def step(theta, g, t, m, rows, *, lr=0.5):
        t = t + 1
        m = m + g / rows
        theta = theta - lr * m
        return locals()

    rule, theta = refopt.Rule(init, step, scope=scope, name="matrices"), np.zeros((2, 2))
    got, state = walk(rule, theta, [np.ones((2, 2))] * 2)
    assert got.tolist() == [[-0.75, -0.75], [-0.75, -0.75]]
    assert state["t"] == 2
    if scope == "tensor":
        many, state = walk(rule, [theta, theta], [[np.ones((2, 2))] * 2] * 2)
        assert many[1].tolist() == got.tolist()
        assert (state["t"], state["rows"]) == (2, 2.0)


# what strict readers found


@pytest.mark.parametrize("kind", [list, tuple, dict])
def test_a_container_of_one_tensor_gives_the_bits_of_the_tensor(rule, kind):
    for name in ("W", "b", "scale"):
        theta, gradients = adversarial.start()[name], [g[name] for g in adversarial.gradients()]
        pack = (lambda x: {"w": x}) if kind is dict else (lambda x: kind([x]))
        alone, _ = walk(rule, theta, gradients)
        together, _ = walk(rule, pack(theta), [pack(g) for g in gradients])
        assert np.array_equal(together["w" if kind is dict else 0], alone)


def test_what_is_called_update_is_what_is_subtracted(rule):
    """Wrappers that change steps (cautious) rely on it."""
    rule = rule(weight_decay=0.1) if "weight_decay" in rule.hyper else rule
    theta, state = adversarial.start(), None
    state = rule.init(theta)
    for g in adversarial.gradients(6):
        record = rule.step(theta, g, state)
        if "update" in record:
            for name, x in theta.items():
                assert np.allclose(x - record["update"][name], record["theta"][name], rtol=1e-14, atol=1e-300)
        theta, state = record["theta"], {name: record[name] for name in rule.state_names}


@pytest.mark.parametrize("wrapper", ["decoupled", "l2", "ema", "lookahead", "cautious", "grokfast"])
def test_populations_inside_a_wrapper_follow_the_dtype(wrapper):
    rule, theta = refopt.rule(wrapper, inner=refopt.adam(lr=np.array([[0.1], [0.2]]))), np.ones((2, 3), np.float32)
    record = rule.step(theta, theta, rule.init(theta))
    assert {x.dtype for name, x in record.items() if isinstance(x, np.ndarray)} == {np.dtype(np.float32)}


def test_overrides_that_no_step_reads_are_refused_in_wrappers_too():
    theta, g = np.ones(3), np.ones(3)
    for rule, hyper in (
        (refopt.ema(inner=refopt.rprop), {"lr": 9.0}),
        (refopt.ema(inner=refopt.lbfgs), {"history_size": 3}),
        (refopt.grokfast_ma(width=3), {"width": 2}),
        (refopt.adam_mini, {"by_row": True}),
    ):
        with pytest.raises(TypeError, match="at the start only"):
            rule.update(theta, g, rule.init(theta), **hyper)
    with pytest.raises(ValueError, match="betas must keep its 3 values"):
        refopt.aggmo.update(theta, g, refopt.aggmo.init(theta), betas=(0.5, 0.9))
    assert refopt.ema(inner=refopt.adam).update(theta, g, refopt.ema(inner=refopt.adam).init(theta), lr=0.5)[0][
        0
    ] == pytest.approx(0.5, rel=1e-6)


@pytest.mark.parametrize("name", ["nadam", "nadamw", "adabound", "asgd", "swa", "accumulation"])
@pytest.mark.parametrize("container", [False, True])
def test_numbers_in_a_checkpoint_survive_a_file(tmp_path, name, container):
    rule = refopt.rule(name) if name not in ("swa", "accumulation") else refopt.rule(name, inner=refopt.lamb)
    theta = np.linspace(-1, 1, 6, dtype=np.float32)
    theta = [theta] if container else theta
    g = [np.full(6, 0.3, np.float32)] if container else np.full(6, 0.3, np.float32)
    state = rule.init(theta)
    for _ in range(3):
        theta, state = rule.update(theta, g, state)
    saved = {key: np.asarray(x) if isinstance(x, (int, float)) else x for key, x in state.items()}
    got, expected = rule.update(theta, g, saved)[0], rule.update(theta, g, state)[0]
    assert np.array_equal(got, expected)


def test_sharpness_around_a_rule_of_tensors_on_a_single_0d_parameter():
    for name in ("sam", "asam", "gsam", "looksam"):
        for inner in (refopt.lamb, refopt.adam_mini, refopt.novograd):
            rule, theta = refopt.rule(name, inner=inner, grad=lambda x: x), np.array(1.0)
            state = rule.init(theta)
            for _ in range(3):
                theta, state = rule.update(theta, theta, state)
            assert theta.shape == ()


def test_one_function_serves_every_rule_that_needs_it():
    bowl = lambda x: 2 * x  # noqa: E731
    rule = refopt.sam(inner=refopt.asam(inner=refopt.sgd(lr=0.1)))
    (record,) = refopt.walk(rule, np.ones(2), bowl, steps=1)
    assert np.isfinite(record["theta"]).all()
    assert rule(grad=bowl).inner.hyper["grad"] is bowl
    kept = refopt.sam(inner=refopt.asam(grad=abs))(grad=bowl)
    assert kept.inner.hyper["grad"] is abs


def test_narrate_does_not_hide_an_error():
    theta = np.ones(2)
    with pytest.raises(TypeError, match="needs the gradient function"):
        refopt.narrate(refopt.sam, theta, theta, refopt.sam.init(theta))


def test_rules_that_need_functions_are_values_too():
    for name in ("sam", "lbfgs", "polyak_sgd"):
        rule = refopt.rule(name)
        assert pickle.loads(pickle.dumps(rule)) == copy.deepcopy(rule) == rule


@pytest.mark.parametrize(
    ("name", "hyper", "words"),
    [
        ("swa", {"cycle": 0}, "at least 1"),
        ("adabound", {"gamma": 0.0}, "finite and positive"),
        ("accsgd", {"kappa": 0.0}, "finite and positive"),
        ("apollo", {"sigma": 0.0}, "finite and positive"),
        ("sgdp", {"momentum": 1.0}, r"in \[0, 1\)"),
        ("lbfgs", {"history_size": 0}, "at least 1"),
        ("grokfast_ma", {"width": 0}, "at least 1"),
        ("noisy_sgd", {"eta": -1.0}, "at least 0"),
        ("adan", {"eps_root": -1.0}, "at least 0"),
        ("ftrl", {"lr": 0.0}, "finite and positive"),
        ("ema", {"decay": 2.0}, r"in \[0, 1\]"),
        ("qhm", {"momentum": 1.5}, r"in \[0, 1\)"),
        ("lars", {"trust_coefficient": -1.0}, "at least 0"),
        ("adafactor", {"d": 0.0}, "finite and positive"),
        ("aggmo", {"betas": (0.5, 1.0)}, r"betas\[1\] must be in \[0, 1\)"),
    ],
)
def test_values_that_make_no_sense(name, hyper, words):
    with pytest.raises(ValueError, match=words):
        refopt.rule(name, **hyper)


def test_tuples_and_readings_of_the_wrong_kind():
    for value in (0.9, "0.9", (), ("a",), np.ones((2, 2))):
        with pytest.raises(TypeError, match="betas"):
            refopt.aggmo(betas=value)
    assert refopt.aggmo(betas=np.array([0.5, 0.75])).hyper["betas"] == (0.5, 0.75)
    with pytest.raises(TypeError, match="must be a function like"):
        refopt.adam(denominator=refopt.sgd)
    with pytest.raises(TypeError, match="must be a function of theta"):
        refopt.sam(grad=refopt.adam)
    with pytest.raises(TypeError, match="sam has no hyper-parameter 'ro'; did you mean 'rho'"):
        refopt.sam(ro=1.0)
    rule, theta = refopt.cautious(inner=refopt.asgd), np.ones(2)
    with pytest.raises(TypeError, match="does not say what it subtracts"):
        rule.update(theta, theta, rule.init(theta))
