"""The stand-in refuses what CuPy refuses; that it knows what that is, is compared with CuPy where it is installed."""

import json
import operator

import cupy_api
import numpy as np
import pytest
import standin


def test_the_list_of_what_cupy_has_is_that_of_cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed; it is asked for its names only, no device is needed")
    there = json.loads(cupy_api.PATH.read_text())
    if cupy.__version__ != there["cupy"]:
        pytest.skip(f"the list is that of CuPy {there['cupy']}, installed is {cupy.__version__}: run tests/gpu/cupy_api.py")
    measured = cupy_api.measured()
    for part in there:
        if isinstance(there[part], dict):  # what NumPy has is taken from the installed NumPy
            assert {name: measured[part].get(name) for name in there[part]} == there[part]
        else:
            assert measured[part] == there[part]


@pytest.fixture
def x():
    return standin.asarray(np.arange(6, dtype=np.float32).reshape(2, 3))


REFUSED = {
    "np.asarray(x)": TypeError,
    "np.array([1.0]) + x": TypeError,
    "x + np.ones(3)": TypeError,
    "x * np.array(2.0)": TypeError,  # an array without axes is an array
    "np.multiply(x, x, out=np.empty((2, 3), np.float32))": TypeError,
    "np.multiply(x, x, where=x > 0)": TypeError,
    "np.maximum.reduce(x)": NotImplementedError,
    "np.logical_and.reduce(x)": NotImplementedError,
    "np.spacing(x)": TypeError,
    "np.max(x, initial=0)": TypeError,
    "x.max(initial=0)": TypeError,
    "np.zeros_like(x, subok=False)": TypeError,
    "np.insert(x, 0, 1.0)": TypeError,
    "np.concatenate([x, np.ones((1, 3))])": TypeError,
    "np.where(x > 0, np.ones((2, 3)), x)": TypeError,
    "x.dot(np.ones((3, 2)))": TypeError,
    "operator.index(x[0, 0].astype(int))": TypeError,
    "x.flags.writeable": AttributeError,
    "x.setflags(write=False)": AttributeError,
    "x.ctypes": AttributeError,
    "memoryview(x)": TypeError,
    "x.astype(object)": ValueError,
    "x.astype(np.longdouble)": ValueError,
    "standin.asarray(np.array(['a']))": ValueError,
    "standin.random": AttributeError,
    "standin.errstate": AttributeError,
    "x.__setitem__(0, np.ones(3))": ValueError,
    "np.add(x, np.uint64(3), dtype=np.longdouble)": TypeError,
    "hash(x)": TypeError,
    "bool(x)": ValueError,
}


@pytest.mark.parametrize("text", REFUSED)
def test_it_refuses(x, text):
    with pytest.raises(REFUSED[text]):
        eval(text, {"np": np, "x": x, "operator": operator, "standin": standin})


COUNTED = {
    "float(x[0, 1])": ("host", "float"),
    "int(x[0, 1])": ("host", "int"),
    "bool(x[0, 1] > 0)": ("host", "bool"),
    "x[0, 1].item()": ("host", "item"),
    "x.tolist()": ("host", "tolist"),
    "x.get()": ("host", "get"),
    "standin.asnumpy(x)": ("host", "get"),
    "str(x)": ("host", "str"),
    "standin.asarray(np.ones(2))": ("device", "asarray"),
    "np.asarray(np.ones(2), like=x)": ("device", "asarray"),
    "np.array(1.0, like=x)": ("device", "array"),
    "x[np.array([0, 1])]": ("device", "index"),
    "x[[0, 1]]": ("device", "index"),
    "x.take(np.array([0, 1]), axis=0)": ("device", "index"),
}


@pytest.mark.parametrize("text", COUNTED)
def test_it_counts(x, text):
    standin.transfers.clear()
    eval(text, {"np": np, "x": x, "standin": standin})
    assert [move[:2] for move in standin.transfers.log] == [COUNTED[text]]


QUIET = (
    "x + 1.5", "1 - x", "np.float64(2) * x", "x ** 2", "x @ x.T", "x.sum()", "np.sum(x, axis=0, keepdims=True)", "x[0, 1]",
    "np.zeros(3, like=x)", "np.empty_like(x, shape=(2,))", "np.stack([x, x])", "abs(x).max()", "x.reshape(-1)[1:]", "x == x",
    "np.linalg.norm(x)", "x.take(np.int64(1), axis=0)",
)  # fmt: skip


@pytest.mark.parametrize("text", QUIET)
def test_nothing_is_moved(x, text):
    standin.transfers.clear()
    result = eval(text, {"np": np, "x": x})
    assert isinstance(result, standin.ndarray)  # a sum, too, is an array of the device
    assert not standin.transfers.log


def test_types_are_cupys(x):
    assert (x * 1j).dtype == np.complex128  # NumPy: complex64
    assert (x * 2.0).dtype == np.float32
    assert (x * np.float64(2)).dtype == np.float64
    assert np.where(x > 0, 1, 0.5).dtype == np.float64
    assert np.where(x > 0, x, 0.5).dtype == np.float32
    assert x.sum().shape == ()
    assert x.argmax().dtype == np.int64


def test_indices_out_of_range_wrap_around(x):
    labels = standin.asarray(np.array([0, 4]))
    assert x.take(labels, axis=1).get().tolist() == [[0.0, 1.0], [3.0, 4.0]]
    assert x[0][labels].get().tolist() == [0.0, 1.0]


def test_views_share_memory_and_copies_do_not(x):
    view = x.reshape(-1)[2:]
    assert view.base is not None
    assert x.copy().base is None
    view[0] = 7.0
    assert x.get()[0, 2] == 7.0
    x += 1
    assert view.get()[0] == 8.0
