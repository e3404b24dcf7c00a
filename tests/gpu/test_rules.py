"""Every rule, in every library's reading, runs on arrays of a device: the numbers are NumPy's, and nothing is moved unasked."""

import adversarial
import numpy as np
import pytest

import refopt
from refopt.frameworks import FRAMEWORKS

STEPS = 6

# Rules whose own text branches on a number that the data decide; to know the branch the host has to look. How often, at most,
# in a step of a matrix, or of all tensors together.
LOOKS = {
    "adamp": 2,  # is the matrix scale-invariant: row by row, as a whole
    "sgdp": 2,
    "gsam": 1,  # is there a gradient
    "looksam": 1,
    "polyak_sgd": 1,
    "skip_nonfinite": 1,  # is it finite
    "lbfgs": 30,  # is there curvature along the last steps, is the trial of the line search good enough
}
DRAWN = {"gradient_noise", "noisy_sgd"}  # noise, drawn on the host, one array a step

READINGS = sorted({(library, entry) for library in FRAMEWORKS for entry in FRAMEWORKS[library]})


def around(container, a, b):
    return {None: a, list: [a, b], dict: {"a": a, "b": b}}[container]


def numbers_for(container, seed=0, dtype=np.float32):
    """Parameters and the gradients of some steps, one of them zero."""
    rng = np.random.default_rng(seed)
    draw = lambda: around(container, *(np.asarray(rng.normal(size=shape), dtype=dtype) for shape in ((3, 2), (4,))))  # noqa: E731
    theta, gradients = draw(), [draw() for _ in range(STEPS)]
    gradients[3] = around(container, *(np.zeros(shape, dtype) for shape in ((3, 2), (4,))))
    return theta, gradients


def walked(rule, theta, gradients):
    state = rule.init(theta)
    for g in gradients:
        theta, state = rule.update(theta, g, state)
    return theta, state


@pytest.mark.parametrize("container", [None, list, dict])
@pytest.mark.parametrize("name", refopt.names())
def test_rules_and_their_state(xp, name, container):
    rule = adversarial.ready(refopt.rule(name))
    theta, gradients = numbers_for(container)
    with np.errstate(all="ignore"):
        expected = walked(rule, theta, gradients)
        device, device_gradients = xp.put(theta), xp.put(gradients)
        xp.begin()
        got = walked(rule, device, device_gradients)
    xp.moved("host", range(STEPS * LOOKS.get(name, 0) + 1))
    xp.moved("device", STEPS if name in DRAWN else 0)
    xp.same(got, expected)


@pytest.mark.parametrize(("library", "entry"), READINGS)
def test_readings_of_libraries(xp, library, entry):
    rule = FRAMEWORKS[library][entry].bind()
    rule = adversarial.ready(rule)
    theta, gradients = numbers_for(dict, seed=1)
    with np.errstate(all="ignore"):
        xp.same(walked(rule, xp.put(theta), xp.put(gradients))[0], walked(rule, theta, gradients)[0])


@pytest.mark.parametrize("name", ["adam", "lamb", "sam", "lookahead", "sm3"])
def test_records_and_steps_in_place(xp, name):
    rule = adversarial.ready(refopt.rule(name))
    theta, (g, *_) = numbers_for(dict, dtype=np.float64)
    record = rule.step(theta, g, rule.init(theta))
    device, device_g = xp.put(theta), xp.put(g)
    found = rule.step(device, device_g, rule.init(device))
    assert list(found) == list(record)
    xp.same(found["theta"], record["theta"])
    xp.same(device, theta)  # nothing that came in has changed
    state = rule.init(device)
    rule.update_(device, device_g, state)
    xp.same(device, record["theta"])


@pytest.mark.parametrize("make", [refopt.adam, refopt.lookahead(inner=refopt.adam)], ids=["a rule", "a rule inside"])
def test_a_population_of_hyper_parameters(xp, make):
    lr = np.array([[0.1], [0.2], [0.3]])
    theta, (g, *_) = numbers_for(None, dtype=np.float64)
    expected = walked(make(lr=lr), theta, [g] * 3)
    rule, device, gradients = make(lr=xp.put(lr)), xp.put(theta), xp.put([g] * 3)
    xp.begin()
    got = walked(rule, device, gradients)
    xp.moved("host", 0)  # that the rates are in their range was seen when they were bound
    xp.moved("device", 0)
    xp.same(got, expected)


def test_chains_of_transforms_say_what_each_made_of_the_gradient(xp):
    rule = refopt.gradients.chain(
        refopt.adamw(lr=0.1), refopt.clip_by_global_norm(max_norm=1.0), refopt.centralize, refopt.l1(weight_decay=1e-4)
    )
    theta, (g, *_) = numbers_for(dict)
    expected = refopt.gradients.records(rule, theta, g, rule.init(theta))
    device = xp.put(theta)
    got = refopt.gradients.records(rule, device, xp.put(g), rule.init(device))
    for (name, record), (expected_name, expected_record) in zip(got, expected, strict=True):
        assert name == expected_name
        xp.same(record["g"], expected_record["g"])
        xp.same(record["theta"], expected_record["theta"])


def test_schedules_give_python_numbers_that_cost_no_move(xp):
    s = refopt.schedules.warmup(inner=refopt.schedules.cosine(lr=0.1, steps=9), warmup=3)
    theta, gradients = numbers_for(None)
    results = []
    for start, given in ((theta, gradients), (xp.put(theta), xp.put(gradients))):
        xp.begin()
        state = refopt.adam.init(start)
        for k, g in enumerate(given):
            start, state = refopt.adam.update(start, g, state, lr=s(k))
        xp.moved("host", 0)
        xp.moved("device", 0)
        results.append(start)
    xp.same(results[1], results[0])
