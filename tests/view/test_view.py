"""Figures: what is drawn, and that files are whole or not there."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from refopt import view
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
