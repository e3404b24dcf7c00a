"""The pictures of landscapes show the numbers, say what they are, and change nothing."""

import copy

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from matplotlib.figure import Figure

from refopt import problems, view
from refopt.landscape import Density, Line, Plane, Stability, pca_plane, surface

PATH = np.array([[0.0, 3, 0, 0], [1, 1, 0, 0.5], [2, 0, 0, 0], [4, 0, 1, 0], [3, 0, 0, 0]])


def bowl(theta):
    return 0.1 + theta @ theta


@pytest.fixture(scope="module")
def walked():
    return surface(bowl, pca_plane(PATH), points=15, path=PATH)


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def test_the_contours(walked):
    before = copy.deepcopy(walked)
    ax = view.landscape_contour(walked, title="Ground")
    path, start, end = ax.get_lines()
    assert path.get_xydata().tolist() == walked.path.tolist()
    assert (start.get_marker(), end.get_marker()) == ("s", "*")
    assert start.get_xydata()[0].tolist() == walked.path[0].tolist()
    first, second = walked.plane.explained
    assert ax.get_xlabel() == f"1st principal direction ({first:.1%} of the path)\nlines: loss (cross-entropy, nats)"
    assert ax.get_ylabel() == f"2nd principal direction ({second:.1%})"
    assert ax.get_xlim() == (walked.a[0], walked.a[-1])
    heights = ax.collections[1].levels  # the lines, above the shades
    assert walked.losses.min() < heights.min() < heights.max() < walked.losses.max()
    for name in ("a", "b", "losses", "path"):
        assert (getattr(before, name) == getattr(walked, name)).all()


def test_callers_may_bring_axes_and_words(walked):
    own = Figure()
    ax = own.add_subplot()
    assert view.landscape_contour(walked, ax, loss="squared length") is ax
    assert "squared length" in ax.get_xlabel()
    relief = own.add_subplot(projection="3d")
    assert view.landscape_surface(walked, relief, loss="squared length", log=True) is relief
    assert relief.get_zlabel() == "log₁₀ squared length"


def test_the_relief_carries_the_path_on_its_ground(walked):
    ax = view.landscape_surface(walked)
    x, y, z = ax.get_lines()[0].get_data_3d()
    assert np.stack([x, y], axis=1).tolist() == walked.path.tolist()
    ground = [bowl(walked.plane.centre + p @ walked.plane.directions) for p in walked.path]
    step = (np.diff(walked.a[:2])[0] ** 2 + np.diff(walked.b[:2])[0] ** 2) / 4  # by how much a bowl sags between grid points
    assert np.all(z - ground > 0)
    assert np.all(z - ground < step + 0.02 * np.ptp(walked.losses))


def test_planes_without_a_path_and_losses_of_every_kind():
    plane = Plane([0.0, 0.0], np.eye(2), "by hand")
    valley = surface(lambda t: t[0] * t[1], plane, points=5)  # negative losses: a linear scale
    ax = view.landscape_contour(valley)
    assert "by hand" in ax.get_xlabel()
    with pytest.raises(ValueError, match="a logarithmic height needs losses above 0; the lowest here is -1"):
        view.landscape_surface(valley, log=True)
    assert ax.get_lines()[0].get_xydata().tolist() == [[0, 0]]
    holes = surface(lambda t: np.inf if t[0] > 0.5 else np.nan if t[1] > 0.5 else 1 + bowl(t), plane, points=9)
    for draw in (view.landscape_contour, view.landscape_surface):
        draw(holes).figure.draw_without_rendering()
        draw(surface(lambda t: 1.0, plane, points=3)).figure.draw_without_rendering()
        draw(holes, top=1.2).figure.draw_without_rendering()
        with pytest.raises(ValueError, match="nothing to draw"):
            draw(surface(lambda t: np.nan, plane, points=3))
    beale = problems.get("beale")
    view.landscape_figure(surface(beale.loss, Plane(beale.start, np.eye(2)), vectorised=True, points=9), loss="f")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_figure_is_saved_in_both_themes(walked, theme, tmp_path):
    with view.theme(theme):
        figure = view.landscape_figure(walked, "A walk")
        paths = view.save(figure, tmp_path, "landscape")
    assert figure.get_suptitle() == "A walk"
    assert len(figure.axes) == 2
    assert [path.stat().st_size > 1000 for path in paths] == [True, True]
    assert (sum(figure.get_facecolor()[:3]) < 1) == (theme == "dark")


def test_interpolation():
    made = {
        name: Line(np.linspace(-0.5, 1, 4), np.array(losses), 2.0) for name, losses in (("a", [3, 2, 1, 0.5]), ("b", [1] * 4))
    }
    ax = view.interpolation(made, ends=("here", "there"), log=True)
    for name, line in made.items():
        assert lines(ax)[name].get_xdata().tolist() == line.alphas.tolist()
        assert lines(ax)[name].get_ydata().tolist() == line.losses.tolist()
    assert [text.get_text().strip() for text in ax.texts] == ["here", "there"]
    assert ax.get_yscale() == "log"
    with pytest.raises(ValueError, match="there are no lines to draw"):
        view.interpolation({})
    with pytest.raises(ValueError, match="a logarithmic scale needs losses above 0"):
        view.interpolation({"a": Line(np.array([0.0, 1.0]), np.array([0.0, -1.0]), 1.0)}, log=True)
    half = view.interpolation({"a": Line(np.array([0.2, 0.5]), np.array([1.0, 2.0]), 1.0)})
    assert not half.texts


def test_the_spectrum():
    at = np.linspace(-1, 5, 601)
    found = Density(at, np.exp(-0.5 * (at / 0.1) ** 2) / (0.1 * np.sqrt(2 * np.pi)), np.zeros(1), np.ones(1), 0.1)
    ax = view.spectrum(found, top=[4.0, 3.0], parameters=50)
    curve, ticks = (line for line in ax.get_lines() if line.get_gid() == "density" or line.get_marker() == "|")
    assert curve.get_ydata()[100] == pytest.approx(50 / (0.1 * np.sqrt(2 * np.pi)))
    assert curve.get_ydata().min() > 0
    assert list(ticks.get_xdata()) == [4.0, 3.0]
    assert ax.get_yscale() == "log"
    assert ax.get_ylabel().startswith("eigenvalues per unit")
    (dotted,) = (line for line in ax.get_lines() if line.get_gid() != "density" and line.get_marker() != "|")
    assert dotted.get_ydata()[0] == pytest.approx(1 / (0.1 * np.sqrt(2 * np.pi)))
    both = view.spectrum(found, view.spectrum(found, label="before"), label="after")
    drawn = [line for line in both.get_lines() if line.get_gid() == "density"]
    assert drawn[0].get_color() != drawn[1].get_color()
    assert both.get_ylabel().startswith("share of the eigenvalues per unit")


def test_the_edge_of_stability():
    runs = {
        "slow": Stability(np.array([3.0, 2, 1]), np.array([0, 2]), np.array([5.0, 9]), 10.0, 0.2, 0.0),
        "ball": Stability(np.array([3.0, 1, 0.5]), np.array([0, 2]), np.array([5.0, 20]), 19.0, 0.2, 0.9),
    }
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert view.edge_of_stability(runs, left, losses=right) is left
    drawn = left.get_lines()
    assert drawn[0].get_xydata().tolist() == [[0, 5], [2, 9]]
    assert [line.get_ydata()[0] for line in (drawn[1], drawn[3])] == [10, 19]
    assert [text.get_text().strip() for text in left.texts] == ["2/lr = 10", "(2 + 2β)/lr = 19"]
    assert [line.get_ydata().tolist() for line in right.get_lines()] == [[3, 2, 1], [3, 1, 0.5]]
    assert right.get_yscale() == "log"
    with pytest.raises(ValueError, match="there are no runs to draw"):
        view.edge_of_stability({})
