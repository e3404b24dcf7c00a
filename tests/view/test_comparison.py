"""Ledger, comparison of trainings, drift of readings: the numbers drawn are those measured."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from matplotlib.figure import Figure

import refopt
from refopt import view
from refopt.data import digits
from refopt.frameworks.comparison import drift
from refopt.nets import MLP
from refopt.training import train
from refopt.view.comparison import convergence_ratio, rolling_variance, seconds_per_epoch


@pytest.fixture(scope="module")
def histories():
    net, data = MLP([64, 16, 10]), digits()
    rules = {"adam": refopt.adam(lr=0.01), "sgd": refopt.sgd(lr=0.1)}
    return {name: train(net, rule, data, epochs=4) for name, rule in rules.items()}


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines() if not line.get_label().startswith("_")}


def test_a_ledger_holds_every_line_and_value():
    theta, g, rule = np.array([1.0, -2.0]), np.array([0.5, 0.0]), refopt.adam(lr=0.1)
    told = refopt.narrate(rule, theta, g, rule.init(theta))
    own = Figure().add_subplot()
    assert view.ledger(told, own, {"theta": theta}) is own
    words = [text.get_text() for text in own.texts]
    for line in told:
        assert line.name in words
        assert line.source.partition("  #")[0] in words
        for value in np.atleast_1d(line.value):
            assert f"{value:.7g}" in words
    assert words.count("given") == 1
    with pytest.raises(ValueError, match="at least one line"):
        view.ledger([])


def test_a_ledger_has_what_is_needed_to_compute_the_step_again():
    theta, rule = np.array([1.0, -2.0]), refopt.adam(lr=0.125)
    theta, state = rule.update(theta, np.array([0.5, 0.25]), rule.init(theta))
    figure = view.ledger_figure(rule, theta, np.array([1.0, 3.0]), state)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert words.count("given") == 5  # theta, g, t, m, v
    assert {"0.05", "0.025", "0.00025", "6.25e-05"} <= set(words)  # (1 − β1) g and (1 − β2) g² of the step before
    assert figure.get_supxlabel() == "lr = 0.125, beta1 = 0.9, beta2 = 0.999, eps = 1e-08"


def test_the_ledger_of_a_rule_around_a_rule_has_both():
    rule, theta = refopt.clip_by_global_norm(inner=refopt.adam, max_norm=1.0), np.array([1.0, -2.0])
    figure = view.ledger_figure(rule, theta, np.array([3.0, 4.0]), rule.init(theta))
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["clip_by_global_norm", "adam"]
    inside = [text.get_text() for text in figure.axes[1].texts]
    assert {"0.6", "0.8"} <= set(inside)  # (3, 4) cut to length 1 is what Adam is given
    assert figure._suptitle.get_text().startswith("One step of clip_by_global_norm")


def test_the_panels_of_a_comparison_are_the_histories(histories):
    figure = view.comparison_figure(histories, "Two")
    panels = {ax.get_title(loc="left"): ax for ax in figure.axes if ax.axison}
    assert list(panels) == [
        "Training loss", "Validation loss", "Validation accuracy", "Convergence ratio",
        "Time of an epoch", "Last losses", "Variance of the batch loss", "Memory of the rule's state",
    ]  # fmt: skip
    for name, history in histories.items():
        for title, column in (
            ("Training loss", "train_loss"),
            ("Validation loss", "validation_loss"),
            ("Validation accuracy", "validation_accuracy"),
        ):
            assert lines(panels[title])[name].get_ydata().tolist() == history[column].tolist()
        variance = lines(panels["Variance of the batch loss"])[name].get_ydata()
        assert len(variance) == 4 * 42 - 42 + 1
        assert variance[0] == pytest.approx(np.var(history.steps.loss[:42]))
        assert variance[-1] == pytest.approx(np.var(history.steps.loss[-42:]))
        ratio = lines(panels["Convergence ratio"])[name].get_ydata()
        assert ratio[-1] ** 4 * history["train_loss"][0] == pytest.approx(history["train_loss"][-1])
    bars = [bar.get_width() for bar in panels["Memory of the rule's state"].patches]
    size = MLP([64, 16, 10]).size
    assert bars == [2 * 4 * size / 1024, 4 * size / 1024]  # Adam: two float32 arrays; sgd: one
    times = [bar.get_width() for bar in panels["Time of an epoch"].patches]
    assert times == pytest.approx([1000 * np.diff(history["seconds"]).min() for history in histories.values()])
    for ax in panels.values():
        assert ax.get_xlabel()
    assert figure._suptitle.get_text() == "Two"
    with pytest.raises(ValueError, match="at least one training"):
        view.comparison_figure({})


def test_short_and_diverged_trainings_are_compared_too(histories):
    net, data = MLP([64, 16, 10]), digits()
    odd = {"none": train(net, refopt.sgd, data, epochs=0), "wild": train(net, refopt.sgd(lr=1e30), data, epochs=3)}
    assert len(view.comparison_figure(histories | odd).axes) == 9


def test_what_is_measured_of_a_history(histories):
    history = histories["adam"]
    loss = history["train_loss"]
    assert convergence_ratio(history)[0] == loss[1] / loss[0]
    assert seconds_per_epoch(history).sum() == pytest.approx(history["seconds"][-1] - history["seconds"][0])
    assert rolling_variance(np.ones(5), 6).size == 0
    with pytest.raises(ValueError, match="at least 1"):
        rolling_variance(np.ones(5), 0)


def test_each_panel_of_a_history_stands_alone(histories):
    history = histories["adam"]
    for panel in (view.loss_panel, view.accuracy_panel, view.lr_panel, view.norms_panel):
        own = Figure().add_subplot()
        assert panel(history, own) is own
        assert own.get_lines()
        assert panel(history).figure is not own.figure


def test_a_drift_to_infinity_is_drawn_as_far_as_it_goes():
    ax = view.drift_panel({"away": [1.0, 8.0, np.inf, np.nan]}, "torch")
    assert ax.get_ylim()[1] == 40


def test_drift_is_counted_in_units_of_the_last_place():
    up = np.spacing(1.0)
    one, two = refopt.sgd(lr=1.0), refopt.sgd(lr=3.0)
    # θ = 1 − lr·g: after a step of −up and −3·up the two are 2 ulp apart, after another 4
    assert drift(one, two, np.array([1.0]), [np.array([-up])] * 2).tolist() == [2.0, 4.0]
    assert drift(one, one, np.ones(3, np.float32), np.ones((4, 3), np.float32)).tolist() == [0.0] * 4
    assert np.isnan(drift(one, two, np.ones(1), [np.array([np.nan])])).all()
    with pytest.raises(TypeError, match="floating-point theta, got int64"):
        drift(one, two, np.array([1]), [])


def test_the_lines_of_a_drift_are_its_numbers():
    apart = {"a": np.array([1.0, 10.0, 0.0]), "b": np.zeros(3), "c": np.array([2.0, 4.0, 8.0])}
    ax = view.drift_panel(apart, "torch")
    shown = lines(ax)
    assert shown["c"].get_ydata().tolist() == [2.0, 4.0, 8.0]
    assert shown["a"].get_ydata()[:2].tolist() == [1.0, 10.0]
    assert np.isnan(shown["a"].get_ydata()[2])
    assert "the same bits: b" in shown
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert "torch" in ax.get_ylabel()
    assert len(view.drift_panel({"same": np.zeros(2)}, "torch").get_lines()) == 2
    with pytest.raises(ValueError, match="no readings"):
        view.drift_panel({}, "torch")
