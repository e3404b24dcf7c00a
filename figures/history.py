"""One training on the handwritten digits as its history shows it: the loss of each batch and after each epoch, accuracy, a
learning rate that warms up and falls along a cosine, and the norms of gradient and step.

``history.plot()`` draws it of every training.
"""

from pathlib import Path

import refopt
from refopt import schedules, view
from refopt.data import digits
from refopt.nets import MLP
from refopt.training import train

EPOCHS, UPDATES = 15, 15 * 42
schedule = schedules.warmup(inner=schedules.cosine(lr=0.01, steps=UPDATES - 60), warmup=60)
history = train(MLP([64, 64, 10]), refopt.adam, digits(), epochs=EPOCHS, schedule=schedule)
view.save(view.history_figure(history, title="Adam on the digits"), Path(__file__).parent, "history", kinds=["svg"])
