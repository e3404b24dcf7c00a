"""Pictures: the only room that imports matplotlib. Arrays in, figures out.

Needs matplotlib: ``pip install matplotlib``.
"""

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError("refopt.view needs matplotlib: pip install matplotlib") from error

from refopt.view.bench import updates, updates_figure
from refopt.view.conformance import conformance_figure
from refopt.view.contour import contour
from refopt.view.history import history_figure
from refopt.view.population import basins, basins_figure, heatmap, lr_beta_figure, stability_figure, swarm
from refopt.view.problems import problems_figure, surface
from refopt.view.race import race_figure
from refopt.view.save import save
from refopt.view.schedules import schedules_figure
from refopt.view.style import theme

__all__ = [
    "basins",
    "basins_figure",
    "conformance_figure",
    "contour",
    "heatmap",
    "history_figure",
    "lr_beta_figure",
    "problems_figure",
    "race_figure",
    "save",
    "schedules_figure",
    "stability_figure",
    "surface",
    "swarm",
    "theme",
    "updates",
    "updates_figure",
]
