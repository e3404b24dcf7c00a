"""Splits, class counts, batches, standardising: what goes where."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refopt.data import Split, batches, class_counts, digits, split, standardise

labels = st.lists(st.integers(0, 4), min_size=4, max_size=60).map(np.array)


@given(n=st.integers(2, 200), held_out=st.floats(0.01, 0.99), seed=st.integers(0, 2**40))
def test_every_example_lands_in_exactly_one_part(n, held_out, seed):
    x, y = np.arange(2 * n).reshape(n, 2), np.arange(n)
    test = round(held_out * n)
    if not 0 < test < n:
        with pytest.raises(ValueError, match="both parts need an example"):
            split(x, y, held_out, seed)
        return
    parts = split(x, y, held_out, seed)
    assert len(parts.y_test) == len(parts.x_test) == test
    assert sorted([*parts.y_train, *parts.y_test]) == list(range(n))
    for rows, answers in ((parts.x_train, parts.y_train), (parts.x_test, parts.y_test)):
        assert np.array_equal(rows, x[answers])  # examples keep their answers
    assert all(np.array_equal(a, b) for a, b in zip(parts, split(x, y, held_out, seed), strict=True))


@given(y=labels, held_out=st.floats(0.1, 0.9), seed=st.integers(0, 99))
def test_stratified_parts_hold_the_classes_in_proportion(y, held_out, seed):
    test = round(held_out * len(y))
    if not 0 < test < len(y):
        return
    parts = split(np.arange(len(y)), y, held_out, seed, stratify=True)
    assert sorted([*parts.x_train, *parts.x_test]) == list(range(len(y)))
    assert np.array_equal(parts.y_train, y[parts.x_train])
    assert len(parts.y_test) == test
    for label in set(y.tolist()):
        quota = np.sum(y == label) * test / len(y)
        assert abs(np.sum(parts.y_test == label) - quota) < 1


def test_stratified_counts_are_those_of_scikit_learn(peer):
    """Class sizes for which rounding leaves no choice, and in which theirs can therefore not differ."""
    y = np.repeat([0, 1, 2], [40, 100, 260])
    _, theirs = peer("sklearn.model_selection").train_test_split(y, test_size=0.25, stratify=y, random_state=0)
    ours = split(y[:, None], y, 0.25, stratify=True)
    assert class_counts(ours.y_test) == class_counts(theirs) == {0: 10, 1: 25, 2: 65}


def test_stratified_order_is_random():
    y = np.repeat([0, 1], 50)
    one, other = (split(np.arange(100), y, 0.5, seed, stratify=True) for seed in (1, 2))
    assert not np.array_equal(one.x_test, other.x_test)
    assert set(one.x_test) != set(other.x_test)
    changes = np.count_nonzero(np.diff(one.y_train))  # 25 + 25 in random order: 25 ± 3.5
    assert 11 <= changes <= 39


def test_splitting_changes_nothing_that_was_passed_in():
    x, y = np.arange(12.0).reshape(6, 2), np.array([0, 1, 0, 1, 0, 1])
    parts = split(x, y, stratify=True, held_out=0.5)
    parts.x_train[...] = -1
    assert np.array_equal(x, np.arange(12.0).reshape(6, 2))
    assert y.tolist() == [0, 1, 0, 1, 0, 1]


def test_digits_as_images_are_the_same_digits():
    rows, pictures = digits(seed=3), digits(seed=3, images=True)
    assert pictures.x_train.shape == (1348, 8, 8, 1)
    assert np.array_equal(pictures.x_train.reshape(-1, 64), rows.x_train)
    assert np.array_equal(pictures.y_test, rows.y_test)


def test_class_counts_by_hand():
    assert class_counts([3, 1, 3, 3]) == {1: 1, 3: 3}
    assert list(class_counts(np.array([2, 0], np.uint8))) == [0, 2]
    for bad in ([0.5], [[1, 2]], [-1, 2]):
        with pytest.raises(ValueError, match="whole numbers"):
            class_counts(bad)


def test_bad_splits_are_refused():
    x = np.zeros((4, 2))
    with pytest.raises(ValueError, match=r"one entry an example.*\(4, 2\) and \(3,\)"):
        split(x, np.zeros(3))
    with pytest.raises(ValueError, match=r"both parts need an example, but held_out=0\.1 of 4 examples holds out 0"):
        split(x, np.zeros(4), 0.1)
    with pytest.raises(ValueError, match="labels must be whole numbers"):
        split(x, np.zeros(4), stratify=True)
    for seed in (None, 1.0, True):
        with pytest.raises(TypeError, match="seed must be a whole number"):
            split(x, np.zeros(4), seed=seed)
    with pytest.raises(ValueError, match="seed must be at least 0"):
        split(x, np.zeros(4), seed=-1)
    for share in (0, 1, float("nan")):
        with pytest.raises(ValueError, match="between 0 and 1"):
            split(x, np.zeros(4), share)
    with pytest.raises(TypeError, match="floating-point"):
        digits(dtype=int)


@given(n=st.integers(1, 100), data=st.data(), seed=st.integers(0, 2**70), epoch=st.integers(0, 2**33))
def test_an_epoch_sees_every_example_once(n, data, seed, epoch):
    size = data.draw(st.integers(1, n))
    kept = batches(n, size, seed, epoch, last="keep")
    assert sorted(np.concatenate(kept)) == list(range(n))
    assert [len(batch) for batch in kept] == [size] * (n // size) + [n % size] * (n % size > 0)
    dropped = batches(n, size, seed, epoch)
    assert all(np.array_equal(a, b) for a, b in zip(dropped, kept[: n // size], strict=True))


def test_an_epoch_can_be_found_again_and_none_repeats_another():
    orders = {(seed, epoch): tuple(np.concatenate(batches(50, 10, seed, epoch))) for seed in range(5) for epoch in range(20)}
    assert len(set(orders.values())) == 100
    assert orders[3, 17] == tuple(np.concatenate(batches(50, 10, seed=3, epoch=17)))
    assert orders[3, 0] != tuple(np.random.default_rng(3).permutation(50))  # not the draw that split the data


def test_every_place_is_equally_likely():
    """Example 0 of five over 2,000 epochs: 400 times at each place, standard deviation 18."""
    places = [int(np.argmin(batches(5, 5, 0, epoch)[0])) for epoch in range(2000)]
    assert np.abs(np.bincount(places) - 400).max() < 5 * 18


def test_bad_batches_are_refused():
    with pytest.raises(ValueError, match="batch_size must be from 1 to 10, got 11"):
        batches(10, 11)
    with pytest.raises(ValueError, match="did you mean 'drop'"):
        batches(10, 5, last="dropp")
    with pytest.raises(ValueError, match="epoch must be at least 0"):
        batches(10, 5, epoch=-1)
    with pytest.raises(TypeError, match="n must be a whole number"):
        batches(10.0, 5)


def test_standardised_features_as_scikit_learn_has_them(peer):
    data = digits(dtype=np.float64)
    ours, scale = standardise(data)
    theirs = peer("sklearn.preprocessing").StandardScaler().fit(data.x_train)
    assert np.allclose(ours.x_train, theirs.transform(data.x_train), rtol=1e-12, atol=1e-12)
    assert np.allclose(ours.x_test, theirs.transform(data.x_test), rtol=1e-12, atol=1e-12)
    assert np.array_equal(scale(data.x_test), ours.x_test)
    assert (data.x_train.std(0) == 0).any()  # the digits have pixels that are never inked
    assert np.all(ours.x_train[:, data.x_train.std(0) == 0] == 0)


@pytest.mark.parametrize("shape", [(40, 3), (10, 5, 3), (6, 4, 4, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mean_0_and_deviation_1_along_the_last_axis(shape, dtype):
    rng = np.random.default_rng(0)
    x = (1000 + [1.0, 10.0, 0.01] * rng.standard_normal(shape)).astype(dtype)
    kept = x.copy()
    new, scale = standardise(Split(x, np.zeros(len(x), int), x + 1, np.zeros(len(x), int)))
    assert new.x_train.dtype == dtype
    axes = tuple(range(x.ndim - 1))
    assert np.abs(new.x_train.mean(axes, dtype=np.float64)).max() < 1e-6
    assert np.allclose(new.x_train.std(axes, dtype=np.float64), 1, rtol=1e-5)
    wide = x.astype(np.float64)  # the test part by the training part's numbers
    assert np.allclose(new.x_test, (x + 1 - wide.mean(axes)) / wide.std(axes), rtol=1e-5, atol=1e-5)
    assert np.array_equal(scale(x[0]), new.x_train[0])
    assert np.array_equal(x, kept)


@given(value=st.floats(-1e30, 1e30), n=st.integers(1, 70))
def test_a_constant_feature_becomes_zero(value, n):
    """Also where the mean of equal numbers rounds, as that of six times 0.1 does: a deviation of 1e-17 would blow it up."""
    x, y = np.full((n, 1), value), np.zeros(n, int)
    new, scale = standardise(Split(x, y, x + 1, y))
    assert np.all(new.x_train == 0)
    assert np.array_equal(new.x_test, (x + 1) - value)
    assert scale.mean.tolist() == [value]
    assert scale.deviation.tolist() == [1.0]


def test_what_cannot_be_standardised_is_refused():
    y = np.zeros(2, int)
    with pytest.raises(TypeError, match="floating-point to be standardised, got int64"):
        standardise(Split(np.zeros((2, 3), int), y, np.zeros((2, 3), int), y))
    with pytest.raises(ValueError, match="must be finite"):
        standardise(Split(np.array([[0.0], [np.nan]]), y, np.zeros((2, 1)), y))
    with pytest.raises(ValueError, match=r"\(n, …, features\)"):
        standardise(Split(np.zeros(2), y, np.zeros(2), y))
    _, scale = standardise(Split(np.zeros((2, 3)), y, np.zeros((2, 3)), y))
    with pytest.raises(ValueError, match=r"3 features along its last axis, got shape \(2, 4\)"):
        scale(np.zeros((2, 4)))
