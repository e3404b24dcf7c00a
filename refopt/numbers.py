"""What a number is: the one place that asks.

The rules are written once and run on NumPy arrays, on CuPy arrays and on object arrays of balls (``refopt.exact``). NumPy's
own functions dispatch to all three; this module holds the exceptions. A ball is a real number with an enclosure; it is known
here by having ``ball``, its enclosure.

* a Python number stays a Python number. ``np.sqrt(0.5)`` is a ``float64`` scalar that would turn a ``float32`` walk into
  ``float64``; ``sqrt(0.5)`` from this module is a Python float, which NumPy treats as weak;
* a ball stays a ball. An object array is trusted to hold numbers that raise when a comparison cannot be decided, so
  ``maximum``, ``sign`` and ``where`` never choose a branch that is not proven.
"""

from __future__ import annotations

import math
from functools import reduce
from numbers import Real
from operator import and_
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

__all__ = [
    "array", "beside", "cast", "clipped", "copy", "cos", "erf", "exp", "finite", "gaussian", "highest", "is_array",
    "is_scalar", "largest", "maximum", "mean", "minimum", "norm", "on_host", "over", "overlap", "real", "same", "sign",
    "span", "sqrt", "stack", "to_host", "total", "weak", "where", "whole", "zeros_like",
]  # fmt: skip


PYTHON = (int, float)  # exactly these: numpy.float64 is a subclass of float, and not weak


def is_scalar(x: Any) -> bool:
    """True for one real number: Python's, NumPy's, or a ball. Booleans are switches, not numbers."""
    return isinstance(x, Real) and not isinstance(x, bool)


def is_array(x: Any) -> bool:
    """True for an array of NumPy, or of a library that takes part in NumPy's protocols (CuPy)."""
    return type(x) is np.ndarray or (hasattr(x, "__array_function__") and not isinstance(x, np.generic))


def on_host(x: Any) -> bool:
    """True for NumPy's own arrays. A look at the numbers of others waits for the device, and brings them from there."""
    return isinstance(x, np.ndarray) or getattr(x, "device", None) == "cpu"


def to_host(x: Any) -> Any:
    """`x` as a NumPy array, brought from the device where it lives on one; anything but an array as it is."""
    return x.get() if is_array(x) and not on_host(x) else x


def beside(x: Any, like: Any) -> Any:
    """The NumPy array `x` where `like` lives: itself, or brought to the device. All that goes there goes through here."""
    return x if like is None or on_host(like) else np.asarray(x, like=like)


def overlap(a: Any, b: Any) -> bool:
    """Whether two arrays share memory; on a device whether they may, which is known without looking."""
    return np.shares_memory(a, b) if on_host(a) and on_host(b) else on_host(a) is on_host(b) and np.may_share_memory(a, b)


def span(x: Any) -> tuple[int, int]:
    """Where the memory of an array begins and ends, on the host or on its device."""
    if on_host(x):
        return byte_bounds(x)
    ways = [(size - 1) * stride for size, stride in zip(x.shape, x.strides, strict=True)]
    return x.data.ptr + sum(min(way, 0) for way in ways), x.data.ptr + sum(max(way, 0) for way in ways) + x.itemsize


def weak(x: Any, kind: type) -> Any:
    """A real number as Python's int or float, which leave the dtype of arrays alone; a ball as it is."""
    return x if hasattr(x, "ball") else kind(x)


def whole(x: Any) -> int:
    """A whole number, which may be a ball that holds nothing else, as Python's int: for counts and seeds."""
    return int(x.midpoint if hasattr(x, "ball") else x)


def cast(x: Any, dtype: Any) -> Any:
    """`x` in `dtype`: a number, a list of numbers, an array, or a tuple of arrays; anything else, and balls, as they are."""
    if isinstance(x, (list, tuple)):
        if any(map(is_array, x)):
            return tuple(cast(part, dtype) for part in x)
        try:
            x = np.asarray(x)
        except ValueError:  # rows of different lengths
            return tuple(cast(part, dtype) for part in x)
    if type(x) is float and dtype.kind == "f":
        return dtype.type(x)
    return x.astype(dtype, copy=False) if is_array(x) and x.dtype.kind in "fiu" and dtype.kind == "f" else x


def same(a: Any, b: Any) -> bool:
    """Whether two results are the same Python number or object. An array, and a NumPy scalar, is only the same as itself."""
    if a is b:
        return True
    if hasattr(a, "identical"):
        return bool(a.identical(b))
    return type(a) in (*PYTHON, bool) and type(a) is type(b) and a == b


def array(x: Any, what: str) -> Any:
    """Return `x` as an array of real floating-point numbers (or balls); `what` names it in the error.

    Arrays of other libraries stay where they are (nothing is moved from a device). Never copies a floating-point array.
    """
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{what} is a masked array, whose mask no rule would see; fill it first")
    if not is_array(x) or (isinstance(x, np.ndarray) and type(x) is not np.ndarray):  # np.matrix redefines *
        try:
            x = np.asarray(x)
        except ValueError as error:
            raise TypeError(f"{what} must be an array of numbers: {error}") from None
        if x.dtype == object:
            raise TypeError(f"{what} must be an array of numbers; nested containers are not supported")
    if x.dtype.kind not in "fO":
        raise TypeError(
            f"{what} has dtype {x.dtype}; allowed are real floating-point arrays, for instance {what}.astype('float32')"
        )
    if x.dtype == object and not all(map(is_scalar, x.reshape(-1))):
        raise TypeError(f"{what} is an array of objects that are not real numbers")
    return x


def zeros_like(x: Any) -> Any:
    """Zeros of the shape and dtype of `x`; the zeros of a ball array are exact balls."""
    return x * 0 if x.dtype == object else np.zeros_like(x)


def copy(x: Any) -> Any:
    """A copy of `x` that owns its memory."""
    return x.copy()


def sqrt(x: Any) -> Any:
    """Square root; of a Python number a Python float."""
    return math.sqrt(x) if type(x) in PYTHON else np.sqrt(x)


def stack(arrays: Any) -> Any:
    """Arrays of one shape as the rows of one array."""
    return np.stack(list(arrays))


def maximum(a: Any, b: Any) -> Any:
    """The larger of `a` and `b`, entry by entry; NaN if either is NaN."""
    if type(a) in PYTHON and type(b) in PYTHON:
        return a if a >= b or a != a else b
    return _LARGER(a, b) if _of_objects(a) or _of_objects(b) else np.maximum(a, b)


def _of_objects(x: Any) -> bool:
    return hasattr(x, "larger") or (is_array(x) and x.dtype == object)


def _larger(a: Any, b: Any) -> Any:
    """Of two balls that overlap the larger one is not decided, but where it lies is: no branch is chosen."""
    if hasattr(a, "larger"):
        return a.larger(b)
    return b.larger(a) if hasattr(b, "larger") else a if a >= b or a != a else b


_LARGER = np.frompyfunc(_larger, 2, 1)


def minimum(a: Any, b: Any) -> Any:
    """The smaller of `a` and `b`, entry by entry; NaN if either is NaN."""
    plain = type(a) in PYTHON and type(b) in PYTHON
    return -maximum(-a, -b) if plain or _of_objects(a) or _of_objects(b) else np.minimum(a, b)


def exp(x: Any) -> Any:
    """The exponential; of a Python number a Python float."""
    return math.exp(x) if type(x) in PYTHON else np.exp(x)


def cos(x: Any) -> Any:
    """The cosine; of a Python number a Python float."""
    return math.cos(x) if type(x) in PYTHON else np.cos(x)


def real(x: Any) -> Any:
    """What decides a branch: the real part of a complex array, anything else as it is.

    A complex step must take the branch of its real part; NumPy compares complex numbers by their imaginary parts, too.
    """
    return x.real if x.dtype.kind == "c" else x


def clipped(x: Any, low: float, high: float, out: Any = None) -> Any:
    """`x` between two bounds; at a bound, and beyond, the bound (of a complex number its real part decides)."""
    if x.dtype.kind != "c":
        return np.minimum(np.maximum(x, low, out=out), high, out=out)
    result = np.where(x.real > low, np.where(x.real < high, x, high), low)
    if out is not None:
        out[...] = result
    return result


def erf(x: Any) -> Any:
    """The error function 2/√π ∫₀ˣ e^(−u²) du, of real and complex arrays and of balls.

    On a device of real numbers, and of complex ones so near to them that the square of the distance is nothing, as in a
    complex step: erf(a + ib) = erf(a) + ib erf′(a). CuPy has no other; NaN elsewhere.
    """
    if x.dtype == object:
        return _ERF(x)
    from scipy import special  # its functions are ufuncs, which CuPy's arrays answer

    if x.dtype.kind != "c" or on_host(x):
        return special.erf(x)
    slope = 2 / math.sqrt(math.pi) * np.exp(-x.real * x.real)
    near = np.where(np.abs(x.imag) < 1e-12, x.imag * slope, math.nan)
    return special.erf(x.real) + 1j * near.astype(x.dtype)


_ERF = np.frompyfunc(lambda x: x.erf(), 1, 1)


def total(x: Any, axis: Any = None) -> Any:
    """The sum of all entries of an array, in whatever order; over `axis` (or several), which stay in the shape as 1."""
    if not is_array(x):
        return x  # one number; NumPy's arithmetic makes one of a 0-d array
    if x.dtype == object and not x.size:
        x = x.astype(float)  # sums of nothing are 0, and no ball is there to say what kind of number that is
    if x.dtype != object:
        return np.sum(x, axis=axis, keepdims=axis is not None)
    if axis is None:
        return x.reshape(-1)[0].total(x.reshape(-1))
    axes = sorted(a % x.ndim for a in np.atleast_1d(axis).tolist())
    rows = np.moveaxis(x, axes, range(-len(axes), 0))
    sums = np.empty(rows.shape[: x.ndim - len(axes)], dtype=object)
    for place in np.ndindex(sums.shape):
        sums[place] = total(rows[place])
    return sums.reshape([1 if a in axes else size for a, size in enumerate(x.shape)])


def mean(x: Any, axis: Any = None) -> Any:
    """The mean of all entries of an array, 0 of no entries; over `axis` (or several), which stay in the shape as 1."""
    axes = range(x.ndim) if axis is None else np.atleast_1d(axis).tolist()
    return total(x, axis) / max(math.prod(x.shape[a] for a in axes), 1)


def largest(x: Any, axis: Any) -> Any:
    """The largest entry over `axis` (or several), which stay as 1; NaN where one is NaN, 0 of no entries."""
    if not x.size:
        return np.sum(x, axis=axis, keepdims=True)
    if x.dtype != object:
        return np.max(x, axis=axis, keepdims=True)
    for one in np.atleast_1d(axis).tolist():
        x = _LARGER.reduce(x, axis=one, keepdims=True)
    return x


def highest(x: Any) -> Any:
    """The largest entry of each column of an array (n, …), without the first axis."""
    return np.maximum.reduce(x, axis=0) if x.__class__ is np.ndarray else np.max(x, axis=0)  # CuPy's ufuncs only add up


def norm(x: Any) -> Any:
    """The Euclidean norm of an array taken as one vector: the plain root of its sum of squares, which may overflow."""
    return sqrt(total(x * x))


def finite(x: Any) -> bool:
    """Whether no entry of an array is NaN or infinite. Of a ball that holds NaN that is not decided."""
    if x.dtype != object:
        return bool(np.all(np.isfinite(x)))
    return all(abs(entry) < math.inf for entry in x.reshape(-1).tolist())


def sign(x: Any) -> Any:
    """-1, 0 or 1; the sign of zero is 0."""
    if type(x) in PYTHON:
        return x if x != x else (x > 0) - (x < 0)
    return x * 0 + np.sign(x) if x.dtype == object else np.sign(x)  # NumPy's signs of objects are Python's integers


def where(condition: Any, a: Any, b: Any, like: Any = None) -> Any:
    """`a` where `condition` holds, else `b`.

    A single truth value selects without touching the arrays. With an array of truth values and two Python numbers NumPy
    would answer in float64; give `like`, an array whose dtype the answer shall have.
    """
    if isinstance(condition, (bool, np.bool_)):
        return a if condition else b
    chosen = np.where(condition, a, b)
    if like is None:
        return chosen
    return like * 0 + chosen if like.dtype == object else chosen.astype(like.dtype, copy=False)


def over(a: Any, b: Any, *positive: Any) -> Any:
    """a / b where all of `positive`, which are single numbers, are above 0; else 1. On a device it is chosen there."""
    if any(is_array(x) and not on_host(x) for x in positive):
        return np.where(reduce(and_, (x > 0 for x in positive)), a / b, 1)
    return a / b if all(x > 0 for x in positive) else 1


def gaussian(like: Any, *seed: int) -> Any:
    """Standard normal noise in the shape of `like`, from a seed of whole numbers: the same numbers whatever the dtype.

    They are drawn in float32, so that float32 and float64 hold the very same values.
    """
    noise = np.random.default_rng([whole(part) for part in seed]).standard_normal(like.shape, dtype=np.float32)
    if like.dtype == object:
        return noise.astype(float)
    return beside(noise, like).astype(like.dtype)
