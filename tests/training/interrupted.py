"""A training that is to be killed: the program of test_resume.py. With a file: trains with checkpoints until it is done.

It has everything that must survive: dropout, running statistics, momentum, a schedule that adapts and one that does not, an
adaptive dropout rate, two groups, patience, an order of examples.
"""

import sys

import numpy as np
from analytic_net import AnalyticNet, line

import refopt
from refopt.training import AdaptiveDropout, Group, train


class Falling:
    """Half of it whenever the metric does not fall."""

    def __repr__(self):
        return "Falling()"

    def init(self):
        return {"lr": 0.05, "last": float("inf")}

    def observe(self, state, metric):
        return {"lr": state["lr"] * (1 if metric < state["last"] else 0.5), "last": float(metric)}

    def value(self, state):
        return state["lr"]


def beta1(k):
    return 0.9 - 0.1 / (1 + k)


def training(epochs=40, **options):
    return train(
        AnalyticNet(),
        refopt.lookahead(inner=refopt.adamw(weight_decay=0.1), k=3),
        line(50),
        validation=0.2,
        epochs=epochs,
        batch_size=4,
        seed=11,
        schedule={"lr": Falling(), "beta1": beta1},
        groups={"bias": Group("b", weight_decay=0.0, beta2=lambda k: 0.99 + 0.001 / (1 + k))},
        dropout=AdaptiveDropout(start=0.2, step=0.01),
        patience=1000,
        **options,
    )


def outcome(history):
    """Every bit that must not depend on interruptions, as text."""

    def shown(value):
        if isinstance(value, dict):
            return {key: shown(part) for key, part in value.items()}
        return (value.dtype.str, value.shape, value.tobytes().hex()) if isinstance(value, np.ndarray) else repr(value)

    rows = [row._replace(seconds=0.0, peak_bytes=0) for row in history.rows]
    parts = (history.theta, history.state, history.running, history.best.epoch, history.steps._asdict(), history.ended)
    return repr([rows, *map(shown, parts)])


if __name__ == "__main__":
    print("ready", flush=True)
    print(outcome(training(checkpoint=sys.argv[1], every=int(sys.argv[2]), resume=True)))
