"""Figures: what is drawn, and that files are whole or not there."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from refopt import problems, schedules, view
from refopt.schedules.examples import EXAMPLES
from refopt.training import race, toy_race
from refopt.training.racing import TOYS, entrants
from refopt.view.style import line_styles


@pytest.fixture(scope="module")
def figure():
    chosen = ["adam", "sgd"]
    toys = [toy_race(entrants(chosen, toy), toy, steps=30) for toy in TOYS]
    return view.race_figure(race(entrants(chosen), epochs=3), toys)


def test_the_lines_are_the_numbers(figure):
    losses, accuracies, legend, *toys = figure.axes
    (racer, *_) = race(entrants(["adam", "sgd"]), epochs=3)
    assert losses.get_lines()[0].get_ydata().tolist() == racer.losses
    assert accuracies.get_lines()[0].get_ydata().tolist() == racer.accuracies
    for axes, toy in zip(toys, TOYS, strict=True):
        (run, *_) = toy_race(entrants(["adam"], toy), toy, steps=30)
        assert np.array_equal(np.column_stack(axes.get_lines()[0].get_data()), run.path)
    assert [text.get_text().split()[0] for text in legend.get_legend().get_texts()] == ["adam", "sgd"]


def test_everything_is_labelled(figure):
    for axes in figure.axes:
        if axes.axison:
            assert axes.get_title(loc="left")
            assert axes.get_xlabel()
            assert axes.get_ylabel()
    assert "%" in figure.get_supxlabel()


def test_styles_differ():
    styles = line_styles([str(i) for i in range(9)])
    assert len({(style["color"], str(style["linestyle"])) for style in styles.values()}) == 9
    assert len({style["color"] for style in styles.values()}) == 9


def test_files_are_whole_and_repeat_themselves(figure, tmp_path):
    paths = view.save(figure, tmp_path / "new", "race")
    assert [path.name for path in paths] == ["race.png", "race.svg"]
    before = [path.read_bytes() for path in paths]
    assert before[0].startswith(b"\x89PNG")
    assert before[1].rstrip().endswith(b"</svg>")
    assert [path.read_bytes() for path in view.save(figure, tmp_path / "new", "race")] == before
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_a_schedule_of_ones_own():
    rate = schedules.warmup(inner=schedules.cosine(lr=0.1, steps=90), warmup=10)
    ax = view.schedule_panel(rate, 120)
    (line,) = ax.get_lines()
    assert line.get_ydata().tolist() == [rate(k) for k in range(120)]
    assert ax.get_title() == "warmup"
    losses = [1.0, 1.0, 1.0, 1.0]
    plateau = schedules.plateau(lr=1.0, patience=1, factor=0.5)
    (line,) = view.schedule_panel(plateau, 4, losses=losses).get_lines()
    assert line.get_ydata().tolist()[0] == 1.0 > line.get_ydata().tolist()[-1]
    with pytest.raises(TypeError, match="plateau watches a loss: give losses=…, one for each of 100 updates"):
        view.schedule_panel(plateau, losses=losses)
    with pytest.raises(TypeError, match="a schedule is a function"):
        view.schedule_panel(0.1)


def test_axes_are_saved_with_their_figure(tmp_path):
    ax = view.contour(problems.get("beale"))
    (path,) = view.save(ax, tmp_path, "axes", kinds="svg")
    (other,) = view.save(ax.figure, tmp_path, "figure", kinds=["svg"])
    assert path.name == "axes.svg"
    assert path.read_bytes() == other.read_bytes()


def test_a_failed_write_leaves_nothing_and_spoils_nothing(figure, tmp_path, monkeypatch):
    view.save(figure, tmp_path, "race", kinds=["svg"])
    before = (tmp_path / "race.svg").read_bytes()

    def half(path, **_):
        with open(path, "w") as file:
            file.write("<svg")
        raise OSError("disk full")

    monkeypatch.setattr(figure, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        view.save(figure, tmp_path, "race", kinds=["svg"])
    assert (tmp_path / "race.svg").read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1


def test_every_schedule_has_its_panel_and_its_numbers():
    figure = view.schedules_figure()
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(EXAMPLES)
    assert sorted(EXAMPLES) == schedules.names()
    for axes, (name, schedule) in zip(figure.axes, EXAMPLES.items(), strict=True):
        line = axes.get_lines()[0]
        if name != "plateau":
            assert list(line.get_ydata()) == [schedule(k) for k in range(100)]
        low, high = axes.get_ylim()
        assert low <= min(line.get_ydata())
        assert high >= max(line.get_ydata())
    plateau = figure.axes[list(EXAMPLES).index("plateau")].get_lines()[0].get_ydata()
    assert (
        list(plateau[:32]) == [1.0] * 32
    )  # the last improvement is the observation of k = 20; from the 11th after it on, half
    assert plateau[32] == 0.5
    bottom, left = figure.axes[-5:], figure.axes[::5]
    assert all(axes.get_xlabel() for axes in bottom)
    assert all(axes.get_ylabel() for axes in left)


def test_chosen_schedules_alone():
    figure = view.schedules_figure(["cosine", "one_cycle_momentum"])
    drawn = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in drawn] == ["cosine", "one_cycle_momentum"]
    assert [axes.get_ylabel() for axes in drawn] == ["learning rate", "momentum"]
    with pytest.raises(ValueError, match="unknown schedule 'cosin'; did you mean 'cosine'"):
        view.schedules_figure(["cosin"])
    with pytest.raises(ValueError, match="at least one"):
        view.schedules_figure([])
