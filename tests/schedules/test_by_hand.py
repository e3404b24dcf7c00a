"""Each schedule by hand or in closed form, its words, and what it refuses. No library is needed here."""

import copy
import json
import math
import pickle
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refopt
from refopt import schedules
from refopt.schedules import WORDS, Schedule, cycles, libraries, periods, shapes, spectrum, steps
from refopt.schedules.examples import EXAMPLES, LOSSES

get = schedules.get

# What the libraries printed, to three or four digits, for a base learning rate of 1.
ROWS = [
    (get("step", lr=1, steps=3, gamma=0.5), "1 1 1 .5 .5 .5 .25"),
    (get("multistep", lr=1, milestones=(3, 6), gamma=0.5), "1 1 1 .5 .5 .5 .25"),
    (get("multistep", lr=1, milestones=(2, 2), gamma=0.5), "1 1 .25"),
    (get("piecewise", "keras", milestones=(3, 6), values=(1, 0.5, 0.25)), "1 1 1 1 .5 .5 .5 .25"),
    (get("piecewise ConstantLR", "torch", milestones=(4,), values=(1 / 3, 1)), ".333 .333 .333 .333 1"),
    (get("interpolated", values=(1, 0.5, 0.05), milestones=(2, 6)), "1 .75 .5 .3875 .275 .1625 .05"),
    (get("inverse_time", lr=1, rate=0.5, steps=3), "1 .8571 .75 .6667 .6"),
    (get("polynomial", "torch", lr=1, power=2), "1 .64 .36 .16 .04 0 0"),
    (get("polynomial cycle", "keras", lr=1, steps=5), "1 .8 .6 .4001 .2001 .0001 .4001"),
    (get("linear", "optax", lr=0, end=1, steps=4), "0 .25 .5 .75 1 1"),
    (get("linear", "optax", lr=0, end=1, steps=4, begin=2), "0 0 0 .25 .5 .75 1"),
    (get("warmup", "torch", lr=1, start=0.25, warmup=4), ".25 .4375 .625 .8125 1"),
    (get("cosine", "torch", lr=1, steps=5, end=0.1), "1 .914 .689 .411 .186 .1 .186 .411"),
    (get("cosine warmup", "keras", lr=1, start=0, warmup=3, steps=6, end=0.1), "0 .333 .667 1 .940 .775 .55 .325 .160 .1 .1"),
    (get("cosine warmup", "transformers", lr=1, warmup=3, steps=6), "0 .333 .667 1 .933 .75 .5 .25 .067 0 .067 .25"),
    (get("warm_restarts", "torch", lr=1, steps=3, growth=2, end=0.1), "1 .775 .325 1 .940 .775 .55 .325 .160 1"),
    (get("cosine swa", "torch", lr=1, end=0.1, steps=4), "1 .868 .55 .232 .1 .1"),
    (get("cyclic", lr=0.1, peak=1, up=2, down=4), ".1 .55 1 .775 .55 .325 .1"),
    (get("cyclic", lr=0.1, peak=1, up=3, scale=cycles.triangular2), ".1 .4 .7 1 .7 .4 .1 .25 .4 .55"),
    (get("cyclic", lr=0.1, peak=1, up=3, gamma=0.9, scale=cycles.exp_range), ".1 .37 .586 .756 .494 .277 .1"),
    (get("one_cycle", "torch", lr=1, steps=10), ".04 .52 1 .9505 .8118 .6113 .3887 .1883 .0495 4e-6"),
    (get("one_cycle three_phase linear", "torch", lr=1, steps=10), ".04 .52 1 .52 .04 .032 .024 .016 .008 4e-6"),
    (get("one_cycle", "optax", lr=1, steps=10), ".04 .28 .76 1 .9505 .8118 .6113 .3887 .1883 .0495 4e-6 4e-6"),
    (get("one_cycle linear", "optax", lr=1, steps=10), ".04 .36 .68 1 .808 .616 .424 .232 .04 .02 4e-6"),
    (get("one_cycle_momentum", steps=10), ".95 .9 .85"),
    (get("inverse_sqrt", lr=1, warmup=4), "0 .25 .5 .75 1 .894 .816 .756 .707"),
    (get("wsd one_minus_sqrt", "transformers", lr=1, warmup=2, stable=3, decay=4, end=0.1), ".1 .55 1 1 1 1 .55 .364 .221 .1"),
    (get("wsd", "pytorch_optimizer", lr=1, warmup=2, stable=3, decay=4, end=0.1), "0 .5 1 1 1 1 .5 .293 .134 .1"),
    (get("wsd linear", "pytorch_optimizer", lr=1, warmup=0, stable=0, decay=4, end=0.1), "1 .75 .5 .25 .1"),
    (get("wsd", "transformers", lr=1, warmup=0, stable=0, decay=4, end=0.1), "1 .868 .55 .232 .1"),
]


@pytest.mark.parametrize(("schedule", "row"), ROWS, ids=lambda x: getattr(x, "name", None))
def test_the_numbers_that_libraries_printed(schedule, row):
    printed = [float(word) for word in row.split()]
    tolerance = [0.6 * 10 ** -max(3, len(word.rpartition(".")[2])) if "e" not in word else 1e-12 for word in row.split()]
    for k, (x, near) in enumerate(zip(printed, tolerance, strict=True)):
        assert schedule(k) == pytest.approx(x, abs=near), k


def test_torch_sequence_rises_again():
    up = get("warmup", "torch", lr=1, start=0.25, warmup=3)
    s = schedules.sequential(schedules=(up, get("cosine", "torch", lr=1, steps=4)), milestones=(3,))
    assert [round(s(k), 3) for k in range(9)] == [0.25, 0.5, 0.75, 1.0, 0.854, 0.5, 0.146, 0.0, 0.146]


@pytest.mark.parametrize(
    ("framework", "expected"),
    [
        ("torch", [1, 1, 1, 1, 0.5, 0.5, 0.5, 0.25]),
        ("keras", [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
        ("optax", [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.125]),
    ],
)
def test_plateau_in_three_readings(framework, expected):
    """Losses 1, .9 nine times; the learning rates are those after the observations 1 to 8, run in the libraries."""
    s = get("plateau", framework, lr=1, patience=2, factor=0.5)
    state, rates = s.init(), []
    for loss in [1, *[0.9] * 9]:
        state = s.observe(state, loss)
        rates.append(s.value(state))
    assert rates[: len(expected)] == expected


def test_plateau_by_hand():
    s = schedules.plateau(lr=1, factor=0.1, patience=0, cooldown=1, end=0.05, rtol=0.0, atol=0.5, mode="max")
    state = s.init()
    assert state == dict(rate=1.0, best=None, bad=0, rest=0)
    walk = [(1, 1, 1), (1.5, 0.1, 1), (1.5, 0.1, 1), (1.6, 0.1, 1.6), (math.nan, 0.05, 1.6), (math.nan, 0.05, 1.6)]
    for metric, rate, best in walk:
        before = copy.deepcopy(state)
        new = s.observe(state, metric)
        assert state == before
        assert (new["rate"], new["best"]) == (pytest.approx(rate), best)
        state = json.loads(json.dumps(new))


def test_noam_at_its_peak_and_far_away():
    s = schedules.noam(d_model=512, warmup=4000)
    assert s(3999) == pytest.approx(1 / math.sqrt(512 * 4000), rel=1e-14)
    assert s(0) == pytest.approx(512**-0.5 * 4000**-1.5, rel=1e-14)
    assert s(15999) == pytest.approx(s(3999) / 2, rel=1e-14)
    assert max(range(9000), key=s) == 3999


def test_t5_is_flat_and_then_the_inverse_root():
    s = schedules.inverse_sqrt(lr=1 / math.sqrt(10), warmup=10, before=schedules.warmups.flat)
    for k in range(60):
        assert s(k) == pytest.approx(1 / math.sqrt(max(k, 10)), rel=1e-14)


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16, 32])
def test_chebyshev_reaches_the_bound_of_chebyshev(count):
    """After all steps the worst error is exactly 1 / T_n((L + μ) / (L − μ)), and T_n(x) = cosh(n·arcosh x)."""
    mu, L = 0.02, 1.5
    s = schedules.chebyshev(mu=mu, L=L, steps=count)
    curvatures = np.linspace(mu, L, 20001)
    error = np.prod([1 - s(k) * curvatures for k in range(count)], axis=0)
    best = 1 / math.cosh(count * math.acosh((L + mu) / (L - mu)))
    assert np.abs(error).max() == pytest.approx(best, rel=1e-9)  # it is reached at the ends of the interval


def test_the_fractal_order_stays_stable_and_the_natural_one_does_not():
    mu, L = 0.02, 1.0
    curvatures, largest = np.linspace(mu, L, 501), {}
    for order in (spectrum.fractal, spectrum.natural):
        s = schedules.chebyshev(mu=mu, L=L, steps=32, order=order)
        factors = np.array([1 - s(k) * curvatures for k in range(32)])
        largest[order] = np.abs(np.cumprod(factors, axis=0)).max()
    assert largest[spectrum.fractal] < 1e2
    assert largest[spectrum.natural] > 1e12


def test_the_fractal_permutation_is_the_papers():
    """σ_8 of Agarwal, Goel & Zhang 2021, counted from 1."""
    assert [spectrum.fractal(k, 8) + 1 for k in range(8)] == [1, 8, 4, 5, 2, 7, 3, 6]
    for count in (1, 2, 64):
        assert sorted(spectrum.fractal(k, count) for k in range(count)) == list(range(count))


def test_proportional_to_a_loss_and_to_a_root():
    losses = [4.0]
    s = schedules.proportional(of=lambda k: losses[-1], reference=4.0, lr=0.1)
    assert s(0) == 0.1
    losses.append(1.0)
    assert s(1) == pytest.approx(0.025)
    assert s(1, power=0.5) == pytest.approx(0.05)
    assert s(1, origin=0.0, end=0.02) == pytest.approx(0.02 + 0.08 / 4)


@pytest.mark.parametrize("shape", [shapes.linear, shapes.cosine, shapes.one_minus_sqrt, shapes.one_minus_square,
                                   shapes.one_minus_power(0.3), shapes.exponential(0.1)])  # fmt: skip
@given(p=st.floats(0, 1), q=st.floats(0, 1))
def test_shapes_fall_from_one_to_zero(shape, p, q):
    assert shape(0) == 1
    assert shape(1) == pytest.approx(0, abs=1e-15)
    assert shape(min(p, q)) >= shape(max(p, q)) - 1e-15


@given(
    lr=st.floats(1e-3, 1), part=st.floats(0, 1), first=st.integers(1, 9), stable=st.integers(0, 9), last=st.integers(1, 9),
    k=st.integers(0, 60),
)  # fmt: skip
def test_nothing_leaves_its_bounds(lr, part, first, stable, last, k):
    end = part * lr
    for s in (
        schedules.cosine(lr=lr, end=end, steps=first + last),
        schedules.cosine(lr=lr, end=end, steps=last, after=periods.goes_on),
        schedules.polynomial(lr=lr, end=end, steps=last, power=0.9),
        schedules.warm_restarts(lr=lr, end=end, steps=first, growth=1.5),
        schedules.cyclic(lr=end, peak=lr, up=first, down=last),
        schedules.rex(lr=lr, end=end, steps=last),
    ):
        assert end * (1 - 1e-12) <= s(k) <= lr * (1 + 1e-12)
    assert 0 <= schedules.wsd(lr=lr, end=end, warmup=first, stable=stable, decay=last)(k) <= lr
    assert schedules.wsd(lr=lr, end=end, warmup=first, stable=stable, decay=last)(first + stable + last) == end


def test_warm_restarts_between_updates():
    """Torch may be stepped by fractions of an epoch; half way down the cosine is half way between."""
    s = schedules.warm_restarts(lr=1, steps=1, growth=2)
    assert [s(x) for x in (0.5, 1.0, 2.0)] == [pytest.approx(0.5), 1.0, pytest.approx(0.5)]
    with pytest.raises(TypeError, match="must be a whole number"):
        schedules.cosine(lr=1, steps=4)(0.5)


# What all schedules have in common


@pytest.mark.parametrize("name", schedules.names())
def test_every_schedule(name):
    s = get(name)
    example = EXAMPLES[name]
    assert s == getattr(schedules, name)
    assert s.name == example.name == name
    assert s.line
    assert len(s.line) < 88
    assert all(word in WORDS or callable(s.defaults[word]) for word in s.words)
    assert pickle.loads(pickle.dumps(example)) == example == copy.deepcopy(example)
    assert hash(example) == hash(pickle.loads(pickle.dumps(example)))
    assert example.missing == ()
    assert repr(example).startswith(f"{name}(")
    with pytest.raises(AttributeError, match="frozen"):
        s.lr = 1
    if name == "plateau":
        return
    values = [example(k) for k in range(120)]
    assert all(type(x) is float and math.isfinite(x) for x in values)
    assert example(np.int32(7)) == values[7]
    assert get(name, **example.hyper) == example


def test_every_schedule_has_an_example_and_every_word_is_used():
    assert sorted(EXAMPLES) == schedules.names()
    used = {word for name in schedules.names() for word in get(name).words}
    assert set(WORDS) <= used
    assert len(LOSSES) == 100


def test_every_reading_names_a_schedule():
    for framework, table in libraries.LIBRARIES.items():
        for name, reading in table.items():
            assert name.split()[0] in schedules.names() or name.split()[-1] == "warmup" or "warmup" in name
            assert reading.words, (framework, name)


def test_it_goes_into_an_update_and_its_momentum_too():
    s, m = schedules.one_cycle(lr=0.1, steps=20), schedules.one_cycle_momentum(steps=20)
    rule, theta = refopt.sgd, np.array([1.0])
    state = rule.init(theta)
    v = 0.0
    x = 1.0
    for k in range(20):
        theta, state = rule.update(theta, 2 * theta, state, lr=s(k), momentum=m(k))
        v = m(k) * v + 2 * x
        x = x - s(k) * v
    assert theta[0] == pytest.approx(x, rel=1e-12)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: schedules.cosine(lr=1)(0), TypeError, "cosine needs steps: cosine(steps=…)"),
        (lambda: schedules.cosine(lr=1, step=4), TypeError, "no hyper-parameter 'step'; did you mean 'steps'"),
        (lambda: schedules.cosine(lr=1, steps=0), ValueError, "cosine: steps must be finite and at least 1, got 0"),
        (lambda: schedules.cosine(lr=1, steps=2.5), TypeError, "steps must be a whole number"),
        (lambda: schedules.cosine(lr=-1), ValueError, "lr must be finite and at least 0"),
        (lambda: schedules.cosine(lr=math.nan), ValueError, "lr must be finite"),
        (lambda: schedules.cosine(lr="fast"), TypeError, "lr must be a real number"),
        (lambda: schedules.cosine(lr=True), TypeError, "lr must be a real number"),
        (lambda: schedules.cosine(after=3), TypeError, "after must be a function like refopt.schedules.periods.held"),
        (lambda: schedules.constant(lr=1)(-1), ValueError, "must be finite and at least 0, got -1"),
        (lambda: schedules.constant(lr=1)(1.5), TypeError, "must be a whole number, got 1.5"),
        (lambda: schedules.constant(lr=1)(True), TypeError, "must be a whole number, got True"),
        (lambda: schedules.constant(lr=1)(None), TypeError, "must be a whole number, got None"),
        (lambda: schedules.warm_restarts(lr=1, steps=4)(math.inf), ValueError, "must be finite"),
        (lambda: schedules.warm_restarts(lr=1, steps=4, warmup=4), ValueError, "warmup must be below steps"),
        (lambda: schedules.warm_restarts(growth=0.5), ValueError, "growth must be finite and at least 1"),
        (lambda: schedules.piecewise(values=(1,), milestones=(3,)), ValueError, "one value more than milestones"),
        (lambda: schedules.piecewise(values=1), TypeError, "values must be a tuple"),
        (lambda: schedules.multistep(milestones=(3, 2)), ValueError, "milestones must be in order"),
        (lambda: schedules.sequential(schedules=(), milestones=()), ValueError, "one schedule more than milestones"),
        (lambda: schedules.warmup(inner=3), TypeError, "inner must be a schedule"),
        (lambda: schedules.warmup(inner=schedules.plateau), TypeError, "inner must be a schedule"),
        (lambda: schedules.warmup(steps=4), TypeError, "no hyper-parameter 'steps'"),
        (lambda: schedules.warmup(inner=schedules.cosine, warmup=2)(0), TypeError, "warmup needs lr, steps"),
        (lambda: schedules.chebyshev(mu=2, L=1, steps=4), ValueError, "must not be above L"),
        (lambda: schedules.chebyshev(mu=1, L=2, steps=6), ValueError, "one of 1, 2, 4, 8"),
        (lambda: schedules.one_cycle(lr=1, steps=10, phases=cycles.three_phases, pct=0.7), ValueError, "one after the other"),
        (lambda: schedules.noam(d_model=8, warmup=0), ValueError, "warmup must be at least 1"),
        (lambda: schedules.proportional(lr=1, of=abs, reference=0), ValueError, "must differ"),
        (lambda: schedules.proportional(of=3), TypeError, "must be a function of k"),
        (lambda: schedules.wsd(lr=1, warmup=0, stable=1, decay=1, stable_power=1), ValueError, "needs a timescale"),
        (lambda: schedules.plateau(lr=1)(3), TypeError, "follows a metric, not k"),
        (lambda: schedules.plateau(lr=1, mode="up"), ValueError, "mode must be 'min' or 'max'"),
        (lambda: schedules.plateau(lr=1).observe({}, 1.0), ValueError, "a state has the names rate, best, bad, rest"),
        (lambda: schedules.plateau(lr=1).observe(schedules.plateau(lr=1).init(), "low"), TypeError, "must be a real number"),
        (lambda: schedules.plateau().init(), TypeError, "plateau needs lr"),
        (lambda: get("cosin"), ValueError, "unknown schedule 'cosin'; did you mean 'cosine'"),
        (lambda: get("cosine", framework="troch"), ValueError, "did you mean 'torch'"),
        (lambda: get("noam", framework="torch"), ValueError, "torch has no noam"),
        (lambda: get("polynomial", framework="torch", end=0.1), TypeError, "torch's polynomial takes no end"),
        (lambda: shapes.one_minus_power(0), ValueError, "must be positive"),
        (lambda: shapes.exponential(1.0), ValueError, "between 0 and 1"),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_clearly(make, error, message):
    with pytest.raises(error) as refusal:
        make()
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_schedule_of_ones_own():
    @partial(Schedule, fractional=True)
    def halving(k, *, lr, steps=2):
        """Half as much after every period."""
        return lr * 0.5 ** (k / steps)

    assert halving(lr=4)(2) == 2.0
    assert halving(lr=4)(1.0) == pytest.approx(math.sqrt(8))
    assert halving.line == "Half as much after every period"
    with pytest.raises(TypeError, match="'speed' is no word of a schedule"):
        Schedule(lambda k, *, speed=1: k)


def test_frameworks_differ_where_they_say():
    ours = [get("piecewise", f, milestones=(3,), values=(1, 0.5))(3) for f in ("optax", "keras")]
    assert ours == [0.5, 1.0]
    early = get("multistep", "timm", lr=1, gamma=0.5, milestones=(3,))
    assert [early(k) for k in (1, 2)] == [1.0, 0.5]
    hidden = get("cosine warmup", "timm", lr=1, start=0.0, warmup=5, steps=10)
    assert hidden(5) == pytest.approx(0.5)
    assert [reached(3, 3) for reached in (steps.at_the_milestone, steps.one_later)] == [True, False]
