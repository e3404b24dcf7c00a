"""Multi-head self-attention (Vaswani et al. 2017, arXiv:1706.03762, section 3.2).

Forward, for one sequence x (T, D) and each head with its own columns of Q, K and V (T, d), d = D/heads:

    [Q K V] = x W + b,   S = Q Kᵀ/√d,   A = softmax(S) along the rows,   O = A V,   y = [O of all heads] W_o + b_o.

Backward: the two linear layers as ever; dV = Aᵀ dO and dA = dO Vᵀ from the product; for each row of the softmax
dS = A ∘ (dA − Σ dA ∘ A); from S dQ = dS K/√d and dK = dSᵀ Q/√d. Causal: step t sees the steps up to t only, A is 0 elsewhere.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from refopt import numbers
from refopt.nets.layer import Layer, Run, demand_sizes
from refopt.nets.linear import Linear

__all__ = ["SelfAttention"]

NEVER = -1e30  # a score so low that its exponential is 0 in every format


class SelfAttention(Layer):
    """x (n, T, width) → y (n, T, width). `heads` must divide the width; `causal` forbids to look ahead."""

    def __init__(self, width: int, heads: int = 1, causal: bool = False) -> None:
        demand_sizes(width=width, heads=heads)
        if width % heads:
            raise ValueError(f"heads must divide the width {width}, got {heads}")
        self.width, self.heads, self.causal = width, heads, causal
        self.qkv, self.out = Linear(width, 3 * width, "glorot"), Linear(width, width, "glorot")
        super().__init__(parts={"qkv": self.qkv, "out": self.out})

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The same shape."""
        if len(shape) != 2 or shape[1] != self.width:
            raise ValueError(f"attention of width {self.width} takes sequences (steps, {self.width}), got {shape}")
        return shape

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """A V, head by head."""
        n, steps, _ = x.shape
        qkv, kept_in = self.qkv.forward(theta, x, run)  # (n, T, 3·width)
        q, k, v = qkv.reshape(n, steps, 3, self.heads, -1).transpose(2, 0, 3, 1, 4)  # each (n, heads, T, d)
        scores = np.matmul(q, k.transpose(0, 1, 3, 2)) * (1 / math.sqrt(self.width // self.heads))  # (n, heads, T, T)
        if self.causal:
            scores = np.where(self._ahead(steps, scores), NEVER, scores)
        e = np.exp(scores - numbers.largest(scores, -1))
        a = e / np.sum(e, axis=-1, keepdims=True)  # (n, heads, T, T)
        run.show(f"{self.name}.weights", a)
        o = np.matmul(a, v).transpose(0, 2, 1, 3).reshape(n, steps, self.width)
        y, kept_out = self.out.forward(theta, o, run)
        return y, (kept_in, kept_out, q, k, v, a)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """dO, then dV and dA, then dS, then dQ and dK."""
        kept_in, kept_out, q, k, v, a = kept
        n, heads, steps, d = q.shape
        do = self.out.backward(theta, g, dy, kept_out).reshape(n, steps, heads, d).transpose(0, 2, 1, 3)  # (n, heads, T, d)
        d_qkv = self.buffer("d_qkv", dy, (n, steps, 3, heads, d))
        dq, dk, dv = d_qkv.transpose(2, 0, 3, 1, 4)
        da = np.matmul(do, v.transpose(0, 1, 3, 2))  # (n, heads, T, T)
        ds = a * (da - np.sum(da * a, axis=-1, keepdims=True)) * (1 / math.sqrt(d))
        dv[...] = np.matmul(a.transpose(0, 1, 3, 2), do)
        dq[...] = np.matmul(ds, k)
        dk[...] = np.matmul(ds.transpose(0, 1, 3, 2), q)
        return self.qkv.backward(theta, g, d_qkv.reshape(n, steps, -1), kept_in)

    def _ahead(self, steps: int, like: Any) -> Any:
        """True where the key comes after the query, (T, T)."""
        step = np.arange(steps, like=like)
        return step[None, :] > step[:, None]
