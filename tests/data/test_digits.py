"""The digits that ship."""

import zipfile
from importlib import resources

import numpy as np
import pytest

from refopt.data import digits


def test_shapes_and_range():
    split = digits()
    assert [part.shape for part in split] == [(1348, 64), (1348,), (449, 64), (449,)]
    assert split.x_train.dtype == np.float32
    assert split.x_train.min() == 0.0
    assert split.x_train.max() == 1.0
    assert set(split.y_test.tolist()) == set(range(10))
    assert digits(dtype=np.float64).x_test.dtype == np.float64


def test_the_split_depends_on_the_seed_alone_and_loses_nothing():
    one, again, other = digits(seed=1), digits(seed=1), digits(seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one.x_test, other.x_test)
    sums = [np.sort(np.concatenate([split.x_train, split.x_test]), axis=0) for split in (one, other)]
    assert np.array_equal(*sums)
    for split in (one, other):
        assert np.bincount(np.concatenate([split.y_train, split.y_test])).tolist() == [
            178,
            182,
            177,
            183,
            181,
            182,
            181,
            179,
            174,
            180,
        ]


def test_the_counts_of_the_uci_description():
    """Facts of the data set's own description: 1,797 images, counts from 0 to 16, these numbers of each digit."""
    split = digits()
    pixels = np.concatenate([split.x_train, split.x_test]) * 16
    assert len(pixels) == 1797
    assert np.array_equal(pixels, pixels.round())
    assert pixels.max() == 16


def test_it_is_the_set_that_scikit_learn_ships(peer):
    theirs = peer("sklearn.datasets").load_digits()
    with np.load(resources.files("refopt.data") / "digits.npz", allow_pickle=False) as file:
        assert np.array_equal(file["pixels"], theirs.data)
        assert np.array_equal(file["labels"], theirs.target)


def test_the_file_is_small_plain_and_attributed():
    folder = resources.files("refopt.data")
    assert (folder / "digits.npz").stat().st_size < 60_000
    assert zipfile.ZipFile(folder / "digits.npz").testzip() is None
    licence = (folder / "LICENSE-digits.txt").read_text()
    assert "CC BY 4.0" in licence
    assert "Alpaydin" in licence


def test_bad_input():
    for share in (0, 1, -0.5, 2):
        with pytest.raises(ValueError, match="between 0 and 1"):
            digits(held_out=share)
