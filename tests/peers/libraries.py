"""The real libraries, each behind one function: ``walk(call, hyper, lr)`` makes the optimizer by evaluating `call` with
refopt's words as variables, runs it over the adversarial gradients as its users do, and returns the parameters after every
step. At step CHANGE the learning rate becomes FACTOR · lr.
"""

import importlib.util
import json
import os
from pathlib import Path

import adversarial
import numpy as np
from conftest import import_peer

from refopt.golden.libraries import timm_optim

CHANGE = 12  # the first step with the other learning rate
FACTOR = 0.1


def build(call, hyper, **roots):
    """Evaluate the call of a framework table: refopt's words and the library's module are its variables."""
    return eval(call, {**roots}, {**hyper})


def constructor(call):
    """The name of what is called."""
    return call.partition("(")[0]


# What some cannot take, or read in a way that has no name here; the entry's note says so.
WITHOUT = {
    "braintools.optim.SM3": ["scale"],
    "optax.adafactor": ["kernel"],
    "optax.sm3": ["scale"],
    "pytorch_optimizer.LookSAM": [name for name in adversarial.SHAPES if name != "W"],
    "timm.optim.Adafactor": ["kernel"],
}


def start(call):
    """The parameters that are compared."""
    return {name: x for name, x in adversarial.start().items() if name not in WITHOUT.get(constructor(call), ())}


# torch, and what has its interface


def torch_parameters(torch, call):
    return {name: torch.nn.Parameter(torch.tensor(x)) for name, x in start(call).items()}


def torch_walk(module):
    """Libraries with torch's interface: ``step()`` reads ``parameter.grad``, ``param_groups`` hold the learning rate."""

    def walk(call, hyper, lr):
        torch = import_peer("torch")
        library = timm_optim() if module == "timm" and importlib.util.find_spec("timm") else import_peer(module)
        parameters = torch_parameters(torch, call)
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # NAdam's product of momenta has it, whatever the dtype of the parameters
        try:
            model = torch.nn.ParameterDict(parameters)
            optimizer = build(call, hyper, params=list(parameters.values()), model=model, **{"torch": torch, module: library})
            return list(torch_steps(torch, optimizer, parameters))
        finally:
            torch.set_default_dtype(before)

    return walk


def torch_steps(torch, optimizer, parameters, before=lambda: None, after=lambda: None, closure=None):
    for t, g in enumerate(adversarial.gradients(), 1):
        if t == CHANGE:
            for group in optimizer.param_groups:
                group["lr"] = group["lr"] and FACTOR * group["lr"]  # None where the rate follows the step count

        g = {name: g[name] for name in parameters}

        def set_gradients(g=g):
            with torch.no_grad():
                here = {name: parameter.numpy() for name, parameter in parameters.items()}
                for name, x in (closure(here, g) if closure else g).items():
                    parameters[name].grad = torch.tensor(x)
            return 0.0

        set_gradients()
        before()
        optimizer.step(set_gradients) if closure else optimizer.step()
        after()
        shown = {name: x.detach().numpy().copy() for name, x in parameters.items()}
        state = {name: optimizer.state.get(x, {}) for name, x in parameters.items()}
        yield shown | {f"{name} ax": part["ax"].detach().numpy().copy() for name, part in state.items() if "ax" in part}


def torch_averaged(call, hyper, lr):
    """The averages that AveragedModel keeps beside SGD."""
    torch = import_peer("torch")
    parameters = torch_parameters(torch, call)
    model = torch.nn.ParameterDict(parameters)
    averaged = build(call, hyper, torch=torch, model=model)
    update = lambda: averaged.update_parameters(model)  # noqa: E731
    steps = torch_steps(torch, torch.optim.SGD(model.parameters(), lr=lr), parameters, after=update)
    return [{name: averaged.module[name].detach().numpy().copy() for name in parameters} for _ in steps]


def sharpness_aware(call, hyper, lr):
    """Optimizers that call for a second gradient; LookSAM measures tensor by tensor and is given one."""
    torch, library = import_peer("torch"), import_peer("pytorch_optimizer")
    parameters = torch_parameters(torch, call)
    optimizer = build(call, hyper, params=list(parameters.values()), torch=torch, pytorch_optimizer=library)
    return list(torch_steps(torch, optimizer, parameters, closure=adversarial.sloped))


def torch_lbfgs(call, hyper, lr):
    """L-BFGS on a quadratic: pairs make no sense under gradients that do not belong to one function."""
    torch = import_peer("torch")
    parameters = torch_parameters(torch, call)
    optimizer = build(call, hyper, params=list(parameters.values()), torch=torch)
    return list(torch_steps(torch, optimizer, parameters, closure=lambda theta, _: adversarial.valley(theta)))


def grokfast(call, hyper, lr):
    """Filters that change the gradients before the optimizer sees them, and hand their memory to the next call."""
    torch, library = import_peer("torch"), import_peer("pytorch_optimizer")
    parameters = torch_parameters(torch, call)
    model, memory = torch.nn.ParameterDict(parameters), [None]

    def filtered():
        word = call.replace("(model", "(model, grads=grads")
        memory[0] = build(word, {**hyper, "grads": memory[0]}, model=model, pytorch_optimizer=library)

    return list(torch_steps(torch, torch.optim.SGD(model.parameters(), lr=lr), parameters, before=filtered))


# optax


def falling(lr, k=1):
    """A schedule of the number of steps done; with accumulation one step is k calls."""
    import jax.numpy as jnp

    return lambda count: jnp.where((count + 1) * k < CHANGE, lr, FACTOR * lr)


def optax_walk(call, hyper, lr):
    import_peer("jax").config.update("jax_enable_x64", True)
    optax = import_peer("optax")
    import_peer("optax.contrib")
    import jax.numpy as jnp

    if constructor(call) not in ("optax.rprop", "optax.sm3", "optax.polyak_sgd"):  # these want a number
        hyper = {**hyper, "lr": falling(lr, hyper.get("k", 1) if "MultiSteps" in call else 1)}
    optimizer = build(call, hyper, optax=optax, jax=import_peer("jax"))
    tree = lambda arrays: {name: jnp.asarray(x) for name, x in arrays.items()}  # noqa: E731
    parameters, path = tree(start(call)), []
    paired = constructor(call) == "optax.lookahead"
    if paired:
        parameters = optax.LookaheadParams.init_synced(parameters)
    state = optimizer.init(parameters)
    for g in adversarial.gradients():
        extra, g = {}, {name: g[name] for name in parameters.fast} if paired else {name: g[name] for name in parameters}
        if constructor(call) == "optax.polyak_sgd":
            extra["value"] = adversarial.height({name: np.asarray(x) for name, x in parameters.items()})
        if constructor(call) == "optax.lbfgs":
            g = adversarial.valley({name: np.asarray(x) for name, x in parameters.items()})
        if constructor(call) == "optax.contrib.sam":
            extra["grad_fn"] = lambda theta, _, g=g: tree(adversarial.sloped(theta, g))
            g = adversarial.sloped(parameters, g)
        updates, state = optimizer.update(tree(g), state, parameters, **extra)
        parameters = optax.apply_updates(parameters, updates)
        path.append({name: np.asarray(x) for name, x in (parameters.fast if paired else parameters).items()})
    return path


def optax_noise():
    """What optax.noisy_sgd adds: the draws of JAX for the key that the entry of the table names, one vector a step."""
    jax, optax = import_peer("jax"), import_peer("optax")
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp

    key, draws = jax.random.key(0), []
    like = {name: jnp.asarray(x) for name, x in adversarial.start().items()}
    for _ in range(adversarial.STEPS):
        key, fresh = jax.random.split(key)
        tree = optax.tree.random_like(fresh, like, sampler=jax.random.normal)
        draws.append(np.concatenate([np.ravel(tree[name]) for name in like]))
    return lambda theta, seed, t: draws[t - 1]


# keras


def keras_walk(call, hyper, lr):
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import_peer("jax").config.update("jax_enable_x64", True)
    keras = import_peer("keras")
    keras.config.set_floatx("float64")
    variables = {name: keras.Variable(x, dtype="float64", name=name) for name, x in adversarial.start().items()}
    optimizer = build(call, hyper, keras=keras)
    path = []
    for t, g in enumerate(adversarial.gradients(), 1):
        if t == CHANGE:
            optimizer.learning_rate = FACTOR * lr
        gradients = [keras.ops.convert_to_tensor(g[name], dtype="float64") for name in variables]
        optimizer.apply(gradients, list(variables.values()))
        shown = optimizer._model_variables_moving_average if "use_ema" in call else variables.values()
        path.append({name: np.array(x.value) for name, x in zip(variables, shown, strict=True)})
    return path


# the others


def sklearn_walk(call, hyper, lr):
    sklearn = import_peer("sklearn")
    import_peer("sklearn.neural_network._stochastic_optimizers")
    parameters = adversarial.start()
    optimizer = build(call, hyper, sklearn=sklearn, params=list(parameters.values()))
    path = []
    for t, g in enumerate(adversarial.gradients(), 1):
        if t == CHANGE:
            optimizer.learning_rate_init = optimizer.learning_rate = FACTOR * lr
        optimizer.update_params(list(parameters.values()), [g[name] for name in parameters])
        path.append({name: x.copy() for name, x in parameters.items()})
    return path


def onnx_walk(call, hyper, lr):
    """One operator a step, with the counter T from 1; R, the learning rate, is an input of the operator."""
    onnx = import_peer("onnx")
    import_peer("onnx.reference")
    kind = constructor(call).rpartition(".")[2]
    moments = {"Adagrad": 1, "Momentum": 1, "Adam": 2}[kind]
    attributes = build("dict" + call[call.index("(") :], hyper, dict=dict)
    rate = attributes.pop("R", lr)
    state = {name: [x, *[np.zeros_like(x)] * moments] for name, x in adversarial.start().items()}
    inputs = ["R", "T", "X", "G", *[f"V{i}" for i in range(moments)]]
    outputs = ["Y", *[f"W{i}" for i in range(moments)]]
    node = onnx.helper.make_node(kind, inputs, outputs, domain="ai.onnx.preview.training", **attributes)
    infos = lambda names: [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.DOUBLE, None) for n in names]  # noqa: E731
    graph = onnx.helper.make_graph([node], "step", infos(inputs), infos(outputs))
    versions = [onnx.helper.make_opsetid("ai.onnx.preview.training", 1), onnx.helper.make_opsetid("", 20)]
    session = onnx.reference.ReferenceEvaluator(onnx.helper.make_model(graph, opset_imports=versions))
    path = []
    for t, g in enumerate(adversarial.gradients(), 1):
        R = np.asarray(rate * (FACTOR if t >= CHANGE else 1.0))
        for name, (x, *moment) in state.items():
            T = np.asarray(t if kind == "Adam" else t - 1, dtype=np.int64)
            state[name] = [
                np.asarray(y) for y in session.run(None, dict(zip(inputs, (R, T, x, g[name], *moment), strict=True)))
            ]
        path.append({name: values[0].copy() for name, values in state.items()})
    return path


def tinygrad_walk(call, hyper, lr):
    os.environ.setdefault("DEV", "PYTHON")
    os.environ.setdefault("OPTIM_DTYPE", "float64")
    tinygrad = import_peer("tinygrad")
    import_peer("tinygrad.nn.optim")
    tensor = lambda x: tinygrad.Tensor(x, dtype=tinygrad.dtypes.float64)  # noqa: E731
    parameters = {name: tensor(np.atleast_1d(x)).is_param_(True) for name, x in adversarial.start().items()}
    optimizer = build(call, hyper, tinygrad=tinygrad, params=list(parameters.values()))
    path = []
    with tinygrad.helpers.Context(TRAINING=1):
        for t, g in enumerate(adversarial.gradients(), 1):
            if t == CHANGE:
                optimizer.lr.assign(tinygrad.Tensor([FACTOR * lr], dtype=optimizer.lr.dtype)).realize()
            for name, parameter in parameters.items():
                parameter.grad = tensor(np.atleast_1d(g[name]))
            optimizer.step()
            path.append({name: x.numpy().reshape(g[name].shape) for name, x in parameters.items()})
    return path


def braintools_walk(call, hyper, lr):
    import_peer("jax").config.update("jax_enable_x64", True)
    braintools, brainstate = import_peer("braintools"), import_peer("brainstate")
    import jax.numpy as jnp

    brainstate.environ.set(precision=64)
    parameters = {name: brainstate.ParamState(jnp.asarray(x)) for name, x in start(call).items()}
    optimizer = build(call, hyper, braintools=braintools)
    optimizer.register_trainable_weights(parameters)
    path = []
    for t, g in enumerate(adversarial.gradients(), 1):
        if t == CHANGE:
            optimizer.current_lr = FACTOR * lr
        if "LBFGS" in call:
            g = adversarial.valley({name: np.asarray(x.value) for name, x in parameters.items()})
        optimizer.update({name: jnp.asarray(g[name]) for name in parameters})
        path.append({name: np.asarray(x.value) for name, x in parameters.items()})
    return path


def tfjs_walk(call, hyper, lr):
    """What tfjs/make.py got from TensorFlow.js: no node is needed here."""
    for case in tfjs_cases():
        if case["call"] == call and case["hyper"] == hyper:
            return [{name: np.asarray(x, dtype=np.float32).astype(float) for name, x in step.items()} for step in case["walk"]]
    raise ValueError(f"tfjs/walks.json has no {call} with {hyper}")


def tfjs_cases():
    """The recorded walks: rule, variant, call, hyper-parameters, parameters after every step (null is NaN)."""
    return json.loads((Path(__file__).parent / "tfjs" / "walks.json").read_text())["cases"]


WALKS = {
    "braintools": braintools_walk,
    "keras": keras_walk,
    "onnx": onnx_walk,
    "optax": optax_walk,
    "pytorch_optimizer": torch_walk("pytorch_optimizer"),
    "sklearn": sklearn_walk,
    "tfjs": tfjs_walk,
    "timm": torch_walk("timm"),
    "tinygrad": tinygrad_walk,
    "torch": torch_walk("torch"),
    "torch_optimizer": torch_walk("torch_optimizer"),
    "transformers": torch_walk("transformers"),
}
SPECIAL = {  # by what is called
    "torch.optim.swa_utils.AveragedModel": torch_averaged,
    "torch.optim.LBFGS": torch_lbfgs,
    "pytorch_optimizer.SAM": sharpness_aware,
    "pytorch_optimizer.LookSAM": sharpness_aware,
    "pytorch_optimizer.optimizer.grokfast.gradfilter_ema": grokfast,
    "pytorch_optimizer.optimizer.grokfast.gradfilter_ma": grokfast,
}


def walk(framework, call, hyper, lr):
    """The path of the real library."""
    return SPECIAL.get(constructor(call), WALKS[framework])(call, hyper, lr)
