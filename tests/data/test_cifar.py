"""CIFAR's binary records and pickles, from files written here."""

import io
import pickle
import struct
import sys
import tarfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refopt.data import cifar10, cifar100
from refopt.data.plain_pickle import read

rng = np.random.default_rng(0)
X = rng.integers(0, 256, (18, 3, 32, 32), dtype=np.uint8)  # six files of three images, as planes
Y = rng.integers(0, 10, 18)
FILES = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"]


def records(i):
    return b"".join(bytes([Y[k]]) + X[k].tobytes() for k in range(3 * i, 3 * i + 3))


def dictionary(i):
    names = [b"a.png", b"b.png", b"c.png"]
    part = slice(3 * i, 3 * i + 3)
    return {b"batch_label": b"part", b"labels": Y[part].tolist(), b"data": X[part].reshape(3, 3072), b"filenames": names}


def python2(i):
    """The instructions that Python 2 and its NumPy wrote into the published files (cPickle, protocol 2), by hand."""

    def text(s):
        return b"U" + bytes([len(s)]) + s

    data = X[3 * i : 3 * i + 3].tobytes()
    dtype = (
        b"cnumpy\ndtype\nq\x09" + text(b"u1") + b"K\x00K\x01\x87Rq\x0a(K\x03" + text(b"|") + b"NNN" + 3 * b"J\xff\xff\xff\xff"
    )
    dtype = dtype.replace(3 * b"J\xff\xff\xff\xff", 2 * b"J\xff\xff\xff\xff" + b"K\x00") + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\nq\x06cnumpy\nndarray\nq\x07K\x00\x85" + text(b"b") + b"\x87Rq\x08"
    array += b"(K\x01K\x03M\x00\x0c\x86" + dtype + b"\x89T" + struct.pack("<i", len(data)) + data + b"tb"
    labels = b"]q\x04(" + b"".join(b"K" + bytes([y]) for y in Y[3 * i : 3 * i + 3]) + b"e"
    names = b"]q\x0b(" + text(b"a.png") + b"q\x0c" + text(b"b.png") + text(b"c.png") + b"e"
    entries = text(b"batch_label") + b"q\x02" + text(b"training batch 1 of 5") + b"q\x03" + text(b"labels") + labels
    return b"\x80\x02}q\x01(" + entries + text(b"data") + array + text(b"filenames") + names + b"u."


def is_all_of_it(data):
    expected = X.transpose(0, 2, 3, 1)
    assert [part.shape for part in data] == [(15, 32, 32, 3), (15,), (3, 32, 32, 3), (3,)]
    assert [str(part.dtype) for part in data] == ["float32", "int64", "float32", "int64"]
    assert all(part.flags.c_contiguous for part in data)
    assert np.array_equal(data.x_train, (expected[:15] / 255).astype(np.float32))
    assert np.array_equal(data.x_test, (expected[15:] / 255).astype(np.float32))
    assert data.y_train.tolist() == Y[:15].tolist()
    assert data.y_test.tolist() == Y[15:].tolist()


WRITERS = {"binary": records, "Python 2": python2}
WRITERS |= {f"protocol {p}": lambda i, p=p: pickle.dumps(dictionary(i), p) for p in range(6)}
WRITERS["text keys"] = lambda i: pickle.dumps({key.decode(): value for key, value in dictionary(i).items()})
WRITERS["columns first"] = lambda i: pickle.dumps({**dictionary(i), b"data": np.asfortranarray(dictionary(i)[b"data"])}, 2)
WRITERS["columns first, protocol 5"] = lambda i: pickle.dumps(
    {**dictionary(i), b"data": np.asfortranarray(dictionary(i)[b"data"])}, 5
)
WRITERS["without the C"] = lambda i: pickle._dumps(dictionary(i), 3)  # the pickler in Python writes other instructions
each = pytest.mark.parametrize("writer", WRITERS)


def save(directory, writer, files=FILES):
    for i, name in enumerate(files):
        (directory / (f"{name}.bin" if writer == "binary" else name)).write_bytes(WRITERS[writer](i))


def test_python_agrees_with_what_was_written_by_hand():
    """Python's own unpickler, asked as the set's description says, reads from the bytes above what it should."""
    theirs = pickle.loads(python2(1), encoding="bytes")
    assert np.array_equal(theirs[b"data"], dictionary(1)[b"data"])
    assert theirs[b"labels"] == dictionary(1)[b"labels"]
    assert theirs[b"filenames"] == dictionary(1)[b"filenames"]


@each
def test_a_directory_and_the_one_that_holds_it(tmp_path, writer):
    folder = tmp_path / ("cifar-10-batches-bin" if writer == "binary" else "cifar-10-batches-py")
    folder.mkdir()
    save(folder, writer)
    is_all_of_it(cifar10(folder))
    is_all_of_it(cifar10(str(tmp_path)))


def archive(path, writer, order=FILES):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as tar:
        for name in ["batches.meta", *order]:
            content = WRITERS[writer](FILES.index(name)) if name in FILES else b"something else"
            member = tarfile.TarInfo(f"cifar-10/{name}.bin" if writer == "binary" else f"cifar-10/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["cifar.tar.gz", "cifar.tar"])
@pytest.mark.parametrize("writer", ["binary", "Python 2"])
def test_the_archive_itself(tmp_path, name, writer):
    is_all_of_it(cifar10(archive(tmp_path / name, writer)))
    is_all_of_it(cifar10(archive(tmp_path / name, writer, FILES[::-1])))
    assert [path.name for path in tmp_path.iterdir()] == [name]  # nothing was extracted


def test_rows_and_bytes(tmp_path):
    save(tmp_path, "binary")
    assert np.array_equal(cifar10(tmp_path, np.uint8).x_train, X[:15].transpose(0, 2, 3, 1))
    rows = cifar10(tmp_path, np.float64, images=False)
    assert np.array_equal(rows.x_test, X[15:].transpose(0, 2, 3, 1).reshape(3, 3072) / 255)


@pytest.mark.parametrize("binary", [True, False])
def test_cifar100_has_two_labels(tmp_path, binary):
    coarse, fine = np.array([3, 19, 0, 7]), np.array([99, 0, 50, 42])
    for name, part in (("train", slice(0, 3)), ("test", slice(3, 4))):
        triples = list(zip(coarse[part].tolist(), fine[part].tolist(), X[part], strict=True))
        if binary:
            (tmp_path / f"{name}.bin").write_bytes(b"".join(bytes([c, f]) + x.tobytes() for c, f, x in triples))
        else:
            entries = {b"coarse_labels": [c for c, _, _ in triples], b"fine_labels": [f for _, f, _ in triples]}
            (tmp_path / name).write_bytes(pickle.dumps({**entries, b"data": X[part].reshape(-1, 3072)}, 2))
    data, groups = cifar100(tmp_path), cifar100(tmp_path, coarse=True)
    assert data.y_train.tolist() == [99, 0, 50]
    assert data.y_test.tolist() == [42]
    assert groups.y_train.tolist() == [3, 19, 0]
    assert groups.y_test.tolist() == [7]
    assert np.array_equal(data.x_train, (X[:3].transpose(0, 2, 3, 1) / 255).astype(np.float32))


class Payload:
    """What a hostile pickle does: when it is loaded, it runs a command."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (exec, (f"open({str(self.path)!r}, 'w').close()",))


@pytest.mark.parametrize("protocol", range(6))
def test_a_hostile_pickle_executes_nothing(tmp_path, protocol):
    trap = tmp_path / "executed"
    save(tmp_path, "Python 2")
    bad = pickle.dumps({**dictionary(0), b"filenames": Payload(trap)}, protocol)
    (tmp_path / "data_batch_3").write_bytes(bad)
    with pytest.raises(ValueError, match=r"data_batch_3: no plain pickle: it asks for '(__builtin__|builtins) exec'"):
        cifar10(tmp_path)
    assert not trap.exists()
    pickle.loads(bad)
    assert trap.exists()  # the trap does work


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cos\nsystem\n(S'true'\ntR.", "it asks for 'os system'"),
        (b"(S'true'\nios\nsystem\n.", "the instruction INST is not allowed"),
        (b"(cnumpy\ndtype\nS'u1'\no.", "the instruction OBJ is not allowed"),
        (b"\x80\x02cnumpy\ndtype\n)\x81.", "the instruction NEWOBJ is not allowed"),
        (b"\x80\x02\x82\x01.", "the instruction EXT1 is not allowed"),
        (b"P1\n.", "the instruction PERSID is not allowed"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "it asks for 'os system'"),
        (b"cnumpy\ndtype.__class__\n.", "it asks for 'numpy dtype.__class__'"),
        (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\ndtype\nI0\nS'b'\ntR.", "without what it needs"),
        (b"cnumpy\nndarray\n)R.", "without what it needs"),
        (b"c_codecs\nencode\n(Vx\nVrot13\ntR.", "bytes in the encoding 'rot13', expected latin1"),
        (b"c_codecs\nencode\n(V\\u0100\nVlatin1\ntR.", "broken text"),
        (b"}]]s.", "without what it needs"),
        (b"a", "without what it needs"),
        (b"0.", "the instruction POP is not allowed"),
        (b"}", "pickle exhausted before seeing STOP"),
        (b"", "pickle exhausted before seeing STOP, at the beginning"),
        (b"}.x", "it goes on after its end"),
        (b"(}.", "it ends with 1 values, expected one|values"),
        (b"}}.", "it ends with 2 values, expected one"),
        (b"g5\n.", "without what it needs"),
        (pickle.dumps([1, 2]), "it holds a list, expected a dictionary"),
        (pickle.dumps(np.zeros(3, np.uint8)), "it holds an array, expected a dictionary"),
        (pickle.dumps({"x": np.zeros(3)}), r"an array of 'f8', expected bytes \('u1'\)"),
        (pickle.dumps({"x": np.array([None])}, 2), r"an array of 'O8', expected bytes"),
        (pickle.dumps({"x": 0.5}), "the instruction BINFLOAT is not allowed"),
        (pickle.dumps({1: 2}), "without what it needs"),
        (b"\x80\x04\x8e" + (2**62).to_bytes(8, "little") + b"x.", "expected 4611686018427387904 bytes"),
        (b"}Vx\ncnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntRs.", "an array without contents"),
    ],
)
def test_whatever_is_no_plain_pickle(content, message):
    modules = set(sys.modules)
    with pytest.raises(ValueError, match=message):
        read(content)
    assert set(sys.modules) == modules


@given(
    entries=st.dictionaries(
        st.text(max_size=5),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.binary(max_size=8), st.lists, max_leaves=6
        )
        | st.binary(min_size=1, max_size=9).map(lambda data: np.frombuffer(data, np.uint8)),
        max_size=5,
    ),
    protocol=st.integers(0, 5),
)
def test_plain_values_are_read_as_python_reads_them(entries, protocol):
    content = pickle.dumps(entries, protocol)
    got = read(content)
    expected = pickle.loads(content)
    assert list(got) == list(expected)
    for key, value in expected.items():
        assert np.array_equal(got[key], value) if isinstance(value, np.ndarray) else got[key] == value


def read_or_refused(reader, what, words):
    """Nothing is raised but an error with these words in it."""
    try:
        reader(what)
    except (ValueError, FileNotFoundError) as error:
        said = str(error)
    else:
        said = words
    assert words in said


SMALL = pickle.dumps({b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [1, 2]}, 2)
OTHER = pickle.dumps({b"data": np.arange(6, dtype=np.uint8).reshape(2, 3), b"labels": [1, 2]}, 5)


@given(content=st.sampled_from([SMALL, OTHER]), edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=3))
def test_a_damaged_pickle_is_read_or_refused(content, edits):
    damaged = bytearray(content)
    for place, value in edits:
        damaged[place % len(damaged)] = value
    read_or_refused(read, damaged, "no plain pickle: ")


@given(data=st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    read_or_refused(read, data, "no plain pickle: ")


@given(length=st.integers(0, len(OTHER) - 1))
def test_a_pickle_that_is_cut_off(length):
    with pytest.raises(ValueError, match="no plain pickle: "):
        read(OTHER[:length])


def test_numpy_1_wrote_the_same_under_other_names():
    for protocol, name in ((2, b"_reconstruct"), (5, b"_frombuffer")):
        content = pickle.dumps(dictionary(0), protocol)
        assert b"numpy._core." in content
        assert name in content
        if protocol == 2:
            old = content.replace(b"numpy._core.", b"numpy.core.")
        else:  # the lengths of the name and of its frame are written out
            length = content.index(b"numpy._core.") - 1
            old = (
                content[:length] + bytes([content[length] - 1]) + content[length + 1 :].replace(b"numpy._core.", b"numpy.core.")
            )
        assert np.array_equal(read(old)["data"], X[:3].reshape(3, 3072))


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        cifar10(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match=r"missing data_batch_1\.bin, .*; or else data_batch_1, .*; found nothing"):
        cifar10(tmp_path)
    save(tmp_path, "Python 2", FILES[:4])
    with pytest.raises(FileNotFoundError, match=r"missing data_batch_5, test_batch; .*; found data_batch_1, data_batch_2"):
        cifar10(tmp_path)
    with pytest.raises(FileNotFoundError, match="missing data_batch_5; "):
        cifar10(archive(tmp_path / "part.tar", "Python 2", [*FILES[:4], "test_batch"]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "0 bytes, expected records of 3073 bytes"),
        (records(0)[:-1], "9218 bytes, expected records of 3073 bytes"),
        (records(0) + b"x", "9220 bytes, expected records of 3073 bytes"),
        (bytes([10]) + bytes(3072), "labels from 10 to 10, expected 0 to 9"),
    ],
)
def test_broken_records(tmp_path, content, message):
    save(tmp_path, "binary")
    (tmp_path / "data_batch_2.bin").write_bytes(content)
    with pytest.raises(ValueError, match=f"data_batch_2.bin: {message}"):
        cifar10(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({b"labels": [1, 2]}, "'labels' must be a list of 3 labels, whole numbers from 0 to 255; found a list of 2"),
        ({b"labels": [1, 2, True]}, "'labels' must be a list of 3 labels"),
        ({b"labels": [1, 2, 10**40]}, "'labels' must be a list of 3 labels"),
        ({b"labels": b"abc"}, "'labels' must be a list of 3 labels, whole numbers from 0 to 255; found bytes"),
        ({b"labels": [1, 2, 10]}, "labels from 1 to 10, expected 0 to 9"),
        (
            {b"data": np.zeros((3, 3071), np.uint8)},
            r"'data' must be an array of uint8 \(n, 3072\), found an array of shape \(3, 3071\)",
        ),
        ({b"data": [1]}, r"'data' must be an array of uint8 \(n, 3072\), found list"),
    ],
)
def test_dictionaries_that_hold_something_else(tmp_path, change, message):
    save(tmp_path, "Python 2")
    (tmp_path / "test_batch").write_bytes(pickle.dumps({**dictionary(5), **change}))
    with pytest.raises(ValueError, match=f"test_batch: {message}"):
        cifar10(tmp_path)


def test_archives_that_are_none(tmp_path):
    path = tmp_path / "cifar.tar.gz"
    path.write_bytes(b"no archive at all")
    with pytest.raises(ValueError, match=r"cifar\.tar\.gz: no directory, and no readable \.tar or \.tar\.gz archive"):
        cifar10(path)
    twice = archive(tmp_path / "twice.tar", "binary", [*FILES, FILES[0]])
    with pytest.raises(ValueError, match=r"it holds data_batch_1\.bin twice"):
        cifar10(twice)


def header(name, size, kind=b"0"):
    """A header of the tar format with any length, also one below zero."""
    fields = name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + size + b"00000000000\0" + b" " * 8 + kind
    block = (fields.ljust(257, b"\0") + b"ustar\x0000").ljust(512, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


@pytest.mark.parametrize("name", ["test_batch", "other"])
@pytest.mark.parametrize("kind", [b"0", b"x", b"g", b"L", b"S", b"5", b"2"])
@pytest.mark.parametrize(
    "size",
    [
        b"77777777777\0",
        b"\x80" + b"\xff" * 11,
        b"\xff" * 11 + b"\x00",
        b"\xff" * 12,
        b"\xff" * 10 + b"\xfe\x00",
        b"????????????",
    ],
    ids=["8 GiB", "2**95", "-256", "-1", "-512", "none"],
)
def test_a_length_that_lies_neither_hangs_nor_allocates(tmp_path, size, kind, name):
    path = tmp_path / "lies.tar"
    path.write_bytes(header("a", b"00000000000\0") + header(name, size, kind) + bytes(2048))
    with pytest.raises((ValueError, FileNotFoundError), match=r"lies\.tar: "):
        cifar10(path)


def test_a_sparse_file_whose_table_is_missing(tmp_path):
    path, block = tmp_path / "sparse.tar", bytearray(header("test_batch", b"00000000000\0", b"S"))
    block[482] = 1  # more of the table follows, it says
    block[148:156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
    path.write_bytes(block)
    with pytest.raises(ValueError, match=r"sparse\.tar: no directory, and no readable"):
        cifar10(path)


@given(edits=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4), cut=st.integers(0, 10**6))
def test_a_damaged_archive_is_read_or_refused(tmp_path_factory, edits, cut):
    path = tmp_path_factory.getbasetemp() / "damaged.tar.gz"
    damaged = bytearray(archive(path, "binary").read_bytes())
    for place, value in edits:
        damaged[place % len(damaged)] = value
    path.write_bytes(damaged[: len(damaged) - cut % len(damaged)] if cut % 2 else damaged)
    read_or_refused(cifar10, path, "damaged.tar.gz: ")


@given(blocks=st.lists(st.tuples(st.integers(0, 9 * 512), st.integers(0, 255)), min_size=1, max_size=6))
def test_damaged_headers_of_a_plain_archive(tmp_path_factory, blocks):
    """Checksums are made right again, so that the damage gets through to whatever reads the fields."""
    path = tmp_path_factory.getbasetemp() / "headers.tar"
    content = bytearray(b"".join(header(name, b"00000001000\0") + bytes(512) for name in ("x", "test_batch.bin", "y")))
    for place, value in blocks:
        content[place % len(content)] = value
    for start in range(0, len(content), 1024):
        block = content[start : start + 512]
        content[start + 148 : start + 156] = b"%06o\0 " % (sum(block) - sum(block[148:156]) + 8 * 32)
    path.write_bytes(content)
    with pytest.raises((ValueError, FileNotFoundError), match=r"headers\.tar: "):
        cifar10(path)
