"""The training loop, against its description written out."""

import math

import numpy as np
import pytest
from analytic_net import AnalyticNet, CountingNet, line
from hypothesis import given
from hypothesis import strategies as st

import refopt
from refopt.data import Split, digits
from refopt.dialects.functions import Required
from refopt.nets import MLP
from refopt.recurrence import Rule
from refopt.training import AdaptiveDropout, Group, no_decay, train
from refopt.training.examples import dropout_seed, orders


def test_an_epoch_is_the_steps_of_the_rule_over_shuffled_batches():
    data, net, rule = digits(seed=3), MLP([64, 8, 10]), refopt.adam(lr=0.01)
    start = net.init(0, np.float32)
    history = refopt.train(net, rule, data, epochs=2, batch_size=50, seed=5, theta=start)
    theta, rng, state, losses, lengths = start, np.random.default_rng(5), rule.init(start), [], []
    for _ in range(2):
        order = rng.permutation(1348)
        for i in range(26):  # 26 · 50 = 1300; 48 wait for the next shuffle
            part = order[50 * i : 50 * (i + 1)]
            loss, g = net.loss_and_grad(theta, data.x_train[part], data.y_train[part])
            before = theta
            theta, state = rule.update(theta, g, state)
            losses.append(float(loss))
            lengths.append(float(np.linalg.norm(g)))
    assert np.array_equal(history.theta, theta)
    assert np.array_equal(start, net.init(0, np.float32))
    assert history.state["t"] == 52
    assert np.array_equal(history.state["v"], state["v"])
    assert history.steps.loss.tolist() == losses
    assert np.allclose(history.steps.grad_norm, lengths, rtol=1e-6)
    assert history.steps.lr.tolist() == [0.01] * 52
    row = history.rows[-1]
    assert (row.epoch, row.updates, row.lr) == (2, 52, 0.01)
    assert row.train_loss == float(net.loss(theta, data.x_train, data.y_train))
    assert row.train_accuracy == np.mean(net.predict(theta, data.x_train) == data.y_train)
    assert row.validation_loss == float(net.loss(theta, data.x_test, data.y_test))
    assert row.validation_accuracy == np.mean(net.predict(theta, data.x_test) == data.y_test)
    assert row.update_norm == pytest.approx(float(np.linalg.norm(theta - before)), rel=1e-6)
    assert row.grad_norm == history.steps.grad_norm[-1]
    assert row.state_bytes == 2 * 4 * net.size
    assert row.seconds > 0
    assert history.rows[0][:2] == (0, 0)
    assert history.rows[0].lr is None
    assert (history.ended, history.reason, history.running) == ("epochs", "All epochs are done: 2.", None)


def test_dropout_statistics_and_schedules_reach_the_net_and_the_rule():
    """The whole loop by hand: masks, running statistics, two schedules, the buffer of the gradient."""
    net, (x, y) = AnalyticNet(), line(40)
    x_held, y_held = line(11, seed=1)
    lr, momentum, rate = lambda k: 0.1 / (1 + k), lambda k: 0.5 + 0.01 * k, lambda k: 0.1 + 0.02 * k
    history = train(
        net,
        refopt.sgd(momentum=0.9),
        (x, y),
        epochs=3,
        batch_size=16,
        schedule={"lr": lr, "momentum": momentum},
        dropout=rate,
        seed=7,
        dtype=np.float64,
        validation=(x_held, y_held),
    )
    theta, rng, buffer, running, k = net.init(7), np.random.default_rng(7), np.zeros(4), np.zeros(3), 0
    for _ in range(3):
        order = rng.permutation(40)
        for part in (order[:16], order[16:32]):
            centre = x[part].mean(axis=0)
            keep = np.random.default_rng((7, 1, k)).random((16, 3)) >= rate(k)
            z = (x[part] - centre) * keep / (1 - rate(k))
            error = z @ theta[:3] + theta[3] - y[part]
            g = np.append(z.T @ error, error.sum()) / 16
            buffer = momentum(k) * buffer + g
            theta = theta - lr(k) * buffer
            running = 0.9 * running + 0.1 * centre
            k += 1
    assert np.allclose(history.theta, theta, rtol=1e-12, atol=0)
    assert np.allclose(history.running, running, rtol=1e-12, atol=0)
    held = 0.5 * np.mean(((x_held - running) @ theta[:3] + theta[3] - y_held) ** 2)
    assert history.rows[-1].validation_loss == pytest.approx(held, rel=1e-12)
    assert (history.rows[-1].lr, history.rows[-1].dropout) == (lr(5), rate(5))
    assert history.rows[-1].train_accuracy is None
    assert history.steps.lr.tolist() == [lr(k) for k in range(6)]
    assert [call["seed"] for call in net.heard] == [(7, 1, k) for k in range(6)]
    assert all(call["statistics"] and call["out"] for call in net.heard)


def test_rules_that_need_functions_get_those_of_the_batch():
    data, net = digits(seed=3), MLP([64, 8, 10])
    theta = net.init(0, np.float32)
    last = train(net, refopt.sam(lr=0.1, rho=0.5), data, theta=theta, epochs=1, batch_size=674, seed=5).theta
    order = np.random.default_rng(5).permutation(1348)
    for part in (order[:674], order[674:]):
        x, y = data.x_train[part], data.y_train[part]
        _, g = net.loss_and_grad(theta, x, y)
        _, g_adv = net.loss_and_grad(theta + 0.5 * g / np.sqrt(np.sum(g * g)), x, y)
        theta = theta - 0.1 * g_adv
    assert np.allclose(last, theta, rtol=0, atol=1e-6)
    history = train(net, refopt.polyak_sgd, data, theta=theta, epochs=1, batch_size=674)
    assert history.theta.dtype == np.float32
    assert np.isfinite(history.rows[-1].train_loss)


def test_what_looks_twice_at_a_batch_sees_the_same_masks_and_counts_its_statistics_once():
    """Polyak's step asks for the loss, SAM for the gradient at another point; both by hand."""
    data, net = line(16), AnalyticNet()
    x, y = (part[np.random.default_rng(3).permutation(16)] for part in data)
    factors = net.factors((3, 1, 0), None, (16, 3))

    def loss_and_grad(theta):
        z = (x - x.mean(axis=0)) * factors
        error = z @ theta[:3] + theta[3] - y
        return 0.5 * np.mean(error**2), np.append(z.T @ error, error.sum()) / 16

    theta = net.init(3)
    loss, g = loss_and_grad(theta)
    options = dict(epochs=1, batch_size=16, seed=3, dtype=np.float64)
    found = train(net, refopt.sam(lr=0.1, rho=0.5), data, **options)
    assert np.allclose(found.theta, theta - 0.1 * loss_and_grad(theta + 0.5 * g / np.linalg.norm(g))[1], rtol=1e-10)
    assert np.allclose(found.running, 0.1 * x.mean(axis=0), rtol=1e-12)
    assert [call["statistics"] for call in net.heard] == [True, False]
    rule = refopt.polyak_sgd
    found = train(AnalyticNet(), rule, data, **options)
    assert np.allclose(found.theta, theta - loss / g.dot(g) * g, rtol=1e-6)


@pytest.mark.parametrize("rule", [refopt.lamb(lr=0.01), refopt.sam(inner=refopt.lars(lr=0.1)), refopt.novograd(lr=0.01)])
def test_rules_that_look_at_tensors_see_the_tensors(rule):
    data, net = digits(), MLP([64, 8, 10])
    theta = net.init(1, np.float32)
    history = train(net, rule, data, theta=theta, epochs=1, batch_size=674, seed=2)
    tree = {name: view.copy() for name, view in net.views(theta).items()}
    flat = lambda tree: np.concatenate([part.ravel() for part in tree.values()])  # noqa: E731
    state, order = rule.init(tree), np.random.default_rng(2).permutation(1348)
    for part in (order[:674], order[674:]):
        grad = lambda tree, part=part: net.views(net.loss_and_grad(flat(tree), data.x_train[part], data.y_train[part])[1])  # noqa: E731
        tree, state = rule.update(tree, grad(tree), state, **({"grad": grad} if rule.needs else {}))
    assert np.array_equal(history.theta, flat(tree))


def test_transforms_go_around_the_rule_the_first_outermost():
    data, net = digits(), MLP([64, 8, 10])
    options = dict(epochs=1, seed=4)
    found = train(net, refopt.adam(lr=0.01), data, transforms=(refopt.sam(rho=0.1), refopt.l2(weight_decay=0.1)), **options)
    nested = refopt.sam(inner=refopt.l2(inner=refopt.adam(lr=0.01), weight_decay=0.1), rho=0.1)
    assert np.array_equal(found.theta, train(net, nested, data, **options).theta)
    with pytest.raises(TypeError, match="transforms: 'adam' is not a rule around a rule; did you mean 'asam'"):
        train(net, refopt.sgd, data, transforms=[refopt.adam], epochs=1)
    with pytest.raises(TypeError, match="transforms: a transform must be a rule around a rule"):
        train(net, refopt.sgd, data, transforms=["l2"], groups={"a": Group("W1")}, epochs=1)
    with pytest.raises(TypeError, match="transforms must be a tuple or list of rules around a rule, got l2"):
        train(net, refopt.sgd, data, transforms=refopt.l2, epochs=1)
    with pytest.raises(TypeError, match="transforms: l2 is around adam"):
        train(net, refopt.sgd, data, transforms=[refopt.l2(inner=refopt.adam)], epochs=1)


def test_the_examples_held_out():
    data, net = digits(), MLP([64, 10])
    plain = train(net, refopt.sgd, data[:2], epochs=1)
    assert plain.rows[-1].validation_loss is None
    assert np.isnan(plain["validation_loss"]).all()
    share = train(net, refopt.sgd, data, validation=0.25, epochs=1, batch_size=1011)  # 1348 · 3/4: every example left
    order = np.random.default_rng((0, 2)).permutation(1348)
    x, y = data.x_train[order[:337]], data.y_train[order[:337]]
    assert share.rows[0].validation_loss == float(net.loss(net.init(0, np.float32), x, y))
    with pytest.raises(ValueError, match="from 1 to the 1011"):
        train(net, refopt.sgd, data, validation=0.25, epochs=1, batch_size=1012)
    given = train(net, refopt.sgd, data[:2], validation=data[2:], epochs=1)
    assert given.rows[1][:6] == train(net, refopt.sgd, data, epochs=1).rows[1][:6]


def test_large_sets_are_measured_in_parts():
    (x, y), net = line(10000), AnalyticNet()
    theta, running = net.init(), np.zeros(3)
    history = train(net, refopt.sgd, (x, y), epochs=0, dtype=np.float64)
    assert history.rows[0].train_loss == pytest.approx(float(net.loss(theta, x, y, running=running)), rel=1e-13)
    assert (len(history), history.ended) == (1, "epochs")


def test_patience_ends_training_and_gives_the_best_back():
    validation = [5.0, 3.0, 2.0, 2.5, 2.0, 2.1, 1.0, 1.0]
    history = train(
        CountingNet([1.0] * 8, validation),
        refopt.sgd(lr=1.0),
        CountingNet.data,
        validation=CountingNet.held_out,
        epochs=7,
        batch_size=4,
        patience=3,
    )
    assert (history.ended, len(history)) == ("patience", 6)
    assert (history.best.epoch, history.best.loss) == (2, 2.0)
    assert history.theta == [2.0]
    assert history["validation_loss"].tolist() == validation[:6]
    assert history.reason == "No better loss for 3 epochs; the best one is that of epoch 2."


@pytest.mark.parametrize(
    ("patience", "min_delta", "epochs"),
    [(1, 0.0, 6), (1, 0.4, 3), (2, 0.4, 7), (1, 0.6, 1), (2, 0.6, 4), (3, 0.6, 9), (3, 3.0, 3), (None, 9.0, 9)],
)
def test_min_delta(patience, min_delta, epochs):
    """By hand: with 0.6 the epochs 2 (8), 5 (7) and 8 (6) are more than 0.6 below the one before them that was; between them
    are at most two others. With 0.4 those are 1, 2, 4, 5 and 8."""
    losses = [9.0, 8.5, 8.0, 7.9, 7.5, 7.0, 7.0, 7.0, 6.0, 6.0]
    history = train(
        CountingNet(losses),
        refopt.sgd(lr=1.0),
        CountingNet.data,
        epochs=9,
        batch_size=4,
        patience=patience,
        min_delta=min_delta,
    )
    assert history.rows[-1].epoch == epochs


def test_goals():
    net, options = CountingNet([4.0, 3.0, 2.0, 1.0, 0.5]), dict(epochs=4, batch_size=4)
    run = lambda goal: train(net, refopt.sgd(lr=1.0), CountingNet.data, goal=goal, **options)  # noqa: E731
    assert (run({"train_loss": 2.0}).ended, len(run({"train_loss": 2.0}))) == ("goal", 3)
    assert len(run(lambda row: row.epoch == 1)) == 2
    assert run({"train_loss": 2.0, "epoch": 3}).rows[-1].epoch == 2
    assert run({"train_accuracy": 0.1}).ended == "epochs"  # a net for regression has none
    reached = train(MLP([64, 32, 10]), refopt.adam(lr=0.01), digits(), epochs=30, goal={"validation_accuracy": 0.9})
    assert reached["validation_accuracy"][-1] >= 0.9 > max(reached["validation_accuracy"][:-1])
    with pytest.raises(ValueError, match="goal: unknown column 'val_loss'"):
        run({"val_loss": 1.0})
    with pytest.raises(TypeError, match="goal must be a function"):
        run(0.9)


def test_callbacks_see_every_epoch_and_may_end_it():
    seen = []

    def look(epoch):
        seen.append((epoch.row.epoch, epoch.theta.item(), epoch.state["t"], epoch.running))
        return "no boolean"

    stop = lambda epoch: epoch.row.train_loss < 3.0  # noqa: E731
    net = CountingNet([4.0, 3.0, 2.0, 1.0])
    history = train(net, refopt.sgd(lr=1.0, momentum=0.0), CountingNet.data, epochs=3, batch_size=4, callbacks=[stop, look])
    assert seen == [(0, 0.0, 0, None), (1, 1.0, 1, None), (2, 2.0, 2, None)]
    assert (history.ended, history.reason) == ("callback", "A callback ended it after epoch 2.")


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite(bad):
    """The third epoch of two batches: the loss of its second batch."""

    class Net(CountingNet):
        def loss_and_grad(self, theta, x, y):
            return (bad if theta[0] == 5 else 1.0), -np.ones_like(theta)

    net, options = Net([3.0, 2.0, 1.5, 1.0], batches=2), dict(epochs=9, batch_size=2)
    history = train(net, refopt.sgd(lr=1.0), CountingNet.data, **options)
    assert history.ended == "diverged"
    assert history.reason == f"Diverged: the loss is {bad} at update 6, batch 2 of epoch 3."
    assert history.theta == [5.0]  # the update was not made
    assert [row.updates for row in history.rows] == [0, 2, 4, 5]
    with pytest.raises(FloatingPointError, match=f"^the loss is {bad} at update 6, batch 2 of epoch 3$"):
        train(net, refopt.sgd(lr=1.0), CountingNet.data, on_nonfinite="raise", **options)
    going_on = train(net, refopt.sgd(lr=1.0), CountingNet.data, on_nonfinite="ignore", epochs=3, batch_size=2)
    assert (going_on.ended, going_on.theta) == ("epochs", [6.0])
    assert not np.isfinite(going_on.steps.loss[5])


def test_a_gradient_or_a_measured_loss_that_is_not_finite():
    class Net(CountingNet):
        def loss_and_grad(self, theta, x, y):
            return 1.0, np.full_like(theta, math.nan)

    history = train(Net([1.0, 1.0]), refopt.sgd, CountingNet.data, epochs=1, batch_size=4)
    assert history.reason == "Diverged: the gradient is not finite (the loss is 1) at update 1, batch 1 of epoch 1."
    history = train(CountingNet([1.0, math.inf]), refopt.sgd(lr=1.0), CountingNet.data, epochs=3, batch_size=4)
    assert history.reason == "Diverged: the training loss is inf after epoch 1, update 1."
    assert history.best.epoch == 0
    history = train(CountingNet([math.nan]), refopt.sgd, CountingNet.data, epochs=3, batch_size=4)
    assert (history.ended, len(history)) == ("diverged", 1)
    history = train(MLP([64, 8, 10]), refopt.sgd(lr=1e30), digits(), epochs=5)
    assert history.ended == "diverged"
    assert not np.isfinite(history["train_loss"][-1])


def test_adaptive_schedules_are_shown_the_validation_loss_and_dropout_the_gap():
    class Halving:
        """Half of it whenever the metric is not below 2."""

        def init(self):
            return {"lr": 1.0, "seen": ()}

        def observe(self, state, metric):
            return {"lr": state["lr"] / (2 if metric >= 2 else 1), "seen": (*state["seen"], metric)}

        def value(self, state):
            return state["lr"]

    net, (x, y) = AnalyticNet(), line(8)
    history = train(
        net,
        refopt.sgd,
        (x, y),
        validation=(x, y + 100),
        epochs=3,
        batch_size=4,
        schedule=Halving(),
        dropout=AdaptiveDropout(start=0.2, step=0.1, high=0.35),
    )
    assert history.steps.lr.tolist() == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    assert [row.dropout for row in history.rows] == [None, 0.2, pytest.approx(0.3), 0.35]
    assert [call["dropout"] for call in net.heard[:3]] == [0.2, 0.2, pytest.approx(0.3)]


@given(st.integers(0, 2**40), st.integers(1, 50), st.integers(1, 8))
def test_orders_can_be_joined_anywhere(seed, examples, epoch):
    rng = np.random.default_rng(seed)
    expected = [rng.permutation(examples) for _ in range(epoch)][-1]
    assert np.array_equal(next(orders(seed, examples, epoch)), expected)
    assert sorted(expected) == list(range(examples))


def test_random_streams_are_not_one_another():
    streams = [(s,) for s in range(3)] + [dropout_seed(s, k) for s in range(3) for k in range(4)] + [(s, 2) for s in range(3)]
    drawn = {np.random.default_rng(stream).bytes(16) for stream in streams}
    assert len(drawn) == len(streams)


CURVE = Required("a function that no net here has")
NOT_FINITE = np.where(np.arange(120).reshape(40, 3) < 2, np.nan, 1.0)
BAD = {
    "batch_size must be from 1 to the 40": dict(batch_size=41),
    "batch_size must be at least 1, got 0": dict(batch_size=0),
    "batch_size must be a whole number, got 2.5": dict(batch_size=2.5),
    "epochs must be at least 0, got -1": dict(epochs=-1),
    "epochs must be a whole number, got '3'": dict(epochs="3"),
    "seed must be at least 0, got -1": dict(seed=-1),
    "patience must be at least 1, got 0": dict(patience=0),
    "min_delta must be finite and at least 0": dict(min_delta=-1.0),
    "unknown on_nonfinite 'rais'; did you mean 'raise'": dict(on_nonfinite="rais"),
    "callbacks must be functions": dict(callbacks=[3]),
    "every needs checkpoint=": dict(every=3),
    "resume needs checkpoint=": dict(resume=True),
    "rule must be a Rule": dict(rule="adam"),
    "data must be a refopt.data.Split or a pair": dict(data=np.zeros((3, 3))),
    "40 inputs and 39 targets": dict(data=(line()[0], line()[1][:-1])),
    "data is empty": dict(data=(np.zeros((0, 3)), np.zeros(0))),
    "x of data holds 2 numbers that are not finite": dict(data=(NOT_FINITE, np.zeros(40))),
    "y of data holds 40 numbers that are not finite": dict(data=(np.zeros((40, 3)), np.full(40, np.inf))),
    "x of data must be an array of numbers, got dtype <U1": dict(data=(np.full((40, 3), "a"), np.zeros(40))),
    "one entry an example, got a single number": dict(data=(np.zeros((40, 3)), 1.0)),
    "validation must be a pair": dict(validation=3),
    "leaves nothing on one side": dict(validation=1.5),
    "leaves nothing on one side; give": dict(validation=0.001),
    "trains a floating-point theta of shape": dict(theta=np.zeros(5)),
    "of shape .4,., got list": dict(theta=[0.0] * 4),
    r"theta of shape \(4,\), got int64": dict(theta=np.zeros(4, int)),
    "schedule: lr must be a number, a function": dict(schedule="cosine"),
    "no hyper-parameter 'beta1'": dict(schedule={"beta1": lambda k: 0.9}),
    "lr must be finite and at least 0": dict(schedule=lambda k: -1.0),
    "dropout: dropout must be a number": dict(dropout="half"),
    "follows validation loss − training loss, but nothing is held out": dict(dropout=AdaptiveDropout()),
    "groups.'a'. must be a refopt.training.Group": dict(groups={"a": ["w"]}),
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_one_clear_error(message):
    arguments = dict(net=AnalyticNet(), rule=refopt.sgd, data=line(), epochs=1) | BAD[message]
    with pytest.raises((ValueError, TypeError), match=message):
        train(arguments.pop("net"), arguments.pop("rule"), arguments.pop("data"), **arguments)


def test_what_the_net_refuses_or_cannot_give():
    net, data = MLP([64, 10]), digits()
    with pytest.raises(ValueError, match="labels must be from 0 to 9"):
        train(net, refopt.sgd, (data.x_train, data.y_train + 1), epochs=1)
    with pytest.raises(ValueError, match=r"takes x of shape \(batch, 64\)"):
        train(net, refopt.sgd, (data.x_train[:, :5], data.y_train), epochs=1)
    with pytest.raises(ValueError, match=r"dropout=0.5 was given, but MLP\(.*\) has no dropout"):
        train(net, refopt.sgd, data, epochs=1, dropout=0.5)
    newton = Rule(lambda theta: {}, lambda theta, g, *, curve=CURVE: dict(theta=theta), name="newton")
    with pytest.raises(ValueError, match=r"newton needs curve, which MLP\(.*\) does not give"):
        train(net, newton, data, epochs=1)


@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_shapes_that_do_not_fit_never_pass(n_x, features, n_y, outputs):
    """Whatever the shapes: training works, or there is a ValueError that names shapes or numbers."""
    x, y = np.ones((n_x, features), np.float32), np.zeros((n_y, outputs) if outputs else n_y, np.int64)
    fits = n_x == n_y > 0 and features == 2 and outputs == 0
    if fits:
        assert len(train(MLP([2, 2]), refopt.sgd, (x, y), epochs=1, batch_size=1)) == 2
    else:
        with pytest.raises(ValueError, match=r"\d|is empty"):
            train(MLP([2, 2]), refopt.sgd, (x, y), epochs=1, batch_size=1)


def test_nothing_that_came_in_is_changed():
    net, data, theta = MLP([64, 8, 10]), digits(), MLP([64, 8, 10]).init(0, np.float32)
    kept = [part.copy() for part in (*data, theta)]
    for part in (*data, theta):
        part.flags.writeable = False
    history = train(net, refopt.adamw, data, theta=theta, epochs=2, groups={"n": Group(no_decay(net), weight_decay=0.0)})
    assert all(np.array_equal(a, b) for a, b in zip(kept, (*data, theta), strict=True))
    still = train(net, refopt.sgd, data, theta=theta, epochs=0)
    assert history.theta is not theta
    assert still.theta is not theta
    assert isinstance(data, Split)


def test_the_dtype_is_that_of_theta_and_inputs_are_cast_once():
    x, y = line(20)
    history = train(AnalyticNet(), refopt.adam, (x, y), epochs=1, batch_size=5)
    assert (history.theta.dtype, history.state["m"].dtype, history.running.dtype) == (np.float32,) * 3
    data = digits()
    tokens = train(MLP([64, 10]), refopt.sgd, ((data.x_train * 16).astype(np.uint8), data.y_train), epochs=1, dtype=np.float64)
    assert tokens.theta.dtype == np.float64
