"""The synthetic sets: their shapes, their seeds, and what is known of them in closed form."""

import inspect

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refopt.data
from refopt.data import (
    SHAPES,
    Split,
    adding_problem,
    blobs,
    class_counts,
    images,
    mnist1d,
    moons,
    sequences,
    spirals,
    teacher,
    teacher_student,
    tokens,
)
from refopt.data.images import BLOCK
from refopt.data.signals import TEMPLATES
from refopt.nets import MLP

SETS = {
    moons: (2,), spirals: (2,), blobs: (2,), mnist1d: (40,), images: (28, 28, 1), sequences: (32, 1), tokens: (16,),
    adding_problem: (50, 2), teacher_student: (10,),
}  # fmt: skip
REGRESSION = {adding_problem, teacher_student}
each = pytest.mark.parametrize("make", SETS, ids=lambda make: make.__name__)


def whole(data):
    """All examples of a split, in the order in which they were drawn."""
    return np.concatenate([data.x_train, data.x_test]), np.concatenate([data.y_train, data.y_test])


@each
def test_shapes_types_and_shares(make):
    data = make(41, held_out=0.3)
    assert isinstance(data, Split)
    assert data.x_train.shape == (29, *SETS[make])
    assert data.x_test.shape == (12, *SETS[make])
    assert all(part.flags.c_contiguous for part in data)
    assert data.x_train.dtype == (np.int64 if make is tokens else np.float32)
    if make in REGRESSION:
        assert data.y_train.shape == (29, 1)
        assert data.y_train.dtype == np.float32
    else:
        assert data.y_train.shape == (29,)
        assert data.y_train.dtype == np.int64
        assert max(counts := list(class_counts(whole(data)[1]).values())) - min(counts) <= 1
    if make is not tokens:
        wide = make(41, held_out=0.3, dtype=np.float64)  # the same numbers, not rounded
        assert wide.x_train.dtype == np.float64
        assert np.allclose(wide.x_train, data.x_train, rtol=1e-6, atol=1e-6)
        assert np.allclose(wide.y_test, data.y_test, rtol=1e-5, atol=1e-5)


@each
def test_the_seed_decides_every_bit(make):
    one, again, other = make(60, seed=1), make(60, seed=1), make(60, seed=2)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    assert not np.array_equal(one.x_train, other.x_train)
    default = inspect.signature(make).parameters
    assert default["seed"].default == 0
    assert default["held_out"].default == 0.25


@each
def test_bad_arguments_are_refused(make):
    for arguments, error, message in [
        ({"n": 1}, ValueError, "n must be at least 2, got 1"),
        ({"n": 10.0}, TypeError, "n must be a whole number, got 10.0"),
        ({"seed": None}, TypeError, "seed must be a whole number, got None"),
        ({"held_out": 1.5}, ValueError, "held_out must be a share between 0 and 1, got 1.5"),
        ({"n": 3, "held_out": 0.1}, ValueError, "both parts need an example"),
        ({"dtype": np.int32}, TypeError, "floating-point type such as np.float32"),
        ({"dtype": "flaot32"}, TypeError, "floating-point type such as np.float32"),
        ({"noise": -0.1}, ValueError, "noise must be finite and at least 0, got -0.1"),
        ({"noise": np.nan}, ValueError, "noise must be finite"),
        ({"noise": "much"}, TypeError, "noise must be a number, got 'much'"),
        ({"classes": 0}, ValueError, "classes must be "),
        ({"features": 0}, ValueError, "features must be at least 1"),
        ({"steps": 0}, ValueError, "steps must be at least"),
    ]:
        if set(arguments) <= set(inspect.signature(make).parameters):
            with pytest.raises(error, match=message):
                make(**arguments)


def test_the_room_exports_what_it_lists():
    assert sorted(refopt.data.__all__) == sorted(set(refopt.data.__all__))
    assert all(getattr(refopt.data, name).__doc__ for name in refopt.data.__all__)


def test_moons_without_noise_lie_on_their_half_circles():
    x, y = whole(moons(500, 0, dtype=np.float64))
    centre = np.array([[0, 0], [1, 0.5]])[y]
    assert np.allclose(np.hypot(*(x - centre).T), 1, rtol=1e-12)
    assert np.all((x - centre)[y == 0, 1] >= 0)
    assert np.all((x - centre)[y == 1, 1] <= 1e-12)


def test_moons_are_distributed_as_those_of_scikit_learn(peer):
    """Kolmogorov and Smirnov cannot tell the coordinates of the classes apart (theirs lie evenly, not at random)."""
    stats = peer("scipy.stats")
    x, y = whole(moons(4000, 0.2, seed=1))
    theirs, labels = peer("sklearn.datasets").make_moons(4000, noise=0.2, random_state=1)
    for label in (0, 1):
        for axis in (0, 1):
            assert stats.ks_2samp(x[y == label, axis], theirs[labels == label, axis]).pvalue > 0.01


@given(arms=st.integers(2, 7), turns=st.floats(0, 3), seed=st.integers(0, 99))
def test_the_arm_of_a_spiral_follows_from_radius_and_angle(arms, turns, seed):
    x, y = whole(spirals(50, arms, 0, turns=turns, seed=seed, dtype=np.float64))
    radius, angle = np.hypot(*x.T), np.arctan2(*x.T[::-1])
    arm = arms * (angle / (2 * np.pi) - turns * radius)
    assert np.abs(arm - np.round(arm)).max() < 1e-9
    assert np.array_equal(np.round(arm) % arms, y)
    assert radius.min() >= 1 / 13 - 1e-12
    assert radius.max() <= 1 + 1e-12


def test_points_lie_evenly_along_a_spiral():
    """Equal rings of r² hold equally many points: 1,000 in each of four, standard deviation 27."""
    x, _ = whole(spirals(4000, noise=0, dtype=np.float64))
    share = ((x**2).sum(1) - 1 / 169) / (1 - 1 / 169)
    assert np.abs(np.histogram(share, 4, (0, 1))[0] - 1000).max() < 5 * 27


def test_blobs_have_their_spread():
    x, y = whole(blobs(9000, classes=3, features=5, spread=0.2, dtype=np.float64))
    for label in range(3):
        cloud = x[y == label]
        assert np.all(np.abs(cloud.mean(0)) < 1.02)
        # 3,000 in a cloud: the standard error of a deviation is 0.2 / sqrt(6000) = 0.0026
        assert np.abs(cloud.std(0) - 0.2).max() < 5 * 0.0026
    exact, y = whole(blobs(90, classes=3, spread=0))
    assert len(np.unique(exact, axis=0)) == 3
    assert len(np.unique(exact[y == 1], axis=0)) == 1


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_the_teacher_answers_as_a_network_of_that_shape(activation):
    """The MLP with the teacher's weights is a second witness."""
    ask = teacher(6, 3, 8, activation, seed=5)
    net = MLP([6, 8, 3], activation)
    theta = np.concatenate([part.ravel() for part in ask[:4]])
    data = teacher_student(200, 6, 3, 8, 0.0, activation=activation, seed=5, dtype=np.float64)
    assert np.allclose(net.outputs(theta, data.x_train), data.y_train, rtol=1e-12, atol=1e-12)
    assert np.allclose(net.outputs(theta, data.x_test), data.y_test, rtol=1e-12, atol=1e-12)


def test_least_squares_find_a_linear_teacher():
    data = teacher_student(200, 6, 2, 4, activation="linear", dtype=np.float64)

    def with_ones(x):
        return np.column_stack([x, np.ones(len(x))])

    weights, *_ = np.linalg.lstsq(with_ones(data.x_train), data.y_train)
    assert np.allclose(with_ones(data.x_test) @ weights, data.y_test, rtol=1e-10, atol=1e-10)
    ask = teacher(6, 2, 4, "linear")
    assert np.allclose(weights[:-1], ask.W1 @ ask.W2, rtol=1e-10, atol=1e-10)


def test_noise_on_the_teacher_is_what_no_student_passes():
    """Its mean square is 0.09; over 20,000 numbers the standard error is 0.09 · sqrt(2 / 20000) = 0.0009."""
    x, y = whole(teacher_student(10_000, 4, 2, 8, noise=0.3, dtype=np.float64, seed=2))
    assert abs(np.mean((teacher(4, 2, 8, seed=2)(x) - y) ** 2) - 0.09) < 5 * 0.0009
    quiet, _ = whole(teacher_student(10_000, 4, 2, 8, dtype=np.float64, seed=2))
    assert np.array_equal(quiet, x)  # noise changes the answers alone


def test_the_weights_of_a_teacher():
    """Variance 1 / inputs, for biases 1/4 and 0. The relative standard error of a variance of k numbers is sqrt(2 / k)."""
    ask = teacher(25, 3, 4000)
    for weights, variance in ((ask.W1, 1 / 25), (ask.b1, 1 / 4), (ask.W2, 1 / 4000)):
        assert abs(weights.mean()) < 5 * np.sqrt(variance / weights.size)
        assert abs(weights.var() / variance - 1) < 5 * np.sqrt(2 / weights.size)
    assert ask.b2.tolist() == [0, 0, 0]


def test_an_unknown_activation_names_the_nearest():
    with pytest.raises(ValueError, match="unknown activation 'tahn'; did you mean 'tanh'"):
        teacher_student(10, activation="tahn")


def test_a_signal_without_noise_is_its_template():
    """Undone with the formulas of the description: some stretch, shift, scale and slope explain every point."""
    data = mnist1d(30, length=72, noise=0, dtype=np.float64, seed=4)
    line = np.linspace(-0.5, 0.5, 72)
    for x, y in zip(*whole(data), strict=True):
        best = np.inf
        for padded in range(48, 73):
            curve = np.interp(np.arange(72) * padded / 72, np.arange(12), TEMPLATES[y], right=0)
            for shift in range(48):
                basis = np.stack([np.roll(curve, shift), line], axis=1)
                gram, projected = basis.T @ basis, basis.T @ x
                left = x @ x - projected @ np.linalg.solve(gram, projected)
                if left < best:
                    best, (scale, slope) = left, np.linalg.solve(gram, projected)
        assert best < 1e-12
        assert 0.8 <= scale <= 1.2
        assert abs(slope) <= 0.375


def test_the_noise_of_a_signal():
    """Where no template stands: correlated noise of deviation 0.25 and white noise of 0.02.

    Smoothing by a Gaussian of width 2 makes points at distance d correlate like exp(-d² / 16). A shift is at most 47 and a
    template at most 17 points long, so the last six points of every signal hold noise alone, and the slope, whose variance
    is 0.375² / 3.
    """
    loud, _ = whole(mnist1d(6000, length=72, noise=0.25, dtype=np.float64, seed=6))
    end = loud[:, 66:]
    end = end - end.mean(axis=1, keepdims=True)
    lags = np.arange(6)
    covariance = 0.25**2 * np.exp(-(np.subtract.outer(lags, lags) ** 2) / 16) + 0.02**2 * np.eye(6)
    centring = np.eye(6) - 1 / 6
    slope = np.linspace(-0.5, 0.5, 72)[66:] @ centring
    expected = centring @ covariance @ centring + 0.375**2 / 3 * np.outer(slope, slope)
    assert np.abs(end.T @ end / len(end) - expected).max() < 5 * 0.0625 * np.sqrt(2 / 6000)


def test_images_without_noise_are_shifted_patterns():
    x, y = whole(images(60, 12, 10, 2, classes=3, noise=0, shift=2, dtype=np.float64))
    for label in range(3):
        same = x[y == label]
        contrast = (same.max((1, 2)) - same.min((1, 2)))[:, 0]
        assert np.all((contrast > 0.5 - 1e-9) & (contrast < 1 + 1e-9))
        patterns = 0.5 + (same - 0.5) / contrast[:, None, None, None]
        assert np.isclose(patterns.min(), 0, atol=1e-12)
        assert np.isclose(patterns.max(), 1)
        for pattern in patterns:
            moved = [np.roll(patterns[0], (i, j), (0, 1)) for i in range(-4, 5) for j in range(-4, 5)]
            assert min(np.abs(pattern - other).max() for other in moved) < 1e-9


def test_patterns_are_smooth():
    """Waves of at most three across 28 pixels: the spectrum has nothing beyond."""
    x, _ = whole(images(4, noise=0, dtype=np.float64))
    spectrum = np.abs(np.fft.fft2(x[..., 0]))
    assert spectrum[:, 4:-3].max() < 1e-9
    assert spectrum[:, :, 4:-3].max() < 1e-9
    assert spectrum[:, 3].max() > 1


def test_shapes_of_well_known_sets_and_many_images():
    assert images(8, *SHAPES["cifar10"]).x_train.shape == (6, 32, 32, 3)
    assert SHAPES["mnist"] == (28, 28, 1)
    x, y = whole(images(BLOCK + 50, 4, 4, classes=2, noise=0, shift=0, dtype=np.float64))  # across the blocks
    assert class_counts(y) == {0: BLOCK // 2 + 25, 1: BLOCK // 2 + 25}
    assert x.min() >= 0
    assert x.max() <= 1
    for label in (0, 1):
        assert np.linalg.matrix_rank((x[y == label] - 0.5).reshape(-1, 16), tol=1e-9) == 1  # one pattern, many contrasts


def test_the_spectrum_names_the_class_of_a_sequence():
    """The waves fit in, so that each has one line in the discrete Fourier transform."""
    x, y = whole(sequences(300, steps=21, features=2, classes=10, noise=0, dtype=np.float64))
    spectrum = np.abs(np.fft.rfft(x, axis=1))
    assert np.array_equal(spectrum.argmax(axis=1), np.stack([y + 1, y + 1], axis=1))
    assert np.allclose(np.sort(spectrum, axis=1)[:, -1], 21 / 2)
    assert np.allclose(np.sort(spectrum, axis=1)[:, -2], 0, atol=1e-9)


def test_no_single_step_of_a_sequence_says_the_class():
    """In every class a step has mean 0 and variance 1/2: nothing for a linear model. 2,500 a class, five standard errors."""
    x, y = whole(sequences(10_000, noise=0, dtype=np.float64))
    for label in range(4):
        step = x[y == label, :, 0]
        assert np.abs(step.mean(0)).max() < 5 * np.sqrt(0.5 / 2500)
        assert np.abs(step.var(0) - 0.5).max() < 5 * np.sqrt(0.125 / 2500)


@given(n=st.integers(4, 30), steps=st.integers(1, 12), data=st.data(), seed=st.integers(0, 99))
def test_the_first_mark_is_the_class_and_every_mark_stands_once(n, steps, data, seed):
    classes = data.draw(st.integers(1, steps))
    vocabulary = data.draw(st.integers(classes + (classes < steps), classes + 5))
    x, y = whole(tokens(n, steps, vocabulary, classes, seed=seed))
    assert x.min() >= 0
    assert x.max() < vocabulary
    for row, label in zip(x.tolist(), y.tolist(), strict=True):
        marks = [token for token in row if token < classes]
        assert sorted(marks) == list(range(classes))
        assert marks[0] == label


def test_tokens_are_uniform_but_for_the_order():
    """Each mark at each place 250 times (standard deviation 15), and the second mark is any of the other three."""
    x, y = whole(tokens(4000, seed=3))
    for mark in range(4):
        assert np.abs((x == mark).sum(0) - 250).max() < 5 * 15
    marks = x[x < 4].reshape(4000, 4)
    pairs = np.bincount(4 * marks[:, 0] + marks[:, 1], minlength=16).reshape(4, 4)
    assert np.all(np.diag(pairs) == 0)
    assert np.abs(pairs[~np.eye(4, dtype=bool)] - 1000 / 3).max() < 5 * 18
    fillers = np.bincount(x[x >= 4])[4:]
    assert np.abs(fillers - 4000 * 12 / 8).max() < 5 * np.sqrt(48_000 / 8)
    assert class_counts(y) == {0: 1000, 1: 1000, 2: 1000, 3: 1000}


def test_tokens_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="classes must be from 1 to 3, got 4"):
        tokens(10, steps=3)
    with pytest.raises(ValueError, match="vocabulary must be at least 5, got 4"):
        tokens(10, vocabulary=4)
    with pytest.raises(ValueError, match="classes must be from 1 to 4, got 5"):
        sequences(10, steps=10, classes=5)


@given(n=st.integers(3, 40), steps=st.integers(2, 30), seed=st.integers(0, 99))
def test_the_adding_problem_by_its_definition(n, steps, seed):
    x, y = whole(adding_problem(n, steps, seed=seed))
    for row, answer in zip(x, y, strict=True):
        (first, second) = np.flatnonzero(row[:, 1])
        assert first < steps // 2 <= second
        assert row[first, 1] == row[second, 1] == 1
        assert answer == row[first, 0] + row[second, 0]
    assert x[:, :, 0].min() >= 0
    assert x[:, :, 0].max() < 1


def test_who_always_answers_one_is_off_by_a_sixth():
    """The variance of the squared error is E(e⁴) - 1/36 = 1/15 - 1/36, for a sum of two uniform numbers."""
    _, y = whole(adding_problem(20_000, 10))
    assert abs(np.mean((y - 1) ** 2) - 1 / 6) < 5 * np.sqrt((1 / 15 - 1 / 36) / 20_000)
