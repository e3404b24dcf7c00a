"""Pictures: the only room that imports matplotlib. Arrays in, figures out.

Needs matplotlib: ``pip install matplotlib``.
"""

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError("refopt.view needs matplotlib: pip install matplotlib") from error

from refopt.view.conformance import conformance_figure
from refopt.view.contour import contour
from refopt.view.history import history_figure
from refopt.view.landscape import (
    interpolation,
    landscape_contour,
    landscape_figure,
    landscape_surface,
    spectrum,
    stability,
)
from refopt.view.race import race_figure
from refopt.view.save import save
from refopt.view.schedules import schedules_figure
from refopt.view.style import theme

__all__ = [
    "conformance_figure", "contour", "history_figure", "interpolation", "landscape_contour", "landscape_figure",
    "landscape_surface", "race_figure", "save", "schedules_figure", "spectrum", "stability", "theme",
]  # fmt: skip
