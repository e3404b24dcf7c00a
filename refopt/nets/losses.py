"""Losses: a number from outputs z and targets y, and ∂loss/∂z.

``loss, kept = forward(z, y)``, then ``dz = backward(kept)``, which may overwrite what was kept. ``checked(y, z)`` refuses
targets that the loss cannot take. Every mean is over all entries of z, but for classes, where it is over the examples.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt import numbers
from refopt.nets.activations import sigmoid
from refopt.nets.constants import ones, scalar, smoothed
from refopt.recurrence import nearest

__all__ = ["LOSSES", "MAE", "MSE", "BinaryCrossEntropy", "Hinge", "Huber", "Loss", "SoftmaxCrossEntropy", "loss_called"]


LABELS = np.dtype(np.int64)
UNSIGNED = {1: np.uint8, 2: np.uint16, 4: np.uint32, 8: np.uint64}


class Loss:
    """What losses share. `task` says what the outputs are: classes or numbers."""

    task = "regression"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in vars(self).items())})"

    def checked(self, y: Any, shape: tuple[int, ...], look: bool = False) -> Any:
        """The targets: floating-point numbers of the shape of the outputs.

        What values they have is looked at on the host, and on a device, which would have to be waited for, with `look` only.
        """
        if getattr(y, "shape", None) != shape or y.dtype.kind not in "fcO":
            raise ValueError(f"targets must be floating-point numbers of the outputs' shape {shape}, got {described(y)}")
        if not shape[0]:
            raise ValueError("a batch must hold at least one example")
        return y

    def predict(self, z: Any) -> Any:
        """What the outputs say: the numbers themselves."""
        return z.copy()

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """The loss, and what `backward` needs."""
        raise NotImplementedError

    def backward(self, kept: Any) -> Any:
        """∂loss/∂z."""
        raise NotImplementedError


class Classes(Loss):
    """Losses whose targets are labels: whole numbers y (n,) below the number of outputs."""

    task = "classification"

    def checked(self, y: Any, shape: tuple[int, ...], look: bool = False) -> Any:
        """The labels, each below the number of classes."""
        batch, classes = shape
        if type(y) is np.ndarray and y.dtype is LABELS and y.shape == (batch,) and batch:  # the everyday case
            unsigned = y.view(np.uint64)  # a negative label is a huge one
            if unsigned[unsigned.argmax()] < classes:
                return y
        if getattr(y, "shape", None) != shape[:1] or y.dtype.kind not in "iu":
            raise ValueError(f"labels must be whole numbers of shape ({batch},), one an example, got {described(y)}")
        if not batch:
            raise ValueError("a batch must hold at least one example")
        if not (look or numbers.on_host(y)):
            return y
        if not y.dtype.isnative:
            y = y.astype(np.intp)
        unsigned = y.view(UNSIGNED[y.itemsize])
        if unsigned[unsigned.argmax()] >= classes:
            raise ValueError(f"labels must be from 0 to {classes - 1}, got {y.min()} to {y.max()}")
        return y

    def predict(self, z: Any) -> Any:
        """The most likely class of each example, (n,)."""
        return z.argmax(axis=1)


class SoftmaxCrossEntropy(Classes):
    """The mean over the examples of −Σ_j q_j log softmax(z)_j, q the one-hot vector of the label, or with label smoothing
    q = (1 − s)·one-hot + s/classes (Szegedy et al. 2015, arXiv:1512.00567, section 7).

    Backward: for one example, loss = log Σ_j exp z_j − Σ_j q_j z_j because the q_j add up to 1, so ∂loss/∂z_j =
    softmax(z)_j − q_j; the mean divides by the batch. Subtracting the example's largest logit changes nothing in exact
    arithmetic and keeps exp from overflowing.

    The classes stand first in memory: NumPy reduces along the first axis whole rows at a time, three times as fast as along
    the last one when there are only a few classes.
    """

    def __init__(self, smoothing: float = 0.0) -> None:
        if not 0 <= smoothing < 1:
            raise ValueError(f"smoothing must be in [0, 1), got {smoothing!r}")
        self.smoothing = smoothing

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """z (n, classes), y (n,)."""
        batch, classes = z.shape
        q = smoothed(classes, self.smoothing, z.dtype, z.__class__).take(y, axis=1)  # (classes, n)
        shifted = z.T.copy()
        shifted -= numbers.highest(shifted)
        e = np.exp(shifted)
        total = ones(classes, z.dtype, z.__class__).dot(e)  # (n,)
        loss = (ones(batch, z.dtype, z.__class__).dot(np.log(total)) - np.vdot(q, shifted)) / batch
        return loss, (e, total, q)

    def backward(self, kept: Any) -> Any:
        """(softmax − q)/batch."""
        e, total, q = kept
        e /= total
        e -= q
        e /= scalar(len(total), e.dtype, e.__class__)
        return e.T


class Hinge(Classes):
    """The mean over examples and classes of max(0, margin − z_label + z_j), j any other class: torch.nn.MultiMarginLoss.

    Backward: each j that is too close gets 1, the label minus their number, over n·classes; at the kink 0.
    """

    def __init__(self, margin: float = 1.0) -> None:
        if not margin > 0:
            raise ValueError(f"margin must be positive, got {margin!r}")
        self.margin = margin

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """z (n, classes), y (n,)."""
        rows = np.arange(len(y), like=y)
        short = self.margin - z[rows, y][:, None] + z  # (n, classes)
        short[rows, y] = 0
        close = numbers.real(short) > 0
        return np.sum(short * close) / z.size, (close, y, z.dtype)

    def backward(self, kept: Any) -> Any:
        """(close − their number at the label)/(n·classes)."""
        close, y, dtype = kept
        dz = close.astype(dtype)
        dz[np.arange(len(y), like=y), y] = -np.sum(dz, axis=1)
        return dz / dz.size


class MSE(Loss):
    """mean (z − y)². Backward: 2(z − y)/count."""

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """z and y of one shape."""
        d = z - y
        return np.sum(d * d) / d.size, d

    def backward(self, kept: Any) -> Any:
        """2d/count."""
        return 2 * kept / kept.size


class MAE(Loss):
    """mean |z − y|. Backward: sign(z − y)/count, 0 where they are equal."""

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """z and y of one shape."""
        d = z - y
        sign = (numbers.real(d) > 0).astype(d.dtype) - (numbers.real(d) < 0)
        return np.sum(d * sign) / d.size, sign

    def backward(self, kept: Any) -> Any:
        """sign/count."""
        return kept / kept.size


class Huber(Loss):
    """mean h(z − y), h(d) = d²/2 up to |d| = delta, and beyond it the straight line that goes on from there (Huber 1964).

    With c = d clipped to ±delta both are c (d − c/2), and the slope is c.
    """

    def __init__(self, delta: float = 1.0) -> None:
        if not delta > 0:
            raise ValueError(f"delta must be positive, got {delta!r}")
        self.delta = delta

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """z and y of one shape."""
        d = z - y
        c = numbers.clipped(d, -self.delta, self.delta)
        return np.sum(c * (d - c / 2)) / d.size, c

    def backward(self, kept: Any) -> Any:
        """c/count."""
        return kept / kept.size


class BinaryCrossEntropy(Loss):
    """mean −(y log σ(z) + (1 − y) log(1 − σ(z))), from logits z and targets y from 0 to 1 of the same shape.

    Written as max(z, 0) − z y + log(1 + e^−|z|), which neither overflows nor loses small losses. Backward: (σ(z) − y)/count.
    """

    def checked(self, y: Any, shape: tuple[int, ...], look: bool = False) -> Any:
        """Numbers from 0 to 1."""
        y = super().checked(y, shape)
        if (look or numbers.on_host(y)) and y.dtype.kind == "f" and not ((y >= 0) & (y <= 1)).all():
            raise ValueError("targets of binary cross-entropy must lie from 0 to 1")
        return y

    def predict(self, z: Any) -> Any:
        """1 where the logit is positive, else 0."""
        return (z > 0).astype(z.dtype)

    def forward(self, z: Any, y: Any) -> tuple[Any, Any]:
        """z and y of one shape."""
        positive = numbers.real(z) > 0
        away = np.where(positive, -z, z)  # −|z|
        return np.sum(np.where(positive, z, 0) - z * y + np.log1p(np.exp(away))) / z.size, (z, y)

    def backward(self, kept: Any) -> Any:
        """(σ(z) − y)/count."""
        z, y = kept
        return (sigmoid(z) - y) / z.size


LOSSES = {
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "hinge": Hinge,
    "mse": MSE,
    "mae": MAE,
    "huber": Huber,
    "binary_cross_entropy": BinaryCrossEntropy,
}


def loss_called(name: str | Loss) -> Loss:
    """The loss called `name`, or the given one. ValueError if there is none."""
    if isinstance(name, Loss):
        return name
    if name not in LOSSES:
        raise ValueError(f"unknown loss {name!r}{nearest(name, LOSSES)}")
    return LOSSES[name]()


def described(y: Any) -> str:
    """The dtype and shape of what came instead."""
    return f"{y.dtype} {y.shape}" if hasattr(y, "shape") and hasattr(y, "dtype") else type(y).__name__
