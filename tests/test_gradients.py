"""Chains of gradient transforms: their order, what they show, what they refuse; and the laws of each transform."""

import adversarial
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refopt
from refopt.gradients import chain, records

CLIP = refopt.clip_by_global_norm(max_norm=5.0)
TRANSFORMS = ["agc", "centralize", "clip_by_global_norm", "clip_by_norm", "clip_by_value", "l1", "l2", "normalize", "grokfast"]
numbers = st.floats(-1e6, 1e6, allow_subnormal=False)
matrices = hnp.arrays(np.float64, (3, 4), elements=numbers)
limits = st.floats(1e-3, 1e3)


def transformed(rule, g, name, theta=None):
    theta = 0 * g if theta is None else theta
    return rule.step(theta, g, rule.init(theta))[name]


# chain


def test_a_chain_is_a_nest_in_the_order_of_its_words():
    rule = chain(refopt.adamw(lr=0.1), CLIP, refopt.l2(weight_decay=0.5), refopt.clip_by_value)
    assert rule == CLIP(inner=refopt.l2(inner=refopt.clip_by_value(inner=refopt.adamw(lr=0.1)), weight_decay=0.5))
    assert chain(refopt.sgd) == refopt.sgd
    assert chain(chain(refopt.sgd, refopt.l2), CLIP) == chain(refopt.sgd, CLIP, refopt.l2)
    # a keyword goes to the first that has the word
    rule = rule(max_norm=2.0, max_value=3.0, weight_decay=0.25, lr=0.5)
    assert rule.hyper["max_norm"] == 2.0
    assert rule.inner.hyper["weight_decay"] == 0.25
    assert rule.inner.inner.hyper["max_value"] == 3.0
    assert rule.inner.inner.inner.hyper == refopt.adamw(lr=0.5).hyper
    assert rule.lr == 0.5


def test_the_first_transform_sees_the_raw_gradient():
    # (30, 40) clipped to 5 is (3, 4), and 1/2·(2, 8) is added; or (31, 44) is clipped to 5
    theta, g = np.array([2.0, 8.0]), np.array([30.0, 40.0])
    for transforms, expected in (((CLIP, refopt.l2), [4, 8]), ((refopt.l2, CLIP), np.array([31, 44]) * 5 / np.hypot(31, 44))):
        rule = chain(refopt.sgd(lr=1.0), *transforms)(weight_decay=0.5)
        new, _ = rule.update(theta, g, rule.init(theta))
        assert np.allclose(theta - new, expected, rtol=1e-14)


@pytest.mark.parametrize("kind", [dict, list])
def test_each_tensor_and_all_tensors_in_any_order(kind):
    """Lengths 5, 10 and 0: each to 5 and then all to 5, (3, 4)/√2 twice; or all to 5 first, when each is within 5."""
    theta, g = {"a": np.zeros(2), "b": np.zeros((2, 1)), "c": np.zeros(())}, {"a": np.array([3.0, 4.0])}
    g |= {"b": np.array([[6.0], [-8.0]]), "c": np.array(0.0)}
    theta, g = (tree if kind is dict else list(tree.values()) for tree in (theta, g))
    each = refopt.clip_by_norm(max_norm=5.0)
    root, fifth = np.sqrt(2), np.sqrt(5)
    for transforms, expected in (
        ((each, CLIP), [3 / root, 4 / root, 3 / root, -4 / root, 0]),
        ((CLIP, each), [3 / fifth, 4 / fifth, 6 / fifth, -8 / fifth, 0]),
        ((each, CLIP, each, CLIP), [3 / root, 4 / root, 3 / root, -4 / root, 0]),
    ):
        rule = chain(refopt.sgd(lr=1.0, momentum=0.5), *transforms)
        state = rule.init(theta)
        new, state = rule.update(theta, g, state)
        flat = np.concatenate([np.ravel(x) for x in (new.values() if kind is dict else new)])
        assert np.allclose(-flat, expected, rtol=1e-14)
        again, _ = rule.update(new, g, state)
        flat = np.concatenate([np.ravel(x) for x in (again.values() if kind is dict else again)])
        assert np.allclose(-flat, 2.5 * np.array(expected), rtol=1e-14)


def test_a_chain_follows_a_schedule_and_takes_missing_gradients():
    rule = chain(refopt.adam(lr=0.5), refopt.centralize, CLIP)
    theta, gradients = adversarial.start(), adversarial.gradients(3)
    *_, one = refopt.walk(rule, theta, gradients, lr=[0.5, 0.25, 0.125])
    state, two = rule.init(theta), theta
    for g, lr in zip(gradients, (0.5, 0.25, 0.125), strict=True):
        two, state = rule.update(two, g, state, lr=lr)
    assert all(np.array_equal(one["theta"][name], two[name]) for name in theta)
    # a missing gradient adds nothing to the norm, and its tensor stays
    g = {"a": np.array([30.0, 40.0]), "b": None}
    theta = {"a": np.zeros(2), "b": np.ones(1)}
    rule = chain(refopt.sgd(lr=1.0), refopt.clip_by_norm(max_norm=50.0), CLIP)
    new, _ = rule.update(theta, g, rule.init(theta))
    assert new["a"].tolist() == pytest.approx([-3, -4])
    assert new["b"].tolist() == [1]


def test_what_is_no_chain_is_refused():
    for bad, words in (
        ((refopt.adam, refopt.sgd), r"chain: 'sgd' is not a rule around a rule\..* Allowed: .*clip_by_global_norm"),
        ((refopt.adam, "l2"), "chain: a transform must be a rule around a rule, for instance refopt.l2; got 'l2'"),
        ((refopt.adam, None), "got None"),
        (("adam", refopt.l2), "the first argument must be a rule, for instance refopt.adam; got 'adam'"),
        ((refopt.adam, refopt.l2(lr=0.5)), r"l2 is around sgd\(lr=0.5.*which would be lost.*chain\(rule\(…\), l2\(…\)\)"),
        ((refopt.adam, chain(refopt.adam, refopt.l2)), "the parts of a chain one by one"),
    ):
        with pytest.raises(TypeError, match=words):
            chain(*bad)


# records


def test_records_show_every_transform():
    theta, g = {"a": np.array([1.0, 2.0]), "b": np.array([[3.0]])}, {"a": np.array([3.0, 4.0]), "b": np.array([[12.0]])}
    rule = chain(refopt.sgd(lr=1.0), refopt.clip_by_global_norm(max_norm=6.5), refopt.l1(weight_decay=0.5))
    (one, clipping), (two, penalty), (three, step) = records(rule, theta, g, rule.init(theta))
    assert (one, two, three) == ("clip_by_global_norm", "l1", "sgd")
    assert clipping["length"] == 13
    assert clipping["scale"] == 0.5
    assert clipping["g_clipped"]["b"].tolist() == penalty["g"]["b"].tolist() == [[6.0]]
    assert penalty["g_reg"]["a"].tolist() == step["g"]["a"].tolist() == [2.0, 2.5]
    assert all(record["theta"]["a"].tolist() == [-1.0, -0.5] for record in (clipping, penalty, step))
    assert records(rule, theta, g, rule.init(theta), weight_decay=0.0)[2][1]["theta"]["b"].tolist() == [[-3.0]]


@pytest.mark.parametrize("pack", [lambda x: x["kernel"], dict, lambda x: tuple(x.values())])
@given(order=st.permutations(TRANSFORMS), count=st.integers(1, 4), inner=st.sampled_from(["adam", "lamb", "noisy_sgd", "sgd"]))
def test_records_have_the_bits_of_update(pack, order, count, inner):
    rule = chain(refopt.rule(inner), *map(refopt.rule, order[:count]))
    theta, gradients = pack(adversarial.start()), list(map(pack, adversarial.gradients(2)))
    _, state = rule.update(theta, gradients[0], rule.init(theta))
    new, after = rule.update(theta, gradients[1], state)
    found = records(rule, theta, gradients[1], state)
    assert [name for name, _ in found] == [*order[:count], inner]
    for _, record in found:
        assert same(record["theta"], new)
        assert same({name: record[name] for name in after}, after)
        after = after.get("inner_state")


def same(a, b):
    if isinstance(a, (dict, list, tuple)):
        keys = a if isinstance(a, dict) else range(len(a))
        return type(a) is type(b) and len(a) == len(b) and all(same(a[key], b[key]) for key in keys)
    return np.array_equal(a, b)


@pytest.mark.parametrize("format", ["float64", "float32"])
def test_a_chain_is_proven_as_any_rule(format):
    pytest.importorskip("flint")
    dtype = np.dtype(format)
    tensors = lambda tree: {name: np.asarray(tree[name], dtype) for name in ("W", "b", "scale")}  # noqa: E731
    theta, gradients = tensors(adversarial.start()), [tensors(g) for g in adversarial.gradients(4)]
    rule = chain(refopt.adam, refopt.centralize, CLIP, refopt.agc, refopt.l2)
    walk = list(refopt.walk(rule, theta, gradients))
    for proof, record in zip(refopt.exact.prove(rule, theta, gradients, format=format), walk, strict=True):
        for name in ("theta", "g_centered"):
            errors, budgets = proof[name].error(record[name]), proof[name].ulps
            for tensor in theta:
                assert np.all(errors[tensor] <= budgets[tensor])
                assert np.isfinite(budgets[tensor]).mean() > 0.5


# the laws of the transforms


@given(matrices, limits)
def test_clipping_bounds_keeps_the_direction_and_leaves_short_gradients_alone(g, limit):
    for rule in (refopt.clip_by_norm(max_norm=limit), refopt.clip_by_global_norm(max_norm=limit)):
        record = rule.step(0 * g, g, rule.init(g))
        clipped = record["g_clipped"]
        assert np.linalg.norm(clipped) <= limit * (1 + 1e-14)
        assert np.array_equal(np.sign(clipped), np.sign(g))
        assert np.allclose(clipped * max(np.linalg.norm(g), limit), g * limit, rtol=1e-14)
        if np.linalg.norm(g) <= limit * (1 - 1e-15):
            assert np.array_equal(clipped, g)
        assert np.allclose(transformed(rule, clipped, "g_clipped"), clipped, rtol=1e-14)
    assert np.array_equal(transformed(refopt.clip_by_value(max_value=limit), g, "g_clipped"), np.clip(g, -limit, limit))


@given(matrices, matrices, limits)
def test_adaptive_clipping_bounds_each_row_by_its_weights(g, theta, ratio):
    rule = refopt.agc(clipping=ratio, eps=1e-3)
    clipped = transformed(rule, g, "g_clipped", theta)
    allowed = ratio * np.maximum(np.linalg.norm(theta, axis=1), 1e-3)
    assert np.all(np.linalg.norm(clipped, axis=1) <= allowed * (1 + 1e-14))
    within = np.linalg.norm(g, axis=1) <= allowed * (1 - 1e-14)
    assert np.array_equal(clipped[within], g[within])
    # the same for columns of the transposed, and for k times as much of both
    turned = refopt.agc(clipping=ratio, eps=1e-3, units=refopt.dialects.units.output_last)
    assert np.allclose(transformed(turned, g.T, "g_clipped", theta.T).T, clipped, rtol=1e-13)
    assert np.allclose(transformed(rule(eps=4e-3), 4 * g, "g_clipped", 4 * theta), 4 * clipped, rtol=1e-14)


@given(matrices)
def test_centring_is_a_projection(g):
    centred = transformed(refopt.centralize, g, "g_centered")
    size = np.abs(g).max(initial=0)
    assert np.all(np.abs(centred.mean(axis=1)) <= 1e-15 * size)
    assert np.allclose(transformed(refopt.centralize, centred, "g_centered"), centred, rtol=0, atol=1e-15 * size)
    assert np.linalg.norm(centred) <= np.linalg.norm(g) * (1 + 1e-14)


@given(matrices.filter(lambda g: np.linalg.norm(g) > 1e-100), st.floats(1e-3, 1e3))
def test_what_is_normalized_has_length_1_whatever_its_scale(g, factor):
    rule = refopt.normalize(eps=0.0)
    unit = transformed(rule, g, "g_unit")
    assert np.isclose(np.linalg.norm(unit), 1, rtol=1e-14)
    assert np.allclose(transformed(rule, factor * g, "g_unit"), unit, rtol=1e-13)


@given(st.lists(st.sampled_from([1.0, -2.0, np.nan, np.inf, -np.inf]), min_size=1, max_size=12))
def test_skipped_steps_might_as_well_not_have_been(entries):
    gradients = [np.array([1.0, x]) for x in entries]
    finite = [g for g in gradients if np.isfinite(g).all()]
    rule, inner = refopt.skip_nonfinite(inner=refopt.adam(lr=0.1)), refopt.adam(lr=0.1)
    *_, record = refopt.walk(rule, np.zeros(2), gradients)
    assert record["skipped"] == len(gradients) - len(finite)
    assert record["inner_state"]["t"] == len(finite)
    if finite:
        *_, plain = refopt.walk(inner, np.zeros(2), finite)
        assert np.array_equal(record["theta"], plain["theta"])
        assert np.array_equal(record["inner_state"]["v"], plain["v"])
    else:
        assert not record["theta"].any()


@pytest.mark.parametrize(
    ("name", "hyper"),
    [("clip_by_norm", {"max_norm": 0.0}), ("clip_by_global_norm", {"max_norm": -1.0}), ("clip_by_value", {"max_value": 0.0}),
     ("agc", {"clipping": 0.0}), ("clip_by_norm", {"max_norm": float("nan")})],
)  # fmt: skip
def test_a_limit_is_positive(name, hyper):
    with pytest.raises(ValueError, match="must be finite and positive"):
        refopt.rule(name, **hyper)
