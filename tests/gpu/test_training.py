"""A training on a device: the history that NumPy has, and no number moved between the first update of an epoch and the last."""

import math

import numpy as np
import pytest
import standin

import refopt
from refopt.data import Split
from refopt.training import Group, load_checkpoint, no_decay, save_checkpoint
from refopt.training.measuring import Parts, norm

TIMES = {"seconds", "peak_bytes"}


def examples():
    digits = refopt.data.digits()
    return Split(digits.x_train[:160], digits.y_train[:160], digits.x_test[:40], digits.y_test[:40])


def mlp():
    return refopt.nets.MLP([64, 16, 10])


def steady():
    """Without ReLU: no rounding decides which side of a kink a number is on, so that CuPy's history stays near NumPy's."""
    return refopt.nets.MLP([64, 16, 10], "tanh")


def same_history(xp, got, expected):
    xp.same(got.theta, expected.theta)
    xp.same(got.state, expected.state)
    near = pytest.approx if not xp.exact else lambda x, **words: x
    for name, values in expected.steps._asdict().items():
        assert np.allclose(getattr(got.steps, name), values, rtol=0 if xp.exact else 1e-3, atol=0, equal_nan=True)
    assert len(got) == len(expected)
    for row, there in zip(got.rows, expected.rows, strict=True):
        for name in set(row._fields) - TIMES:
            one, other = getattr(row, name), getattr(there, name)
            assert one == other or one == near(other, rel=1e-3) or (one != one and other != other), name
    assert got.ended == expected.ended
    if xp.exact:
        assert got.reason == expected.reason


RUNS = {
    "adam": (steady, refopt.adam, {}),
    "schedule": (steady, refopt.adam, {"schedule": lambda k: 0.01 / (k + 1)}),
    "plateau": (steady, refopt.sgd(lr=0.1), {"schedule": refopt.schedules.plateau(lr=0.1, patience=1)}),
    "by tensor": (steady, refopt.lamb, {}),
    "network": (steady, refopt.sam(inner=refopt.sgd), {}),
    "held out": (steady, refopt.adam, {"validation": 0.2, "patience": 2}),
    "groups": (
        steady,
        refopt.adamw,
        {
            "groups": {"no_decay": Group(no_decay(mlp()), weight_decay=0.0)},
            "transforms": (refopt.clip_by_global_norm(max_norm=0.5),),
        },
    ),
    "dropout, batch norm": (
        lambda: refopt.nets.MLP([64, 16, 10], "tanh", dropout=0.2, batch_norm=True),
        refopt.adam,
        {"dropout": 0.3},
    ),
    "goal": (steady, refopt.adam(lr=0.01), {"epochs": 9, "goal": {"train_accuracy": 0.5}}),
}


@pytest.mark.parametrize("name", RUNS)
def test_history(xp, name):
    net, rule, words = RUNS[name]
    words = {"epochs": 3, "batch_size": 32, **words}
    expected = refopt.train(net(), rule, examples(), **words)
    got = refopt.train(net(), rule, xp.put(examples()), **words)
    same_history(xp, got, expected)


def test_an_epoch_moves_the_order_there_and_a_few_numbers_back():
    """Whatever the number of updates, and a step of any rule that does not branch on the data moves nothing at all."""
    counts = {}
    for size in (4, 40):  # 40 and 4 updates an epoch
        marks = []

        def mark(epoch, marks=marks):
            marks.append(list(standin.transfers.log))
            standin.transfers.clear()

        refopt.train(
            mlp(),
            refopt.adam,
            StandInData.put(examples()),
            epochs=3,
            batch_size=size,
            callbacks=[mark],
            schedule=lambda k: 0.01,
        )
        counts[size] = [[(way, how) for way, how, _ in log] for log in marks[2:]]  # the constants are there by then
        for log in marks[2:]:
            to_device = [numbers for way, _, numbers in log if way == "device"]
            assert to_device == [160]  # the order of the examples
            to_host = sorted(numbers for way, _, numbers in log if way == "host")
            assert to_host[:-1] == [1] * (len(to_host) - 1)
            assert to_host[-1] == 4 * (160 // size)  # of each update the loss and what makes the gradient's norm, in one piece
            assert len(to_host) <= 6  # and loss and accuracy twice, the norm of the last step
    assert counts[4] == counts[40]


class StandInData:
    """Data on the stand-in."""

    @staticmethod
    def put(data):
        return Split(*map(standin.asarray, data))


def test_masks_of_dropout_are_the_only_thing_that_an_update_moves():
    net = refopt.nets.MLP([64, 16, 16, 10], dropout=0.2)
    marks = []

    def mark(epoch):
        marks.append([way for way, *_ in standin.transfers.log].count("device"))
        standin.transfers.clear()

    refopt.train(net, refopt.adam, StandInData.put(examples()), epochs=3, batch_size=32, callbacks=[mark])
    assert marks[2:] == [1 + 2 * 5, 1 + 2 * 5]


@pytest.mark.parametrize("rule", [refopt.sgd(lr=1e30), refopt.lamb(lr=1e30), refopt.adam(lr=1e30)], ids=lambda rule: rule.name)
@pytest.mark.parametrize("on_nonfinite", ["end", "ignore"])
def test_a_training_that_diverges_ends_where_it_ends_on_the_host(xp, rule, on_nonfinite):
    words = {"epochs": 2, "batch_size": 16, "on_nonfinite": on_nonfinite}
    expected = refopt.train(mlp(), rule, examples(), **words)
    got = refopt.train(mlp(), rule, xp.put(examples()), **words)
    assert (got.ended, got.reason) == (expected.ended, expected.reason)
    assert len(got.steps.loss) == len(expected.steps.loss) == len(got.steps.lr)
    if xp.exact:
        same_history(xp, got, expected)


def test_a_single_bad_batch_is_found_in_the_middle_of_an_epoch(xp):
    data = examples()
    x = data.x_train.copy()
    x[77] = 1e38  # whose square is not finite in float32
    data = data._replace(x_train=x)
    expected = refopt.train(steady(), refopt.adam, data, epochs=2, batch_size=16, validation=None)
    got = refopt.train(steady(), refopt.adam, xp.put(data), epochs=2, batch_size=16, validation=None)
    same_history(xp, got, expected)


@pytest.mark.parametrize("words", [{}, {"every": 3}], ids=["once an epoch", "every third update"])
def test_what_happens_after_a_number_that_is_not_finite_counts_for_nothing(xp, tmp_path, words):
    """The device is ahead by then: two updates later the net, or a rule, may even refuse what it is given."""

    class Fragile(refopt.nets.MLP):
        calls = 0

        def loss_and_grad(self, *given, **more):
            self.calls += 1
            if self.calls == 12 + 2:
                raise FloatingPointError("not with such a theta")
            loss, g = super().loss_and_grad(*given, **more)
            return (loss * math.nan if self.calls == 12 else loss), g

    words = words and {**words, "checkpoint": tmp_path / "run.npz"}
    net = lambda: Fragile([64, 16, 10], "tanh")  # noqa: E731
    expected = refopt.train(net(), refopt.adam, examples(), epochs=2, batch_size=16)
    got = refopt.train(net(), refopt.adam, xp.put(examples()), epochs=2, batch_size=16, **words)
    same_history(xp, got, expected)
    assert got.reason == "Diverged: the loss is nan at update 12, batch 2 of epoch 2."


def test_an_error_that_numbers_are_not_to_blame_for_goes_through(xp):
    class Broken(refopt.nets.MLP):
        calls = 0

        def loss_and_grad(self, *given, **more):
            self.calls += 1
            if self.calls == 4:
                raise RuntimeError("broken")
            return super().loss_and_grad(*given, **more)

    with pytest.raises(RuntimeError, match="broken"):
        refopt.train(Broken([64, 16, 10]), refopt.adam, xp.put(examples()), epochs=1)


def test_a_checkpoint_in_the_middle_of_an_epoch_and_going_on_from_it(xp, tmp_path):
    whole = refopt.train(steady(), refopt.adam, examples(), epochs=2, batch_size=16)
    data = xp.put(examples())

    class Stopped(Exception):
        pass

    path, calls = tmp_path / "run.npz", []

    class Interrupted(refopt.nets.MLP):
        def loss_and_grad(self, *given, **words):
            calls.append(1)
            if len(calls) == 15:
                raise Stopped
            return super().loss_and_grad(*given, **words)

    words = {"epochs": 2, "batch_size": 16, "checkpoint": path, "every": 4}
    with pytest.raises(Stopped):
        refopt.train(Interrupted([64, 16, 10], "tanh"), refopt.adam, data, **words)
    stored = load_checkpoint(path)["run"]
    assert stored["updates"] == 12
    assert type(stored["theta"]) is np.ndarray  # a machine without a device reads it, too
    assert len(stored["losses"]) == 12
    got = refopt.train(Interrupted([64, 16, 10], "tanh"), refopt.adam, data, **words, resume=True)
    same_history(xp, got, whole)


def test_checkpoints_hold_numpy_arrays_and_come_back_to_where_they_are_wanted(xp, tmp_path):
    theta = np.linspace(-1, 1, 5)
    device = xp.put(theta)
    state = refopt.adam.init(device)
    save_checkpoint(tmp_path / "a.npz", {"theta": device, "again": [device], "state": state})
    here = load_checkpoint(tmp_path / "a.npz")
    assert type(here["theta"]) is np.ndarray
    assert np.array_equal(here["theta"], theta)
    assert here["again"][0] is here["theta"] or np.array_equal(here["again"][0], theta)
    there = load_checkpoint(tmp_path / "a.npz", like=device)
    xp.same(there["theta"], theta)
    xp.same(there["state"], refopt.adam.init(theta))


def test_data_in_two_places_are_refused(xp):
    data = examples()
    net = mlp()
    with pytest.raises(TypeError, match=r"theta is a numpy.ndarray, but x of the data a \w+.ndarray; bring all to one place"):
        refopt.train(net, refopt.adam, xp.put(data), epochs=1, theta=net.init(0, np.float32))
    with pytest.raises(TypeError, match=r"but y of the data a numpy.ndarray"):
        refopt.train(net, refopt.adam, (xp.put(data.x_train), data.y_train), epochs=1)


def test_labels_out_of_range_are_found_before_the_first_update(xp):
    data = examples()
    with pytest.raises(ValueError, match="labels must be from 0 to 8, got 0 to 9"):
        refopt.train(refopt.nets.MLP([64, 9]), refopt.adam, xp.put(data), epochs=1)


@pytest.mark.parametrize("scale", [0.0, 1e-200, 1e-30, 1.0, 1e200, math.inf, math.nan])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_parts_of_a_norm_make_the_norm(xp, scale, dtype):
    with np.errstate(all="ignore"):
        x = (np.array([3.0, -4.0, 0.5]) * scale).astype(dtype)
        expected = norm(x)
    parts = Parts(*map(float, Parts.of(xp.put(x))))
    assert parts.norm == pytest.approx(expected, rel=0 if xp.exact else 1e-6, nan_ok=True)
    if np.isfinite(x).all() and x.any():
        assert expected == pytest.approx(scale * math.hypot(3, 4, 0.5), rel=1e-5)
