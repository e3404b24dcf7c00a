"""Surfaces and maps of the toy functions: what is drawn, where, and what is refused."""

import warnings

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")

from matplotlib.figure import Figure

from refopt import problems, view


def lines_of(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def test_a_surface_marks_the_minima_and_the_start_at_their_heights():
    problem = problems.get("himmelblau")
    axes = view.surface(problem, points=20)
    marked = lines_of(axes)
    x, y, z = marked["global minimum"].get_data_3d()
    assert np.array_equal(np.stack([x, y], axis=-1), problem.minima)
    assert np.array_equal(z, problem.loss(problem.minima))
    assert marked["start"].get_data_3d()[2] == problem.loss(problem.start)
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_zlabel()) == ("x", "y", "loss")
    assert axes.get_title() == "Himmelblau"


def test_where_values_range_over_decades_the_height_is_logarithmic():
    problem = problems.get("goldstein_price")
    axes = view.surface(problem, points=81)
    assert axes.get_zlabel() == "loss (logarithmic)"
    labels = [text.get_text() for text in axes.get_zticklabels()]
    assert labels[0] == "3"  # 81 points a side hit the minimum
    assert labels[1:] == ["$10^{3}$", "$10^{4}$", "$10^{5}$", "$10^{6}$"]
    grid = np.linspace(-2, 2, 81)
    top = problem.loss(np.stack(np.meshgrid(grid, grid), axis=-1)).max()
    heights = axes.get_zticks()
    for height, loss in zip(heights, [3, 1e3, 1e4, 1e5, 1e6], strict=True):
        assert 10**height == pytest.approx(1 + (loss - 3) / (top - 3) * 1e4)


@pytest.mark.parametrize("name", ["himmelblau", "goldstein_price"])
def test_a_surface_of_its_own_is_laid_out_without_a_warning(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ax = view.surface(problems.get(name))
        ax.figure.savefig(tmp_path / "surface.png")
    assert ax.get_position().height > 0.85


def test_a_surface_draws_into_the_axes_that_it_is_given():
    axes = Figure().add_subplot(projection="3d")
    assert view.surface(problems.get("saddle"), axes, points=10) is axes
    assert "global minimum" not in lines_of(axes)


def test_the_maps_show_what_is_known():
    figure = view.problems_figure()
    shown = [axes.get_title(loc="left") for axes in figure.axes if axes.axison]
    assert len(shown) == 25
    assert {"Himmelblau", "Goldstein–Price", "Three-hump camel"} <= set(shown)
    problem = problems.get("six_hump_camel")
    axes = figure.axes[shown.index("Six-hump camel")]
    marked = lines_of(axes)
    for word, points in (
        ("global minimum", problem.minima),
        ("saddle, where known", problem.saddles),
        ("start", problem.start[None]),
    ):
        assert np.array_equal(np.transpose(marked[word].get_data()), points)
    assert (axes.get_xlim(), axes.get_ylim()) == problem.bounds
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["start", "global minimum", "saddle, where known"]


def test_chosen_problems_alone_and_on_dark_paper():
    with view.theme("dark"):
        figure = view.problems_figure(["noisy_quadratic", "booth"])
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["Noisy quadratic", "Booth"]
    assert sum(figure.get_facecolor()[:3]) < 0.5


def test_what_cannot_be_drawn():
    with pytest.raises(ValueError, match="unknown problem 'boot'; did you mean 'booth'"):
        view.problems_figure(["boot"])
    with pytest.raises(ValueError, match="at least one problem"):
        view.problems_figure([])
    for draw in (view.surface, view.contour):
        with pytest.raises(ValueError, match="two variables can be drawn; reddi has 1"):
            draw(problems.get("reddi"))
        with pytest.raises(ValueError, match="rastrigin has 3"):
            draw(problems.get("rastrigin", dimension=3))
