"""Directions in the space of theta: random ones, scaled to the weights that they move (Li et al. 2018, arXiv:1712.09913).

A ReLU network computes the same when one layer is multiplied by 10 and the next divided by it, but a step of one length then
means ten times less for the one and ten times more for the other. So a random direction says nothing about flat or sharp before
it is measured in the length of the weights: *filter* normalisation gives each filter of the direction the Euclidean norm of the
filter of theta that it moves (section 4). A filter is what makes one output: in refopt's memory the entries of W with one last
index, be it a column of a linear layer or a channel of a convolution; of an embedding it is one token's row. Biases, gains and
shifts, all that are vectors, do not move: the directions are zero there, as in the pictures of the paper.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.landscape.objective import as_theta, whole
from refopt.nets import Embedding, Positions
from refopt.recurrence import nearest

__all__ = ["NORMALISE", "normalised", "random_directions"]

NORMALISE = {
    "filter": "each filter has the norm of theta's filter; vectors (biases, gains, shifts) are zero",
    "layer": "each weight tensor has the norm of theta's tensor; vectors are zero",
    "none": "as drawn",
}


def random_directions(
    theta: Any, net: Any = None, *, count: int = 2, normalise: str | None = None, seed: int = 0
) -> np.ndarray:
    """`count` directions (count, n) of independent standard normal numbers, normalised as `normalised` does.

    `normalise` is "filter" (the default with a net), "layer" or "none" (the default without). Two such directions are not quite
    orthogonal: their cosine is about 1/√n.

    >>> net = refopt.nets.MLP([4, 3, 2])
    >>> theta = net.init(0)
    >>> d = net.views(random_directions(theta, net)[0])
    >>> np.linalg.norm(d["W1"], axis=0) / np.linalg.norm(net.views(theta)["W1"], axis=0), d["b1"]
    (array([1., 1., 1.]), array([0., 0., 0.]))
    """
    theta = as_theta(theta)
    how = ("none" if net is None else "filter") if normalise is None else normalise
    rng = np.random.default_rng(seed)
    return np.stack([normalised(rng.normal(size=theta.size), theta, net, how) for _ in range(whole(count, "count"))])


def normalised(direction: Any, theta: Any, net: Any = None, normalise: str = "filter") -> np.ndarray:
    """`direction` (n,) scaled to theta (n,), a new vector: "filter" or "layer" wise, or "none", which changes nothing.

    Without a net theta is one vector without filters; "layer" then scales it as a whole.

    Raises ValueError for another word, for vectors that do not fit the net, and for "filter" without a net.
    """
    if normalise not in NORMALISE:
        raise ValueError(f"unknown normalise {normalise!r}{nearest(normalise, NORMALISE)}")
    theta = as_theta(theta, None if net is None else net.size)
    d = as_theta(direction, theta.size, "direction").copy()
    if normalise == "none":
        return d
    if net is None:
        if normalise == "filter":
            raise ValueError("a function of a plain vector has no filters: normalise='layer' or 'none', or give the net")
        drawn = np.linalg.norm(d)
        return d * (np.linalg.norm(theta) / drawn) if drawn else d
    own, of_theta = net.views(d), net.views(theta)
    for name, axis in _filter_axes(net).items():
        part, w = own[name], of_theta[name]  # a view: writing into it changes d
        if axis is None:
            part[...] = 0
            continue
        others = tuple(i for i in range(w.ndim) if i != axis) if normalise == "filter" else None
        wanted, drawn = (np.sqrt(np.square(tensor).sum(axis=others, keepdims=True)) for tensor in (w, part))
        part *= np.divide(wanted, drawn, out=np.zeros_like(wanted), where=drawn > 0)
    return d


def _filter_axes(net: Any) -> dict[str, int | None]:
    """For each tensor by name the axis whose index numbers its filters; None for vectors."""
    layers = net.layers.all_layers() if hasattr(net, "layers") else ()
    rows = [isinstance(layer, (Embedding, Positions)) for layer in layers for _ in layer.shapes]
    rows = rows or [False] * len(net.views.places)
    axes = {}
    for (name, _, _, shape), by_rows in zip(net.views.places, rows, strict=True):
        axes[name] = None if len(shape) < 2 else 0 if by_rows else len(shape) - 1
    return axes
