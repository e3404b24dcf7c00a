"""Every entry of the framework tables against the library that it speaks for, in float64.

The library is called as its users call it; with no argument at all where the entry's defaults are tested. At step 12 the
learning rate changes, which shows whether momentum keeps old rates.
"""

import adversarial
import numpy as np
import pytest

import refopt
from refopt.frameworks import FRAMEWORKS

CHANGE = 12  # the first step with the other learning rate
FACTOR = 0.1

# (rule, refopt's hyper-parameters, torch class, torch's arguments)
TORCH = [
    ("adadelta", {}, "Adadelta", {}),
    ("adadelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-5}, "Adadelta", {"lr": 0.5, "rho": 0.95, "eps": 1e-5}),
    ("adagrad", {}, "Adagrad", {}),
    ("adagrad", {"initial_accumulator": 0.3, "eps": 1e-3}, "Adagrad", {"initial_accumulator_value": 0.3, "eps": 1e-3}),
    ("adam", {}, "Adam", {}),
    ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}, "Adam", {"betas": (0.5, 0.9), "eps": 1e-3}),
    ("adamw", {}, "AdamW", {}),
    ("adamw", {"lr": 0.01, "weight_decay": 0.3}, "AdamW", {"lr": 0.01, "weight_decay": 0.3}),
    ("amsgrad", {}, "Adam", {"amsgrad": True}),
    ("amsgrad", {"beta2": 0.5, "lr": 0.01}, "Adam", {"amsgrad": True, "betas": (0.9, 0.5), "lr": 0.01}),
    ("adamax", {}, "Adamax", {}),
    ("adamax", {"beta2": 0.5, "eps": 1e-3}, "Adamax", {"betas": (0.9, 0.5), "eps": 1e-3}),
    ("asgd", {}, "ASGD", {}),
    ("asgd", {"lambd": 0.1, "alpha": 0.5, "t0": 3.0}, "ASGD", {"lambd": 0.1, "alpha": 0.5, "t0": 3}),
    ("nadam", {}, "NAdam", {}),
    ("nadam", {"momentum_decay": 0.1, "eps": 1e-4}, "NAdam", {"momentum_decay": 0.1, "eps": 1e-4}),
    ("radam", {}, "RAdam", {}),
    ("radam", {"beta2": 0.9, "eps": 1e-4}, "RAdam", {"betas": (0.9, 0.9), "eps": 1e-4}),
    ("rmsprop", {}, "RMSprop", {}),
    ("rmsprop", {"momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    ("rmsprop", {"momentum": 0.5, "centered": True, "eps": 1e-4}, "RMSprop", {"momentum": 0.5, "centered": True, "eps": 1e-4}),
    ("rprop", {}, "Rprop", {}),
    ("rprop", {"lr": 0.5, "delta_max": 0.7}, "Rprop", {"lr": 0.5, "step_sizes": (1e-6, 0.7)}),
    ("sgd", {}, "SGD", {}),
    ("sgd", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "dampening": 0.3}, "SGD", {"momentum": 0.9, "dampening": 0.3}),
    ("sgd", {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
]

OPTAX = [
    ("adabelief", {}, "adabelief", {}),
    ("adabelief", {"beta1": 0.5, "eps": 1e-6}, "adabelief", {"b1": 0.5, "eps": 1e-6, "eps_root": 1e-6}),
    ("adamax", {}, "adamax", {}),
    ("adamax", {"beta2": 0.5, "eps": 1e-3}, "adamax", {"b2": 0.5, "eps": 1e-3}),
    ("nadam", {}, "nadam", {}),
    ("nadam", {"beta1": 0.5, "eps": 1e-4}, "nadam", {"b1": 0.5, "eps": 1e-4}),
    ("novograd", {}, "novograd", {}),
    ("novograd", {"beta2": 0.9, "weight_decay": 0.1}, "novograd", {"b2": 0.9, "weight_decay": 0.1}),
    ("ogd", {}, "optimistic_gradient_descent", {}),
    ("ogd", {"alpha": 0.5, "beta": 2.0}, "optimistic_gradient_descent", {"alpha": 0.5, "beta": 2.0}),
    ("radam", {}, "radam", {}),
    ("radam", {"beta2": 0.9, "eps": 1e-4}, "radam", {"b2": 0.9, "eps": 1e-4}),
    ("yogi", {}, "yogi", {}),
    ("yogi", {"beta2": 0.9, "eps": 1e-2}, "yogi", {"b2": 0.9, "eps": 1e-2}),
    ("signum", {}, "signum", {}),
    ("signum", {"momentum": 0.5}, "signum", {"beta": 0.5}),
    ("signum", {"momentum": 0.0}, "sign_sgd", {}),
    ("adadelta", {}, "adadelta", {}),
    ("adagrad", {}, "adagrad", {}),
    ("adagrad", {"initial_accumulator": 0.0, "eps": 1e-3}, "adagrad", {"initial_accumulator_value": 0.0, "eps": 1e-3}),
    ("adam", {}, "adam", {}),
    ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}, "adam", {"b1": 0.5, "b2": 0.9, "eps": 1e-3}),
    ("adamw", {}, "adamw", {}),
    ("adamw", {"weight_decay": 0.3}, "adamw", {"weight_decay": 0.3}),
    ("amsgrad", {}, "amsgrad", {}),
    ("amsgrad", {"beta2": 0.5, "lr": 0.01}, "amsgrad", {"b2": 0.5}),
    ("lamb", {}, "lamb", {}),
    ("lamb", {"weight_decay": 0.1, "eps": 1e-3}, "lamb", {"weight_decay": 0.1, "eps": 1e-3}),
    ("lars", {}, "lars", {}),
    (
        "lars",
        {"weight_decay": 0.1, "momentum": 0.5, "trust_coefficient": 0.1},
        "lars",
        {"weight_decay": 0.1, "momentum": 0.5, "trust_coefficient": 0.1},
    ),
    ("lion", {}, "lion", {}),
    ("lion", {"beta1": 0.7, "weight_decay": 0.1}, "lion", {"b1": 0.7, "weight_decay": 0.1}),
    ("rmsprop", {}, "rmsprop", {}),
    ("rmsprop", {"momentum": 0.9, "rho": 0.99}, "rmsprop", {"momentum": 0.9, "decay": 0.99}),
    ("rmsprop", {"centered": True, "eps": 1e-4}, "rmsprop", {"centered": True, "eps": 1e-4}),
    ("sgd", {}, "sgd", {}),
    ("sgd", {"momentum": 0.9}, "sgd", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}, "sgd", {"momentum": 0.9, "nesterov": True}),
]

KERAS = [
    ("adamax", {}, "Adamax", {}),
    ("adamax", {"beta2": 0.5, "eps": 1e-3}, "Adamax", {"beta_2": 0.5, "epsilon": 1e-3}),
    ("nadam", {}, "Nadam", {}),
    ("nadam", {"beta1": 0.5, "eps": 1e-4}, "Nadam", {"beta_1": 0.5, "epsilon": 1e-4}),
    ("adadelta", {}, "Adadelta", {}),
    ("adadelta", {"lr": 0.5, "rho": 0.9}, "Adadelta", {"learning_rate": 0.5, "rho": 0.9}),
    ("adagrad", {}, "Adagrad", {}),
    ("adagrad", {"initial_accumulator": 0.0, "lr": 0.1}, "Adagrad", {"initial_accumulator_value": 0.0, "learning_rate": 0.1}),
    ("adam", {}, "Adam", {}),
    ("adam", {"beta1": 0.5, "beta2": 0.9, "eps": 1e-3}, "Adam", {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3}),
    ("adamw", {}, "AdamW", {}),
    ("adamw", {"lr": 0.01, "weight_decay": 0.3}, "AdamW", {"learning_rate": 0.01, "weight_decay": 0.3}),
    ("amsgrad", {}, "Adam", {"amsgrad": True}),
    ("amsgrad", {"beta2": 0.5, "lr": 0.01}, "Adam", {"amsgrad": True, "beta_2": 0.5, "learning_rate": 0.01}),
    ("lamb", {}, "Lamb", {}),
    ("lamb", {"beta1": 0.5, "eps": 1e-3}, "Lamb", {"beta_1": 0.5, "epsilon": 1e-3}),
    ("lion", {}, "Lion", {}),
    ("lion", {"beta1": 0.7, "weight_decay": 0.1}, "Lion", {"beta_1": 0.7, "weight_decay": 0.1}),
    ("rmsprop", {}, "RMSprop", {}),
    ("rmsprop", {"momentum": 0.9}, "RMSprop", {"momentum": 0.9}),
    ("rmsprop", {"centered": True, "eps": 1e-4}, "RMSprop", {"centered": True, "epsilon": 1e-4}),
    ("sgd", {}, "SGD", {}),
    ("sgd", {"momentum": 0.9}, "SGD", {"momentum": 0.9}),
    ("sgd", {"momentum": 0.9, "nesterov": True}, "SGD", {"momentum": 0.9, "nesterov": True}),
]  # fmt: skip


def cases(table):
    return [pytest.param(*case, id=f"{case[0]}-{'-'.join(case[1]) or 'defaults'}") for case in table]


def refopt_walk(rule, lr):
    """The parameters after every step; the learning rate falls at CHANGE (Rprop reads it at the start only)."""
    falls = rule.name != "rprop"
    theta, state, path = adversarial.start(), None, []
    state = rule.init(theta)
    for t, g in enumerate(adversarial.gradients(), 1):
        theta, state = rule.update(theta, g, state, **({"lr": FACTOR * lr} if falls and t >= CHANGE else {}))
        path.append(theta)
    return path


# Where a rule loses digits by cancellation, two honest programs differ by more than 1e-12: (library, rule): bound, cause.
LOOSER = {
    # rho_t = 1999 − 1994 at t = 6: one ulp in β2^t, which JAX computes by multiplication, becomes 1e-11 in r (measured 1.1e-11)
    ("optax", "radam"): 5e-11,
}


def assert_equal(ours, theirs, bound=1e-12):
    """At every step every entry within the bound, relative to the largest value that the entry has had so far."""
    assert len(ours) == len(theirs) == adversarial.STEPS
    size = {name: np.abs(x) for name, x in adversarial.start().items()}
    for t, (a, b) in enumerate(zip(ours, theirs, strict=True), 1):
        for name, expected in b.items():
            size[name] = np.maximum(size[name], np.abs(expected))
            error = np.abs(a[name] - expected) / np.where(size[name] == 0, 1, size[name])
            assert np.max(error) <= bound, f"step {t}, {name}: relative difference {np.max(error):.1e}"


def lr_of(rule):
    return rule.hyper["lr"] if "lr" in rule.hyper else rule.inner.hyper["lr"]


@pytest.mark.parametrize(("name", "hyper", "kind", "arguments"), cases(TORCH))
def test_torch(request, torch, name, hyper, kind, arguments):
    rule = refopt.rule(name, framework="torch", **hyper)
    parameters = {key: torch.nn.Parameter(torch.tensor(x)) for key, x in adversarial.start().items()}
    optimizer = getattr(torch.optim, kind)(parameters.values(), **arguments)
    # NAdam keeps the product of its momenta in torch's default dtype, whatever the dtype of the parameters.
    torch.set_default_dtype(torch.float64)
    request.addfinalizer(lambda: torch.set_default_dtype(torch.float32))
    theirs = []
    for t, g in enumerate(adversarial.gradients(), 1):
        if t == CHANGE:
            optimizer.param_groups[0]["lr"] *= FACTOR
        for key, parameter in parameters.items():
            parameter.grad = torch.tensor(g[key])
        optimizer.step()
        theirs.append({key: x.detach().numpy().copy() for key, x in parameters.items()})
    assert_equal(refopt_walk(rule, lr_of(rule)), theirs)


@pytest.mark.parametrize(("name", "hyper", "kind", "arguments"), cases(OPTAX))
def test_optax(optax, name, hyper, kind, arguments):
    rule = refopt.rule(name, framework="optax", **hyper)
    theirs = optax_walk(getattr(optax, kind)(falling(lr_of(rule)), **arguments), optax)
    assert_equal(refopt_walk(rule, lr_of(rule)), theirs, LOOSER.get(("optax", name), 1e-12))


@pytest.mark.parametrize("inner", ["sgd", "adam"])
def test_optax_lookahead(optax, inner):
    rule = refopt.rule("lookahead", framework="optax", inner=refopt.rule(inner, framework="optax"), k=4, alpha=0.3)
    lr = lr_of(rule)
    optimizer = optax.lookahead(getattr(optax, inner)(falling(lr)), sync_period=4, slow_step_size=0.3)
    assert_equal(refopt_walk(rule, lr), optax_walk(optimizer, optax, lookahead=True))


def falling(lr):
    import jax.numpy as jnp

    return lambda count: jnp.where(count + 1 < CHANGE, lr, FACTOR * lr)


def optax_walk(optimizer, optax, lookahead=False):
    import jax.numpy as jnp

    parameters = {key: jnp.asarray(x) for key, x in adversarial.start().items()}
    if lookahead:
        parameters = optax.LookaheadParams.init_synced(parameters)
    state, path = optimizer.init(parameters), []
    for g in adversarial.gradients():
        updates, state = optimizer.update({key: jnp.asarray(x) for key, x in g.items()}, state, parameters)
        parameters = optax.apply_updates(parameters, updates)
        current = parameters.fast if lookahead else parameters
        path.append({key: np.asarray(x) for key, x in current.items()})
    return path


@pytest.mark.parametrize(("name", "hyper", "kind", "arguments"), cases(KERAS))
def test_keras(keras, name, hyper, kind, arguments):
    rule = refopt.rule(name, framework="keras", **hyper)
    variables = {key: keras.Variable(x, dtype="float64", name=key) for key, x in adversarial.start().items()}
    optimizer = getattr(keras.optimizers, kind)(**arguments)
    theirs = []
    for t, g in enumerate(adversarial.gradients(), 1):
        if t == CHANGE:
            optimizer.learning_rate = FACTOR * lr_of(rule)
        gradients = [keras.ops.convert_to_tensor(g[key], dtype="float64") for key in variables]
        optimizer.apply(gradients, list(variables.values()))
        theirs.append({key: np.array(keras.ops.convert_to_numpy(x.value)) for key, x in variables.items()})
    assert_equal(refopt_walk(rule, lr_of(rule)), theirs)


def test_every_entry_of_the_tables_is_compared():
    compared = {
        "torch": {case[0] for case in TORCH},
        "optax": {case[0] for case in OPTAX} | {"lookahead"},
        "keras": {case[0] for case in KERAS},
    }
    assert {framework: set(table) for framework, table in FRAMEWORKS.items()} == compared


def test_the_inputs_tell_the_readings_apart():
    """Where two libraries read a rule differently, these inputs must show it, or the comparisons above mean nothing."""
    for name in refopt.names():
        tables = [table[name] for table in FRAMEWORKS.values() if name in table]
        for one in tables:
            for other in tables:
                ours = {hole: one.hyper[hole] for hole in one.holes}
                theirs = {hole: other.hyper[hole] for hole in other.holes}
                switches = {"momentum": 0.9} if "rate" in ours else {}
                if ours != theirs:
                    a, b = one(lr=0.01, **switches), one(lr=0.01, **theirs, **switches)
                    with pytest.raises(AssertionError, match="relative difference"):
                        assert_equal(refopt_walk(a, 0.01), refopt_walk(b, 0.01))
