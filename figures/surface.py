"""Draw figures/surface.svg: three toy functions as surfaces. Himmelblau's four minima lie equally deep; Ackley's lies under a
funnel of ripples; Goldstein and Price's function ranges over six decades, which only a logarithmic height shows.
"""

from pathlib import Path

from matplotlib.figure import Figure

from refopt import problems, view

with view.theme("light"):
    figure = Figure(figsize=(15, 4.9))
    figure.subplots_adjust(left=0.01, right=0.99, bottom=0.03, top=0.86, wspace=0.02)
    for place, name in enumerate(("himmelblau", "ackley", "goldstein_price"), start=1):
        view.surface(problems.get(name), figure.add_subplot(1, 3, place, projection="3d"))
    for ax in figure.axes[1:]:
        ax.get_legend().remove()  # the first says it for all
    for ax in figure.axes:
        ax.locator_params(axis="both", nbins=4)
    figure.suptitle("What makes it hard: four equal minima, a tip in ripples, six decades", fontsize=15, fontweight="bold")
    view.save(figure, Path(__file__).parent, "surface", kinds=["svg"])
