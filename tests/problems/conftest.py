"""Every problem with its defaults, and those that take options once more with others."""

import pytest

from refopt.problems import get, names

MATRIX = [[1.0, 2.0, 0.0], [0.0, 1.0, -1.5]]
OPTIONS = [
    ("ackley", {"dimension": 5}),
    ("ackley", {"dimension": 1}),
    ("dixon_price", {"dimension": 5}),
    ("factorisation", {"target": MATRIX, "rank": 1}),
    ("factorisation", {"target": MATRIX, "rank": 3}),
    ("griewank", {"dimension": 4}),
    ("levy", {"dimension": 5}),
    ("levy", {"dimension": 1}),
    ("logistic", {"separable": True}),
    ("michalewicz", {"dimension": 5}),
    ("michalewicz", {"m": 1}),
    ("noisy_quadratic", {"dimension": 5, "noise": 0.0}),
    ("quadratic", {"condition": 1e4, "dimension": 7}),
    ("quadratic", {"condition": 1e4, "dimension": 5, "seed": 3}),
    ("rastrigin", {"dimension": 5}),
    ("reddi", {"c": 101, "period": 101}),
    ("rosenbrock", {"dimension": 5}),
    ("styblinski_tang", {"dimension": 5}),
    ("zakharov", {"dimension": 5}),
]
CASES = [(name, {}) for name in names()] + OPTIONS


def label(case):
    name, options = case
    return "-".join([name, *(f"{word}{value}".replace(" ", "") for word, value in options.items())])


@pytest.fixture(params=CASES, ids=label)
def problem(request):
    name, options = request.param
    return get(name, **options)
