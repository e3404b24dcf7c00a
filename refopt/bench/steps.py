"""One training step (loss, gradient, Adam) in each library, as its users write it.

Each function gets everything ready that a training prepares once, and returns what starts a block: it puts the parameters back
to `theta` and the optimizer to its beginning, and returns the step, which takes the next batch and returns the loss. `theta` is
the flat vector of the case's network in refopt.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from refopt import fast
from refopt.bench.cases import CLASSES, Case
from refopt.catalogue import rule

__all__ = ["jax_step", "refopt_step", "torch_model", "torch_step"]

Batches = list[tuple[np.ndarray, np.ndarray]]
Start = Callable[[], Callable[[], Any]]


def refopt_step(case: Case, theta: np.ndarray, batches: Batches, way: str) -> Start:
    """The gradient into memory that is kept, the update in place, "blocked" or "fused"."""
    net, adam = case.network, rule("adam", framework="torch")

    def start() -> Callable[[], Any]:
        fast.use(way)
        mine, g, order = theta.copy(), np.empty_like(theta), itertools.cycle(batches)
        state = adam.init(mine)

        def step() -> Any:
            x, y = next(order)
            loss, _ = net.loss_and_grad(mine, x, y, out=g)
            adam.update_(mine, g, state)
            return loss

        return step

    return start


def torch_model(case: Case, theta: np.ndarray) -> Any:
    """The network as a torch.nn.Sequential, with the weights of `theta`; it takes images with their channels first.

    The ReLU stands before the maximum, as in PyTorch's tutorials; refopt takes the maximum first, which gives the same numbers.
    """
    import torch
    from torch import nn

    layers: list[Any] = []
    height, width, channels = case.inputs
    for wide in case.channels:
        layers += [nn.Conv2d(channels, wide, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        height, width, channels = height // 2, width // 2, wide
    layers += [nn.Flatten()] if case.channels else []
    units = height * width * channels
    for wide in case.hidden:
        layers += [nn.Linear(units, wide), nn.ReLU()]
        units = wide
    layers.append(nn.Linear(units, CLASSES))

    tensors = iter(case.network.views(theta).values())  # W, b, W, b, …
    flattened = bool(case.channels)
    with torch.no_grad():
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                W = next(tensors).transpose(3, 2, 0, 1)
            elif isinstance(layer, nn.Linear):
                W = next(tensors)
                if flattened:  # its inputs come as (channels, height, width) here, as (height, width, channels) in refopt
                    W = W.reshape(height, width, channels, -1).transpose(2, 0, 1, 3).reshape(W.shape)
                    flattened = False
                W = W.T
            else:
                continue
            layer.weight.copy_(torch.tensor(W))
            layer.bias.copy_(torch.tensor(next(tensors)))
    return nn.Sequential(*layers)


def torch_step(case: Case, theta: np.ndarray, batches: Batches, channels_last: bool = False) -> Start:
    """PyTorch, eager, torch.optim.Adam with its default arguments.

    Its images have the shape (n, channels, height, width), and lie in memory in that order, or with their `channels_last`.
    """
    import torch

    memory = torch.channels_last if channels_last else torch.contiguous_format
    images = [x if x.ndim == 2 else x.transpose(0, 3, 1, 2).copy() for x, _ in batches]  # a plain copy: channels first
    labels = [torch.tensor(y) for _, y in batches]
    tensors = [(torch.tensor(x).contiguous(memory_format=memory), y) for x, y in zip(images, labels, strict=True)]
    criterion = torch.nn.CrossEntropyLoss()

    def start() -> Callable[[], Any]:
        model, order = torch_model(case, theta).to(memory_format=memory), itertools.cycle(tensors)
        optimizer = torch.optim.Adam(model.parameters())

        def step() -> Any:
            x, y = next(order)
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    return start


def jax_step(case: Case, theta: np.ndarray, batches: Batches) -> Start:
    """JAX with optax.adam: the whole step compiled as one program; a perceptron only."""
    import jax
    import jax.numpy as jnp
    import optax

    arrays = [(jnp.asarray(x), jnp.asarray(y)) for x, y in batches]
    names = list(case.network.views.shapes)
    layers = list(zip(names[::2], names[1::2], strict=True))
    optimizer = optax.adam(1e-3)

    def loss_of(params: Any, x: Any, y: Any) -> Any:
        for W, b in layers[:-1]:
            x = jax.nn.relu(x @ params[W] + params[b])
        W, b = layers[-1]
        return optax.softmax_cross_entropy_with_integer_labels(x @ params[W] + params[b], y).mean()

    @jax.jit
    def stepped(params: Any, state: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(params, x, y)
        updates, state = optimizer.update(g, state, params)
        return optax.apply_updates(params, updates), state, loss

    def start() -> Callable[[], Any]:
        params = {name: jnp.array(value) for name, value in case.network.views(theta).items()}
        state, order = optimizer.init(params), itertools.cycle(arrays)

        def step() -> Any:
            nonlocal params, state
            x, y = next(order)
            params, state, loss = jax.block_until_ready(stepped(params, state, x, y))
            return loss

        return step

    return start
