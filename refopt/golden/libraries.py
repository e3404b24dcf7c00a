"""Subjects from libraries: ``library("torch:AdamW")`` is what `check` takes, for every call in the framework tables.

Each library is driven as its users do, in float64. What it does not have (a hyper-parameter, a state to begin with) makes a
vector be skipped, and said so.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import sys
from collections.abc import Callable
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from refopt.frameworks import FRAMEWORKS, Reading
from refopt.golden.check import CannotDo
from refopt.recurrence import Rule, nearest

__all__ = ["DRIVEN", "library"]

DRIVEN = (
    "braintools", "keras", "onnx", "optax", "pytorch_optimizer", "sklearn", "timm", "tinygrad", "torch", "torch_optimizer",
    "transformers",
)  # fmt: skip
# What needs more than gradients, draws noise, or keeps what it is for where no step shows it.
LEFT_OUT = (
    "LBFGS",
    "lbfgs",
    "polyak_sgd",
    "noisy_sgd",
    "SAM",
    "sam",
    "LookSAM",
    "gradfilter_ema",
    "gradfilter_ma",
    "AveragedModel",
)


def library(name: str) -> tuple[str, str, Callable[..., Any]]:
    """What "torch:AdamW" stands for: (library, rule, make). The part after the colon is a class or function, or an entry.

    ValueError for a library or a class that is not known here, ImportError where it is not installed.
    """
    framework, _, word = name.partition(":")
    if framework not in DRIVEN:
        raise ValueError(f"unknown library {framework!r}{nearest(framework, DRIVEN)}")
    table = FRAMEWORKS[framework]
    calls = {entry: reading.call.partition("(")[0].rpartition(".")[2] for entry, reading in table.items()}
    found = [entry for entry, function in calls.items() if word in (entry, function)]
    if not found:
        raise ValueError(f"{framework} has no {word!r} here{nearest(word, dict.fromkeys(calls.values()))}")
    entry = word if word in table else min(found, key=len)
    reading = table[entry]
    kind = _OptaxLookahead if (framework, entry) == ("optax", "lookahead") else _KINDS.get(framework, _Torch)
    if reading.call.partition("(")[0].rpartition(".")[2] in LEFT_OUT:
        raise ValueError(f"{name} is driven by its tests only: it needs a function, draws noise, or shows nothing after a step")
    module = _module(framework)
    return framework, entry.partition(" ")[0], lambda **hyper: kind(module, reading, hyper)


def _module(framework: str) -> Any:
    """The library, set up for float64."""
    if framework in ("keras", "optax", "braintools"):
        os.environ.setdefault("KERAS_BACKEND", "jax")
    if framework == "tinygrad":
        os.environ.setdefault("DEV", "PYTHON")  # no compiler is needed
        os.environ.setdefault("OPTIM_DTYPE", "float64")
    if framework in ("optax", "braintools"):
        import_module("jax").config.update("jax_enable_x64", True)
    return timm_optim() if framework == "timm" else import_module(framework)


@cache
def timm_optim() -> Any:
    """timm.optim without the rest of timm, which wants torchvision. Nobody else gets to see that."""
    if "timm" not in sys.modules:
        found = importlib.util.find_spec("timm")
        if found is None or found.submodule_search_locations is None:
            return import_module("timm")  # its error
        timm, models = ModuleType("timm"), ModuleType("timm.models")
        timm.__path__ = list(found.submodule_search_locations)
        models.group_parameters = None  # type: ignore[attr-defined]
        timm.__version__ = importlib.metadata.version("timm")  # type: ignore[attr-defined]
        sys.modules |= {"timm": timm, "timm.models": models}
        try:
            timm.optim = import_module("timm.optim")  # type: ignore[attr-defined]
        finally:
            for name in [name for name in sys.modules if name.partition(".")[0] == "timm"]:
                del sys.modules[name]
        return timm
    return sys.modules["timm"]


class _Library:
    """What they have in common: the call of the table with the words of a vector."""

    def __init__(self, module: Any, reading: Reading, hyper: dict[str, Any]) -> None:
        self.module, self.reading = module, reading
        own = _hyper(reading.rule)
        for word, value in hyper.items():
            if word not in reading.words and word in own and own[word] != value:
                raise CannotDo(f"it takes no {word}")
        self.words = {word: hyper.get(word, own.get(word, 0.0)) for word in reading.words}

    def build(self, **given: Any) -> Any:
        call, names = self.reading.call, {self.module.__name__: self.module, **given}
        try:
            return eval(call, names, self.words)  # the call is a line of our own tables
        except ValueError as error:
            raise CannotDo(f"it refuses these hyper-parameters: {error}") from None

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.words["lr"] = lr


def _hyper(rule: Rule) -> dict[str, Any]:
    return {**(_hyper(rule.inner) if rule.inner is not None else {}), **rule.hyper}


class _Torch(_Library):
    def init(self, params: list[Any]) -> None:
        torch = import_module("torch")
        self.torch = torch
        self.parameters = [torch.nn.Parameter(torch.tensor(x, dtype=torch.float64)) for x in params]
        before = torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)  # NAdam's product of momenta has it, whatever the dtype of the parameters
        try:
            model = torch.nn.ParameterList(self.parameters)
            self.optimizer = self.build(params=self.parameters, model=model, torch=torch)
        finally:
            torch.set_default_dtype(before)

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        for group in self.optimizer.param_groups:
            group["lr"] = lr

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        before = self.torch.get_default_dtype()
        self.torch.set_default_dtype(self.torch.float64)
        try:
            with self.torch.no_grad():
                for parameter, x, g in zip(self.parameters, params, grads, strict=True):
                    parameter.copy_(self.torch.tensor(x))
                    parameter.grad = None if g is None else self.torch.tensor(g, dtype=self.torch.float64)
            self.optimizer.step()
        finally:
            self.torch.set_default_dtype(before)
        return [parameter.detach().numpy().copy() for parameter in self.parameters]


class _Optax(_Library):
    def init(self, params: list[Any]) -> None:
        import_module("optax.contrib")
        self.jnp = import_module("jax.numpy")
        self.state = self.build(jax=import_module("jax")).init(self._tree(params))

    def _tree(self, arrays: list[Any]) -> list[Any]:
        return [self.jnp.array(x, dtype="float64", copy=True) for x in arrays]  # JAX would share the caller's memory

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        _demand_all(grads)
        optimizer = self.build(jax=import_module("jax"))  # the learning rate is an argument of the call, not of the state
        parameters = self._tree(params)
        updates, self.state = optimizer.update(self._tree(grads), self.state, parameters)
        return [np.array(x) for x in self.module.apply_updates(parameters, updates)]


class _OptaxLookahead(_Optax):
    """optax.lookahead works on pairs of fast and slow parameters."""

    def init(self, params: list[Any]) -> None:
        import_module("optax.contrib")
        self.jnp = import_module("jax.numpy")
        self.pair = self.module.LookaheadParams.init_synced(self._tree(params))
        self.state = self.build(jax=import_module("jax")).init(self.pair)

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        _demand_all(grads)
        self.pair = self.module.LookaheadParams(self._tree(params), self.pair.slow)
        updates, self.state = self.build(jax=import_module("jax")).update(self._tree(grads), self.state, self.pair)
        self.pair = self.module.apply_updates(self.pair, updates)
        return [np.array(x) for x in self.pair.fast]


class _Braintools(_Library):
    def init(self, params: list[Any]) -> None:
        self.jnp, brainstate = import_module("jax.numpy"), import_module("brainstate")
        brainstate.environ.set(precision=64)
        self.parameters = {str(i): brainstate.ParamState(self.jnp.array(x, copy=True)) for i, x in enumerate(params)}
        self.optimizer = self.build()
        self.optimizer.register_trainable_weights(self.parameters)

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.optimizer.current_lr = lr

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        _demand_all(grads)
        for parameter, x in zip(self.parameters.values(), params, strict=True):
            parameter.value = self.jnp.array(x, copy=True)
        self.optimizer.update({str(i): self.jnp.array(g, copy=True) for i, g in enumerate(grads)})
        return [np.array(x.value) for x in self.parameters.values()]


class _Keras(_Library):
    def init(self, params: list[Any]) -> None:
        if self.module.backend.backend() == "jax":
            import_module("jax").config.update("jax_enable_x64", True)
        self.module.config.set_floatx("float64")
        self.variables = [self.module.Variable(x, dtype="float64") for x in params]
        self.optimizer = self.build()

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.optimizer.learning_rate = lr

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        for variable, x in zip(self.variables, params, strict=True):
            variable.assign(x)
        gradients = [None if g is None else self.module.ops.convert_to_tensor(g, dtype="float64") for g in grads]
        self.optimizer.apply(gradients, self.variables)
        return [np.array(self.module.ops.convert_to_numpy(x)) for x in self.variables]

    def results(self) -> dict[str, Any]:
        """The average, where the optimizer keeps one."""
        if not self.optimizer.use_ema:
            return {}
        return {"average": [np.array(x.value) for x in self.optimizer._model_variables_moving_average]}


class _Sklearn(_Library):
    def init(self, params: list[Any]) -> None:
        import_module("sklearn.neural_network._stochastic_optimizers")
        self.params = [np.array(x) for x in params]
        self.optimizer = self.build(params=self.params)

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.optimizer.learning_rate_init = self.optimizer.learning_rate = lr

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        _demand_all(grads)
        moved = [np.array(x) for x in params]
        self.optimizer.update_params(moved, grads)
        return moved


class _Onnx(_Library):
    """One operator a step and tensor, on the reference evaluator. T counts from 1 for Adam, from 0 for the others."""

    def init(self, params: list[Any]) -> None:
        import_module("onnx.reference")
        self.kind = self.reading.call.partition("(")[0].rpartition(".")[2]
        count = 2 if self.kind == "Adam" else 1
        call = "dict" + self.reading.call[self.reading.call.index("(") :]
        attributes = eval(call, {"dict": dict}, self.words)  # the call is a line of our own tables
        self.rate, self.t = attributes.pop("R", self.words.get("lr", 0.0)), 0
        self.moments = [[np.zeros_like(x)] * count for x in params]
        helper, double = self.module.helper, self.module.TensorProto.DOUBLE
        self.inputs = ["R", "T", "X", "G", *(f"V{i}" for i in range(count))]
        outputs = ["Y", *(f"W{i}" for i in range(count))]
        node = helper.make_node(self.kind, self.inputs, outputs, domain="ai.onnx.preview.training", **attributes)
        given, made = ([helper.make_tensor_value_info(x, double, None) for x in names] for names in (self.inputs, outputs))
        versions = [helper.make_opsetid("ai.onnx.preview.training", 1), helper.make_opsetid("", 20)]
        model = helper.make_model(helper.make_graph([node], "step", given, made), opset_imports=versions)
        self.session = self.module.reference.ReferenceEvaluator(model)

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.rate = lr

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        _demand_all(grads)
        self.t += 1
        counted, moved = np.asarray(self.t if self.kind == "Adam" else self.t - 1, dtype=np.int64), []
        for i, (x, g) in enumerate(zip(params, grads, strict=True)):
            values = np.asarray(self.rate), counted, np.array(x), np.array(g), *self.moments[i]
            new, *self.moments[i] = map(np.asarray, self.session.run(None, dict(zip(self.inputs, values, strict=True))))
            moved.append(new)
        return moved


class _Tinygrad(_Library):
    def init(self, params: list[Any]) -> None:
        import_module("tinygrad.nn.optim")
        self.parameters = [self._tensor(x).is_param_(True) for x in params]
        self.optimizer = self.build(params=self.parameters)

    def _tensor(self, x: Any) -> Any:
        return self.module.Tensor(np.atleast_1d(x).copy(), dtype=self.module.dtypes.float64)

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.optimizer.lr.assign(self.module.Tensor([lr], dtype=self.optimizer.lr.dtype)).realize()

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        _demand_all(grads)
        with self.module.helpers.Context(TRAINING=1):
            for parameter, x, g in zip(self.parameters, params, grads, strict=True):
                parameter.assign(self._tensor(x)).realize()
                parameter.grad = self._tensor(g)
            self.optimizer.step()
        return [np.array(x.numpy()).reshape(np.shape(y)) for x, y in zip(self.parameters, params, strict=True)]


def _demand_all(grads: list[Any]) -> None:
    if any(g is None for g in grads):
        raise CannotDo("every tensor must have a gradient")


_KINDS = {
    "braintools": _Braintools, "keras": _Keras, "onnx": _Onnx, "optax": _Optax, "sklearn": _Sklearn, "tinygrad": _Tinygrad,
}  # fmt: skip
