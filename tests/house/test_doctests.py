"""The examples in docstrings run."""

import doctest
from importlib import import_module
from pkgutil import walk_packages

import numpy as np
import pytest

import refopt

MODULES = ["refopt", *(module.name for module in walk_packages(refopt.__path__, "refopt.") if "__main__" not in module.name)]

NEEDS = {"refopt.fast.fused": "numba"}  # what a module cannot be imported without


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, peer):
    if name in NEEDS:
        peer(NEEDS[name])
    module = import_module(name)
    result = doctest.testmod(module, extraglobs={"np": np, "refopt": refopt}, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    counts = [sum(len(test.examples) for test in finder.find(import_module(name))) for name in MODULES if name not in NEEDS]
    assert sum(counts) >= 20
