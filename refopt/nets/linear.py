"""The linear layer z = x W + b.

Backward: with dz = ∂loss/∂z of shape (batch, n_out), the chain rule for z_ij = Σ_k x_ik W_kj + b_j gives
∂loss/∂W_kj = Σ_i x_ik dz_ij, ∂loss/∂b_j = Σ_i dz_ij and ∂loss/∂x_ik = Σ_j dz_ij W_kj.

``a.dot(b)`` is ``a @ b`` with a third of a microsecond less to call, which counts for layers as small as these.
"""

from __future__ import annotations

from typing import Any

from refopt.nets.constants import ones

__all__ = ["linear", "linear_backward", "linear_backward_input"]


def linear(x: Any, W: Any, b: Any) -> Any:
    """x (batch, n_in), W (n_in, n_out), b (n_out) → z (batch, n_out)."""
    z = x.dot(W)
    z += b
    return z


def linear_backward(dz: Any, x: Any, dW: Any, db: Any) -> None:
    """Write ∂loss/∂W (n_in, n_out) and ∂loss/∂b (n_out) into dW and db."""
    x.T.dot(dz, out=dW)
    ones(len(dz), dz.dtype, dz.__class__).dot(dz, out=db)


def linear_backward_input(dz: Any, W: Any) -> Any:
    """∂loss/∂x (batch, n_in)."""
    return dz.dot(W.T)
