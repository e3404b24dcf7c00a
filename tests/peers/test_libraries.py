"""Every entry of the framework tables against the library that it speaks for, in float64, over 20 steps.

The library is called as the entry says; with no optional argument at all where the defaults are compared. At step 12 the
learning rate changes, which shows whether momentum keeps old rates. What was measured goes into ``verified.json`` with
``pytest tests/peers --record``.
"""

import adversarial
import numpy as np
import pytest
from libraries import CHANGE, FACTOR, optax_noise, walk
from variations import find, numbered, recorded, variations

import refopt
from refopt.frameworks import FRAMEWORKS

BOUND = 1e-12

CASES = [pytest.param(*case, id="-".join(case[:3])) for case in numbered(FRAMEWORKS)]


def rule_and_call(framework, entry, hyper):
    """The rule that an entry gives with these hyper-parameters, the library's call, and the words that it is called with."""
    reading = FRAMEWORKS[framework][entry]
    if framework == "tfjs":
        call = hyper["call"]
        hyper = {word: value for word, value in hyper.items() if word != "call"}
        return refopt.rule(entry, framework=framework, **hyper), call, hyper
    rule = refopt.rule(entry, framework=framework, **hyper)
    words = {word: find(rule, word) for word in reading.words if word != "weight_decay" or find(rule, word) is not None}
    words.setdefault("weight_decay", 0.0)
    if reading.single:  # an operator's attributes are float32 numbers; its R is an input
        words = {word: np.float32(x).item() if type(x) is float and word != "lr" else x for word, x in words.items()}
        rule = reading.bind(**{word: x for word, x in words.items() if find(rule, word) is not None})
    return rule, reading.call if hyper else reading.default_call(), words


def refopt_walk(rule, falls=True, tensors=adversarial.SHAPES):
    """The parameters, or the averages beside them, after every step; Rprop reads its rate at the start only."""
    falls = falls and find(rule, "lr") is not None and rule.name != "rprop"
    theta, path = {name: x for name, x in adversarial.start().items() if name in tensors}, []
    state = rule.init(theta)
    for t, g in enumerate(adversarial.gradients(), 1):
        g = {name: g[name] for name in theta}
        override = {"lr": FACTOR * rule.lr} if falls and t >= CHANGE else {}
        if rule.name == "lbfgs":
            g = adversarial.valley(theta)
        elif "grad" in rule.needs:
            override["grad"] = lambda theta, g=g: adversarial.sloped(theta, g)
            g = adversarial.sloped(theta, g)
        elif "loss" in rule.needs:
            override["loss"] = adversarial.height
        theta, state = rule.update(theta, g, state, **override)
        inside = state
        while "ax" not in inside and "inner_state" in inside:  # ASGD's average, perhaps inside a weight decay
            inside = inside["inner_state"]
        path.append(state.get("average", theta) | {f"{name} ax": x for name, x in inside.get("ax", {}).items()})
    return path


def difference(ours, theirs):
    """The largest difference of an entry at a step, relative to the largest value that the entry has had so far."""
    assert len(ours) == len(theirs) == adversarial.STEPS
    size, worst = {name: np.abs(x) for name, x in adversarial.start().items()}, 0.0
    for a, b in zip(ours, theirs, strict=True):
        for name, expected in b.items():
            size[name] = np.fmax(size.get(name, 0.0), np.abs(expected))
            assert np.array_equal(np.isnan(a[name]), np.isnan(expected)), f"{name}: NaN in one of the two only"
            assert not np.isinf(a[name]).any(), f"{name} is infinite"
            assert not np.isinf(expected).any(), f"{name} is infinite"
            error = np.abs(a[name] - expected) / np.where(size[name] == 0, 1, size[name])
            worst = max(worst, float(np.nanmax(error, initial=0.0)))
    return worst


@pytest.mark.filterwarnings("ignore:This overload of add")  # of a library of 2021
@pytest.mark.parametrize(("framework", "entry", "what", "hyper"), CASES)
def test_library(measured, framework, entry, what, hyper):
    rule, call, words = rule_and_call(framework, entry, hyper)
    if entry == "noisy_sgd":
        rule = rule(noise=optax_noise())
    theirs = walk(framework, call, words, words["lr"] if "lr" in words else rule.lr)
    with np.errstate(invalid="ignore"):
        ours = refopt_walk(rule, FRAMEWORKS[framework][entry].follows_rate, theirs[0])
        found = difference(ours, theirs)
    assert found <= FRAMEWORKS[framework][entry].bound
    measured.setdefault(framework, {}).setdefault(entry, {})[what] = found


# What no input here can show: AdamP and SGDP compare a cosine with a bound, which hardly ever decides; NovoGrad's readings part
# where a tensor's gradient is zero at first, which is in the golden vectors (test_check.py); and where Adafactor's cap of 0.01
# cannot be set it lies below 1/√t until step 10,000.
RARE = {"cosine", "first"}
CAPPED = {name for name, reading in FRAMEWORKS["transformers"].items() if "lr" not in reading.words} | {"adafactor"}


def fillings():
    """For each rule and hole the functions that some library, or the rule itself, puts there."""
    found = {}
    rules = [refopt.rule(name) for name in refopt.names()]
    rules += [reading.rule for table in FRAMEWORKS.values() for reading in table.values()]
    for rule in rules:
        while rule is not None:
            for hole in rule.holes:
                found.setdefault((rule.name, hole), {})[rule.hyper[hole]] = None
            rule = rule.inner
    return found


FILLINGS = fillings()


@pytest.mark.parametrize(("framework", "entry"), [(name, entry) for name, table in FRAMEWORKS.items() for entry in table])
def test_another_reading_of_an_entry_would_be_noticed(framework, entry):
    """Fill one hole of an entry as another library does: in at least one of the comparisons above that must show."""
    reading, runs = FRAMEWORKS[framework][entry], None
    for hole in reading.rule.holes:
        if hole in RARE:
            continue
        for other in FILLINGS[reading.rule.name, hole]:
            capped = hole == "step_size" and other.__name__ == "scaled" and entry in CAPPED and "lr" not in reading.words
            if other is reading.rule.hyper[hole] or capped:
                continue
            runs = runs or (list(recorded(entry)) if framework == "tfjs" else list(variations(reading)))
            assert any(shows(reading, hyper, hole, other) for _, hyper in runs), f"{hole}={other.__name__} is not noticed"


def shows(reading, hyper, hole, other):
    one = reading.bind(**{word: value for word, value in hyper.items() if word != "call"})
    two = one(**{hole: other}, **({"floor": 2.0**-52} if hole == "estimate" else {}))
    try:
        with np.errstate(all="ignore"):
            return difference(refopt_walk(one), refopt_walk(two)) > max(10 * BOUND, reading.bound)
    except AssertionError:  # NaN or infinity in one of the two
        return True
