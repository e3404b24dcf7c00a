"""How the readings of a rule drift apart, in units in the last place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from refopt.view.style import line_styles, muted, new_axes

__all__ = ["drift_panel"]


def drift_panel(apart: Mapping[str, Any], reference: str, ax: Any = None, digits: int = 53) -> Any:
    """Distances of readings to `reference` after each step, on logarithmic axes; returns the axes.

    `apart` has by name what `refopt.frameworks.comparison.drift` gives. Where every bit is the same there is no line: the
    reading is named below as equal. `digits` are the bits of the significand of the numbers (float64: 53, float32: 24), on
    the right the share of the parameters that the ulps are. Raises ValueError where there is nothing to compare.
    """
    if not apart:
        raise ValueError("there are no readings to compare")
    drifts = {name: np.asarray(values, dtype=float) for name, values in apart.items()}
    ax = new_axes(ax, (7.4, 4.8))
    equal = [name for name, values in drifts.items() if not values.any()]
    styles = line_styles([name for name in drifts if name not in equal])
    most = 1.0
    for name, values in drifts.items():
        if name in equal:
            continue
        shown = np.where(values > 0, values, np.nan)
        most = max(most, float(shown[np.isfinite(shown)].max(initial=1.0)))
        ax.plot(np.arange(1, len(values) + 1), shown, label=name, **styles[name])
    steps = max(len(values) for values in drifts.values())
    ax.set(xscale="log", yscale="log", xlim=(1, max(steps, 2)), ylim=(0.3, most * 5), xlabel="step (log scale)")
    ax.set(ylabel=f"distance to {reference}, in ulp (log scale)", title=f"How far readings drift from {reference}")
    ax.axhline(1.0, color=muted(), linewidth=0.8)
    ax.annotate("1 ulp: the last digit", (1, 1.0), (4, 3), textcoords="offset points", fontsize=9, color=muted())
    share = ax.secondary_yaxis("right", functions=(lambda y: y * 2.0 ** (1 - digits), lambda y: y * 2.0 ** (digits - 1)))
    share.set_ylabel("relative to the largest parameter, about", labelpad=10)
    if equal:
        ax.plot([], [], " ", label=f"the same bits: {', '.join(equal)}")
    ax.legend(fontsize=9.5, loc="best")
    return ax
