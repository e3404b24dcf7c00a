"""The figure of updates shows what was measured, and can be read."""

import itertools

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib.backends.backend_agg import FigureCanvasAgg

from refopt import view


def result(sizes, libraries, **more):
    """What `refopt.bench.step` returns, of made-up times: each library a number of times as long as the memory, and a call."""
    cases = [
        {
            "case": f"adam {n}",
            "rule": "adam",
            "parameters": n,
            "tensors": 1,
            "blocks": 3,
            "memory_us": n / 1000,
            "libraries": {name: {"us": times * n / 1000 + 5} for name, times in libraries.items()},
        }
        for n in sizes
    ]
    other = [case | {"tensors": 1000} for case in cases] + [cases[0] | {"rule": "sgd"}]
    origin = {"date": "2026-01-02", "cpu": "a processor, 2 cores", "versions": {"numpy": "2.4"}}
    return {"cases": cases + other} | origin | more


LIBRARIES = {
    "refopt, fused": 1.1,
    "torch, fused": 1.12,
    "optax, jit": 1.2,
    "refopt, blocked": 2.0,
    "torch": 4,
    "NumPy, plain": 30,
}
SIZES = (10**8, 10**2, 10**5)


def lines(ax):
    return {line.get_label(): line for line in ax.lines if not line.get_label().startswith("_")}


def test_lines_are_the_times_by_size():
    found, sizes = result(SIZES, LIBRARIES), np.sort(SIZES)
    costs, far = lines(view.updates(found)), lines(view.distances(found))
    assert costs.keys() == far.keys() == LIBRARIES.keys()
    for name, times in LIBRARIES.items():
        us = times * sizes / 1000 + 5
        np.testing.assert_allclose(costs[name].get_xdata(), sizes)
        np.testing.assert_allclose(costs[name].get_ydata(), us * 1000 / sizes)
        np.testing.assert_allclose(far[name].get_ydata(), us / (sizes / 1000))


@pytest.mark.parametrize("look", ["light", "dark"])
def test_words_stand_beside_their_lines_and_apart(look):
    with view.theme(look):
        figure = view.updates_figure(result(SIZES, LIBRARIES, system="Linux"))
    above, below = figure.axes
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in (above, below):
        words = [text for text in ax.texts if text.get_text().split("  ")[0] in LIBRARIES or "×" in text.get_text()]
        assert len(words) == len(LIBRARIES)
        boxes = sorted((text.get_window_extent(renderer) for text in words), key=lambda box: box.y0)
        assert all(b.y0 > a.y0 + 0.7 * a.height for a, b in itertools.pairwise(boxes))
        assert all(box.x1 < figure.bbox.x1 for box in boxes)
    assert "refopt, fused  1.1" in [text.get_text() for text in above.texts]
    assert "30 ×" in [text.get_text() for text in below.texts]
    assert above.get_title(loc="left").endswith("1e8 parameters: refopt, fused in 1.1 × the memory's time")
    assert above._left_title.get_window_extent(renderer).x1 < figure.bbox.x1
    said = figure.get_supxlabel()
    for word in ("2026-01-02", "a processor, 2 cores", "Linux", "numpy 2.4", "one thread"):
        assert word in " ".join(said.split())


def test_libraries_that_took_no_part_and_other_numbers_of_threads():
    figure = view.updates_figure(result((300, 5000), {"refopt, blocked": 2.0, "NumPy, plain": 3.0}, threads=2))
    assert "5 000 parameters: refopt, blocked" in figure.axes[0].get_title(loc="left")
    assert "2 threads" in figure.get_supxlabel()


def test_one_size_is_no_line():
    for draw in (view.updates, view.distances, view.updates_figure):
        with pytest.raises(ValueError, match="a line needs two sizes of adam at least, got 1"):
            draw(result((100,), LIBRARIES))
        with pytest.raises(ValueError, match="a line needs two sizes of lion at least, got 0"):
            draw(result(SIZES, LIBRARIES), "lion")
