"""Every learning-rate schedule over 100 updates: what rises, what falls, what comes again. Orange is a momentum that goes the
other way, or the loss that a plateau watches.

What ``refopt show --schedules`` draws.
"""

from pathlib import Path

from refopt import view

view.save(view.schedules_figure(), Path(__file__).parent, "schedules", kinds=["svg"])
