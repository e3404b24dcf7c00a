"""Trails, arrows and small multiples: the drawn lines are the walks."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

import matplotlib as mpl
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import refopt
from refopt import problems, view
from refopt.training import toy_race

BEALE = problems.get("beale")
WALKS = {
    "right": np.column_stack([np.linspace(0, 3, 41), np.full(41, 0.5)]),
    "up": np.column_stack([np.full(11, 1.0), np.linspace(-1, 1, 11)]),
    "still": np.array([[2.0, 0.0]]),
}


def contrast(one, other):
    """The contrast ratio of WCAG 2: (L1 + 0.05) / (L2 + 0.05)."""

    def luminance(color):
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(color)]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    dark, light = sorted([luminance(one), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def drawn(ax):
    """Each trail as one array of points, from its pieces."""
    found = [c for c in ax.collections if isinstance(c, LineCollection)]
    return [np.concatenate([piece if i == 0 else piece[1:] for i, piece in enumerate(c.get_segments())]) for c in found]


@pytest.mark.parametrize("fade", [True, False])
def test_trails_are_the_walks(fade):
    own = Figure().add_subplot()
    ax = view.trails(WALKS, BEALE, own, fade=fade)
    assert ax is own
    right, up = drawn(ax)
    assert np.array_equal(right, WALKS["right"])
    assert np.array_equal(up, WALKS["up"])
    ends = [tuple(line.get_xydata()[0]) for line in ax.get_lines() if line.get_marker() == "o"]
    assert ends == [(3.0, 0.5), (1.0, 1.0), (2.0, 0.0)]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(WALKS)
    assert (ax.get_xlim(), ax.get_ylim()) == BEALE.bounds
    assert ax.get_title() == "Beale: 40 steps" or ax.get_title(loc="left") == "Beale: 40 steps"
    assert ax.get_xlabel()
    assert ax.get_ylabel()


def test_a_trail_is_strongest_at_its_end():
    (trail, *_) = (c for c in view.trails(WALKS, BEALE).collections if isinstance(c, LineCollection))
    strength = np.asarray(trail.get_alpha())
    assert len(strength) == len(trail.get_segments())
    assert (np.diff(strength) > 0).all()
    assert strength[-1] == 1.0


def test_points_that_are_not_finite_are_left_out():
    walk = np.array([[0.0, 0.0], [1.0, 1.0], [np.inf, np.nan]])
    (line,) = drawn(view.trails({"away": walk}, BEALE))
    assert np.array_equal(line, walk[:2])


def test_what_cannot_be_a_walk():
    for walks, message in (
        ({}, "no walks"),
        ([], "no walks"),
        ({"flat": np.zeros(3)}, r"points \(steps \+ 1, 2\); flat has shape \(3,\)"),
        ({"deep": np.zeros((4, 3))}, r"deep has shape \(4, 3\)"),
        ({"none": np.zeros((0, 2))}, r"none has shape \(0, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            view.trails(walks, BEALE)
    with pytest.raises(ValueError, match=r"two variables.*quadratic has 3"):
        view.trails({"a": np.zeros((2, 2))}, problems.get("quadratic", dimension=3))


def test_small_multiples():
    figure = view.race_grid_figure(WALKS, BEALE, columns=2)
    shown = [ax for ax in figure.axes if ax.axison]
    assert len(shown) == 3
    assert [ax.get_title(loc="left").split(",")[0] for ax in shown] == list(WALKS)
    assert shown[0].get_title(loc="left") == "right, loss 0"  # (3, 0.5) is the minimum
    assert np.array_equal(drawn(shown[1])[0], WALKS["up"])
    with pytest.raises(ValueError, match="at least one column"):
        view.race_grid_figure(WALKS, BEALE, columns=0)


def test_arrows_point_where_the_quantity_sends_the_walk():
    ax = view.contour(BEALE)
    record = {"g": np.array([0.0, 2.0]), "update": np.array([-0.3, 0.0]), "theta": np.array([1.3, 0.0])}
    assert view.arrows(np.array([1.0, 0.0]), record, ax=ax) is ax
    up, left = (text.xy - np.array(text.xyann) for text in ax.texts)
    assert np.allclose(up / np.linalg.norm(up), [0, -1])
    assert np.allclose(left / np.linalg.norm(left), [1, 0])
    assert np.isclose(np.linalg.norm(up), np.linalg.norm(left))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["−g, length 2", "−update, length 0.3"]
    for names, message in ((["h"], "no 'h'"), ([], "at least one name"), (["t"], "pair of numbers; t has shape")):
        with pytest.raises(ValueError, match=message):
            view.arrows(np.zeros(2), record | {"t": 3}, names)


def test_arrows_without_axes_are_drawn_around_the_step():
    record = {"g": np.array([0.0, 200.0]), "update": np.array([0.1, 0.2]), "theta": np.array([2.9, 3.8])}
    for names in (("g", "update"), "g"):
        ax = view.arrows(np.array([3.0, 4.0]), record, names)
        (left, right), (bottom, top) = ax.get_xlim(), ax.get_ylim()
        for x, y in [(3.0, 4.0), record["theta"], *(text.xy for text in ax.texts)]:
            assert left < x < right
            assert bottom < y < top
        assert len(ax.texts) == (2 if names != "g" else 1)
    still = view.arrows(np.zeros(2), {"g": np.zeros(2)}, "g")
    assert still.get_xlim() == (-1, 1)


def test_what_is_no_walk_is_refused():
    for wrong in ("words", np.ones((3, 2)), 3):
        with pytest.raises(TypeError, match="walks are a dict of names and points, or what toy_race gives; got"):
            view.trails(wrong, BEALE)


@pytest.mark.parametrize("name", ["light", "dark"])
def test_darker_is_lower(name):
    from refopt.view.landscape import _shades

    with view.theme(name):
        shaded = view.contour(problems.get("quadratic")).collections[0].get_facecolor()
        relief = _shades()(np.linspace(0, 1, 20))
    for colors in (shaded, relief):
        assert (np.diff(colors[:, :3] @ [0.299, 0.587, 0.114]) > 0).all()


@pytest.mark.parametrize("width", [6.2, 7.2, 13.0])
def test_a_note_fits_its_figure(width):
    from refopt.view.style import new_figure, note

    with new_figure(width, 4) as figure:
        figure.subplots()
        note(figure, "Gradients of one size and random sign; each point is the mean of 40 parameters. " * 3)
    box = figure._supxlabel.get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


@pytest.mark.parametrize("name", ["light", "dark"])
def test_words_and_lines_stand_out_from_the_paper(name):
    with view.theme(name):
        ax = view.trails(WALKS, BEALE)
        paper = ax.get_facecolor()
        words = [ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label, *ax.get_xticklabels(), *ax.get_legend().get_texts()]
        assert min(contrast(text.get_color(), paper) for text in words) >= 4.5  # WCAG AA for text
        from refopt.view.style import muted, palette

        assert contrast(muted(), paper) >= 4.5
        assert min(contrast(color, paper) for color in palette()) >= 2.0
        grid = view.race_grid_figure(WALKS, BEALE)
        assert contrast(grid._suptitle.get_color(), grid.get_facecolor()) >= 4.5
        assert contrast(grid._supxlabel.get_color(), grid.get_facecolor()) >= 4.5


def test_a_whole_figure_keeps_the_theme_around_it():
    with view.theme("dark"):
        dark = view.race_grid_figure(WALKS, BEALE)
    light = view.race_grid_figure(WALKS, BEALE)
    assert max(dark.get_facecolor()[:3]) < 0.2 < 0.9 < min(light.get_facecolor()[:3])
    with pytest.raises(ValueError, match="unknown theme 'drak'; did you mean 'dark'"):
        view.theme("drak")


def test_nothing_imports_pyplot():
    program = (
        "import sys, refopt, numpy as np; from refopt import view, problems;"
        "[getattr(view, name) for name in view.__all__]; view.trails({'a': np.ones((3, 2))}, problems.get('beale'));"
        "view.stability_figure(points=4, steps=3); view.lr_beta_figure(points=4, steps=3); view.problems_figure();"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_every_name_of_the_room_is_there():
    assert all(callable(getattr(view, name)) for name in view.__all__)
    assert set(view.__all__) <= set(dir(view))
    with pytest.raises(AttributeError, match="no 'trial'; did you mean 'trails'"):
        view.trial
    assert refopt.view is view


def test_a_function_of_ones_own_goes_everywhere(tmp_path):
    """A name, a loss, a gradient and a start are enough; names and races are taken as well as objects and arrays."""
    mine = problems.Problem("mine", lambda theta: (theta**2).sum(-1), lambda theta: 2 * theta, start=[2, 1])
    assert mine.bounds == ((-6.0, 6.0), (-3.0, 3.0))
    view.contour(mine)
    view.surface(mine)
    runs = toy_race(["sgd", refopt.adam(lr=0.1)], mine, steps=5)
    assert [run.name for run in runs] == ["sgd", "adam"]
    raced = refopt.race({"sgd": refopt.sgd, "adam": refopt.adam(lr=0.1)}, mine, steps=5)
    for walks in (runs, raced):
        drawn = [one.get_segments() for one in view.trails(walks, mine).collections if isinstance(one, LineCollection)]
        drawn = [[pieces[0][0], *(piece[-1] for piece in pieces)] for pieces in drawn]
        assert [run.path.tolist() for run in runs] == [np.array(path).tolist() for path in drawn]
    assert view.animate(raced, mine, tmp_path / "new" / "walks.html").is_file()
    assert view.player(["sgd", "adam"], mine, steps=3, path=tmp_path / "newer" / "steps.html").is_file()
    assert view.trails(toy_race([refopt.sgd], "beale", steps=3), "beale").get_title() == "Beale: 3 steps"
    with pytest.raises(NotImplementedError, match="hessian="):
        mine.hessian(mine.start)
    with pytest.raises(ValueError, match=r"choose one member: result\[name\]\.paths\[:, 0\]"):
        view.trails(refopt.race("sgd", mine, starts=3, steps=2), mine)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ({"start": [1, np.nan]}, "one point of finite numbers"),
        ({}, "needs a start"),
        ({"start": [1, 2], "minima": [[1, 2, 3]]}, "minima of a problem must be points, one a row, of 2 coordinates"),
        ({"start": [1, 2], "bounds": ((0, 1), (3, 2))}, "low below high"),
        ({"start": [1, 2], "grad": 3}, "grad of a problem must be a function of theta, got 3"),
    ],
)
def test_a_function_of_ones_own_that_does_not_fit_itself(words, error):
    with pytest.raises((TypeError, ValueError), match=error):
        problems.Problem(**{"name": "mine", "loss": np.sum, "grad": np.sign, **words})


def test_arrows_have_room_without_axes():
    theta, g = np.array([100.0, -3.0]), np.array([1e-3, 2e-3])
    ax = view.arrows(theta, refopt.sgd(lr=1.0).step(theta, g, refopt.sgd.init(theta)), names=["g"])
    (low, high), (bottom, top) = ax.get_xlim(), ax.get_ylim()
    assert low < 99.999 < 100 < high
    assert bottom < -3.002 < -3 < top
    assert high - low < 0.1
