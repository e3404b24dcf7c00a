"""A stack: tensors of one shape that a rule takes for one tensor.

`Stack` holds k tensors in one array with the axis of the tensors first, and shows the shape of one of them. NumPy hands it
every ufunc through ``__array_ufunc__`` and makes one call for all k; a sum or a maximum goes over the axes of a tensor and
leaves one value for each. So a rule's text, run once on stacks, does to each tensor the very operations, in the same order,
that it does to the tensor alone; NumPy adds up a row of a contiguous array as it adds up that row alone, so no bit differs.

A sum over all entries is one NumPy scalar for a tensor; here it is a stack of the shape (), "numbers". Where the text
branches on one, all k must agree; where they do not, `Divided` says which of them do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from refopt.fast.recording import Unrecordable

__all__ = ["Divided", "Stack"]


class Divided(Exception):
    """A branch that is not the same for all tensors; `where` has a truth value for each."""

    def __init__(self, where: Any) -> None:
        super().__init__("a branch on the values of an array")
        self.where = where


# What IEEE 754 or its meaning fixes to the last bit, so that NumPy's scalars and all its loops agree.
EXACT = frozenset(
    {
        np.add, np.subtract, np.multiply, np.true_divide, np.negative, np.positive, np.absolute, np.sqrt, np.square,
        np.reciprocal, np.maximum, np.minimum, np.sign, np.less, np.less_equal, np.greater, np.greater_equal, np.equal,
        np.not_equal, np.isfinite, np.isnan, np.isinf, np.logical_and, np.logical_or, np.logical_not, np.bitwise_and,
        np.bitwise_or, np.invert,
    }
)  # fmt: skip

REDUCTIONS = {np.sum, np.max, np.min, np.all, np.any}


class Stack(NDArrayOperatorsMixin):
    """`array` has the shape (k, *shape); everything else is that of one tensor. Nothing ever writes into it."""

    __slots__ = ("array", "shape")
    device = "cpu"  # a look at one number costs nothing

    def __init__(self, array: Any) -> None:
        self.array = array
        self.shape: tuple[int, ...] = array.shape[1:]

    @property
    def dtype(self) -> Any:
        """That of the entries."""
        return self.array.dtype

    @property
    def ndim(self) -> int:
        """The number of axes of one tensor."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries of one tensor."""
        return int(self.array.size // len(self.array))

    @property
    def base(self) -> Any:
        """Not None where this is a view into other memory."""
        return self.array.base

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, some: Any) -> Stack:
        if not isinstance(some, (int, slice)):
            raise Unrecordable("a choice of entries")
        return Stack(self.array[:, some])

    def __bool__(self) -> bool:
        if self.size != 1:
            raise Unrecordable("a branch on more than one value")
        where = self.array.reshape(-1) != 0
        first = bool(where[0])
        if not (where == first).all():
            raise Divided(where)
        return first

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Stack:
        if ufunc in EXACT:
            if method == "__call__" and not options:
                return Stack(ufunc(*_beside(inputs)))
        elif ufunc.nout == 1 and ufunc.signature is None and method == "__call__" and not options:
            if any(type(x) is Stack and not x.shape for x in inputs):
                return self._one_by_one(ufunc, inputs)
            return Stack(ufunc(*_beside(inputs)))
        raise Unrecordable(f"{ufunc.__name__}{'' if method == '__call__' else '.' + method} with a tensor's shape")

    def _one_by_one(self, function: Callable[..., Any], inputs: tuple[Any, ...]) -> Stack:
        """A function of numbers: NumPy may round those of a scalar in another way than those of an array."""
        if any(type(x) is Stack and x.shape for x in inputs):
            raise Unrecordable(f"{function.__name__} of a tensor and one number for each")
        columns = [x.array if type(x) is Stack else [x] * len(self.array) for x in inputs]
        return Stack(np.array([function(*row) for row in zip(*columns, strict=True)]))

    def __pow__(self, exponent: Any) -> Stack:
        if not self.shape or isinstance(exponent, Stack):
            return self._one_by_one(pow, (self, exponent))
        return Stack(self.array**exponent)

    def __rpow__(self, base: Any) -> Stack:
        return Stack(base**self.array) if self.shape else self._one_by_one(pow, (base, self))

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function in REDUCTIONS and len(inputs) == 1 and options.keys() <= {"axis", "keepdims"}:
            return self._reduced(function, **options)
        if function is np.where and len(inputs) == 3 and not options:
            if type(inputs[0]) is not Stack or inputs[0].shape:
                return Stack(np.where(*_beside(inputs)))
            chosen = inputs[1] if inputs[0] else inputs[2]  # of one number that is a branch
            return chosen if type(chosen) is Stack else Stack(np.full(len(self.array), chosen))
        if function in (np.zeros_like, np.ones_like) and not options:
            return Stack(function(self.array))
        if function is np.stack and len(inputs) == 1 and not options and all(type(x) is Stack for x in inputs[0]):
            return Stack(np.stack([x.array for x in inputs[0]], axis=1))
        raise Unrecordable(f"numpy.{function.__name__} is no operation on each entry, and no sum or maximum")

    def _reduced(self, function: Any, axis: Any = None, keepdims: Any = False) -> Stack:
        if not self.shape:
            return self
        if not self.array.flags.c_contiguous:  # the order of the sum is that of the memory
            raise Unrecordable("a sum over what is not contiguous")
        if axis is None and not keepdims:
            return Stack(function(self.array.reshape(len(self.array), -1), axis=1))
        axes = range(self.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
        moved = tuple(a % self.ndim + 1 for a in axes)
        result = Stack(function(self.array, axis=moved, keepdims=keepdims))
        if not result.shape:
            raise Unrecordable("a sum over all axes, one by one")
        return result

    def copy(self) -> Stack:
        """The same numbers in memory of their own."""
        return Stack(self.array.copy())

    def astype(self, dtype: Any, copy: bool = True) -> Stack:
        """The same numbers in another dtype."""
        return Stack(self.array.astype(dtype, copy=copy))

    def reshape(self, *shape: Any) -> Stack:
        """Each tensor in another shape."""
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        if not sizes or not self.array.flags.c_contiguous:
            raise Unrecordable("a tensor in the shape of a number")
        return Stack(self.array.reshape(len(self.array), *sizes))

    def take(self, rows: Any) -> Stack:
        """Some of the tensors."""
        return Stack(self.array[rows])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("larger", "ball", "identical"):
            raise AttributeError(name)
        raise Unrecordable(f"the step asks for .{name} of an array")


def _beside(inputs: tuple[Any, ...]) -> list[Any]:
    """The arrays of some operands, with axes of length 1 where one tensor has fewer than another, so that they broadcast."""
    beside, axes = [], []
    for x in inputs:
        if type(x) is Stack:
            beside.append(x.array)
            axes.append(len(x.shape))
        else:
            beside.append(x)
            axes.append(getattr(x, "ndim", 0))
    most = max(axes)
    for i, x in enumerate(inputs):
        if axes[i] < most and type(x) is Stack:
            beside[i] = x.array.reshape(len(x.array), *(1,) * (most - axes[i]), *x.shape)
    return beside
