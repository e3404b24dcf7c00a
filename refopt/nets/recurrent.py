"""Recurrent layers, unrolled in time: the state h goes from step to step, and slopes come back the same way.

What does not depend on the state (x W) is one matrix product over all steps; so are the slopes of the weights, once the
slopes of all steps are known. Inside, steps come first: h[t] (n, H) is one block of memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from refopt.nets.activations import sigmoid
from refopt.nets.constants import ones
from refopt.nets.initial import initial
from refopt.nets.layer import Layer, Run, demand_sizes

__all__ = ["GRU", "SimpleRNN"]


class Recurrent(Layer):
    """What the two share: x (n, T, n_in) → h (n, T, hidden), h before the first step 0; W (n_in, gates·hidden),
    U (hidden, gates·hidden)."""

    gates = 1

    def __init__(self, n_in: int, hidden: int, **more: tuple[int, ...]) -> None:
        demand_sizes(n_in=n_in, hidden=hidden)
        self.n_in, self.hidden, width = n_in, hidden, self.gates * hidden
        super().__init__({"W": (n_in, width), "U": (hidden, width), "b": (width,), **more})

    def init(self, theta: np.ndarray, rng: np.random.Generator, initialisation: str | None = None) -> None:
        """W by "glorot" or as chosen, U a rotation for each gate, biases zero."""
        W, U, *_ = self.tensors(theta)
        W[...] = initial(initialisation or "glorot", rng, W.shape, self.n_in, self.hidden)
        for gate in range(self.gates):
            own = slice(gate * self.hidden, (gate + 1) * self.hidden)
            U[:, own] = initial("orthogonal", rng, (self.hidden, self.hidden), self.hidden, self.hidden)

    def output(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """(T, n_in) → (T, hidden)."""
        if len(shape) != 2 or shape[1] != self.n_in:
            raise ValueError(f"a recurrent layer of {self.n_in} inputs takes sequences (steps, {self.n_in}), got {shape}")
        return shape[0], self.hidden

    def driven(self, theta: Any, x: Any) -> tuple[Any, Any]:
        """x with the steps first, as rows (T·n, n_in), and a = x W + b, (T, n, gates·hidden)."""
        n, steps, _ = x.shape
        W, _, b, *_ = self.tensors(theta)
        rows = x.transpose(1, 0, 2).reshape(steps * n, self.n_in)
        a = rows.dot(W)
        a += b
        return rows, a.reshape(steps, n, -1)

    def weigh(self, theta: Any, g: Any, rows: Any, h: Any, da: Any, dc: Any) -> Any:
        """Slopes of W, U, b and x from those of a = x W + b and of c = h U, all steps at once.

        h (T + 1, n, hidden) begins with the state before the first step.
        """
        steps, n, width = da.shape
        dW, dU, db, *_ = self.tensors(g)
        da_rows = da.reshape(-1, width)
        dW[...] = rows.T.dot(da_rows)
        db[...] = ones(len(da_rows), da.dtype, da.__class__).dot(da_rows)
        dU[...] = h[:-1].reshape(-1, self.hidden).T.dot(dc.reshape(-1, width))
        if self.first:
            return None
        return da_rows.dot(self.tensors(theta)[0].T).reshape(steps, n, self.n_in).transpose(1, 0, 2)


class SimpleRNN(Recurrent):
    """h_t = tanh(x_t W + h_{t−1} U + b) (Elman 1990).

    Backward through time, from the last step to the first: h_t is seen by the loss (dy_t) and by the next step, so
    dh_t = dy_t + da_{t+1} Uᵀ and da_t = dh_t (1 − h_t²).
    """

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__(n_in, hidden)

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The states of all steps."""
        rows, a = self.driven(theta, x)
        U = self.tensors(theta)[1]
        steps, n, _ = a.shape
        h = self.buffer("h", x, (steps + 1, n, self.hidden), zeros=True)
        for t in range(steps):
            np.tanh(a[t] + h[t].dot(U), out=h[t + 1])
        return h[1:].transpose(1, 0, 2), (rows, h)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """da of every step, then all weights at once."""
        rows, h = kept
        U = self.tensors(theta)[1]
        da = self.buffer("da", dy, (len(h) - 1, *h.shape[1:]))
        later: Any = 0  # what comes back from the next step
        for t in range(len(da) - 1, -1, -1):
            np.multiply(dy[:, t] + later, 1 - h[t + 1] * h[t + 1], out=da[t])
            later = da[t].dot(U.T)
        return self.weigh(theta, g, rows, h, da, da)


class GRU(Recurrent):
    """The gated recurrent unit (Cho et al. 2014, arXiv:1406.1078), with the reset gate after the product with U, as in cuDNN,
    PyTorch and Keras (the paper resets before it). With a = x W + b and c = h_{t−1} U + b_h, each cut into r, z and n:

        r = σ(a_r + c_r),  z = σ(a_z + c_z),  ñ = tanh(a_n + r ∘ c_n),  h_t = (1 − z) ∘ ñ + z ∘ h_{t−1}.

    Backward, from dh_t = dy_t + what step t + 1 sends back: dñ = dh (1 − z)(1 − ñ²), dz = dh (h_{t−1} − ñ) z(1 − z),
    dr = dñ c_n r(1 − r); these are da. dc is the same but for dc_n = dñ r; and dh_{t−1} = dh z + dc Uᵀ.
    """

    gates = 3

    def __init__(self, n_in: int, hidden: int) -> None:
        super().__init__(n_in, hidden, b_h=(3 * hidden,))

    def forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        """The states of all steps."""
        rows, a = self.driven(theta, x)
        _, U, _, b_h = self.tensors(theta)
        (steps, n, _), H = a.shape, self.hidden
        h = self.buffer("h", x, (steps + 1, n, H), zeros=True)
        gates = self.buffer("gates", x, (steps, 2, n, H))  # r, z
        news = self.buffer("news", x, (steps, 2, n, H))  # ñ, c_n
        for t in range(steps):
            c = h[t].dot(U) + b_h  # (n, 3·H)
            both = sigmoid(a[t, :, : 2 * H] + c[:, : 2 * H])
            r, z = gates[t, 0], gates[t, 1]
            r[...], z[...], news[t, 1] = both[:, :H], both[:, H:], c[:, 2 * H :]
            new = np.tanh(a[t, :, 2 * H :] + r * news[t, 1], out=news[t, 0])
            h[t + 1] = new + z * (h[t] - new)
        if run.record is not None:
            for name, values in (("r", gates[:, 0]), ("z", gates[:, 1]), ("n", news[:, 0])):
                run.show(f"{self.name}.{name}", values.transpose(1, 0, 2))
        return h[1:].transpose(1, 0, 2), (rows, h, gates, news)

    def backward(self, theta: Any, g: Any, dy: Any, kept: Any) -> Any:
        """da and dc of every step, then all weights at once."""
        rows, h, gates, news = kept
        U, H, steps = self.tensors(theta)[1], self.hidden, len(gates)
        da = self.buffer("da", dy, (steps, len(dy), 3 * H))
        dc = self.buffer("dc", dy, da.shape)
        later: Any = 0  # what comes back from the next step
        for t in range(steps - 1, -1, -1):
            (r, z), (new, c_n) = gates[t], news[t]
            dh = dy[:, t] + later  # (n, H), as d_new below
            d_new = dh * (1 - z) * (1 - new * new)
            da[t, :, :H] = d_new * c_n * r * (1 - r)
            da[t, :, H : 2 * H] = dh * (h[t] - new) * z * (1 - z)
            da[t, :, 2 * H :] = d_new
            dc[t] = da[t]
            dc[t, :, 2 * H :] *= r
            later = dh * z + dc[t].dot(U.T)
        dc_rows = dc.reshape(-1, 3 * H)
        self.tensors(g)[3][...] = ones(len(dc_rows), dc.dtype, dc.__class__).dot(dc_rows)
        return self.weigh(theta, g, rows, h, da, dc)
