"""What a network offers beside its gradient: Hessian products, intermediates, modes; and how it refuses what it cannot take."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from instances import LOSSES, MODELS, batch, start

from refopt import nets
from refopt.data import digits


@pytest.mark.parametrize("name", [name for name, (_, seed) in MODELS.items() if seed is None])
def test_hessian_products_against_central_differences_of_the_gradient(name):
    """Differences of the gradient are right to about 1e-9; a wrong product would be off by its own size."""
    net = MODELS[name][0]()
    theta, (x, y) = start(net), batch(net)
    v, w = np.random.default_rng(3).normal(size=(2, net.size))
    h = 1e-5 / np.linalg.norm(v)
    differences = (net.loss_and_grad(theta + h * v, x, y)[1] - net.loss_and_grad(theta - h * v, x, y)[1]) / (2 * h)
    product = net.hvp(theta, v, x, y)
    assert np.abs(product - differences).max() <= 1e-6 * np.abs(product).max()
    assert np.isclose(w @ product, v @ net.hvp(theta, w, x, y), rtol=1e-10)  # the Hessian is symmetric


def test_hessian_product_in_closed_form():
    """Linear regression: loss mean (xW + b − y)² has the Hessian 2/n [x 1]ᵀ[x 1]."""
    net, rng = nets.MLP([3, 1], loss="mse"), np.random.default_rng(4)
    x, y, v = rng.normal(size=(6, 3)), rng.normal(size=(6, 1)), rng.normal(size=4)
    wide = np.hstack([x, np.ones((6, 1))])
    assert np.allclose(net.hvp(net.init(0), v, x, y), 2 / 6 * wide.T @ wide @ v, rtol=1e-13)


@pytest.mark.parametrize("name", ["CNN on digits, as it starts", "leaky MLP at 0", "hard swish at 0", "CNN, ties"])
def test_hessian_products_at_kinks_are_odd_and_symmetric(name):
    """Black pixels and zero biases put ReLU exactly at its kink: the complex step must take the branch of its real part."""
    rng = np.random.default_rng(7)
    if name.startswith("CNN on"):
        examples = digits(images=True, dtype=np.float64)
        net, x, y = nets.CNN(), examples.x_train[:16], examples.y_train[:16]
    elif name == "CNN, ties":
        net, x, y = nets.CNN((8, 8, 1), [3], [4], 3), rng.integers(0, 2, (8, 8, 8, 1)) * 1.0, rng.integers(0, 3, 8)
    else:
        net = nets.MLP([4, 8, 3], "leaky_relu" if "leaky" in name else "hard_swish")
        x, y = np.zeros((5, 4)), rng.integers(0, 3, 5)
    theta, (v, w) = net.init(0), rng.normal(size=(2, net.size))
    product = net.hvp(theta, v, x, y)
    assert np.array_equal(product, -net.hvp(theta, -v, x, y))
    assert np.isclose(w @ product, v @ net.hvp(theta, w, x, y), rtol=1e-9)
    step = net.loss_and_grad(theta + 1e-40j * v, x, y)[0].imag / 1e-40
    assert np.isclose(step, net.loss_and_grad(theta, x, y)[1] @ v, rtol=1e-11)


@pytest.mark.parametrize(
    ("dtype", "scale"), [(np.float64, 1e200), (np.float64, 1e-200), (np.float32, 1e25), (np.float32, 1e-25)]
)
def test_hessian_products_do_not_care_how_long_the_vector_is(dtype, scale):
    net = nets.MLP([4, 5, 3], "tanh")
    theta, (x, y) = start(net).astype(dtype), batch(net)
    v = np.random.default_rng(8).normal(size=net.size).astype(dtype)
    assert np.allclose(net.hvp(theta, v * dtype(scale), x, y) / dtype(scale), net.hvp(theta, v, x, y), rtol=1e-5)
    assert not net.hvp(theta, 0 * v, x, y).any()


def test_the_slopes_stay_finite_where_the_input_is_huge():
    for dtype, x in ((np.float16, 3e4), (np.float32, 1e30)):
        for kind in ("gelu", "gelu_tanh", "silu", "sigmoid", "tanh", "hard_swish"):
            layer, point = nets.Activation(kind), np.array([-x, x], dtype=dtype)
            with np.errstate(all="ignore"):
                _, kept = layer.forward(np.zeros(0, dtype), point, nets.Run())
                slopes = layer.backward(np.zeros(0, dtype), np.zeros(0, dtype), np.ones_like(point), kept)
            assert slopes.tolist() == ([0, 0] if kind in ("sigmoid", "tanh") else [0, 1]), (kind, dtype)


def test_statistics_are_those_of_the_batch_and_only_then_written():
    net = nets.MLP([3, 4, 2], batch_norm=True)
    theta, (x, y) = start(net), batch(net)
    statistics = np.full(net.running_size, np.nan)
    net.loss_and_grad(theta, x, y, net.init_running(), statistics=statistics)
    assert np.isnan(statistics).all()
    for call in (lambda: net.loss_and_grad(theta, x[:1], y[:1]), lambda: net.predict(theta, x[:1])):
        with pytest.raises(ValueError, match="batch normalisation of one number by itself"):
            call()
    assert net.predict(theta, x[:1], net.init_running()).shape == (1,)


def test_a_layer_belongs_to_one_network():
    layer = nets.Linear(4, 4)
    nets.Network({"a": layer}, (4,))
    with pytest.raises(ValueError, match="is part of a network already"):
        nets.Network({"b": layer}, (4,))
    twice = nets.Linear(4, 4)
    with pytest.raises(ValueError, match="or here twice"):
        nets.Network({"a": twice, "b": twice}, (4,))


def test_architectures_tell_networks_apart():
    """What a checkpoint compares: two networks that differ anywhere differ here."""
    made = [
        nets.MLP([4, 5, 3]),
        nets.MLP([4, 5, 3], "tanh"),
        nets.MLP([4, 5, 3], l2=0.1),
        nets.MLP([4, 5, 3], loss="hinge"),
        nets.MLP([4, 5, 3], dropout=0.1),
        nets.MLP([4, 5, 3], dropout=0.6),
        nets.TransformerClassifier((5, 2), width=8, heads=1),
        nets.TransformerClassifier((5, 2), width=8, heads=4),
        nets.TransformerClassifier((5, 2), width=8, heads=4, causal=True),
    ]
    assert len({net.architecture for net in made}) == len(made)
    assert nets.MLP([4, 5, 3]).architecture == made[0].architecture


def test_hessian_product_in_float32():
    net = nets.MLP([4, 5, 3], "tanh")
    theta, (x, y) = start(net), batch(net)
    v = np.random.default_rng(5).normal(size=net.size)
    narrow = net.hvp(theta.astype(np.float32), v.astype(np.float32), x, y)
    assert narrow.dtype == np.float32
    assert np.abs(narrow - net.hvp(theta, v, x, y)).max() < 1e-5


@pytest.mark.parametrize("name", [name for name, (_, seed) in MODELS.items() if seed is None])
def test_gradients_of_examples_have_the_mean_of_the_batch(name):
    net = MODELS[name][0]()
    theta, (x, y) = start(net), batch(net)
    running = None
    if net.running_size:
        with pytest.raises(ValueError, match="give running statistics"):
            net.per_example_grads(theta, x, y)
        running = net.init_running() + 0.1
    grads = net.per_example_grads(theta, x, y, running)
    _, g = net.loss_and_grad(theta, x, y, running)
    assert grads.shape == (len(x), net.size)
    assert np.abs(grads.mean(axis=0) - g).max() <= 1e-13 * np.abs(g).max()


def test_activations_are_every_intermediate_by_name():
    net = nets.MLP([4, 5, 3])
    theta, (x, y) = start(net), batch(net)
    views, seen = net.views(theta), net.activations(theta, x)
    hidden = x @ views["W1"] + views["b1"]
    assert list(seen) == ["x", "linear1", "relu1", "linear2"]
    assert np.array_equal(seen["x"], x)
    assert np.allclose(seen["linear1"], hidden, rtol=1e-15)
    assert np.allclose(seen["relu1"], np.maximum(hidden, 0), rtol=1e-15)
    before = {name: value.copy() for name, value in seen.items()}
    net.loss_and_grad(theta, 2 * x, y)  # computes in the memory that it keeps
    assert all(np.array_equal(seen[name], before[name]) for name in seen)


def test_activations_of_a_transformer_have_its_attention():
    net = nets.TransformerClassifier((6,), 3, vocabulary=5, width=8, heads=2, blocks=2, causal=True)
    seen = net.activations(net.init(0), batch(net)[0])
    weights = seen["block2.mix.branch.attention.weights"]
    assert weights.shape == (4, 2, 6, 6)
    assert np.allclose(weights.sum(axis=-1), 1, rtol=1e-14)
    assert not np.triu(weights, 1).any()  # causal


def test_activations_show_what_is_inside_a_layer():
    net = nets.RecurrentClassifier((4, 2), 3, 2, cell="gru")
    theta, (x, _) = start(net), batch(net)
    seen = net.activations(theta, x)
    r, z, n, h = (seen[name] for name in ("gru.r", "gru.z", "gru.n", "gru"))
    before = np.concatenate([np.zeros((4, 1, 3)), h[:, :-1]], axis=1)
    assert ((r > 0) & (r < 1)).all()
    assert np.allclose(h, (1 - z) * n + z * before, rtol=1e-13)  # the paper's equation for the state
    net = nets.MLP([3, 4, 2], batch_norm=True, dropout=0.5)
    theta, (x, _) = start(net), batch(net, n=8)
    seen = net.activations(theta, x, seed=1)
    assert np.allclose(seen["norm1.x_hat"].mean(axis=0), 0, atol=1e-14)
    assert np.array_equal(seen["dropout1"], 2 * seen["relu1"] * seen["dropout1.mask"])


def test_what_is_handed_out_is_never_overwritten():
    net = nets.CNN((8, 8, 1), [2], [3], 3)
    theta, (x, y) = start(net), batch(net)
    z, (_, g) = net.outputs(theta, x), net.loss_and_grad(theta, x, y)
    copies = z.copy(), g.copy()
    net.loss_and_grad(theta + 1, -x, y)
    net.outputs(theta + 1, -x)
    assert np.array_equal(z, copies[0])
    assert np.array_equal(g, copies[1])


@pytest.mark.parametrize("name", MODELS)
def test_nothing_that_comes_in_is_changed_and_the_same_bits_come_out(name):
    make, seed = MODELS[name]
    net = make()
    theta, (x, y) = start(net), batch(net)
    for array in (theta, x, y):
        array.flags.writeable = False
    loss, g = net.loss_and_grad(theta, x, y, seed=seed)
    again, out = make(), np.empty(net.size)
    for _ in range(2):
        loss_again, g_again = again.loss_and_grad(theta, x, y, seed=seed, out=out)
        assert loss_again == loss
        assert g_again is out
        assert np.array_equal(g_again, g)
    net.loss_and_grad(theta.astype(np.float32), x[:2], y[:2], seed=seed)  # another dtype and size in between
    assert np.array_equal(net.loss_and_grad(theta, x, y, seed=seed)[1], g)


def test_views_cover_theta_in_order():
    for make, _ in MODELS.values():
        net = make()
        theta = np.arange(net.size, dtype=float)
        assert np.array_equal(np.concatenate([view.reshape(-1) for view in net.views(theta).values()]), theta)
        assert all(np.shares_memory(view, theta) for view in net.views(theta).values())


def test_dropout_is_a_function_of_the_seed():
    net = nets.MLP([6, 40, 40, 3], dropout=0.5)
    theta, (x, y) = start(net), batch(net)
    losses = {seed: net.loss_and_grad(theta, x, y, seed=seed)[0] for seed in (1, 2, (1, 2))}
    assert len(set(losses.values())) == 3
    assert net.loss_and_grad(theta, x, y, seed=1)[0] == losses[1]
    assert net.loss_and_grad(theta, x, y)[0] == net.loss(theta, x, y)  # no seed, nothing dropped
    assert net.loss_and_grad(theta, x, y, seed=1, dropout=0.0)[0] == net.loss(theta, x, y)
    seen = net.activations(theta, x, seed=1)
    one, two = (seen[f"dropout{i}"][seen[f"relu{i}"] > 0] == 0 for i in (1, 2))
    assert 0.3 < one.mean() < 0.7
    assert not np.array_equal(one[: len(two)], two[: len(one)])  # each layer has its own mask
    kept = seen["dropout1"] != 0
    assert np.allclose(seen["dropout1"][kept], 2 * seen["relu1"][kept], rtol=1e-15)  # inverted: divided by what is kept
    narrow = net.activations(theta.astype(np.float32), x, seed=1)["dropout1"] != 0
    assert np.array_equal(narrow, kept)


def test_dropout_keeps_the_mean():
    layer, x = nets.Dropout(0.3), np.ones(200_000)
    y, _ = layer.forward(np.zeros(0), x, nets.Run(seed=0))
    assert abs(y.mean() - 1) < 4 * np.sqrt(0.3 / 0.7 / 200_000)  # four standard deviations


def test_standout_keeps_what_is_large():
    layer = nets.Standout(alpha=2.0, beta=-1.0)
    x = np.repeat([-2.0, 0.0, 2.0], 100_000)
    y, _ = layer.forward(np.zeros(0), x, nets.Run(seed=0))
    share = [float((y[x == value] != 0).mean()) for value in (-2.0, 2.0)]
    assert np.allclose(share, [1 / (1 + np.exp(5)), 1 / (1 + np.exp(-3))], atol=0.005)


def test_the_kinks():
    """The slope at a kink is that of one side: which one is documented."""
    run = nets.Run()
    for kind, point, slope in [
        ("relu", 0.0, 0.0),
        ("leaky_relu", 0.0, 0.01),
        ("hard_sigmoid", -3.0, 0.0),
        ("hard_sigmoid", 3.0, 0.0),
        ("hard_swish", -3.0, 0.0),
        ("hard_swish", 3.0, 1.0),
    ]:
        layer = nets.Activation(kind)
        _, kept = layer.forward(np.zeros(0), np.array([point]), run)
        assert layer.backward(np.zeros(0), np.zeros(0), np.ones(1), kept) == [slope], (kind, point)
    pool = nets.MaxPool2d(2)
    _, kept = pool.forward(np.zeros(0), np.array([[0.0, 1.0], [1.0, 1.0]]).reshape(1, 2, 2, 1), run)
    dx = pool.backward(np.zeros(0), np.zeros(0), np.ones((1, 1, 1, 1)), kept)
    assert dx.reshape(4).tolist() == [0, 0, 1, 0]  # the first column has one, so it wins
    for loss, at in ((nets.MAE(), 0.0), (nets.Hinge(), None)):
        z = np.array([[1.0, 0.0]]) if at is None else np.array([[at]])
        _, kept = loss.forward(z, np.array([0]) if at is None else np.array([[at]]))
        assert not loss.backward(kept).any()


def test_out_may_not_be_theta():
    net = nets.MLP([4, 5, 3])
    theta, (x, y) = start(net), batch(net)
    for out in (theta, np.zeros(2 * net.size)[::2], np.zeros(net.size, np.float32)):
        with pytest.raises(ValueError, match="out must be a contiguous vector of float64 that shares no memory with theta"):
            net.loss_and_grad(theta, x, y, out=out)


@pytest.mark.parametrize("order", ["before", "after"])
def test_the_maximum_commutes_with_what_never_falls(order):
    """Why the CNN may take the maximum before the activation, which is a quarter of the work."""
    x = np.random.default_rng(6).normal(size=(3, 6, 6, 2))
    pool, act = nets.MaxPool2d(2), nets.Activation("relu")
    chain = nets.Chain({"pool": pool, "act": act} if order == "before" else {"act": act, "pool": pool})
    y, kept = chain.forward(np.zeros(0), x, nets.Run())
    dx = chain.backward(np.zeros(0), np.zeros(0), np.ones_like(y), kept)
    largest = x.reshape(3, 3, 2, 3, 2, 2).max(axis=(2, 4))
    assert np.array_equal(y, np.maximum(largest, 0))
    assert dx.sum() == (largest > 0).sum()


def test_initialisation_has_the_variance_that_its_paper_wants():
    conv, gru = nets.Conv2d(32, 64, 3), nets.GRU(100, 80)
    theta = np.zeros(conv.size)
    conv.init(theta, np.random.default_rng(0))
    W, b = conv.tensors(theta)
    assert np.isclose(W.var(), 2 / (9 * 32), rtol=0.03)
    assert not b.any()
    theta = np.zeros(gru.size)
    gru.init(theta, np.random.default_rng(0))
    U = gru.tensors(theta)[1]
    for gate in range(3):
        own = U[:, 80 * gate : 80 * (gate + 1)]
        assert np.allclose(own @ own.T, np.eye(80), atol=1e-12)


CNN = nets.CNN((8, 8, 1), [2], [3], 3)
WORDS = nets.TransformerClassifier((5,), 3, vocabulary=6, width=4, heads=2, blocks=1)
REGRESSION = nets.MLP([3, 2], loss="huber")
NORMED = nets.MLP([3, 4, 2], batch_norm=True)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: CNN.loss(CNN.init(), np.zeros((2, 1, 8, 8)), np.zeros(2, int)),
            r"channels come last: x.transpose\(0, 2, 3, 1\)",
        ),
        (
            lambda: CNN.loss(CNN.init(), np.zeros((2, 7, 8, 1)), np.zeros(2, int)),
            r"x of shape \(batch, 8, 8, 1\), got \(2, 7, 8, 1\)",
        ),
        (lambda: CNN.loss(CNN.init(), np.full((2, 8, 8, 1), "a"), np.zeros(2, int)), "takes numbers, got x of dtype <U1"),
        (lambda: WORDS.loss(WORDS.init(), np.full((1, 5), 6), np.zeros(1, int)), "tokens must be from 0 to 5, got 6 to 6"),
        (lambda: WORDS.loss(WORDS.init(), np.zeros((1, 5)), np.zeros(1, int)), "takes tokens, whole numbers"),
        (
            lambda: REGRESSION.loss(REGRESSION.init(), np.zeros((2, 3)), np.zeros(2)),
            r"outputs' shape \(2, 2\), got float64 \(2,\)",
        ),
        (lambda: REGRESSION.loss(REGRESSION.init(), np.zeros((2, 3)), np.zeros((2, 2), int)), "floating-point"),
        (lambda: REGRESSION.loss(REGRESSION.init(), np.zeros((0, 3)), np.zeros((0, 2))), "at least one example"),
        (lambda: REGRESSION.accuracy(REGRESSION.init(), np.zeros((2, 3)), np.zeros((2, 2))), "have no accuracy"),
        (lambda: NORMED.loss(NORMED.init(), np.zeros((2, 3)), np.zeros(2, int), np.zeros(3)), r"vector of shape \(8,\) here"),
        (lambda: NORMED.loss_and_grad(NORMED.init(), np.zeros((2, 3)), np.zeros(2, int), statistics=[1.0]), "got list"),
        (
            lambda: NORMED.loss_and_grad(NORMED.init(), np.zeros((2, 3)), np.zeros(2, int), out=np.zeros(3)),
            "floating-point theta",
        ),
        (lambda: NORMED.hvp(NORMED.init(), np.zeros(3), np.zeros((2, 3)), np.zeros(2, int)), "vector of shape"),
        (lambda: CNN.predict(CNN.init(), np.zeros((0, 8, 8, 1))), "takes at least one example, got a batch of none"),
        (lambda: CNN.predict(CNN.init(), np.ma.zeros((1, 8, 8, 1))), "masked array"),
        (lambda: CNN.predict(CNN.init(), np.zeros((1, 8, 8, 1), complex)), "takes numbers, got x of dtype complex128"),
        (lambda: CNN.predict(CNN.init().astype(">f8"), np.zeros((1, 8, 8, 1))), "floating-point theta"),
        (
            lambda: CNN.per_example_grads(CNN.init(), np.zeros((2, 8, 8, 1)), np.zeros(3, int)),
            r"labels must be .* shape \(2,\)",
        ),
        (lambda: NORMED.loss_and_grad(NORMED.init(), np.zeros((2, 3)), np.zeros(2, int), dropout=1.5), r"a rate in \[0, 1\)"),
        (lambda: NORMED.hvp(NORMED.init(), 1j * NORMED.init(), np.zeros((2, 3)), np.zeros(2, int)), "float32 or float64"),
        (lambda: NORMED.hvp(NORMED.init(dtype="e"), NORMED.init(), np.zeros((2, 3)), np.zeros(2, int)), "float32 or float64"),
        (lambda: nets.Linear(3, -1), "n_out must be a positive whole number, got -1"),
        (lambda: nets.CNN(classes=2.5), "n_out must be a positive whole number, got 2.5"),
        (lambda: nets.CNN((8, 8)), r"inputs must be \(height, width, channels\), got \(8, 8\)"),
        (lambda: nets.CNN(activation="rellu"), "did you mean 'relu'"),
        (lambda: nets.Network({}, (3,)), "at least one layer"),
        (lambda: nets.MLP([2, 2], loss="mze"), "unknown loss 'mze'; did you mean 'mse'"),
        (lambda: nets.MLP([2, 2], l2=-1.0), "l1 and l2 must be finite and at least 0"),
        (lambda: nets.MLP([2, 3, 2], dropout=1.0), r"rate must be in \[0, 1\), got 1.0"),
        (lambda: nets.Activation("swish"), "unknown activation 'swish'"),
        (lambda: nets.Conv2d(3, 4, groups=2), "groups must divide the channels: 3 in, 4 out, 2 groups"),
        (lambda: nets.Conv2d(3, 4, 2), "padding 'same' needs odd kernels"),
        (lambda: nets.Conv2d(3, 4, 0), "kernel must be a whole number of at least 1"),
        (lambda: nets.Conv2d(3, 4, 3, padding="valid"), "padding must be 'same' or a whole number"),
        (lambda: nets.CNN((3, 3, 1), [2, 2], [3]), "smaller than the window"),
        (lambda: nets.SelfAttention(5, 2), "heads must divide the width 5"),
        (lambda: nets.RecurrentClassifier((4, 2), cell="lstm"), "unknown cell 'lstm'"),
        (lambda: nets.SoftmaxCrossEntropy(1.0), "smoothing must be"),
        (lambda: nets.Network({"a": nets.Linear(3, 4), "b": nets.Linear(3, 2)}, (3,)), "the linear layer .b. of 3 inputs"),
        (lambda: nets.Network({"a": nets.Conv2d(1, 2)}, (4, 4, 1)), "must give each example a vector"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises((ValueError, TypeError), match=words) as caught:
        call()
    assert "\n" not in str(caught.value)


@given(
    shape=st.sampled_from([(2, 8, 8, 1)] * 9 + [(0, 8, 8, 1), (2, 8, 8), (2, 1, 8, 8), (2, 8, 7, 1), (64,), ()]),
    dtype=st.sampled_from(["f4", "f8", "i8", "u1", "?", "c16", "U2", "O"]),
    labels=st.lists(st.integers(0, 2), min_size=2, max_size=2) | st.lists(st.integers(-3, 5), max_size=5),
)
def test_any_input_is_taken_or_refused_by_one_clear_error(shape, dtype, labels):
    x, y = np.zeros(shape, dtype=dtype), np.array(labels, dtype=int)
    fits = shape[1:] == (8, 8, 1) and len(shape) == 4 and dtype in ("f4", "f8", "i8", "u1", "?")
    fits = fits and len(labels) == shape[0] > 0 and all(0 <= label < 3 for label in labels)
    if not fits:
        with pytest.raises(ValueError, match=r"^[^\n]+$"):
            CNN.loss_and_grad(CNN.init(1), x, y)
        return
    loss, g = CNN.loss_and_grad(CNN.init(1), x, y)
    assert np.isfinite(loss)
    assert np.isfinite(g).all()


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.task == "classification"])
@given(labels=st.lists(st.integers(-5, 8), min_size=1, max_size=6))
def test_labels_out_of_range(name, labels):
    loss, z = LOSSES[name], np.zeros((len(labels), 4))
    if all(0 <= label < 4 for label in labels):
        loss.checked(np.array(labels), z.shape)
    else:
        with pytest.raises(ValueError, match="labels must be from 0 to 3"):
            loss.checked(np.array(labels), z.shape)
