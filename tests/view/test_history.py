"""The figure of a training."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from analytic_net import CountingNet
from matplotlib.figure import Figure

import refopt
from refopt import view
from refopt.data import digits
from refopt.nets import MLP
from refopt.training import train


@pytest.fixture(scope="module")
def history():
    return train(MLP([64, 16, 10]), refopt.adam, digits(), epochs=3, schedule=lambda k: 0.01 / (1 + k))


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_the_lines_are_the_numbers(history):
    figure = history.plot(title="Adam")
    loss, accuracy, lr, norms = figure.axes
    drawn = lines(loss)
    assert drawn["each batch"].get_ydata().tolist() == history.steps.loss.tolist()
    assert drawn["each batch"].get_xdata()[[0, 41, -1]].tolist() == [1 / 42, 1.0, 3.0]
    assert drawn["training"].get_ydata().tolist() == history["train_loss"].tolist()
    assert drawn["validation"].get_ydata().tolist() == history["validation_loss"].tolist()
    assert drawn[f"best: epoch {history.best.epoch}"].get_ydata().tolist() == [history.best.loss]
    assert lines(accuracy)["validation"].get_ydata().tolist() == history["validation_accuracy"].tolist()
    assert lines(lr)["lr"].get_ydata().tolist() == [0.01 / (1 + k) for k in range(126)]
    assert np.array_equal(lines(norms)["step ‖Δθ‖, last of the epoch"].get_ydata(), history["update_norm"], equal_nan=True)
    assert figure.get_suptitle() == "Adam"
    for axes in figure.axes:
        assert axes.get_title(loc="left")
        assert axes.get_xlabel() == "epoch"
        assert axes.get_ylabel()
    assert (loss.get_yscale(), accuracy.get_yscale(), norms.get_yscale()) == ("log", "linear", "log")


def test_panels_and_axes_of_ones_own(history):
    assert [axes.get_title(loc="left") for axes in view.history_figure(history, ["lr", "loss"]).axes] == [
        "Learning rate",
        "Loss",
    ]
    own = Figure()
    places = own.subplots(1, 2)
    assert view.history_figure(history, ["accuracy", "norms"], axes=places) is own
    assert len(places[0].get_lines()) == 2
    for wrong, message in (
        (dict(panels=["los"]), "unknown panel 'los'; did you mean 'loss'"),
        (dict(panels=[]), "names no panel"),
        (dict(panels=["loss"], axes=places), r"1 panels \(loss\) need as many axes, got 2"),
    ):
        with pytest.raises(ValueError, match=message):
            view.history_figure(history, **wrong)


def test_short_and_diverged_trainings_are_drawn_too(tmp_path):
    nothing = train(CountingNet([1.0]), refopt.sgd, CountingNet.data, epochs=0, batch_size=4)
    assert len(nothing.plot().axes) == 1
    with pytest.raises(ValueError, match="nothing to show in the panel 'accuracy'"):
        nothing.plot(panels=["accuracy"])
    negative = train(CountingNet([-1.0, -2.0]), refopt.sgd(lr=1.0), CountingNet.data, epochs=1, batch_size=4)
    assert negative.plot().axes[0].get_yscale() == "linear"
    diverged = train(MLP([64, 16, 10]), refopt.sgd(lr=1e30), digits(), epochs=3)
    assert [path.stat().st_size > 1000 for path in view.save(diverged.plot(), tmp_path, "history")] == [True, True]
