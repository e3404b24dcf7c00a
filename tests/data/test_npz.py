"""Data sets that somebody saved with NumPy."""

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refopt.data import npz, split


@pytest.fixture
def path(tmp_path):
    return tmp_path / "data.npz"


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_parts_are_kept_as_they_are(path, save):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((6, 3)), np.array([0, 1, 2, 0, 1, 2], np.uint8)
    save(path, x_train=x[:4], y_train=y[:4], x_test=x[4:], y_test=y[4:, None], other=np.array(["text"]))
    data = npz(str(path))
    assert [str(part.dtype) for part in data] == ["float32", "int64", "float32", "int64"]
    assert np.array_equal(data.x_train, x[:4].astype(np.float32))
    assert data.y_train.tolist() == [0, 1, 2, 0]
    assert data.y_test.tolist() == [1, 2]
    assert np.array_equal(npz(path, dtype=np.float64).x_test, x[4:])


def test_x_and_y_are_split(path):
    x, y = np.arange(20.0).reshape(10, 2), np.linspace(0, 1, 10)
    np.savez(path, x=np.asfortranarray(x), y=y.astype(">f4"))
    data = npz(path, held_out=0.4, seed=3, dtype=np.float64)
    expected = split(x, y.astype(np.float32).astype(np.float64)[:, None], 0.4, 3)
    assert all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in zip(data, expected, strict=True))
    assert data.y_train.shape == (6, 1)  # targets of a regression
    assert all(part.flags.c_contiguous and part.dtype.isnative for part in data)


def test_pixels_are_scaled_and_tokens_are_not(path):
    """Keras's mnist.npz has images (n, 28, 28) of uint8, without channels."""
    pixels = np.array([0, 51, 255, 102, 1, 2, 3, 4], np.uint8).reshape(2, 2, 2)
    np.savez(path, x_train=pixels, y_train=[1, 0], x_test=pixels, y_test=[1, 0])
    data = npz(path, dtype=np.float64)
    assert data.x_train.shape == (2, 2, 2, 1)
    assert data.x_train[0, :, :, 0].tolist() == [[0, 0.2], [1, 0.4]]
    assert np.array_equal(npz(path, dtype=np.uint8).x_test[..., 0], pixels)
    tokens = np.array([[5, 300], [2, 1]], np.int32)
    np.savez(path, x_train=tokens, y_train=[1.5, 0], x_test=tokens, y_test=[1.0, 0])
    data = npz(path)
    assert data.x_train.tolist() == [[5, 300], [2, 1]]
    assert data.x_train.dtype == np.int64
    assert data.y_train.dtype == np.float32


GOOD = dict(x=np.zeros((4, 2)), y=np.array([0, 1, 0, 1]))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": np.zeros(3)}, "it holds a; expected x_train, y_train, x_test, y_test, or x, y"),
        ({}, "it holds no array"),
        (GOOD | {"x": np.array([[1], [None]] * 2)}, "x holds object, expected numbers"),
        (GOOD | {"y": np.array(list("abcd"))}, "y holds <U1, expected numbers"),
        (GOOD | {"x": np.zeros((4, 2), bool)}, "x holds bool, expected numbers"),
        (GOOD | {"x": np.full((4, 2), np.nan)}, "x holds NaN or infinity"),
        (GOOD | {"y": np.full(4, np.inf)}, "y holds NaN or infinity"),
        (GOOD | {"x": np.zeros(4)}, r"x \(4,\) and y \(4,\) must have one entry an example, and x its features"),
        (GOOD | {"y": np.zeros(3)}, r"x \(4, 2\) and y \(3,\) must have one entry"),
        (GOOD | {"y": np.zeros((4, 3), int)}, r"y \(4, 3\) are whole numbers, so labels"),
        (GOOD | {"x": np.zeros((0, 2))}, r"x is empty, of shape \(0, 2\)"),
        (GOOD | {"x": np.float64(3)}, r"x is empty, of shape \(\)"),
        (
            dict(x_train=np.zeros((4, 2)), y_train=np.zeros(4), x_test=np.zeros((1, 3)), y_test=np.zeros(1)),
            r"the training and the test part hold different things, float32 \(4, 2\) and float32 \(1, 3\)",
        ),
    ],
)
def test_what_does_not_fit_is_named(path, arrays, message):
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=r"data\.npz: " + message):
        npz(path)


def test_objects_are_never_unpickled(path, tmp_path):
    class Payload:
        def __reduce__(self):
            return (exec, (f"open({str(tmp_path / 'executed')!r}, 'w').close()",))

    np.savez(path, **GOOD | {"x": np.array([[Payload()]] * 4)})
    with pytest.raises(ValueError, match="x holds object"):
        npz(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("shape", [(2**40, 2**20), (2**62, 2**62), (-4, 2), (4, 3), (1, 1)])
def test_a_header_that_lies_allocates_nothing(path, shape):
    np.savez(path, **GOOD)
    array = io.BytesIO()
    np.lib.format.write_array_header_1_0(array, {"descr": "<f8", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", array.getvalue() + bytes(64))
        archive.writestr("y.npy", b"")
    with pytest.raises(ValueError, match=r"data\.npz: x (holds (64|more) bytes, expected|is empty)"):
        npz(path)


def test_long_arrays_are_read_to_their_end_and_not_beyond(path):
    """An array that takes more than one piece."""
    x, y = np.random.default_rng(0).standard_normal((5000, 40)), np.arange(5000)
    np.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    assert np.array_equal(npz(path, dtype=np.float64).x_train, x)
    for wrong, found in ((x.tobytes() + b"x", "more"), (x.tobytes()[:-1], "1599999")):
        with zipfile.ZipFile(path, "w") as archive:
            array = io.BytesIO()
            np.lib.format.write_array_header_1_0(array, {"descr": "<f8", "fortran_order": False, "shape": x.shape})
            archive.writestr("x.npy", array.getvalue() + wrong)
            archive.writestr("y.npy", b"")
        with pytest.raises(ValueError, match=f"x holds {found} bytes, expected 1600000 for float64"):
            npz(path)


def test_files_that_are_none(path, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"data\.npz"):
        npz(path)
    with pytest.raises(OSError, match=tmp_path.name):
        npz(tmp_path)
    for content in (b"", b"text", b"\x93NUMPY\x01\x00"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"data\.npz: no readable \.npz file"):
            npz(path)


def refused_or_read(path):
    try:
        npz(path)
    except ValueError as error:
        said = str(error)
    else:
        said = str(path)
    assert said.startswith(str(path))


def saved(save):
    file = io.BytesIO()
    save(file, **GOOD)
    return file.getvalue()


@given(
    content=st.sampled_from([saved(np.savez), saved(np.savez_compressed)]),
    edits=st.lists(st.tuples(st.integers(0, 10**4), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.none() | st.integers(0, 10**4),
)
def test_a_damaged_file_is_read_or_refused(tmp_path_factory, content, edits, cut):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    damaged = bytearray(content)
    for place, value in edits:
        damaged[place % len(damaged)] = value
    path.write_bytes(damaged if cut is None else damaged[: cut % len(damaged)])
    refused_or_read(path)


def with_header(path, text):
    array = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode("latin-1")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", array)
        archive.writestr("y.npy", array)
    return path


@given(header=st.text(st.sampled_from("{}()[]',:<>|=fiubO0123456789 descrfortran_ordershapeTrueFalseNone-"), max_size=80))
def test_any_header_is_read_or_refused(tmp_path_factory, header):
    path = tmp_path_factory.getbasetemp() / "header.npz"
    for text in (header, "{'descr': '<f8', 'fortran_order': False, 'shape': " + header + ", }"):
        refused_or_read(with_header(path, text))


@pytest.mark.parametrize("header", ["(" * 9000, "-" * 9000 + "1", "{" * 90, "'", "(1,", "9" * 9000])
def test_headers_that_python_cannot_read(path, header):
    with pytest.raises(ValueError, match=r"data\.npz: x has a broken header"):
        npz(with_header(path, header))
