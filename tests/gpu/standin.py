"""A stand-in for CuPy, for machines without a device: it answers NumPy's protocols as CuPy does, and computes with NumPy.

What CuPy has, with which words and for which types, is read from cupy_api.json (see `cupy_api`). What CuPy refuses is refused:

* ``np.asarray(x)`` and a buffer of x: nothing leaves the device unasked;
* NumPy arrays among the operands, those without axes too; NumPy's scalars and Python's numbers are welcome;
* functions and words that CuPy has not; reductions by ufuncs other than add and multiply; types that a ufunc has no loop for;
* ``operator.index``, read-only flags, dtypes of objects and of more than 64 bits.

And what is another there is another here: reductions give 0-d arrays of the device and no scalars; a complex Python number
makes float32 complex128; indices out of range wrap around. Every move of numbers between the two sides is counted in
`transfers`, those too that CuPy makes without a word: the truth value of an array, an index that is a list or a NumPy array.
"""

import inspect
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

API = json.loads(Path(__file__).with_name("cupy_api.json").read_text())
__version__ = API["cupy"]

SCALARS = (bool, int, float, complex, np.generic)
KINDS = "biufc"
COMPARISONS = {"greater", "greater_equal", "less", "less_equal", "equal", "not_equal"}
AT = {"add", "subtract", "bitwise_and", "bitwise_or", "bitwise_xor"}
MOVING = {"array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray"}  # they take NumPy arrays, lists, numbers
MAKING = {"zeros", "ones", "empty", "full", "arange", "eye", "identity", "linspace", "tri", "indices"}
ON_HOST = {
    "shape",
    "ndim",
    "size",
    "result_type",
    "can_cast",
    "may_share_memory",
    "iscomplexobj",
    "isrealobj",
    "broadcast_shapes",
}


class Transfers:
    """How often, and how many numbers, went to the host and to the device; ``log`` says how each did."""

    def __init__(self):
        self.log = []

    def clear(self):
        self.log.clear()

    def note(self, way, how, x):
        self.log.append((way, how, x.size))

    def __call__(self, way):
        return sum(there == way for there, *_ in self.log)

    to_host = property(lambda self: self("host"))
    to_device = property(lambda self: self("device"))


transfers = Transfers()


class Flags:
    """No `writeable`, no assignment."""

    def __init__(self, flags):
        self.c_contiguous, self.f_contiguous, self.owndata = flags.c_contiguous, flags.f_contiguous, flags.owndata
        self.fnc, self.forc = flags.fnc, flags.forc

    def __getitem__(self, name):
        if name not in ("C_CONTIGUOUS", "F_CONTIGUOUS", "OWNDATA"):
            raise KeyError(f"{name} is not defined for the flags of an array of the device")
        return getattr(self, name.lower())


@cache
def _signature(words):
    return inspect.signature(eval(f"lambda {words}: 0"))


def _demand_words(words, name, args, kwargs):
    try:
        _signature(words).bind(*args, **kwargs)
    except TypeError as error:
        raise TypeError(f"{name}: {error}") from None


def _supported(x):
    if x.dtype.kind not in KINDS or x.dtype.itemsize > (16 if x.dtype.kind == "c" else 8) or not x.dtype.isnative:
        raise ValueError(f"Unsupported dtype {x.dtype}")
    return x


def _wrap(x):
    if isinstance(x, (np.ndarray, np.generic)):
        return ndarray._of(np.asarray(x))
    if type(x) in (tuple, list) or (isinstance(x, tuple) and hasattr(x, "_fields")):
        return [_wrap(part) for part in x] if type(x) is list else tuple(_wrap(part) for part in x)
    return x


def _bare(x):
    """The NumPy array inside an array of the device; a NumPy array among the operands is refused."""
    if isinstance(x, ndarray):
        return x._x
    if isinstance(x, np.ndarray):
        raise TypeError(f"Unsupported type {type(x)}")
    if type(x) in (list, tuple):
        return type(x)(_bare(part) for part in x)
    return x


def _index(key):
    """An index as NumPy takes it. Lists and NumPy arrays are moved to the device first, which CuPy does without a word."""
    if isinstance(key, tuple):
        return tuple(_index(part) for part in key)
    if isinstance(key, ndarray):
        return key._x
    if isinstance(key, (list, np.ndarray)):
        key = np.asarray(key)
        transfers.note("device", "index", key)
    return key


def _wrapped_around(key, shape):
    """Whole-number indices out of range, brought into it."""
    keys = list(key) if isinstance(key, tuple) else [key]
    if not any(isinstance(part, np.ndarray) and part.dtype.kind in "iu" for part in keys):
        return key
    axis, after = 0, []
    for part in keys:
        if part is None:
            after.append(part)
            continue
        if part is Ellipsis:
            axis = len(shape) - (len(keys) - keys.index(part) - 1)
            after.append(part)
            continue
        after.append(part % shape[axis] if isinstance(part, np.ndarray) and part.dtype.kind in "iu" else part)
        axis += part.ndim if isinstance(part, np.ndarray) and part.dtype.kind == "b" else 1
    return tuple(after)


def _loop(name, types, inputs):
    """The dtypes of the first loop that takes these inputs, as CuPy looks for it; TypeError where there is none."""
    score = {"b": 0, "u": 1, "i": 1, "f": 2, "c": 3}
    weak = [type(x) if type(x) in (bool, int, float, complex) else None for x in inputs]
    given = [np.asarray(x).dtype for x in inputs]
    scores = [score[dtype.kind] for dtype in given]
    arrays = [s for s, kind in zip(scores, weak, strict=True) if kind in (None, bool)]
    scalars = [s for s, kind in zip(scores, weak, strict=True) if kind not in (None, bool)]
    if not (arrays and scalars and max(arrays) >= max(scalars)):
        weak = [None] * len(inputs)
    for text in types:
        taken, _, made = text.partition("->")
        dtypes = [np.dtype(letter) for letter in taken]
        for dtype, there, kind in zip(given, dtypes, weak, strict=True):
            fits = np.can_cast(dtype, there) or (kind not in (None, bool) and np.result_type(kind(0), there) == there)
            if not fits:
                break
        else:
            return dtypes, [np.dtype(letter) for letter in made]
    raise TypeError(f"Wrong type ({given}) of arguments for cupy_{name}")


def _call_ufunc(ufunc, types, *inputs, out=None, dtype=None, casting="same_kind", **words):
    name = ufunc.__name__
    if types is None:  # a generalised one
        outputs = {} if out is None else {"out": _bare(out)}
        return _wrap(ufunc(*map(_bare, inputs), **outputs, **words)) if out is None else _into(out, ufunc, inputs, words)
    if words:
        raise TypeError(f"Wrong arguments {words}")
    plain = [_bare(x) for x in inputs]
    if dtype is not None:
        made = next((text for text in types if np.dtype(text.partition("->")[2][0]) == dtype), None)
        if made is None:
            raise TypeError(f"Wrong type ({dtype}) of arguments for cupy_{name}")
        taken, made = [np.dtype(c) for c in made.partition("->")[0]], [np.dtype(c) for c in made.partition("->")[2]]
    else:
        taken, made = _loop(name, types, plain)
    plain = [np.asarray(x).astype(dtype, copy=False) for x, dtype in zip(plain, taken, strict=True)]
    with np.errstate(all="ignore"):  # a device warns of nothing
        results = ufunc(*plain)
    results = results if type(results) is tuple else (results,)
    answers = []
    for i, (result, dtype) in enumerate(zip(results, made, strict=True)):
        result = np.asarray(result).astype(dtype, copy=False)
        if out is None:
            answers.append(ndarray._of(result))
            continue
        into = out[i] if isinstance(out, tuple) else out
        if not isinstance(into, ndarray):
            raise TypeError(f"Unsupported type {type(into)}")
        if not np.can_cast(result.dtype, into.dtype, casting):
            raise TypeError(f"output (typecode {dtype.char!r}) could not be coerced to provided output {into.dtype.char!r}")
        if result.shape != into.shape:
            result = np.broadcast_to(result, into.shape)
        into._x[...] = result
        answers.append(into)
    return answers[0] if len(answers) == 1 else tuple(answers)


def _into(out, ufunc, inputs, words):
    ufunc(*map(_bare, inputs), out=_bare(out), **words)
    return out


class ndarray(NDArrayOperatorsMixin):
    """An array of the device. Its `_x` is what a GPU would hold: nobody but the stand-in looks at it."""

    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float):
        self._x = np.empty(shape, dtype)

    @classmethod
    def _of(cls, x):
        new = object.__new__(cls)
        new._x = _supported(x)
        return new

    def __array__(self, dtype=None, copy=None):
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        outputs = kwargs.get("out", ())
        if outputs:
            if len(outputs) != 1:
                raise ValueError("The 'out' parameter must have exactly one array value")
            kwargs["out"] = outputs[0]
        name = ufunc.__name__
        types = API["ufuncs"].get(name, API["special"].get(name, "none"))
        if types == "none":
            return NotImplemented
        for x in (*inputs, *outputs):
            if not isinstance(x, (*SCALARS, ndarray, np.ndarray)):
                return NotImplemented
        if name in COMPARISONS:
            inputs = tuple(x.item() if isinstance(x, np.ndarray) and not x.ndim else x for x in inputs)
        if method == "__call__":
            return _call_ufunc(ufunc, types, *inputs, **kwargs)
        if method == "reduce" and name in ("add", "multiply"):
            x, *rest = inputs
            reduce = x.sum if name == "add" else x.prod
            return reduce(*(rest or [kwargs.pop("axis", 0)]), **kwargs)
        if method == "accumulate" and name in ("add", "multiply"):
            x, *rest = inputs
            return (x.cumsum if name == "add" else x.cumprod)(*(rest or [kwargs.pop("axis", 0)]), **kwargs)
        if method == "at" and name in AT:
            into, key, *values = inputs
            ufunc.at(into._x, _wrapped_around(_index(key), into.shape), *map(_bare, values))
            return None
        if method == "outer":
            a, b = (x if isinstance(x, ndarray) else array(x) for x in inputs)
            a, b = a.reshape(a.shape + (1,) * b.ndim), b.reshape((1,) * a.ndim + b.shape)
            return _call_ufunc(ufunc, types, a, b, **kwargs)
        if method in ("reduce", "accumulate", "reduceat", "at"):
            raise NotImplementedError(f"`cupy_{name}.{method}` is not supported yet")
        return NotImplemented

    def __array_function__(self, function, types, args, kwargs):
        room = ".".join(function.__module__.split(".")[1:])
        name = f"{room}.{function.__name__}".lstrip(".")
        if name not in API["functions"] or not all(issubclass(t, (ndarray, np.ndarray)) for t in types):
            return NotImplemented
        return _call(name, args, kwargs)

    # CuPy's powers go by their own short cuts, which are NumPy's, too
    def __pow__(self, other):
        short = {2: np.square} if type(other) is int else {0.5: np.sqrt, 2.0: np.square, -1.0: np.reciprocal}
        if type(other) in (int, float) and other in short and self.dtype.kind in "fc":
            return short[other](self)
        return np.power(self, other)

    def __eq__(self, other):
        if other is None or type(other).__eq__ is object.__eq__:
            return ndarray._of(np.zeros(self.shape, bool))
        return np.equal(self, other)

    def __ne__(self, other):
        if other is None or type(other).__eq__ is object.__eq__:
            return ndarray._of(np.ones(self.shape, bool))
        return np.not_equal(self, other)

    def __getitem__(self, key):
        key = _index(key)
        return _wrap(self._x[_wrapped_around(key, self.shape)])

    def __setitem__(self, key, value):
        if isinstance(value, np.ndarray):
            if value.size != 1:
                raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
            value = value.item()
        self._x[_wrapped_around(_index(key), self.shape)] = _bare(value)

    def __len__(self):
        return len(self._x)

    def __iter__(self):
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value):
        raise AssertionError("`in` looks at the entries of an array of the device one by one")

    # ways to the host
    def get(self, stream=None, order="C", out=None, blocking=True):
        transfers.note("host", "get", self._x)
        return np.array(self._x, order=order)

    def _leaves(self, how):
        transfers.note("host", how, self._x)
        return self._x

    def item(self):
        return self._leaves("item").item()

    def tolist(self):
        return self._leaves("tolist").tolist()

    def tobytes(self, order="C"):
        return self._leaves("tobytes").tobytes(order)

    def __bool__(self):
        return bool(self._leaves("bool"))

    def __int__(self):
        return int(self._leaves("int"))

    def __float__(self):
        return float(self._leaves("float"))

    def __complex__(self):
        return complex(self._leaves("complex"))

    def __repr__(self):
        return f"device {self._leaves('repr')!r}"

    def __str__(self):
        return str(self._leaves("str"))

    def __format__(self, spec):
        return format(self._leaves("format"), spec)

    def __reduce__(self):
        return array, (self.get(),)

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    # what it is
    @property
    def base(self):
        return None if self._x.base is None else _wrap(self._x.base)

    @property
    def flags(self):
        return Flags(self._x.flags)

    @property
    def data(self):
        return SimpleNamespace(ptr=self._x.__array_interface__["data"][0])

    @property
    def device(self):
        return SimpleNamespace(id=0)

    def __getattribute__(self, name):
        if name in DEAD:
            raise AttributeError(f"'ndarray' object has no attribute {name!r}")
        return object.__getattribute__(self, name)

    def dot(self, b, out=None):
        """Refuses an `out` that is not contiguous, as CuPy does."""
        if not isinstance(b, ndarray) or not isinstance(out, (ndarray, type(None))):
            raise TypeError(f"Argument 'b' has incorrect type (expected an array of the device, got {type(b).__name__})")
        if out is None:
            with np.errstate(all="ignore"):
                return _wrap(self._x.dot(b._x))
        if np.result_type(self.dtype, b.dtype) != out.dtype:
            raise ValueError("Not supported dtype combination.")
        if not out._x.flags.c_contiguous:
            raise ValueError("Output array must be C-contiguous")
        self._x.dot(b._x, out=out._x)
        return out

    def take(self, indices, axis=None, out=None):
        """Indices out of range wrap around."""
        assert out is None, "not needed so far"
        key = indices if np.isscalar(indices) else _index(indices if isinstance(indices, ndarray) else np.asarray(indices))
        return _wrap(self._x.take(key, axis=axis, mode="wrap"))

    def astype(self, dtype, order="K", casting=None, subok=None, copy=True):
        if casting is not None or subok is not None:
            raise TypeError("casting and subok are not supported yet")
        with np.errstate(all="ignore"):
            new = self._x.astype(dtype, order=order, copy=copy)
        return self if new is self._x else _wrap(new)

    def fill(self, value):
        self[...] = value

    def scatter_add(self, slices, value):
        np.add.at(self, slices, value)


# what NumPy's arrays have and CuPy's have not
DEAD = {name for name in dir(np.ndarray) if name not in API["methods"] and name not in API["attributes"]} - set(dir(ndarray))
DEAD |= {"__index__", "ctypes", "__array_interface__"}


def _method(name, words):
    def method(self, *args, **kwargs):
        _demand_words(words, name, (self, *args), kwargs)
        out = kwargs.pop("out", None)
        with np.errstate(all="ignore"):
            result = getattr(self._x, name)(*map(_bare, args), **{key: _bare(value) for key, value in kwargs.items()})
        if result is self._x:
            return self
        if out is None:
            return _wrap(result)
        out[...] = _wrap(result)
        return out

    return method


for _name, _words in API["methods"].items():
    if _name not in vars(ndarray) and hasattr(np.ndarray, _name):
        setattr(ndarray, _name, _method(_name, _words))
for _name in API["attributes"]:
    if _name not in vars(ndarray) and hasattr(np.ndarray, _name):
        _get = lambda self, name=_name: _wrap(getattr(self._x, name))  # noqa: E731
        _set = lambda self, value, name=_name: setattr(self._x, name, _bare(value))  # noqa: E731
        setattr(ndarray, _name, property(_get, _set if _name in ("real", "imag", "shape") else None))


def _call(name, args, kwargs):
    """A function of CuPy's by its name in NumPy."""
    _demand_words(API["functions"][name], name, args, kwargs)
    if kwargs.get("subok") is not None:
        raise TypeError("subok is not supported yet")
    if name in MOVING:
        return _moved(name, *args, **kwargs)
    function = _plain(name)
    if name in MAKING:
        return _wrap(function(*args, **kwargs))
    if name in ("shape", "ndim", "size"):
        return function(args[0]._x, *args[1:], **kwargs)
    if name == "take":
        return args[0].take(*args[1:], **kwargs)
    if name == "copyto":
        into, x, *_ = args
        if not np.can_cast(_bare(x) if np.isscalar(x) else x.dtype, into.dtype, kwargs.get("casting", "same_kind")):
            raise TypeError(f"Cannot cast to {into.dtype}")
    if name == "concatenate" and not all(isinstance(x, ndarray) for x in args[0]):
        raise TypeError("Only cupy arrays can be concatenated")
    if name == "where" and len(args) == 3:
        return _call_ufunc(_WHERE, _WHERE.types, *args)
    with np.errstate(all="ignore"):
        result = function(*_bare(list(args)), **{key: _bare(value) for key, value in kwargs.items()})
    if name == "shares_memory":
        transfers.note("host", name, np.zeros(1))  # CuPy looks on the device
    if name in ON_HOST or name == "shares_memory":
        return result
    return kwargs["out"] if kwargs.get("out") is not None else _wrap(result)


def _plain(name):
    function = np
    for part in name.split("."):
        function = getattr(function, part)
    return function


class _Where:
    """``where`` is a ufunc in CuPy, with loops for two operands of one type."""

    __name__ = "where"
    types = tuple(f"?{c}{c}->{c}" for c in "?bBhHiIlLqQefdFD")

    def __call__(self, condition, a, b):
        return np.where(condition, a, b)


_WHERE = _Where()


def _moved(name, x, dtype=None, *args, copy=None, **kwargs):
    """An array of the device from whatever it is; what was not there is moved, and counted."""
    if isinstance(x, ndarray):
        if name == "array" and copy is None:
            copy = True
        same = (dtype is None or x.dtype == dtype) and not copy
        if same and (name not in ("ascontiguousarray",) or x._x.flags.c_contiguous):
            return x
        return _wrap(_plain(name)(x._x, dtype, *args, **kwargs) if name != "array" else np.array(x._x, dtype))
    if type(x) in (list, tuple) and any(isinstance(part, ndarray) for part in x):
        return _wrap(np.stack([_bare(part) for part in x]).astype(dtype, copy=False))
    found = _supported(np.array(x, dtype=dtype))
    transfers.note("device", name, found)
    return ndarray._of(found)


def array(x, *args, **kwargs):
    """A copy of it on the device."""
    return _call("array", (x, *args), kwargs)


def asnumpy(x):
    """A NumPy array of the same numbers."""
    return x.get() if isinstance(x, ndarray) else np.asarray(x)


class _Room:
    """A namespace inside the module."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, name):
        return _found(f"{self._name}.{name}")


def __getattr__(name):
    return _found(name)


def _found(name):
    """The functions and ufuncs of the module, and its rooms ``linalg`` and ``lib``."""
    if name in API["functions"]:
        return lambda *args, **kwargs: _call(name, args, kwargs)
    if name in API["ufuncs"]:
        return lambda *args, **kwargs: _call_ufunc(getattr(np, name), API["ufuncs"][name], *args, **kwargs)
    if name in ("linalg", "lib", "lib.stride_tricks"):
        return _Room(name)
    if name in ("float32", "float64", "int64", "int32", "bool_", "complex64", "complex128", "newaxis", "inf", "nan", "pi"):
        return getattr(np, name)
    raise AttributeError(f"the stand-in has no {name!r}")
