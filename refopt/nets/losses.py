"""Softmax cross-entropy: the mean over the batch of −log softmax(z)[label].

Backward: for one example, loss = log Σ_j exp z_j − z_label, so ∂loss/∂z_j = softmax(z)_j − [j = label]; the mean divides by
the batch. Subtracting the row's largest logit changes nothing in exact arithmetic and keeps exp from overflowing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["softmax_cross_entropy", "softmax_cross_entropy_backward"]


def softmax_cross_entropy(z: Any, y: Any) -> tuple[Any, Any]:
    """Logits z (batch, classes) and labels y (batch,) → mean loss, probabilities (batch, classes)."""
    shifted = z - z.max(axis=1, keepdims=True)
    p = np.exp(shifted)  # (batch, classes)
    total = p.sum(axis=1, keepdims=True)  # (batch, 1)
    rows = np.arange(len(y))
    loss = (np.log(total[:, 0]) - shifted[rows, y]).sum() / len(y)
    p /= total
    return loss, p


def softmax_cross_entropy_backward(p: Any, y: Any) -> Any:
    """∂loss/∂z (batch, classes) from the probabilities, which are overwritten."""
    p[np.arange(len(y)), y] -= 1
    p /= len(y)
    return p
