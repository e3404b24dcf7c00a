"""Network: layers and a loss as a pure function of one flat theta."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from refopt import numbers
from refopt.nets.composite import Chain
from refopt.nets.embedding import Embedding
from refopt.nets.layer import Layer, Place, Run
from refopt.nets.losses import Loss, loss_called
from refopt.nets.penalty import Penalty
from refopt.nets.views import Views

__all__ = ["Network"]

PLAIN = Run()
FLOATING = "efdgFDGO"  # NumPy's letters for floating-point, complex and object arrays
COMPLEX = {"f": np.complex64, "d": np.complex128}
STEP = {"f": 1e-20, "d": 1e-40}  # of complex step: so small that its square is nothing


class Network:
    """`layers` by name, one after another, for examples of shape `inputs`; at the end the `loss`, a name or a `Loss`.

    theta is one vector of ``net.size`` numbers, and ``net.views(theta)`` shows it as a dict of named tensors, which share its
    memory: writing into them changes it. Inputs x are (batch, …):
    numbers of the shape `inputs` for each example, or whole-number tokens (batch, steps) where the first layer is an
    `Embedding`. Targets y are labels (batch,) or numbers, as the loss wants them. Everything is computed in the dtype of theta,
    which may also be complex (for derivatives by complex step) or balls; x is cast to it.

    `l1` and `l2` add λ₁ Σ|w| + ½ λ₂ Σ w² over the weights to the loss: not over biases, gains and shifts, which are vectors.

    With dropout or batch normalisation a pass may be told more. ``seed``: dropout draws its masks from it; without one
    nothing is dropped. ``dropout``: another rate for all dropout layers. ``running``: the running statistics (a vector, see
    `init_running`) that batch normalisation shall use, as at prediction; without them it uses those of the batch.
    ``statistics``: a vector into which it writes those of this batch.

    A network computes in memory that it keeps: one network, one thread. Its layers belong to it alone.
    """

    def __init__(
        self,
        layers: Mapping[str, Layer],
        inputs: tuple[int, ...],
        loss: str | Loss = "softmax_cross_entropy",
        l1: float = 0.0,
        l2: float = 0.0,
        names: Mapping[str, tuple[int, ...]] | None = None,
    ) -> None:
        if not isinstance(layers, Mapping) or not all(isinstance(layer, Layer) for layer in layers.values()):
            raise TypeError(f"layers must be a dict of layers by name, for instance {{'out': Linear(64, 10)}}; got {layers!r}")
        if not layers:
            raise ValueError("a network needs at least one layer")
        if not isinstance(inputs, (tuple, list)):
            raise TypeError(f"inputs must be the shape of one example, for instance (64,); got {inputs!r}")
        self.layers, self.inputs, self.loss_function = Chain(layers), tuple(inputs), loss_called(loss)
        self.task = self.loss_function.task
        self.outputs_shape = self.layers.output(self.inputs)
        if len(self.outputs_shape) != 1:
            raise ValueError(f"the last layer must give each example a vector, not numbers of shape {self.outputs_shape}")
        at = Place()
        self.layers.place(at)
        for layer in self.layers.all_layers():
            if layer.owner:
                raise ValueError(f"the layer {layer!r} is part of a network already, or here twice; make another one")
            layer.owner = type(self).__name__
        self._out = self._theta = None
        self.layers.layers[0].first = True
        self.tokens = isinstance(self.layers.layers[0], Embedding)
        self.views = Views(names or dict(self.layers.named()))
        self.running_size = at.running
        drawn = {layer.draws for layer in self.layers.all_layers()}
        self.random = bool(drawn - {""})  # whether a seed makes a difference
        self.drops = "masks at a rate" in drawn  # whether a dropout rate does
        self.penalty = Penalty(l1, l2, self.views) if l1 or l2 else None
        self._shape = (self.views.size,)

    def __repr__(self) -> str:
        """The names of the layers."""
        return f"{type(self).__name__}({', '.join(self.layers.parts)})"

    @property
    def architecture(self) -> str:
        """Every layer with its words and how many parameters are its own, the loss and the penalties: a line each.

        >>> print(refopt.nets.MLP([64, 32, 10]).architecture)
        x: (64,)
        linear1: Linear(n_in=64, n_out=32, initialisation='he') 2080
        relu1: Activation(kind='relu') 0
        linear2: Linear(n_in=32, n_out=10, initialisation='he') 330
        SoftmaxCrossEntropy(smoothing=0.0), 2410 parameters
        """
        layers = [layer for layer in self.layers.all_layers() if not isinstance(layer, Chain)]
        lines = [f"{layer.name}: {layer!r} {sum(map(math.prod, layer.shapes.values()))}" for layer in layers]
        penalty = "" if self.penalty is None else f", l1={self.penalty.l1}, l2={self.penalty.l2}"
        return "\n".join([f"x: {self.inputs}", *lines, f"{self.loss_function}{penalty}, {self.size} parameters"])

    @property
    def size(self) -> int:
        """How many parameters theta holds."""
        return self.views.size

    def init(self, seed: int = 0, dtype: Any = np.float64, initialisation: str | None = None, like: Any = None) -> np.ndarray:
        """A starting theta: each layer's weights by its own initialisation, or by the one that is named; biases zero.

        It is drawn on the host, so that a seed means the same numbers everywhere, and brought to where the array `like` lives.
        """
        theta = np.zeros(self.size)
        self.layers.init(theta, np.random.default_rng(seed), initialisation)
        return numbers.beside(theta.astype(dtype), like)

    def init_running(self, dtype: Any = np.float64, like: Any = None) -> np.ndarray:
        """Running statistics before the first step, a vector: means 0, variances 1. Empty without batch normalisation.

        They live where the array `like` does.

        They follow those of the batches by ``running = 0.9 * running + 0.1 * statistics``, in `refopt.train` as in a loop of
        one's own.
        """
        running = np.zeros(self.running_size)
        self.layers.init_running(running)
        return numbers.beside(running.astype(dtype), like)

    def outputs(self, theta: Any, x: Any, running: Any = None) -> Any:
        """The last layer's outputs, (batch, outputs): logits for a classification."""
        return self._forward(theta, x, Run(running=self._vector(running, theta)))[0].copy()

    def predict(self, theta: Any, x: Any, running: Any = None) -> Any:
        """The most likely class of each example, (batch,); for a regression the outputs."""
        return self.loss_function.predict(self._forward(theta, x, Run(running=self._vector(running, theta)))[0])

    def accuracy(self, theta: Any, x: Any, y: Any, running: Any = None) -> float:
        """The share of examples whose class is predicted right. TypeError for a regression."""
        if self.task != "classification":
            raise TypeError(f"a network with {self.loss_function} predicts numbers, which have no accuracy")
        predicted = self.predict(theta, x, running)
        return float((predicted == self.loss_function.checked(y, (len(predicted), *self.outputs_shape))).mean())

    def loss(self, theta: Any, x: Any, y: Any, running: Any = None) -> Any:
        """The loss of the batch, a mean over its examples (for cross-entropy in nats), and the penalty."""
        z, _ = self._forward(theta, x, Run(running=self._vector(running, theta)))
        loss, _ = self.loss_function.forward(z, self._targets(y, z))
        return loss if self.penalty is None else loss + self.penalty.forward(theta)

    def loss_and_grad(
        self,
        theta: Any,
        x: Any,
        y: Any,
        running: Any = None,
        *,
        seed: Any = None,
        dropout: float | None = None,
        statistics: Any = None,
        out: Any = None,
    ) -> tuple[Any, Any]:
        """The loss and its gradient, a vector like theta, written into `out` if there is one."""
        if dropout is not None and not (isinstance(dropout, (int, float)) and 0 <= dropout < 1):
            raise ValueError(f"dropout must be a rate in [0, 1), got {dropout!r}")
        run = PLAIN
        if not (seed is running is statistics is None):
            run = Run(seed, dropout, self._vector(running, theta), self._vector(statistics, theta))
        z, kept = self.layers.forward(theta, self._inputs(x, self._checked(theta)), run)
        loss, left = self.loss_function.forward(z, self._targets(y, z))
        g = np.empty_like(theta) if out is None else self._output(out, theta)
        self.layers.backward(theta, g, self.loss_function.backward(left), kept)
        if self.penalty is not None:
            loss = loss + self.penalty.forward(theta)
            self.penalty.backward(theta, g)
        return loss, g

    def activations(self, theta: Any, x: Any, running: Any = None, *, seed: Any = None, dropout: float | None = None) -> Any:
        """Every intermediate by the name of the layer that made it, a dict; ``"x"`` is the input.

        Some layers show what is inside them, too: ``….weights`` of attention, ``….r``, ``….z`` and ``….n`` of a GRU,
        ``….x_hat`` of a normalisation, ``….mask`` of dropout.
        """
        record = {"x": self._inputs(x, self._checked(theta)).copy()}
        self._forward(theta, x, Run(seed, dropout, self._vector(running, theta), record=record))
        return record

    def hvp(self, theta: Any, v: Any, x: Any, y: Any, running: Any = None) -> Any:
        """The Hessian of the loss times the vector v, exact to rounding.

        By complex step through the gradient (Squire & Trapp 1998): g(θ + i h v) = g(θ) + i h H v + O(h²), so the imaginary part
        over h is H v. Nothing is subtracted, so h can be so small that the rest vanishes.
        """
        v = self._vector(v, theta, self.size)
        if self._checked(theta).dtype.char not in STEP or v.dtype.kind != "f":
            raise ValueError(f"a Hessian product is for theta and v in float32 or float64, got {theta.dtype} and {v.dtype}")
        h, scale, complex_dtype = (
            STEP[theta.dtype.char],
            numbers.total(v) if not v.size else np.max(np.abs(v)),
            COMPLEX[theta.dtype.char],
        )
        if numbers.on_host(v) and scale == 0:
            return np.zeros_like(theta)
        unit = v / numbers.where(scale > 0, scale, 1)
        _, g = self.loss_and_grad(theta + 1j * h * unit.astype(theta.dtype).astype(complex_dtype), x, y, running)
        return (g.imag / h * scale.astype(theta.dtype)).astype(theta.dtype)

    def per_example_grads(self, theta: Any, x: Any, y: Any, running: Any = None) -> Any:
        """The gradient of each example's own loss, (batch, size), whose mean is the gradient of the batch.

        One example at a time. Batch normalisation needs `running`: in a batch of one every number is its own mean.
        """
        if self.running_size and running is None:
            raise ValueError("with batch normalisation examples have no loss of their own; give running statistics")
        x = self._inputs(x, self._checked(theta))
        self.loss_function.checked(y, (len(x), *self.outputs_shape))
        grads = np.empty_like(theta, shape=(len(x), self.size))
        for i in range(len(x)):
            self.loss_and_grad(theta, x[i : i + 1], y[i : i + 1], running, out=grads[i])
        return grads

    def _forward(self, theta: Any, x: Any, run: Run) -> tuple[Any, Any]:
        return self.layers.forward(theta, self._inputs(x, self._checked(theta)), run)

    def _targets(self, y: Any, z: Any) -> Any:
        y = self.loss_function.checked(y, z.shape)
        return y if y.dtype.kind in "iu" or y.dtype == z.dtype else y.astype(z.dtype)

    def _checked(self, theta: Any) -> Any:
        if getattr(theta, "shape", None) != self._shape or theta.dtype.char not in FLOATING or not theta.dtype.isnative:
            got = f"{theta.dtype} {theta.shape}" if hasattr(theta, "shape") else type(theta).__name__
            raise ValueError(f"{self} takes a floating-point theta of shape ({self.size},), got {got}")
        return theta

    def _output(self, out: Any, theta: Any) -> Any:
        if out is self._out and theta is self._theta:
            return out  # checked the last time
        if self._checked(out).dtype != theta.dtype or not out.flags.c_contiguous or numbers.overlap(out, theta):
            raise ValueError(f"out must be a contiguous vector of {theta.dtype} that shares no memory with theta")
        if numbers.on_host(out) and not out.flags.writeable:
            raise ValueError("out is read-only")
        self._out, self._theta = out, theta
        return out

    def _inputs(self, x: Any, theta: Any) -> Any:
        if type(x) is np.ndarray and x.shape[1:] == self.inputs and x.dtype is theta.dtype and not self.tokens and len(x):
            return x  # the everyday case, and the fast one
        if isinstance(x, np.ma.MaskedArray):
            raise ValueError(f"{self} takes numbers, got a masked array, whose mask it would not see; fill it first")
        if not numbers.is_array(x):
            x = np.asarray(x)
        if x.shape[1:] != self.inputs or x.ndim == 0:
            shape = ", ".join(["batch", *map(str, self.inputs)])
            raise ValueError(f"{self} takes x of shape ({shape}), got {x.shape}{self._hint(x.shape[1:])}")
        if not len(x):
            raise ValueError(f"{self} takes at least one example, got a batch of none")
        if self.tokens:
            return self._words(x)
        if x.dtype == theta.dtype:
            return x
        if x.dtype.kind not in "fiub" and not (x.dtype.kind in "cO" and theta.dtype.kind == x.dtype.kind):
            raise ValueError(f"{self} takes numbers, got x of dtype {x.dtype}")
        return x.astype(theta.dtype)

    def demand(self, x: Any, y: Any) -> None:
        """ValueError for inputs and targets that the network does not take.

        Every pass refuses them too, but not because of their values (tokens and labels out of range) where they are on a
        device: a pass would have to wait for it.
        """
        x = self._inputs(x, np.empty(0, np.float32, like=x))
        if self.tokens:
            self._words(x, look=True)
        self.loss_function.checked(y, (len(x), *self.outputs_shape), look=True)

    def _words(self, x: Any, look: bool = False) -> Any:
        vocabulary = self.layers.layers[0].vocabulary  # type: ignore[attr-defined]
        if x.dtype.kind not in "iu":
            raise ValueError(f"{self} takes tokens, whole numbers, got x of dtype {x.dtype}")
        if x.size and (look or numbers.on_host(x)) and (x.min() < 0 or x.max() >= vocabulary):
            raise ValueError(f"tokens must be from 0 to {vocabulary - 1}, got {x.min()} to {x.max()}")
        return x

    def _hint(self, shape: tuple[int, ...]) -> str:
        if len(shape) == 3 and (shape[1], shape[2], shape[0]) == self.inputs:
            return "; channels come last: x.transpose(0, 2, 3, 1)"
        return ""

    def _vector(self, vector: Any, theta: Any, size: int | None = None) -> Any:
        """A vector that goes with theta (running statistics), checked."""
        if vector is None:
            return None
        size = self.running_size if size is None else size
        if getattr(vector, "shape", None) != (size,) or vector.dtype.kind not in "fcO":
            got = f"{vector.dtype} {vector.shape}" if hasattr(vector, "shape") else type(vector).__name__
            raise ValueError(f"{self} takes a floating-point vector of shape ({size},) here, got {got}")
        return vector
