"""Several hundred wrong optimizers by authors who did not know the catalogue: all die, and most are told what they do.

Three people's worth of programs in ``strangers``: each wrote right implementations of some rules and then wrong ones, one
mistake each (a few two), knowing the formulas and the protocol but neither the vectors nor the catalogue.
"""

import importlib
import random
import sys
from pathlib import Path

import numpy as np
import pytest

from refopt.golden import check, diagnose

sys.path.insert(0, str(Path(__file__).parent))
MODULES = [importlib.import_module(f"strangers.{name}") for name in ("adam_family", "classics", "layerwise")]
RIGHT = [entry for module in MODULES for entry in module.RIGHT]
WRONG = [entry for module in MODULES for entry in module.SUBJECTS]

# What no vector shows, and why.
ALIVE = {
    "adam-skip-not-finite": "a gradient that is NaN is no number of a vector",
    "new-lr-resets-delta": "what a new learning rate means for Rprop, which reads it at the start, is nowhere written",
    "bounds-by-branch": "whether a start beyond the bounds is clipped depends on the author of the paper's version",
    "c-lars-zero_gradient_guard": "a tensor whose gradient alone is zero: refopt and the libraries do so, not the paper",
}


@pytest.mark.parametrize(("rule", "make"), RIGHT, ids=[f"{rule}-{make.__name__}" for rule, make in RIGHT])
def test_right_ones_pass(rule, make):
    report = check(make, rule)
    assert report.ok, str(report)


@pytest.mark.parametrize("rule", sorted({rule for rule, *_ in WRONG}))
def test_wrong_ones_die(rule):
    with np.errstate(all="ignore"):
        alive = {name for subject, name, make, _ in WRONG if subject == rule and check(make, rule).ok}
    assert alive <= ALIVE.keys()


def test_there_are_hundreds():
    assert len(WRONG) >= 400
    assert ALIVE.keys() <= {name for _, name, *_ in WRONG}


def test_most_of_a_sample_are_diagnosed_exactly():
    sample = random.Random(11).sample(WRONG, 16)
    with np.errstate(all="ignore"):
        best = [diagnose(make, rule, 1, seconds=30)[0] for rule, _, make, _ in sample]
    assert np.mean([finding.exact and finding.name != "right" for finding in best]) >= 0.8
