"""Subjects from libraries: ``library("torch:AdamW")`` is what `check` takes, for every call in the framework tables.

Each library is driven as its users do, in float64. What it does not have (a hyper-parameter, a state to begin with) makes a
vector be skipped, and said so.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

from refopt.frameworks import FRAMEWORKS, Reading
from refopt.golden.check import CannotDo
from refopt.recurrence import Rule, nearest

__all__ = ["DRIVEN", "library"]

DRIVEN = ("keras", "optax", "pytorch_optimizer", "sklearn", "torch", "torch_optimizer")


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
    kind = {"keras": _Keras, "optax": _Optax, "sklearn": _Sklearn}.get(framework, _Torch)
    if reading.rule.inner is not None or reading.rule.needs or reading.rule.name == "noisy_sgd":
        raise ValueError(f"{name} is driven by its tests only: it wraps another optimizer, needs a function, or draws noise")
    module = import_module(framework)
    return framework, entry.partition(" ")[0], lambda **hyper: kind(module, reading, hyper)


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
        return eval(call, names, self.words)  # the call is a line of our own tables

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
        import_module("jax").config.update("jax_enable_x64", True)
        import_module("optax.contrib")
        self.jnp = import_module("jax.numpy")
        self.state = self.build(jax=import_module("jax")).init(self._tree(params))

    def _tree(self, arrays: list[Any]) -> list[Any]:
        return [self.jnp.array(x, dtype="float64", copy=True) for x in arrays]  # JAX would share the caller's memory

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        optimizer = self.build(jax=import_module("jax"))  # the learning rate is an argument of the call, not of the state
        parameters = self._tree(params)
        updates, self.state = optimizer.update(self._tree(grads), self.state, parameters)
        return [np.array(x) for x in self.module.apply_updates(parameters, updates)]


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


class _Sklearn(_Library):
    def init(self, params: list[Any]) -> None:
        import_module("sklearn.neural_network._stochastic_optimizers")
        self.params = [np.array(x) for x in params]
        self.optimizer = self.build(params=self.params)

    def set_lr(self, lr: float) -> None:
        """The learning rate from the next step on."""
        self.optimizer.learning_rate_init = self.optimizer.learning_rate = lr

    def step(self, params: list[Any], grads: list[Any]) -> list[Any]:
        moved = [np.array(x) for x in params]
        self.optimizer.update_params(moved, grads)
        return moved
