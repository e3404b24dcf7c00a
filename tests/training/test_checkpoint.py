"""Checkpoints: what goes in comes out to the last bit, and a damaged file is never half believed."""

import io
import json
import os
import stat
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import refopt
from refopt.training import checkpoint as room
from refopt.training import load_checkpoint, save_checkpoint

DTYPES = [np.dtype(code) for code in ("?", "i1", "u8", "<f2", "<f4", "<f8", ">f8", "g", "<c8", "<c16")]
numbers = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
)
trees = st.recursive(
    numbers | arrays,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


def bits(value):
    """A value with every bit of it, comparable: NaN by its payload, arrays with dtype and shape."""
    if isinstance(value, dict):
        return "dict", [(type(key), key, bits(part)) for key, part in value.items()]
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [bits(part) for part in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return type(value).__name__, value.dtype.str, value.shape, value.tobytes()
    return type(value).__name__, struct.pack("d", value) if type(value) is float else value


@given(trees)
@settings(max_examples=150)
def test_everything_comes_back_as_it_was(tmp_path_factory, tree):
    path = save_checkpoint(tmp_path_factory.mktemp("a") / "c.npz", tree)
    assert bits(load_checkpoint(path)) == bits(tree)


def test_the_awkward_numbers(tmp_path):
    quiet, signalling, negative = (
        struct.unpack("<d", bytes.fromhex(text))[0]
        for text in ("2a000000000ff87f"[:16], "010000000000f07f", "000000000000f8ff")
    )
    payload = np.array([0x7FC00001, 0xFF800001, 0x00000001, 0x80000000], np.uint32).view(np.float32)
    content = {
        "floats": [quiet, signalling, negative, -0.0, 5e-324, 1.7976931348623157e308, float("-inf"), 0.1],
        "payload": payload,
        "scalars": (np.float32(0.1), np.float64(-0.0), np.int64(3), np.bool_(True), np.array(2.5, np.float16)),
        "whole": 2**200,
        "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        3: "µ\U0001f600\x00 end\x00",
    }
    back = load_checkpoint(save_checkpoint(tmp_path / "c.npz", content))
    assert bits(back) == bits(content)
    assert back["fortran"].flags.f_contiguous


@pytest.mark.parametrize("name", refopt.names())
def test_the_state_of_every_rule_goes_on_where_it_was(tmp_path, name):
    rule, theta = refopt.rule(name), {"W": np.arange(1.0, 7.0, dtype=np.float32).reshape(2, 3), "b": np.ones(2, np.float32)}
    rule = rule(**{need: (lambda tree: {key: part * 2 for key, part in tree.items()}) for need in rule.needs if need == "grad"})
    rule = rule(
        **{need: (lambda tree: sum(float((part**2).sum()) for part in tree.values())) for need in rule.needs if need == "loss"}
    )
    state = rule.init(theta)
    slope = lambda theta: {key: part * 2 for key, part in theta.items()}  # noqa: E731
    for _ in range(3):
        theta, state = rule.update(theta, slope(theta), state)
    again = load_checkpoint(save_checkpoint(tmp_path / "c.npz", {"theta": theta, "state": state}))
    assert bits(again) == bits({"theta": theta, "state": state})
    assert bits(rule.update(again["theta"], slope(theta), again["state"])) == bits(rule.update(theta, slope(theta), state))


def test_an_array_in_two_places_is_written_once(tmp_path):
    x = np.zeros(10_000)
    one, two = (save_checkpoint(tmp_path / name, tree) for name, tree in (("1", [x]), ("2", [x, {"again": x}])))
    assert two.stat().st_size < one.stat().st_size + 1000
    with np.load(two, allow_pickle=False) as file:
        assert set(file.files) == {"structure", "array0"}
        assert json.loads(str(file["structure"]))["format"] == 1


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"state": {"m": object()}}, r"content\['state'\]\['m'\] is of type object"),
        ([1, {2, 3}], r"content\[1\] is of type set"),
        ({"a": np.array([None])}, r"content\['a'\] is of type ndarray of dtype object"),
        ({"a": np.array(["x"])}, "ndarray of dtype <U1"),
        ({(1, 2): 3}, r"the keys of content must be strings or whole numbers to be saved, got \(1, 2\)"),
        ({True: 3}, "got True"),
        (refopt.adam, "content is of type Rule"),
    ],
)
def test_what_cannot_be_saved(tmp_path, content, where):
    path = save_checkpoint(tmp_path / "c.npz", {"kept": 1})
    with pytest.raises(TypeError, match=where):
        save_checkpoint(path, content)
    assert load_checkpoint(path) == {"kept": 1}
    assert os.listdir(tmp_path) == ["c.npz"]


def content():
    return {"theta": np.arange(50.0), "state": {"t": 3, "m": np.ones((5, 2), np.float32)}, "text": "words", "nan": float("nan")}


@given(st.data())
@settings(max_examples=300)
def test_a_damaged_file_is_refused_or_whole(tmp_path_factory, data):
    """Any byte changed, or cut anywhere: one ValueError that names the file, or all of the content."""
    path = tmp_path_factory.mktemp("d") / "c.npz"
    save_checkpoint(path, content())
    raw = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 3))):
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        found = load_checkpoint(path)
    except ValueError as error:
        assert str(path) in str(error)  # noqa: PT017
        assert "\n" not in str(error)  # noqa: PT017
    else:
        assert bits(found) == bits(content())


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.npz"):
        load_checkpoint(tmp_path / "none.npz")
    (tmp_path / "empty").write_bytes(b"")
    with pytest.raises(ValueError, match="is not a checkpoint, or was cut off"):
        load_checkpoint(tmp_path / "empty")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(ValueError, match="is not a checkpoint, or is broken"):
        load_checkpoint(tmp_path / "other.npz")
    np.savez(tmp_path / "pickled.npz", structure=np.array([{"a": 1}]))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_checkpoint(tmp_path / "pickled.npz")
    structure = {"format": 1, "refopt": "0", "content": {"array": 7}}
    np.savez(tmp_path / "hollow.npz", structure=np.array(json.dumps(structure)))
    with pytest.raises(ValueError, match="is broken: its structure does not fit its arrays"):
        load_checkpoint(tmp_path / "hollow.npz")
    for odd in ({"what": 1}, {"dict": [["a"]]}, {}, {"float": "zz"}, {"array": 0, "scalar": 0}):
        np.savez(tmp_path / "odd.npz", structure=np.array(json.dumps(structure | {"content": odd})))
        with pytest.raises(ValueError, match="is broken"):
            load_checkpoint(tmp_path / "odd.npz")


def test_a_newer_format_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "FORMAT", 2)
    path = save_checkpoint(tmp_path / "c.npz", [1])
    assert load_checkpoint(path) == [1]
    monkeypatch.setattr(room, "FORMAT", 1)
    with pytest.raises(ValueError, match=r"has checkpoint format 2, written by refopt .*; this is refopt .*formats up to 1"):
        load_checkpoint(path)


def test_a_failed_write_leaves_what_was_there(tmp_path, monkeypatch):
    path = save_checkpoint(tmp_path / "c.npz", content())
    before = path.read_bytes()

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, [1])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["c.npz"]
    monkeypatch.undo()
    monkeypatch.setattr(os, "replace", lambda *_: full(io.BytesIO()))
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, [1])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["c.npz"]
    with pytest.raises(FileNotFoundError, match="there is no directory"):
        save_checkpoint(tmp_path / "none" / "c.npz", [1])


def test_bytes_repeat_themselves_and_others_may_read_them(tmp_path):
    one, two = save_checkpoint(tmp_path / "1", content()), save_checkpoint(tmp_path / "2", content())
    assert one.read_bytes() == two.read_bytes()
    assert stat.S_IMODE(one.stat().st_mode) == 0o644
