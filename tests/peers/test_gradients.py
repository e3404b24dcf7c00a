"""Every gradient transform against the libraries, in float64, on gradients that part readings.

What the library makes of the gradient is compared, entry by entry and relative to the entry, with the name of the record that
holds it. Nothing is cast here and nothing is computed in float32 by any of them, so that one bound holds for all.
"""

import importlib.util
import os
from pathlib import Path

import adversarial
import numpy as np
import pytest
from libraries import optax_noise

import refopt
from refopt.dialects import clip, length, units

BOUND = 1e-12
THETA = adversarial.start() | {"heads": np.linspace(-1, 2, 24).reshape(3, 4, 2), "row": np.linspace(1, 2, 5).reshape(1, 5)}
SHAPES = {name: x.shape for name, x in THETA.items()}


def tree(of):
    return {name: np.asarray(of(name, shape), dtype=float) for name, shape in SHAPES.items()}


def first(**entries):
    """Zero everywhere but in the first entries of some tensors."""
    out = tree(lambda name, shape: np.zeros(shape))
    for name, values in entries.items():
        out[name].reshape(-1)[: len(values)] = values
    return out


def gradient_sets():
    """name → gradient; the limits are 5 for a norm and 2 for a value."""
    rng = np.random.default_rng(5)
    ordinary = tree(lambda name, shape: rng.normal(size=shape))
    sets = {f"adversarial {t}": tree(lambda name, shape, g=g: g.get(name, rng.normal(size=shape)))
            for t, g in enumerate(adversarial.gradients(12), 1)}  # fmt: skip
    sets |= {
        "zero": first(),
        "as long as the limit, in one tensor": first(W=[3, -4]),
        "as long as the limit, over three": first(W=[3, 0], b=[0, 2.4], scale=[-3.2]),
        "a hair above": first(W=[3, -4 * (1 + 2**-40)]),
        "a hair below": first(W=[3, -4 * (1 - 2**-40)]),
        "within the limit": first(W=[1, -2], b=[1e-3, -2], heads=[0.5]),
        "every tensor at the limit": tree(lambda name, shape: np.full(shape, 5 / np.sqrt(np.prod(shape)))),
        "entries at the limit of values": tree(lambda name, shape: np.resize([2.0, -2.0, 2 + 2**-50, -2 - 2**-50, 1.5], shape)),
        "huge": {name: 1e150 * x for name, x in ordinary.items()},
        "squares overflow": {name: 1e200 * x for name, x in ordinary.items()},
        "squares of one tensor overflow": {name: x * (1e180 if name == "b" else 1) for name, x in ordinary.items()},
        "tiny": {name: 1e-150 * x for name, x in ordinary.items()},
        "squares underflow": {name: 1e-200 * x for name, x in ordinary.items()},
        "one tensor outweighs": {name: x * (1e12 if name == "scale" else 1e-3) for name, x in ordinary.items()},
        "sizes side by side": {name: x * 10.0 ** rng.integers(-9, 9, np.shape(x)) for name, x in ordinary.items()},
        "below 1e-6": {name: 1e-9 * x for name, x in ordinary.items()},
        "negative zeros": tree(lambda name, shape: np.full(shape, -0.0)),
        "one infinite": first(W=[1, 2], b=[-np.inf, 3]),
        "one NaN": first(W=[1, 2], b=[np.nan, 3]),
    }
    return sets


SETS = gradient_sets()
FINITE = {name: g for name, g in SETS.items() if all(np.isfinite(x).all() for x in g.values())}


def test_there_are_enough_sets():
    assert len(FINITE) >= 25


def ours(rule, name, g):
    with np.errstate(all="ignore"):
        return rule.step(THETA, g, rule.init(THETA))[name]


ONE_ENTRY = {("squares overflow", "scale")}  # torch's norm of one entry is its absolute value, which does not overflow


def compare(rule, name, library, sets=SETS, spread=False, but=frozenset()):
    """The largest relative difference; with `spread` relative to the tensor, where entries are differences of others.

    `but` names pairs of a set and a tensor in which the two differ for a known cause; they must.
    """
    worst = 0.0
    for what, g in sets.items():
        got, expected = ours(rule, name, g), library({key: x.copy() for key, x in g.items()})
        for key in SHAPES:
            a, b = np.asarray(got[key]), np.asarray(expected[key])
            assert a.shape == b.shape
            assert b.dtype == np.float64, "it would be no comparison"
            if (what, key) in but:
                assert not np.allclose(a, b)
                continue
            assert np.array_equal(np.isfinite(a), np.isfinite(b)), f"{what}, {key}: {a} and {b}"
            assert np.array_equal(a[~np.isfinite(a)], b[~np.isfinite(b)], equal_nan=True)
            with np.errstate(all="ignore"):
                size = np.abs(g[key]).max(initial=0) if spread else np.abs(b)
                error = np.where((a == b) | ~np.isfinite(a), 0, np.abs(a - b) / size)
            worst = max(worst, float(error.max(initial=0.0)))
    return worst


# torch and those with its interface


def of_torch(torch, act, theta=THETA):
    """`act` on the list of parameters, whose gradients it changes."""

    def library(g):
        parameters = {name: torch.nn.Parameter(torch.tensor(theta[name])) for name in g}
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(g[name])
        act(list(parameters.values()))
        return {name: parameter.grad.numpy() for name, parameter in parameters.items()}

    return library


def test_torch(torch):
    utils = torch.nn.utils
    value, whole = (lambda p: utils.clip_grad_value_(p, 2.0)), (lambda p: utils.clip_grad_norm_(p, 5.0))
    each = lambda p: [utils.clip_grad_norm_([x], 5.0) for x in p]  # noqa: E731
    torch_cap = dict(max_norm=5.0, cap=clip.short_of_limit)
    assert compare(refopt.clip_by_value(max_value=2.0), "g_clipped", of_torch(torch, value)) == 0
    assert compare(refopt.clip_by_global_norm(**torch_cap), "g_clipped", of_torch(torch, whole)) <= BOUND
    assert compare(refopt.clip_by_norm(**torch_cap), "g_clipped", of_torch(torch, each), but=ONE_ENTRY) <= BOUND
    # the paper's reading would be noticed
    assert compare(refopt.clip_by_global_norm(max_norm=5.0), "g_clipped", of_torch(torch, whole), FINITE) > 1e-8


def test_pytorch_optimizer(torch, peer):
    library = peer("pytorch_optimizer.optimizer.agc")
    centralize = peer("pytorch_optimizer.optimizer.gradient_centralization").centralize_gradient

    def agc(parameters):
        for p in parameters:
            p.grad = library.agc(p.detach(), p.grad, agc_eps=eps, agc_clip_val=clipping)

    for eps, clipping in ((1e-3, 1e-2), (0.25, 1e-4), (1e-3, 1e-4)):
        rule = refopt.agc(clipping=clipping, eps=eps, units=units.output_first_but_3d, cap=clip.floored)
        assert compare(rule, "g_clipped", of_torch(torch, agc), FINITE, but=ONE_ENTRY) <= BOUND
    assert compare(rule(cap=clip.at_limit), "g_clipped", of_torch(torch, agc), FINITE) > 0.1
    assert compare(rule(units=units.output_first), "g_clipped", of_torch(torch, agc), FINITE) > 0.1
    for conv_only in (False, True):
        act = lambda p, conv_only=conv_only: [centralize(x.grad, conv_only) for x in p]  # noqa: E731
        assert compare(refopt.centralize(conv_only=conv_only), "g_centered", of_torch(torch, act), spread=True) <= BOUND
    batch = lambda p: centralize([x.grad for x in p])  # noqa: E731
    assert compare(refopt.centralize, "g_centered", of_torch(torch, batch), spread=True) <= BOUND


def test_timm(torch, peer):
    found = importlib.util.find_spec("timm")
    if found is None:
        peer("timm")
    place = Path(found.submodule_search_locations[0]) / "utils" / "agc.py"  # timm.utils as a whole wants torchvision
    spec = importlib.util.spec_from_file_location("timm_agc", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for eps, clipping in ((1e-3, 1e-2), (0.25, 1e-4), (1e-3, 1e-4)):
        act = lambda p, eps=eps, clipping=clipping: module.adaptive_clip_grad(p, clipping, eps)  # noqa: E731
        rule = refopt.agc(clipping=clipping, eps=eps, cap=clip.floored_above)
        assert compare(rule, "g_clipped", of_torch(torch, act), FINITE, but=ONE_ENTRY) <= BOUND
    assert compare(rule(cap=clip.at_limit), "g_clipped", of_torch(torch, act), FINITE) > 0.1
    assert compare(rule(units=units.output_last), "g_clipped", of_torch(torch, act), FINITE) > 0.1


# optax


@pytest.fixture(scope="module")
def optax(peer):
    peer("jax").config.update("jax_enable_x64", True)
    return peer("optax")


def of_optax(transform):
    """The transform as it is written: compiled, XLA makes abs(x) of sqrt(x²), which does not overflow."""
    import jax.numpy as jnp

    def library(g):
        theta, g = ({name: jnp.asarray(x) for name, x in tree.items()} for tree in (THETA, g))
        updates, _ = transform.update(g, transform.init(theta), theta)
        return {name: np.asarray(x) for name, x in updates.items()}

    return library


def test_optax(optax):
    assert compare(refopt.clip_by_value(max_value=2.0), "g_clipped", of_optax(optax.clip(2.0))) == 0
    assert compare(refopt.clip_by_global_norm(max_norm=5.0), "g_clipped", of_optax(optax.clip_by_global_norm(5.0))) <= BOUND
    rule = refopt.clip_by_norm(max_norm=5.0, measure=length.root_mean_square)
    assert compare(rule, "g_clipped", of_optax(optax.clip_by_block_rms(5.0))) <= BOUND
    assert compare(rule(measure=length.euclidean), "g_clipped", of_optax(optax.clip_by_block_rms(5.0)), FINITE) > 0.1
    assert compare(refopt.centralize, "g_centered", of_optax(optax.centralize()), spread=True) <= BOUND
    assert compare(refopt.normalize, "g_unit", of_optax(optax.normalize_by_update_norm())) <= BOUND
    assert compare(refopt.normalize(eps=0.5), "g_unit", of_optax(optax.normalize_by_update_norm(eps=0.5))) <= BOUND
    assert compare(refopt.normalize(eps=0.0), "g_unit", of_optax(optax.contrib.normalize())) <= BOUND
    for eps, clipping in ((1e-3, 1e-2), (0.25, 1e-4), (1e-3, 1e-4)):
        rule = refopt.agc(clipping=clipping, eps=eps, units=units.output_last_but_3d, cap=clip.floored_above)
        assert compare(rule, "g_clipped", of_optax(optax.adaptive_grad_clip(clipping, eps)), FINITE) <= BOUND
    for reading in (units.output_last, units.output_first_but_3d):
        assert compare(rule(units=reading), "g_clipped", of_optax(optax.adaptive_grad_clip(clipping, eps)), FINITE) > 0.1


def optax_run(optax, transform, gradients):
    """The parameters after each step, and the last state."""
    import jax
    import jax.numpy as jnp

    update = jax.jit(transform.update)
    theta, path = {name: jnp.asarray(x) for name, x in adversarial.start().items()}, []
    state = transform.init(theta)
    for g in gradients:
        updates, state = update({name: jnp.asarray(x) for name, x in g.items()}, state, theta)
        theta = optax.apply_updates(theta, updates)
        path.append({name: np.asarray(x) for name, x in theta.items()})
    return path, state


def apart(rule, path, gradients):
    """How far a walk of the rule is from the library's, relative to the largest entry of the tensor."""
    with np.errstate(all="ignore"):
        records = list(refopt.walk(rule, adversarial.start(), gradients))
    worst = 0.0
    for record, there in zip(records, path, strict=True):
        for name, b in there.items():
            a = record["theta"][name]
            assert np.isfinite(a).all()
            worst = max(worst, float(np.abs(a - b).max() / max(np.abs(b).max(), 1e-300)))
    return worst, records[-1]


def test_optax_noise(optax):
    gradients, noise = adversarial.gradients(), optax_noise()
    for eta, gamma in ((0.01, 0.55), (0.3, 0.8)):
        transform = optax.chain(optax.add_noise(eta, gamma, key=0), optax.adam(0.1))
        rule = refopt.gradient_noise(inner=refopt.adam(lr=0.1), eta=eta, gamma=gamma, noise=noise)
        assert apart(rule, optax_run(optax, transform, gradients)[0], gradients)[0] <= BOUND


def test_optax_apply_if_finite(optax):
    gradients = adversarial.gradients()
    for t, name, value in (
        (2, "b", np.nan),
        (3, "W", np.inf),
        (7, "scale", -np.inf),
        (19, "kernel", np.nan),
        (20, "b", np.nan),
    ):
        gradients[t - 1][name].reshape(-1)[-1] = value
    path, state = optax_run(optax, optax.apply_if_finite(optax.adam(0.1), 5), gradients)
    worst, record = apart(refopt.skip_nonfinite(inner=refopt.adam(lr=0.1)), path, gradients)
    assert worst <= BOUND
    assert (record["skipped"], record["in_a_row"]) == (int(state.total_notfinite), int(state.notfinite_count)) == (5, 2)


def test_optax_chain(optax):
    """In two orders, which are far apart: the chain is read in the order of optax."""
    gradients = adversarial.gradients()
    theirs = [optax.centralize(), optax.clip_by_global_norm(2.0), optax.add_decayed_weights(0.1), optax.clip_by_block_rms(0.5)]
    here = [
        refopt.centralize,
        refopt.clip_by_global_norm(max_norm=2.0),
        refopt.l2(weight_decay=0.1),
        refopt.clip_by_norm(max_norm=0.5, measure=length.root_mean_square),
    ]
    for order in ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2)):
        path, _ = optax_run(optax, optax.chain(*(theirs[i] for i in order), optax.adam(0.1)), gradients)
        rule = refopt.gradients.chain(refopt.adam(lr=0.1), *(here[i] for i in order))
        assert apart(rule, path, gradients)[0] <= BOUND
        turned = refopt.gradients.chain(refopt.adam(lr=0.1), *(here[i] for i in reversed(order)))
        assert apart(turned, path, gradients)[0] > 1e-3


def test_torch_chain(torch):
    """Clipping by hand between backward and step, and the optimizer's own coupled decay after it."""
    gradients = adversarial.gradients()
    parameters = {name: torch.nn.Parameter(torch.tensor(x)) for name, x in adversarial.start().items()}
    optimizer, path = torch.optim.Adam(parameters.values(), lr=0.1, weight_decay=0.1), []
    for g in gradients:
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(g[name])
        torch.nn.utils.clip_grad_value_(parameters.values(), 10.0)
        torch.nn.utils.clip_grad_norm_(parameters.values(), 2.0)
        optimizer.step()
        path.append({name: x.detach().numpy().copy() for name, x in parameters.items()})
    rule = refopt.gradients.chain(
        refopt.rule("adam", framework="torch", lr=0.1, weight_decay=0.1),
        refopt.clip_by_value(max_value=10.0),
        refopt.clip_by_global_norm(max_norm=2.0, cap=clip.short_of_limit),
    )
    assert apart(rule, path, gradients)[0] <= BOUND


# keras


def test_keras(peer):
    """A step of SGD with lr 1 from zero is the clipped gradient."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    peer("jax").config.update("jax_enable_x64", True)
    keras = peer("keras")
    keras.config.set_floatx("float64")

    def of_keras(**limit):
        def library(g):
            variables = {name: keras.Variable(0 * THETA[name], dtype="float64") for name in g}
            optimizer = keras.optimizers.SGD(1.0, **limit)
            optimizer.apply([keras.ops.convert_to_tensor(g[name], dtype="float64") for name in g], list(variables.values()))
            return {name: -np.array(x.value) for name, x in variables.items()}

        return library

    assert compare(refopt.clip_by_value(max_value=2.0), "g_clipped", of_keras(clipvalue=2.0)) == 0
    assert compare(refopt.clip_by_norm(max_norm=5.0), "g_clipped", of_keras(clipnorm=5.0)) <= BOUND
    rule = refopt.clip_by_global_norm(max_norm=5.0, cap=clip.finite_or_nan)
    assert compare(rule, "g_clipped", of_keras(global_clipnorm=5.0)) <= BOUND
    with pytest.raises(AssertionError, match="overflow"):
        compare(rule(cap=clip.at_limit), "g_clipped", of_keras(global_clipnorm=5.0))


def test_the_slope_of_the_absolute_value(torch, peer):
    """All agree but at zero, where JAX has the slope from the right."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    jax = peer("jax")
    jax.config.update("jax_enable_x64", True)
    x = np.array([-3.0, -1e-30, 0.0, 1e-30, 5.0])
    record = refopt.l1(weight_decay=0.25).step(x, 0 * x, refopt.l1.init(x))
    by_torch = torch.tensor(x, requires_grad=True)
    (0.25 * by_torch.abs().sum()).backward()
    assert np.array_equal(record["g_reg"], by_torch.grad.numpy())
    by_keras = np.asarray(jax.grad(peer("keras").regularizers.L1(0.25))(x))
    assert np.array_equal(record["g_reg"][x != 0], by_keras[x != 0])
    assert by_keras[2] == 0.25


def test_keras_clips_before_it_decays(peer):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    peer("jax").config.update("jax_enable_x64", True)
    keras = peer("keras")
    keras.config.set_floatx("float64")
    variables = {name: keras.Variable(x, dtype="float64") for name, x in adversarial.start().items()}
    optimizer, path, gradients = keras.optimizers.Adam(0.1, global_clipnorm=2.0, weight_decay=0.1), [], adversarial.gradients()
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g[name], dtype="float64") for name in variables], list(variables.values()))
        path.append({name: np.array(x.value) for name, x in variables.items()})
    rule = refopt.gradients.chain(
        refopt.rule("adam", framework="keras", lr=0.1, weight_decay=0.1), refopt.clip_by_global_norm(max_norm=2.0)
    )
    assert apart(rule, path, gradients)[0] <= BOUND
