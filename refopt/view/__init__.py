"""Pictures: the only room that imports matplotlib. Arrays in, figures out.

Every drawing function takes an ``ax`` (or makes one), returns it and shows nothing; a function ``…_figure`` returns a whole
figure. Inside ``with theme("dark"):`` all of them draw on dark paper. Needs matplotlib: ``pip install matplotlib``.
"""

from importlib import import_module
from typing import Any

try:
    import matplotlib as _matplotlib  # noqa: F401
except ImportError as error:
    raise ImportError("refopt.view needs matplotlib: pip install matplotlib") from error

from refopt.recurrence import nearest
from refopt.view.contour import contour
from refopt.view.save import save
from refopt.view.style import theme

# Imported when they are first used, so that a picture depends on what it draws with, and `refopt figures` knows it.
_PLACES = {
    "accuracy_panel": "history",
    "animate": "animation",
    "arrows": "walks",
    "basins": "population",
    "basins_figure": "population",
    "comparison_figure": "comparison",
    "conformance_figure": "conformance",
    "distances": "bench",
    "drift_panel": "divergence",
    "edge_of_stability": "landscape",
    "heatmap": "population",
    "history_figure": "history",
    "interpolation": "landscape",
    "landscape_contour": "landscape",
    "landscape_figure": "landscape",
    "landscape_surface": "landscape",
    "ledger": "step_table",
    "ledger_figure": "step_table",
    "loss_panel": "history",
    "lr_beta_figure": "population",
    "lr_panel": "history",
    "norms_panel": "history",
    "player": "step_player",
    "problems_figure": "problems",
    "race_figure": "race",
    "race_grid_figure": "walks",
    "schedule_panel": "schedules",
    "schedules_figure": "schedules",
    "spectrum": "landscape",
    "stability_figure": "population",
    "surface": "problems",
    "swarm": "population",
    "trails": "walks",
    "updates": "bench",
    "updates_figure": "bench",
}

__all__ = ["contour", "save", "theme", *_PLACES]


def __getattr__(name: str) -> Any:
    """A drawing function, from its module."""
    if name in _PLACES:
        return getattr(import_module(f"refopt.view.{_PLACES[name]}"), name)
    if name.startswith("__"):
        raise AttributeError(name)
    raise AttributeError(f"refopt.view has no {name!r}{nearest(name, __all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
