"""Draw figures/schedules.svg: what ``refopt show --schedules`` draws."""

from pathlib import Path

from refopt import view

view.save(view.schedules_figure(), Path(__file__).parent, "schedules", kinds=["svg"])
