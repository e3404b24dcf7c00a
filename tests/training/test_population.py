"""Populations: every member comes to the bits that it has alone; what comes back is in the shapes that were asked for."""

import inspect
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from own_problem import himmelblau, own_problem

import refopt
from refopt.recurrence import Rule
from refopt.training import lattice
from refopt.training.population import ALONE, TOGETHER

STEPS = 12

HIMMELBLAU = himmelblau()
STARTS = np.array([[-1.2, 1.0], [0.0, 2.5], [3.0, 2.0], [40.0, -60.0]])  # at a minimum, too, and where plain descent overflows


def alone(rule, start, problem=HIMMELBLAU, steps=STEPS):
    """The points of one member, walked by itself."""
    with np.errstate(all="ignore"):
        records = refopt.walk(rule, start, problem.grad, steps, loss=problem.loss)
        return np.array([start, *(record["theta"] for record in records)])


def values_of(rule, key):
    """Two or three values that the rule takes for a hyper-parameter, its default among them."""
    default = rule.hyper[key]
    if isinstance(default, bool):
        return [False, True]
    if isinstance(default, tuple):
        return [default, default[:-1]] if len(default) > 1 else [default]
    if isinstance(default, int):
        tries = [default, default + 1, default + 3]
    elif isinstance(default, float):
        tries = [default, 0.5 * default, 0.0, 0.3, 1.5 * default, 0.7]
    else:
        return [default]  # a reading, a rule inside, a function: data of the same kind
    taken = []
    for value in tries:
        try:
            rule(**{key: value})
        except ValueError:
            continue
        if value not in taken:
            taken.append(value)
    return taken[:3]


def same(a, b):
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=True) and np.array_equal(np.signbit(a), np.signbit(b))


def ends(values):
    """NaN may come with any sign."""
    return np.where(np.isnan(values), np.nan, values)


@pytest.mark.parametrize("name", refopt.names())
def test_every_rule_comes_to_the_bits_of_its_walks(name):
    found = refopt.race(name, HIMMELBLAU, STARTS, STEPS)[name]
    for k, start in enumerate(STARTS):
        assert same(ends(found.paths[:, k]), ends(alone(refopt.rule(name), start)))
        assert same(ends(found.losses[:, k]), ends(with_silence(HIMMELBLAU.loss, found.paths[:, k])))


def with_silence(function, x):
    with np.errstate(all="ignore"):
        return function(x)


@pytest.mark.parametrize("name", refopt.names())
def test_every_hyper_parameter_of_every_rule_comes_to_the_bits_of_the_walks(name):
    """One grid after the other; where some value makes the formula divide by zero, walk and race both refuse it."""
    rule = refopt.rule(name)
    for key in rule.hyper:
        values = []
        for value in values_of(rule, key):
            try:
                alone(rule(**{key: value}), STARTS[0])
                values.append(value)
            except (ZeroDivisionError, OverflowError):
                with pytest.raises(ValueError, match="cannot step"):
                    refopt.race(rule, HIMMELBLAU, STARTS[:1], STEPS, grids={key: [value]})
        found = refopt.race(rule, HIMMELBLAU, STARTS[:2], STEPS, grids={key: values})[name]
        assert found.paths.shape == (STEPS + 1, len(values), 2, 2)
        for i, value in enumerate(values):
            for k in range(2):
                assert same(ends(found.paths[:, i, k]), ends(alone(rule(**{key: value}), STARTS[k]))), (key, value)


def test_which_rules_run_how():
    """An elementwise rule runs in one program, whatever is inside it; others walk alone."""
    for name in refopt.names():
        rule = refopt.rule(name)
        how = refopt.race(name, HIMMELBLAU, STARTS[:1], 1)[name].how
        assert how == (TOGETHER if rule.scope == "element" else ALONE)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ["adam", "radam", "sgd", "asgd", "adabound", "amsgrad", "rprop", "yogi"])
def test_grids_of_two_and_three_axes(name, dtype):
    """Powers of beta in Python's arithmetic, branches that part the members (RAdam), numbers of the state (ASGD)."""
    rule = refopt.rule(name)
    keys = [key for key in ("lr", "beta1", "beta2", "momentum", "alpha", "eta_minus", "nesterov") if key in rule.hyper][:3]
    choices = {
        "lr": [0.003, 0.01, 0.1], "beta1": [0.0, 0.8, 0.95], "beta2": [0.5, 0.99], "momentum": [0.5, 0.9], "alpha": [0.5, 0.75],
        "nesterov": [False, True], "eta_minus": [0.3, 0.5],
    }  # fmt: skip
    grids = {key: choices[key] for key in keys}
    starts = STARTS[:3].astype(dtype)
    found = refopt.race(rule, HIMMELBLAU, starts, 40, grids)[name]
    assert found.how == TOGETHER
    assert found.paths.dtype == dtype
    for place in np.ndindex(found.members[:-1]):
        chosen = {key: grids[key][i] for key, i in zip(keys, place, strict=True)}
        for k, start in enumerate(starts):
            assert same(ends(found.paths[(slice(None), *place, k)]), ends(alone(rule(**chosen), start, steps=40)))


@pytest.mark.parametrize(
    ("rule", "grids"),
    [
        (
            refopt.lookahead(inner=refopt.l2(inner=refopt.adam)),
            {"lr": [0.003, 0.1], "k": [1, 2, 5], "weight_decay": [0.0, 0.1]},
        ),
        (refopt.l2(inner=refopt.l1(inner=refopt.rmsprop(lr=0.01))), {"weight_decay": [0.0, 0.1], "eps": [1e-8, 0.1]}),
        (refopt.ema(inner=refopt.sgd(lr=0.01)), {"decay": [0.5, 0.9], "inner": [refopt.sgd(lr=0.01), refopt.radam(lr=0.1)]}),
        (refopt.grokfast_ma(inner=refopt.adam), {"width": [1, 3, 12], "lamb": [1.0, 5.0], "lr": [0.01, 0.1]}),
        (refopt.accumulation(inner=refopt.asgd), {"k": [1, 3], "lr": [0.003, 0.01]}),
        (refopt.aggmo, {"betas": [(0.0, 0.9), (0.5, 0.9), (0.5,)], "lr": [0.003, 0.01]}),
        (refopt.decoupled(inner=refopt.rprop), {"lr": [0.003, 0.01], "weight_decay": [0.0, 0.1]}),
    ],
    ids=lambda value: value.name if isinstance(value, Rule) else "",
)
def test_grids_of_rules_around_rules(rule, grids):
    """Words of the outer rule, of the inner one, of both; numbers of the start, and those that say how many rows there are."""
    found = refopt.race(rule, HIMMELBLAU, STARTS[:3], 20, grids)[rule.name]
    assert found.how == TOGETHER
    for place in np.ndindex(found.members[:-1]):
        chosen = {key: values[i] for (key, values), i in zip(grids.items(), place, strict=True)}
        for k, start in enumerate(STARTS[:3]):
            assert same(ends(found.paths[(slice(None), *place, k)]), ends(alone(rule(**chosen), start, steps=20))), chosen


def test_members_of_one_entry_with_rows_walk_alone():
    """NumPy sums rows of one entry in another order than longer ones, also those of many members side by side."""
    problem, betas = refopt.problems.get("rastrigin", dimension=1), tuple(np.linspace(0, 0.99, 20).tolist())
    starts = np.linspace(-4, 4, 9).reshape(-1, 1)
    for rule in (refopt.aggmo(betas=betas), refopt.l2(inner=refopt.aggmo(betas=betas))):
        found = refopt.race(rule, problem, starts, 60, {"lr": [0.003, 0.01]})[rule.name]
        assert found.how == ALONE
        for i, lr in enumerate((0.003, 0.01)):
            for k, start in enumerate(starts):
                assert same(found.paths[:, i, k], alone(rule(lr=lr), start, problem, 60))


def test_powers_of_beta_are_pythons():
    """Where NumPy's power of an array differs from Python's in the last bit, a member still comes to what it has alone."""
    betas = np.linspace(0.5, 0.999, 4000)
    torn = np.zeros(len(betas), dtype=bool)
    for t in range(1, STEPS + 1):
        torn |= 1 - betas**t != [1 - beta**t for beta in betas.tolist()]
    chosen = np.unique(np.concatenate([betas[torn][:50], [0.9]]))
    found = refopt.race(refopt.adam(lr=0.1), HIMMELBLAU, STARTS[0], STEPS, {"beta1": chosen})["adam"]
    for i, beta in enumerate(chosen.tolist()):
        assert same(found.paths[:, i], alone(refopt.adam(lr=0.1, beta1=beta), STARTS[0]))


def test_members_in_many_blocks_and_parted_ones_keep_their_places(monkeypatch):
    from refopt.training import population

    rng = np.random.default_rng(0)
    starts, grids = rng.uniform(-2, 2, (7, 5, 2)), {"beta2": [0.4, 0.9, 0.7, 0.999], "lr": [0.01, 0.1]}
    whole = refopt.race("radam", "rosenbrock", starts, 30, grids)["radam"]
    monkeypatch.setattr(population, "cache_bytes", lambda: 1)  # blocks of 64 members
    pieces = refopt.race("radam", "rosenbrock", starts, 30, grids)["radam"]
    assert same(whole.paths, pieces.paths)
    assert whole.paths.shape == (31, 4, 2, 7, 5, 2)
    rosenbrock = refopt.problems.get("rosenbrock")
    for b, beta2 in enumerate(grids["beta2"]):
        path = alone(refopt.radam(beta2=beta2, lr=0.1), starts[3, 2], rosenbrock, 30)
        assert same(whole.paths[:, b, 1, 3, 2], path)


@pytest.mark.parametrize("problem", [refopt.problems.get(name) for name in refopt.problems.names()], ids=lambda p: p.name)
def test_the_gradient_of_many_points_is_that_of_each(problem):
    """On which everything here rests; points as wild as the box."""
    low, high = np.array(problem.bounds).T
    points = np.random.default_rng(1).uniform(low, high, (2000, len(low)))
    assert same(problem.grad(points), np.array([problem.grad(point) for point in points]))


def test_divergence_disturbs_nobody_and_warns_nobody():
    """Warnings are errors in these tests."""
    grids = {"lr": [1e-3, 10.0]}
    found = refopt.race("sgd", HIMMELBLAU, STARTS[:3], 60, grids)["sgd"]
    assert found.finite.tolist() == [[True, True, True], [False, False, True]]  # the third begins at a minimum
    lone = refopt.race(refopt.sgd(lr=1e-3), HIMMELBLAU, STARTS[:3], 60)["sgd"]
    assert same(found.paths[:, 0], lone.paths)
    assert np.isfinite(found.best).all()  # the start counts


def test_a_gradient_that_is_thetas_own_memory_is_copied():
    bowl = own_problem("bowl", lambda x: (x**2).sum(-1) / 2, lambda x: x, [[0, 0]], ((-1, 1),) * 2)
    found = refopt.race(refopt.sgd(lr=0.5, momentum=0.5), bowl, steps=20)["sgd"]
    assert same(found.paths, alone(refopt.sgd(lr=0.5, momentum=0.5), np.ones(2), bowl, 20))


def test_what_the_caller_passed_in_stays_as_it_is():
    starts = STARTS.copy()
    lr = np.array([0.1, 0.2])
    refopt.race(["sgd", "lamb", "aggmo"], HIMMELBLAU, starts, 5, {"lr": lr})
    assert same(starts, STARTS)
    assert lr.tolist() == [0.1, 0.2]


@settings(max_examples=40, deadline=None)
@given(
    shape=st.lists(st.integers(1, 4), max_size=3),
    lrs=st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=3),
    momenta=st.lists(st.floats(0.0, 0.99), min_size=1, max_size=3),
    steps=st.integers(0, 9),
    keep=st.sampled_from(["all", "last", 1, 2, 3, 7, 100]),
    name=st.sampled_from(["sgd", "lookahead", "clip_by_norm"]),
)
def test_the_shapes_and_the_points_that_are_kept(shape, lrs, momenta, steps, keep, name):
    starts = np.random.default_rng(0).normal(size=(*shape, 2))
    grids = {"momentum": momenta, "lr": lrs}
    found = refopt.race(name, HIMMELBLAU, starts, steps, grids, keep=keep)[name]
    whole = refopt.race(name, HIMMELBLAU, starts, steps, grids)[name]
    members = (len(momenta), len(lrs), *shape)
    every = {"all": 1, "last": max(steps, 1)}.get(keep, keep)
    at = [steps] if keep == "last" else sorted({*range(0, steps, every), steps})
    assert found.at.tolist() == at
    assert found.members == found.best.shape == members
    assert found.paths.shape == (len(at), *members, 2)
    assert found.losses.shape == (len(at), *members)
    assert same(found.paths, whole.paths[at])
    assert same(found.losses, whole.losses[at])
    assert same(found.best, np.nanmin(whole.losses, axis=0))
    assert same(found.theta, found.paths[-1])
    assert same(whole.paths[0], np.broadcast_to(starts, whole.paths[0].shape))


def test_starts_are_points_a_number_or_the_problems_own():
    start = refopt.problems.get("beale").start
    assert refopt.race("sgd", "beale", steps=3)["sgd"].paths.shape == (4, 2)
    assert same(refopt.race("sgd", "beale", steps=3)["sgd"].paths[0], start)
    drawn = [refopt.race("sgd", "beale", 200, 0, seed=seed)["sgd"].starts for seed in (1, 1, 2)]
    assert same(drawn[0], drawn[1])
    assert not same(drawn[0], drawn[2])
    low, high = np.array(refopt.problems.get("beale").bounds).T
    assert ((drawn[0] >= low) & (drawn[0] < high)).all()
    assert np.allclose(drawn[0].mean(axis=0), (low + high) / 2, atol=0.35)
    assert refopt.race("sgd", "beale", [[1, 2]], 0)["sgd"].starts.dtype == float


def test_convergence_counts_steps():
    """Descent on x²/2 with lr 0.5 halves x at every step: from 8 it is at 1 after 3 steps, at a loss of 1/8 after 4."""
    bowl = own_problem("bowl", lambda x: (x**2).sum(-1) / 2, lambda x: 1 * x, [[0]], ((-9, 9),))
    found = refopt.race(refopt.sgd(lr=0.5), bowl, np.array([[8.0], [1.0], [4096.0]]), 10)["sgd"]
    assert found.converged(distance=1).tolist() == [3, 0, -1]
    assert found.converged(loss=1 / 8).tolist() == [4, 1, -1]
    assert found.distances()[:4, 0].tolist() == [8, 4, 2, 1]
    assert found.basin(tol=1.0).tolist() == [0, 0, -1]
    coarse = refopt.race(refopt.sgd(lr=0.5), bowl, np.array([[8.0], [1.0]]), 10, keep=5)["sgd"]
    assert coarse.converged(distance=1).tolist() == [5, 0]
    last = refopt.race(refopt.sgd(lr=0.5), bowl, np.array([[8.0], [1.0]]), 10, keep="last")["sgd"]
    with pytest.raises(ValueError, match="only the last points were kept"):
        last.converged(loss=1)
    with pytest.raises(ValueError, match="either"):
        found.converged()
    with pytest.raises(ValueError, match="saddle has no minimum"):
        refopt.race("sgd", "saddle", steps=2)["sgd"].basin()


def test_basins_by_brute_force():
    """A plain loop, point by point, and the definition of the nearest minimum."""
    starts = lattice(HIMMELBLAU, (6, 7))
    found = refopt.race({"descent": refopt.sgd(lr=0.01), "fast": refopt.sgd(lr=0.02)}, HIMMELBLAU, starts, 300, keep="last")
    seen = set()
    for name, lr in (("descent", 0.01), ("fast", 0.02)):
        basins = found[name].basin()
        assert basins.shape == (6, 7)
        for row in range(6):
            for column in range(7):
                x, y = -5 + 10 * column / 6, -5 + 10 * row / 5
                for _ in range(300):
                    a, b = x * x + y - 11, x + y * y - 7
                    x, y = x - lr * (4 * x * a + 2 * b), y - lr * (2 * a + 4 * y * b)
                    if not abs(x) < 1e100:
                        break
                gaps = [math.hypot(x - p, y - q) for p, q in HIMMELBLAU.minima]
                expected = gaps.index(min(gaps)) if min(gaps) < 1e-2 else -1
                if abs(min(gaps) - 1e-2) > 1e-6 and starts[row, column].all():  # on an axis rounding may decide
                    assert basins[row, column] == expected
                seen.add(expected)
    assert seen == {-1, 0, 1, 2, 3}


def test_a_lattice_covers_the_box():
    points = lattice("rosenbrock", (3, 5))
    assert points.shape == (3, 5, 2)
    assert points[0, 0].tolist() == [-2, -0.75]
    assert points[-1, -1].tolist() == [2, 2.25]
    assert points[1, :, 0].tolist() == [-2, -1, 0, 1, 2]
    assert lattice("rosenbrock", 4).shape == (4, 4, 2)
    assert lattice("rosenbrock", [2, 3]).shape == (2, 3, 2)
    for wrong, kind, says in (
        (0, ValueError, "lattice: points must be at least 1 along each axis, got 0"),
        (2.5, TypeError, "lattice: points must be a whole number, got 2.5"),
        ((2, 3, 4), ValueError, r"lattice: points must be one whole number or two, got \(2, 3, 4\)"),
    ):
        with pytest.raises(kind, match=says):
            lattice("rosenbrock", wrong)


BAD = [
    (dict(rules="adamm"), ValueError, "did you mean 'adam'"),
    (dict(rules=[]), ValueError, "at least one rule"),
    (dict(rules=3), TypeError, "rules must be"),
    (dict(rules=[3]), TypeError, "rules or their names, got 3"),
    (dict(rules=["sgd", refopt.sgd(lr=1)]), ValueError, "sgd takes part more than once"),
    (dict(problem="rosenbrok"), ValueError, "did you mean 'rosenbrock'"),
    (dict(problem=7), TypeError, "must be a Problem or a name"),
    (dict(starts=0), ValueError, "at least 1"),
    (dict(starts=np.ones(3)), ValueError, r"points \(…, 2\) of quadratic"),
    (dict(starts=np.ones((0, 2))), ValueError, "at least one"),
    (dict(starts=np.array([1.0, np.nan])), ValueError, "finite"),
    (dict(starts=np.ones(2, complex)), TypeError, "complex128"),
    (dict(starts="many"), TypeError, "starts"),
    (dict(starts=2.5), ValueError, r"got shape \(\)"),
    (dict(steps=-1), ValueError, "at least 0, got -1"),
    (dict(steps=1.5), TypeError, "whole number"),
    (dict(grids={"lrr": [1.0]}), TypeError, "did you mean 'lr'"),
    (dict(grids={"lr": []}), ValueError, "is empty"),
    (dict(grids={"lr": 0.1}), TypeError, "must be a list"),
    (dict(grids={"lr": "0.1"}), TypeError, "must be a list"),
    (dict(grids={"lr": [0.1, -1.0]}), ValueError, "lr must be finite and at least 0"),
    (dict(grids={"lr": [np.ones(2)]}), TypeError, "single values"),
    (dict(grids=[0.1]), TypeError, "must be a dict"),
    (dict(keep="some"), ValueError, '"all", "last" or a number'),
    (dict(keep=0), ValueError, "at least 1, got 0"),
    (dict(keep=0.5), TypeError, "whole number"),
    (dict(memory=100), ValueError, r'more than the 0.00 MiB of memory=…; keep="last" needs'),
    (dict(starts=10**7, steps=0, keep="last", memory=2**27), ValueError, "race fewer at a time"),
    (dict(starts=10**14), ValueError, "race: 100000000000000 starts need 1490116.12 GiB, more than the 2.00 GiB"),
]


@pytest.mark.parametrize(("wrong", "kind", "says"), BAD, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_gets_one_clear_error(wrong, kind, says):
    with pytest.raises(kind, match=says):
        refopt.race(**({"rules": "sgd", "problem": "quadratic", "starts": 3, "steps": 5} | wrong))


def test_a_problem_of_one_point_at_a_time_is_refused():
    def problem(loss, grad):
        return own_problem("own", loss, grad, [[0, 0]], ((-1, 1),) * 2)

    with pytest.raises(ValueError, match=r"loss of own must be one number for each of the points \(3, 2\), got shape \(\)"):
        refopt.race("sgd", problem(lambda x: (x**2).sum(), lambda x: x), 3)
    with pytest.raises(ValueError, match=r"gradient of own must have the shape of the points, \(3, 2\); got \(3,\)"):
        refopt.race("sgd", problem(lambda x: (x**2).sum(-1), lambda x: x.sum(-1)), 3)


def test_a_value_that_the_formula_cannot_take_is_named():
    def init(theta):
        return {}

    def step(theta, g, *, scale=1.0):
        theta = theta - g / (1 / scale)
        return locals()

    with pytest.raises(ValueError, match=r"race: odd\(scale=0.0\) cannot step: float division by zero"):
        refopt.race(Rule(init, step, name="odd"), "quadratic", 3, 5, {"scale": [1.0, 0.0]})


def test_the_door():
    assert "race" in dir(refopt)
    assert next(iter(inspect.signature(refopt.race).parameters)) == "rules"


def test_with_compiled_steps_the_bits_are_the_same():
    pytest.importorskip("numba", reason="fused steps need numba")
    grids = {"lr": [0.01, 0.1], "beta1": [0.5, 0.9]}
    plain = refopt.race("adam", HIMMELBLAU, STARTS, 20, grids)["adam"]
    with refopt.fast.using("fused"):
        fused = refopt.race("adam", HIMMELBLAU, STARTS, 20, grids)["adam"]
    assert same(plain.paths, fused.paths)
