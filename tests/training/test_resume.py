"""Training that was stopped goes on to the same bits, wherever it was stopped."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from analytic_net import AnalyticNet, CountingNet, line
from hypothesis import given, settings
from hypothesis import strategies as st

import refopt
from refopt import nets
from refopt.data import digits
from refopt.nets import MLP
from refopt.training import course, load_checkpoint, save_checkpoint, train

sys.path.insert(0, str(Path(__file__).parent))
from interrupted import outcome, training

PROGRAM = Path(__file__).with_name("interrupted.py")
HERE = [str(Path(__file__).parents[1]), str(Path(refopt.__file__).parents[1])]
KILLS = 50


class Stop(Exception):
    pass


def start(path, every):
    paths = f"import sys; sys.path[:0] = {HERE!r}; sys.argv = ['x', {str(path)!r}, '{every}']; "
    run = f"import runpy; runpy.run_path({str(PROGRAM)!r}, run_name='__main__')"
    return subprocess.Popen([sys.executable, "-c", paths + run], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_writes(path, count, process):
    """Until the checkpoint was replaced so many times, however slow the machine is."""
    file = None
    while count and process.poll() is None:
        now = path.stat().st_ino if path.exists() else None
        count -= now != file
        file = now
        time.sleep(0.0005)


def test_killed_at_any_moment(tmp_path):
    """SIGKILL at 50 random moments while a checkpoint is written every two updates: each time the file is whole, no update is
    lost that was in it, and in the end the bits are those of a training that was left alone."""
    expected, moments, kills, seen = outcome(training()), random.Random(0), 0, set()
    path = tmp_path / "run0.npz"
    while True:
        process = start(path, every=2)
        assert process.stdout.readline() == "ready\n", process.stderr.read()
        before = load_checkpoint(path)["run"]["updates"] + 1 if path.exists() else 0
        wait_for_writes(path, moments.randrange(12), process)
        time.sleep(moments.uniform(0.0, 0.01))
        process.send_signal(signal.SIGKILL) if kills < KILLS else None
        out, err = process.communicate()
        if process.returncode == -signal.SIGKILL:
            kills += 1
            assert path.exists() or before == 0
            if path.exists():
                found = load_checkpoint(path)["run"]
                assert found["updates"] + 1 >= before
                seen.add((found["epoch"], found["batch"]))
            continue
        assert process.returncode == 0, err
        assert out.strip() == expected
        assert [each.name for each in tmp_path.iterdir() if each.name.startswith(f".{path.name}")] == []
        if kills >= KILLS:
            break
        path = tmp_path / f"run{kills}.npz"  # it was done before it was killed often enough
    assert kills == KILLS
    assert len(seen) > 10
    assert any(batch for _, batch in seen)


@given(st.lists(st.integers(1, 30), min_size=1, max_size=4), st.integers(1, 12))
@settings(max_examples=12)
def test_stopped_after_any_update(tmp_path_factory, lives, every):
    """The same without processes: an exception after so many updates of each life, at any frequency of checkpoints."""
    path = tmp_path_factory.mktemp("r") / "c.npz"
    update = course.Course.update
    for life in lives:
        left = [life]

        def dying(self, run, x, y, last, left=left):
            left[0] -= 1
            if left[0] < 0:
                raise Stop
            return update(self, run, x, y, last)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(course.Course, "update", dying)
            with pytest.raises(Stop):
                training(epochs=99, checkpoint=path, every=every, resume=True)
    assert outcome(training(epochs=12, checkpoint=path, resume=True)) == SHORT


EXPECTED, SHORT = outcome(training()), outcome(training(epochs=12))


@pytest.mark.parametrize("rule", [refopt.sam(inner=refopt.adam), refopt.lbfgs, refopt.lamb, refopt.noisy_sgd, refopt.sm3])
def test_rules_of_every_kind_go_on(tmp_path, rule):
    data, net = digits(), MLP([64, 8, 10])
    options = dict(epochs=3, batch_size=300, schedule=lambda k: 0.01 / (1 + k))
    expected = outcome(train(net, rule, data, **options))
    path = tmp_path / "c.npz"
    train(net, rule, data, **(options | {"epochs": 1}), checkpoint=path)
    assert outcome(train(net, rule, data, **options, checkpoint=path, resume=True)) == expected


def test_a_training_may_be_made_longer_and_a_finished_one_is_read(tmp_path):
    path, looked = tmp_path / "c.npz", []
    short = training(epochs=4, checkpoint=path)
    assert outcome(training(epochs=4, checkpoint=path, resume=True, callbacks=[looked.append])) == outcome(short)
    assert looked == []
    assert outcome(training(checkpoint=path, resume=True, callbacks=[looked.append])) == EXPECTED
    assert [epoch.row.epoch for epoch in looked] == list(range(5, 41))
    assert load_checkpoint(path)["made"]["rule"].count("adamw") == 2


def test_patience_and_time_go_on(tmp_path):
    """Stopped after every epoch: the epochs waited, the best one and the seconds are those of the whole training."""
    path, losses = tmp_path / "c.npz", [5.0, 4.0, 3.7, 3.4, 4.5, 4.4, 4.3]
    for epochs in range(7):
        history = train(
            CountingNet(losses), refopt.sgd(lr=1.0), CountingNet.data, epochs=epochs, batch_size=4, min_delta=0.5, patience=2,
            checkpoint=path, resume=True,
        )  # fmt: skip
    assert (history.ended, history.rows[-1].epoch, history.best.epoch, history.theta) == ("patience", 5, 3, [3.0])
    assert (np.diff(history["seconds"]) > 0).all()


def test_an_ending_is_found_again(tmp_path):
    data, net = digits(), MLP([64, 8, 10])
    options = dict(epochs=9, checkpoint=tmp_path / "c.npz", resume=True)
    for goal, ended in (({"validation_accuracy": 0.5}, "goal"), (None, "epochs")):
        first, second = (train(net, refopt.adam(lr=0.01), data, goal=goal, **options) for _ in range(2))
        assert first.ended == second.ended == ended
        assert outcome(first) == outcome(second)


def test_a_checkpoint_is_not_overwritten_and_not_taken_for_another(tmp_path):
    path, net, data = tmp_path / "c.npz", AnalyticNet(), line()
    plain = dict(epochs=1, batch_size=8, checkpoint=path)
    train(net, refopt.adam, data, **plain)
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match=r"there is a checkpoint .*c\.npz: go on from it"):
        train(net, refopt.adam, data, **plain)
    others = {
        r"rule there adam\(lr=0.001.*, here adam\(lr=0.1": dict(rule=refopt.adam(lr=0.1)),
        r"net there AnalyticNet\(3, rate=0.25\), here AnalyticNet\(3, rate=0.5\)": dict(net=AnalyticNet(rate=0.5)),
        "dtype there float32, here float64": dict(dtype=np.float64),
        "parameters there 4, here 6": dict(net=AnalyticNet(5), data=line(features=5)),
        "seed there 0, here 1": dict(seed=1),
        "batch_size there 8, here 9": dict(batch_size=9),
        "schedule there , here lr=0.1": dict(schedule=0.1),
        "dropout there , here dropout=0.1": dict(dropout=0.1),
        "run: data there": dict(data=line(seed=1)),
        "run: start there": dict(theta=np.ones(4, np.float32)),
    }
    for message, change in others.items():
        arguments = dict(net=net, rule=refopt.adam, data=data) | plain | {"resume": True} | change
        with pytest.raises(ValueError, match=message) as caught:
            train(arguments.pop("net"), arguments.pop("rule"), arguments.pop("data"), **arguments)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == before
    save_checkpoint(path, {"theta": 1})
    with pytest.raises(ValueError, match="holds no checkpoint of refopt"):
        train(net, refopt.adam, data, **plain, resume=True)
    path.write_bytes(before[:-40])
    with pytest.raises(ValueError, match="is not a checkpoint"):
        train(net, refopt.adam, data, **plain, resume=True)


def test_functions_of_one_name_are_told_apart_by_their_values(tmp_path):
    options = dict(batch_size=8, checkpoint=tmp_path / "c.npz", resume=True)
    for epochs, rate in ((1, 0.01), (2, 0.01)):
        train(AnalyticNet(), refopt.adam, line(), epochs=epochs, schedule=lambda k, rate=rate: rate, **options)
    with pytest.raises(ValueError, match=r"schedule there .*\[0.01, .*, here .*\[0.5, "):
        train(AnalyticNet(), refopt.adam, line(), epochs=3, schedule=lambda k: 0.5, **options)


@pytest.mark.parametrize("kind", ["CNN", "MLP", "Transformer"])
def test_real_networks_go_on_in_mid_epoch(tmp_path, kind):
    """With dropout and running statistics, from every place where a checkpoint can stand."""
    examples = digits(images=kind == "CNN")
    make = {
        "CNN": lambda: nets.CNN((8, 8, 1), [3], [8], 10, batch_norm=True, dropout=0.3),
        "MLP": lambda: MLP([64, 8, 10], batch_norm=True, dropout=0.2),
        "Transformer": lambda: nets.TransformerClassifier((8, 8), 10, width=8, heads=2, blocks=1, dropout=0.1),
    }[kind]
    if kind == "Transformer":  # the rows of an image as steps
        examples = examples._replace(x_train=examples.x_train.reshape(-1, 8, 8), x_test=examples.x_test.reshape(-1, 8, 8))
    options = dict(batch_size=200, schedule=refopt.schedules.cosine(lr=0.01, steps=18))
    whole = train(make(), refopt.adam, examples, epochs=3, **options)

    def stop(signal_at, path):
        begun = []  # what the training calls before its first update

        def rate(k):
            if begun and k == signal_at:
                raise Stop
            return options["schedule"](k)

        return dict(batch_size=200, schedule=rate, checkpoint=path, every=1, resume=True, callbacks=[begun.append])

    for k in (2, 6, 9):
        path = tmp_path / f"{k}.npz"
        with pytest.raises(Stop):
            train(make(), refopt.adam, examples, epochs=3, **stop(k, path))
        on = train(make(), refopt.adam, examples, epochs=3, **stop(None, path))
        assert np.array_equal(on.theta, whole.theta)
        assert (on.running is None) == (whole.running is None)
        assert on.running is None or np.array_equal(on.running, whole.running)
        assert on["validation_loss"].tolist() == whole["validation_loss"].tolist()


def test_what_a_killed_writer_left_is_cleared_away(tmp_path):
    for name in (".c.npz.abc.partial", ".d.npz.abc.partial", "c.npz.partial"):
        (tmp_path / name).write_bytes(b"half")
    train(AnalyticNet(), refopt.sgd, line(), epochs=0, checkpoint=tmp_path / "c.npz")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".d.npz.abc.partial", "c.npz", "c.npz.partial"]


def test_a_diverged_training_keeps_its_last_good_checkpoint(tmp_path):
    path, data = tmp_path / "c.npz", digits()
    rising = dict(schedule=lambda k: 0.1 if k < 42 else 1e30, checkpoint=path)
    assert train(MLP([64, 8, 10]), refopt.sgd, data, epochs=5, **rising).ended == "diverged"
    run = load_checkpoint(path)["run"]
    assert (run["epoch"], run["updates"]) == (1, 42)
    assert np.isfinite(run["theta"]).all()


def test_the_same_bits_in_another_process(tmp_path):
    outs = []
    for life in range(2):
        out, err = start(tmp_path / f"{life}.npz", every=1000).communicate()
        assert out.startswith("ready\n"), err
        outs.append(out.removeprefix("ready\n").strip())
    assert outs == [EXPECTED] * 2
