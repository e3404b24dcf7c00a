"""An experiment: what weight decay does where batch normalisation follows.

Behind a batch normalisation the scale of the weights w of a unit makes no difference: loss(a·w) = loss(w), and so ∇loss(a·w) =
∇loss(w)/a. A step of gradient descent turns w by the angle lr·‖∇loss(w)‖/‖w‖, which goes with lr/‖w‖²: the *effective learning
rate* (van Laarhoven 2017, arXiv:1706.05350, section 3). Weight decay therefore regularises nothing there; it keeps ‖w‖ small
and with it the effective rate large. Without it the norm can only grow, because the gradient stands at right angles to w. With
it growth and decay come to a balance, in which every step turns w by about √(2·lr·λ), whatever the loss and the start (Wan et
al. 2020, arXiv:2006.08419, theorem 1).

>>> net = refopt.nets.MLP([64, 32, 10], batch_norm=True)
>>> rows = effective_rates(net, refopt.data.digits(), lr=0.1, weight_decay=0.03, epochs=40)
>>> rows[0].norm > 2 * rows[-1].norm, rows[-1].rate > 4 * rows[0].rate
(True, True)
>>> bool(0.8 < rows[-1].angle / np.sqrt(2 * 0.1 * 0.03) < 1.2)
True
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from refopt.data import batches
from refopt.rules.sgd import sgd
from refopt.wrappers.l2 import l2

__all__ = ["EffectiveRate", "effective_rates"]


class EffectiveRate(NamedTuple):
    """An epoch: the units' mean ‖w‖ and mean lr/‖w‖² at its end, and the root mean square of the angles (radians) of its
    steps."""

    epoch: int
    norm: float
    rate: float
    angle: float


def effective_rates(
    net: Any,
    data: Any,
    *,
    lr: float,
    weight_decay: float,
    epochs: int,
    tensor: str = "W1",
    batch_size: int = 32,
    seed: int = 0,
    theta: Any = None,
) -> list[EffectiveRate]:
    """Train by gradient descent with weight decay, and watch the units of one tensor (inputs, units), column by column.

    Returns a row for each epoch, and one (with angle 0) before the first. Angles are measured in float64, in which `theta` is
    trained. ValueError for an unknown tensor.
    """
    shapes = net.views.shapes
    if tensor not in shapes or len(shapes[tensor]) != 2:
        raise ValueError(f"{tensor!r} is no matrix of {net}. Its tensors: {', '.join(shapes)}")
    rule = l2(inner=sgd(lr=lr), weight_decay=weight_decay)
    theta = net.init(seed) if theta is None else theta.astype(np.float64)
    state, x, y = rule.init(theta), data.x_train.astype(np.float64), data.y_train
    rows = [_row(0, net.views(theta)[tensor], lr, [0.0])]
    for epoch in range(1, epochs + 1):
        squares = []
        for batch in batches(len(y), batch_size, seed, epoch):
            before = net.views(theta)[tensor]
            _, g = net.loss_and_grad(theta, x[batch], y[batch])
            theta, state = rule.update(theta, g, state)
            squares.append(np.mean(_angles(before, net.views(theta)[tensor]) ** 2))
        rows.append(_row(epoch, net.views(theta)[tensor], lr, squares))
    return rows


def _row(epoch: int, W: Any, lr: float, squares: list[Any]) -> EffectiveRate:
    norms = np.linalg.norm(W, axis=0)
    return EffectiveRate(epoch, float(norms.mean()), float((lr / norms**2).mean()), float(np.sqrt(np.mean(squares))))


def _angles(a: Any, b: Any) -> Any:
    """Between the columns of two matrices, accurate for small angles: 2·arcsin(‖a/‖a‖ − b/‖b‖‖/2)."""
    return 2 * np.arcsin(np.linalg.norm(a / np.linalg.norm(a, axis=0) - b / np.linalg.norm(b, axis=0), axis=0) / 2)
