"""IDX files written byte by byte, and the four files of MNIST."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refopt.data import idx, mnist

CODES = {0x08: "B", 0x09: "b", 0x0B: "h", 0x0C: "i", 0x0D: "f", 0x0E: "d"}
NAMES = {"B": "uint8", "b": "int8", "h": "int16", "i": "int32", "f": "float32", "d": "float64"}


def written(code, shape, numbers):
    """The bytes of an IDX file by its description."""
    header = struct.pack(">BBBB", 0, 0, code, len(shape)) + struct.pack(f">{len(shape)}I", *shape)
    return header + struct.pack(f">{len(numbers)}{CODES[code]}", *numbers)


@pytest.fixture
def file(tmp_path_factory):
    return tmp_path_factory.mktemp("idx") / "file"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("compressed", [False, True])
def test_every_type_plain_and_compressed(file, code, compressed):
    numbers = [1, 2, 100, 0, 7, 3] if CODES[code] == "B" else [-1, 2, 100, 0, 7, -3]
    content = written(code, (2, 1, 3), numbers)
    file.write_bytes(gzip.compress(content) if compressed else content)
    array = idx(file)
    assert array.dtype == NAMES[CODES[code]]
    assert array.dtype.isnative
    assert array.shape == (2, 1, 3)
    assert array.ravel().tolist() == numbers
    array[0] = 5  # it is the caller's
    assert idx(str(file)).ravel().tolist() == numbers


def test_the_bytes_of_the_published_description(file):
    """Its magic number of a label file, 2049, and of an image file, 2051."""
    file.write_bytes(struct.pack(">ii", 2049, 3) + bytes([5, 0, 4]))
    assert idx(file).tolist() == [5, 0, 4]
    file.write_bytes(struct.pack(">iiii", 2051, 1, 2, 2) + bytes([0, 1, 254, 255]))
    assert idx(file).tolist() == [[[0, 1], [254, 255]]]


WHOLE = written(0x0B, (3, 2), [1, -2, 3, -4, 5, -6])


@given(length=st.integers(0, len(WHOLE) - 1), compressed=st.booleans())
def test_a_file_that_is_cut_off(tmp_path_factory, length, compressed):
    path = tmp_path_factory.getbasetemp() / "cut"
    path.write_bytes(gzip.compress(WHOLE[:length]) if compressed else WHOLE[:length])
    with pytest.raises(ValueError, match=r"cut: (no IDX file|cut off in the header|\d+ bytes after the header, expected 12)"):
        idx(path)


@given(length=st.integers(2, len(gzip.compress(WHOLE)) - 1))
def test_a_compressed_file_that_is_cut_off(tmp_path_factory, length):
    path = tmp_path_factory.getbasetemp() / "cut.gz"
    path.write_bytes(gzip.compress(WHOLE)[:length])
    with pytest.raises(ValueError, match=r"cut\.gz: the compressed file is (cut off|damaged)"):
        idx(path)


@given(place=st.integers(0, len(WHOLE) - 1), value=st.integers(0, 255), compressed=st.booleans())
def test_any_byte_may_be_wrong(tmp_path_factory, place, value, compressed):
    """In the header it is found out, or the array is another one of the same number of bytes; nothing else happens."""
    path = tmp_path_factory.getbasetemp() / "wrong"
    content = bytearray(gzip.compress(WHOLE, mtime=0) if compressed else WHOLE)
    content[place] = value
    path.write_bytes(content)
    try:
        array = idx(path)
    except ValueError as error:
        said = str(error)
    else:
        said = str(path)
        assert array.nbytes == 12
    assert str(path) in said


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("shape", [(2**32 - 1,) * 3, (2**32 - 1,) * 64, (2**31,)])
def test_a_header_that_lies_allocates_nothing(file, shape, compressed):
    content = written(0x0E, shape, [1.0])
    file.write_bytes(gzip.compress(content) if compressed else content)
    with pytest.raises(ValueError, match="8 bytes after the header, expected "):
        idx(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no IDX file: it begins with nothing, expected 00 00, a type"),
        (b"\x89PNG\r\n", "no IDX file: it begins with 89 50 4e 47"),
        (b"\0\0\x0a\x01" + bytes(8), "no IDX file: it begins with 00 00 0a 01"),
        (b"\0\0\x08\0\x01", r"an array of shape \(\); expected 1 to 64 dimensions"),
        (b"\0\0\x08\x41" + b"\0\0\0\x01" * 65 + b"x", "expected 1 to 64 dimensions"),
        (b"\0\0\x08\x02" + bytes(8), r"an array of shape \(0, 0\); .*none empty"),
        (b"\0\0\x08\x02\0\0\0\x01", "cut off in the header, which announces 2 dimensions"),
        (WHOLE + b"x", r"more bytes after the header, expected 12 for int16 \(3, 2\)"),
    ],
)
def test_what_is_no_idx_file(file, content, message):
    file.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        idx(file)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        idx(tmp_path / "nowhere")
    with pytest.raises(OSError, match=tmp_path.name):
        idx(tmp_path)
    with pytest.raises(TypeError):
        idx(3)  # not the file that happens to have this descriptor


def four_files(directory, dot="-", gz="", train=5, test=2, height=28, width=28):
    rng = np.random.default_rng(0)
    arrays = []
    for part, n in (("train", train), ("t10k", test)):
        x, y = rng.integers(0, 256, (n, height, width)), rng.integers(0, 10, n)
        for kind, array in (("images", x), ("labels", y)):
            content = written(0x08, array.shape, array.ravel().tolist())
            path = directory / f"{part}-{kind}{dot}idx{array.ndim}-ubyte{gz}"
            path.write_bytes(gzip.compress(content) if gz else content)
            arrays.append(array)
    return arrays


@pytest.mark.parametrize("dot", ["-", "."])
@pytest.mark.parametrize("gz", ["", ".gz"])
def test_mnist_under_all_its_names(tmp_path, dot, gz):
    x_train, y_train, x_test, y_test = four_files(tmp_path, dot, gz)
    data = mnist(tmp_path)
    assert [part.shape for part in data] == [(5, 28, 28, 1), (5,), (2, 28, 28, 1), (2,)]
    assert [str(part.dtype) for part in data] == ["float32", "int64", "float32", "int64"]
    assert data.y_train.tolist() == y_train.tolist()
    assert data.y_test.tolist() == y_test.tolist()
    assert np.array_equal(data.x_train[..., 0], (x_train / 255).astype(np.float32))
    assert np.array_equal(mnist(tmp_path, np.float64).x_test[..., 0], x_test / 255)
    assert np.array_equal(mnist(tmp_path, np.uint8).x_test[..., 0], x_test)
    rows = mnist(str(tmp_path), images=False)
    assert np.array_equal(rows.x_train, data.x_train.reshape(5, 784))
    assert all(part.flags.c_contiguous for part in (*data, *rows))


def test_mnist_says_what_is_wrong(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is no directory; expected one that holds train-images-idx3-ubyte"):
        mnist(tmp_path / "nowhere")
    (tmp_path / "other").write_text("")
    with pytest.raises(FileNotFoundError, match=r"holds none of train-images-idx3-ubyte, .*; it holds other"):
        mnist(tmp_path)
    four_files(tmp_path)
    labels = tmp_path / "train-labels-idx1-ubyte"
    labels.write_bytes(written(0x08, (4,), [1, 2, 3, 4]))
    with pytest.raises(ValueError, match="5 images in train-images-idx3-ubyte, but 4 labels in train-labels-idx1-ubyte"):
        mnist(tmp_path)
    labels.write_bytes(written(0x0C, (5,), [1, 2, 3, 4, 5]))
    with pytest.raises(ValueError, match=r"train-labels-idx1-ubyte: int32 of shape \(5,\), expected labels \(n,\) of uint8"):
        mnist(tmp_path)
    four_files(tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(written(0x08, (2, 2, 2), range(8)))
    with pytest.raises(ValueError, match=r"images of \(28, 28\) pixels in train-images-idx3-ubyte, of \(2, 2\)"):
        mnist(tmp_path)
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match="holds none of t10k-labels-idx1-ubyte"):
        mnist(tmp_path)
    with pytest.raises(TypeError, match=r"or np\.uint8 for pixels as they are"):
        mnist(tmp_path, dtype=np.int64)
