"""Populations drawn: the cells are the numbers, the basins have the colours of their stars, lines stand where theory says."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="refopt.view needs matplotlib")


from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from own_problem import own_problem

import refopt
from refopt import view
from refopt.training import lattice
from refopt.view.population import NOWHERE
from refopt.view.style import palette


def two_valleys():
    """(x² − 1)² / 4 + y² / 2: minima at x = ±1, and every descent with a small rate stays on its side."""
    return own_problem(
        "two_valleys",
        lambda theta: ((theta[..., :1] ** 2 - 1) ** 2 / 4 + theta[..., 1:] ** 2 / 2)[..., 0],
        lambda theta: np.concatenate([theta[..., :1] * (theta[..., :1] ** 2 - 1), theta[..., 1:]], axis=-1),
        [[-1.0, 0.0], [1.0, 0.0]],
        ((-2.0, 2.0), (-1.0, 1.0)),
    )


def mesh(ax):
    (one,) = [collection for collection in ax.collections if hasattr(collection, "get_coordinates")]
    return one


@pytest.fixture(scope="module")
def mapped():
    grids = {"lr": np.geomspace(1e-3, 1, 7), "beta1": 1 - np.geomspace(1, 1e-2, 5)}
    return refopt.race("adam", "rosenbrock", 6, 50, grids)["adam"]


def test_a_heat_map_shows_the_numbers_where_its_axes_say(mapped):
    ax = view.heatmap(mapped)
    cells, corners = mesh(ax).get_array(), mesh(ax).get_coordinates()
    assert np.array_equal(cells, np.median(mapped.best, axis=-1).T)
    for i, lr in enumerate(mapped.grids["lr"]):
        for j, beta in enumerate(mapped.grids["beta1"]):
            (left, bottom), (right, top) = corners[j, i], corners[j + 1, i + 1]
            assert left < lr < right
            assert bottom < beta < top
            assert lr / left == pytest.approx(right / lr)  # half way between, on its own scale
            assert (1 - beta) / (1 - top) == pytest.approx((1 - bottom) / (1 - beta))
    assert ax.get_xscale() == "log"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["0", "0.9", "0.99"]
    assert (ax.get_xlabel(), ax.get_ylabel(), ax.get_title(loc="left") or ax.get_title()) == ("learning rate", "β₁", "adam")
    assert ax.figure.axes[1].get_ylabel() == "lowest loss reached"


def test_a_heat_map_of_own_values_hatches_what_is_not_finite(mapped):
    values = np.arange(35.0).reshape(7, 5)
    values[2, 3] = np.nan
    ax = Figure().add_subplot()
    assert view.heatmap(mapped, ax, values, "steps", bar=False) is ax
    cells = mesh(ax).get_array()
    assert cells.mask.sum() == 1
    assert cells.mask[3, 2]
    assert ax.patch.get_hatch()
    assert len(ax.figure.axes) == 1


def test_what_is_no_heat_map_is_refused(mapped):
    one = refopt.race("sgd", "beale", steps=1, grids={"lr": [0.1, 0.2]})["sgd"]
    with pytest.raises(ValueError, match=r"of two hyper-parameters; sgd ran with \['lr'\]"):
        view.heatmap(one)
    with pytest.raises(ValueError, match=r"must have the shape of its grids, \(7, 5\); got \(5, 7\)"):
        view.heatmap(mapped, values=np.zeros((5, 7)))
    falling = refopt.race("sgd", "beale", steps=1, grids={"lr": [0.2, 0.1], "momentum": [0.0, 0.1]})["sgd"]
    with pytest.raises(ValueError, match="lr must hold at least two values that rise"):
        view.heatmap(falling)
    switches = refopt.race("sgd", "beale", steps=1, grids={"lr": [0.1, 0.2], "nesterov": [False, True]})["sgd"]
    with pytest.raises(ValueError, match="is of numbers; the grid of nesterov"):
        view.heatmap(switches)


def test_basins_have_the_colours_of_their_stars():
    problem = two_valleys()
    found = refopt.race({"descent": refopt.sgd(lr=0.1)}, problem, lattice(problem, (4, 6)), 300)["descent"]
    ax = view.basins(found, shades=False)
    (image,) = ax.images
    pixels = np.asarray(image.get_array())
    assert pixels.shape == (4, 6, 3)
    left, right = to_rgb(palette()[0]), to_rgb(palette()[1])
    assert np.allclose(pixels[:, :3], left)
    assert np.allclose(pixels[:, 3:], right)
    assert [to_rgb(star.get_color()) for star in ax.lines] == [left, right]
    assert [tuple(map(float, star.get_xydata()[0])) for star in ax.lines] == [(-1, 0), (1, 0)]
    assert image.get_extent() == pytest.approx([-2.4, 2.4, -4 / 3, 4 / 3])  # pixels around the starts
    assert (image.origin, ax.get_xlim(), ax.get_ylim()) == ("lower", (-2, 2), (-1, 1))
    stuck = refopt.race(refopt.sgd(lr=0.0), problem, lattice(problem, (4, 6)), 3)["sgd"]
    assert np.allclose(np.asarray(view.basins(stuck).images[0].get_array()), to_rgb(NOWHERE))


def test_shades_are_fainter_where_it_took_longer():
    problem = two_valleys()
    found = refopt.race(refopt.sgd(lr=0.1), problem, lattice(problem, (2, 41)), 300)["sgd"]
    pixels = np.asarray(view.basins(found).images[0].get_array())[0, 21:]
    steps = found.converged(distance=1e-2)[0, 21:]
    order = np.argsort(steps)
    blueness = pixels[order] @ np.ones(3)  # towards white
    assert steps.min() < steps.max()
    assert (np.diff(blueness)[np.diff(steps[order]) > 0] > 0).all()
    assert np.abs(np.diff(blueness)[np.diff(steps[order]) == 0]).max() < 1e-12


def test_basins_need_a_lattice():
    with pytest.raises(ValueError, match="starts on a lattice"):
        view.basins(refopt.race("sgd", two_valleys(), 5, 3)["sgd"])
    grids = {"lr": [0.1, 0.2]}
    with pytest.raises(ValueError, match=r"grids \['lr'\]"):
        view.basins(refopt.race("sgd", two_valleys(), lattice(two_valleys(), 3), 3, grids)["sgd"])

    with pytest.raises(ValueError, match="at least two rows and columns"):
        view.basins(refopt.race("sgd", two_valleys(), lattice(two_valleys(), (1, 5)), 3)["sgd"])


def test_losses_count_from_the_minimum_where_it_is_not_0():
    figure = view.lr_beta_figure("styblinski_tang", points=5, steps=30)  # least at −78.3
    cells = mesh(figure.axes[0]).get_array()
    hatched = np.ma.getmaskarray(cells).any(axis=0)
    assert not hatched[:-1].any()  # at the largest learning rate walks leave for infinity
    assert 0 < cells.min() < cells.max() < 100
    assert "lowest loss − minimum" in figure.axes[-1].get_ylabel()
    with pytest.raises(ValueError, match="saddle has no minimum, from which losses are counted"):
        view.lr_beta_figure("saddle", points=5, steps=3)
    for wrong, message in (
        (lambda: view.stability_figure(steps=0), "steps must be at least 1"),
        (lambda: view.basins_figure("beale", points=2, steps=1, columns=0), "at least one column"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()


def test_a_swarm_draws_the_walks_it_says():
    problem = two_valleys()
    found = refopt.race(refopt.sgd(lr=0.1), problem, 50, 100)["sgd"]
    ax = view.swarm(found, most=20)
    (lines,) = [collection for collection in ax.collections if type(collection).__name__ == "LineCollection"]
    drawn = lines.get_segments()
    assert len(drawn) == 20
    chosen = np.unique(np.linspace(0, 49, 20).astype(int))
    for segment, color, member in zip(drawn, lines.get_colors(), chosen, strict=True):
        assert np.array_equal(segment, found.paths[:, member])
        assert tuple(color[:3]) == to_rgb(palette()[found.basin()[member]])
    assert "20 starts, 100 steps" in ax.get_title(loc="left") + ax.get_title()
    lost = refopt.race(refopt.sgd(lr=50.0), problem, 5, 100)["sgd"]  # to infinity: what is there is drawn
    assert view.swarm(lost).lines
    with pytest.raises(ValueError, match="over two variables"):
        view.swarm(refopt.race("sgd", refopt.problems.get("quadratic", dimension=3), 5, 3)["sgd"])


def test_the_limit_stands_where_the_walks_part():
    figure = view.stability_figure(condition=9.0, points=40, steps=800)
    measured, exact, _ = figure.axes
    line = measured.lines[0].get_xydata()
    assert np.allclose(line[:, 0], 2 * (1 + line[:, 1]) / 9)
    one, other = mesh(measured).get_array(), mesh(exact).get_array()
    lrs, momenta = np.linspace(0, 5 / 9, 41)[1:], np.linspace(0, 0.99, 40)
    certain = np.abs(lrs / (2 * (1 + momenta[:, None]) / 9) - 1) > 0.02
    for cells in (one, other):
        assert np.array_equal(~np.ma.getmaskarray(cells)[certain], (lrs < 2 * (1 + momenta[:, None]) / 9)[certain])
    both = ~(np.ma.getmaskarray(one) | np.ma.getmaskarray(other)) & (momenta[:, None] < 0.9)
    assert np.abs(one - other)[both].max() < 0.02
    assert np.allclose(measured.lines[1].get_xydata(), [[0.25, 0.25]])  # (2 / (3 + 1))², ((3 − 1) / (3 + 1))²


def test_who_ends_higher_than_it_began_is_hatched():
    steep = refopt.problems.get("quadratic", condition=1000.0)
    sgd, *_ = view.lr_beta_figure(steep, points=12, steps=400).axes
    lrs, momenta = np.geomspace(1e-5, 1e-1, 12), 1 - np.geomspace(1, 1e-3, 12)[:, None]
    limit = 2 * (1 + momenta) / 1000  # of stability; with a momentum near to 1 more than these steps are needed to see it
    certain = (np.abs(lrs / limit - 1) > 0.05) & (momenta < 0.95)
    hatched = np.ma.getmaskarray(mesh(sgd).get_array())
    assert np.array_equal(hatched[certain], (lrs > limit)[certain])
    assert 0 < hatched[certain].sum() < certain.sum()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_whole_figures_are_labelled_in_every_theme(theme):
    with view.theme(theme):
        figures = [
            view.stability_figure(points=8, steps=20),
            view.lr_beta_figure(points=6, steps=20),
            view.basins_figure(two_valleys(), {"descent": refopt.sgd(lr=0.1), "Adam": refopt.adam(lr=0.1)}, points=8, steps=30),
        ]
    for figure in figures:
        assert figure.get_suptitle()
        panels = [ax for ax in figure.axes if ax.axison and ax.get_title(loc="left")]
        assert len(panels) >= 2
        assert all(ax.get_xlabel() for ax in panels)
        assert panels[0].get_ylabel()
        dark = sum(to_rgb(figure.get_facecolor())) < 1.5
        assert dark == (theme == "dark")
        assert (sum(to_rgb(figure._suptitle.get_color())) > 1.5) == dark
