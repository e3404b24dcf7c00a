"""Directions, planes and surfaces, against closed forms, other libraries, and symmetries that must hold."""

import copy
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import refopt
from refopt import landscape, nets, problems
from refopt.data import digits
from refopt.landscape import Objective, Plane, Trajectory, evaluate, line, pca_plane, random_directions, random_plane, surface
from refopt.landscape import normalised as scaled


@pytest.fixture(scope="module")
def few():
    """A small net and 60 digits; a theta with biases that are not 0."""
    net, data = nets.MLP([64, 12, 10]), digits(dtype=np.float64)
    theta = net.init(3) + 0.05 * np.random.default_rng(0).normal(size=net.size)
    return net, data.x_train[:60], data.y_train[:60], theta


@pytest.fixture(scope="module")
def walked():
    path = Trajectory()
    net, data = nets.MLP([64, 16, 10]), digits()
    history = refopt.train(net, refopt.adam(lr=0.01), data, epochs=8, callbacks=[path])
    return net, data, history, path


def bowl(n, seed):
    rng = np.random.default_rng(seed)
    root, c = rng.normal(size=(n, n)), rng.normal(size=n)
    return root @ root.T, c, rng


@given(st.integers(2, 12), st.integers(0, 100))
def test_exact_on_a_quadratic(n, seed):
    """½ θᵀAθ + cᵀθ over a plane is a quadratic of a and b, whose six coefficients say everything."""
    A, c, rng = bowl(n, seed)
    plane = Plane(rng.normal(size=n), rng.normal(size=(2, n)))
    found = surface(lambda theta: theta @ A @ theta / 2 + c @ theta, plane, span=((-1, 2), (0.5, 3)), points=(5, 4))
    a, b = np.meshgrid(np.linspace(-1, 2, 5), np.linspace(0.5, 3, 4))
    (d, e), g = plane.directions, A @ plane.centre + c
    expected = plane.centre @ A @ plane.centre / 2 + c @ plane.centre + a * (g @ d) + b * (g @ e)
    expected += a**2 * (d @ A @ d) / 2 + a * b * (d @ A @ e) + b**2 * (e @ A @ e) / 2
    assert found.losses == pytest.approx(expected, rel=1e-10, abs=1e-10 * np.abs(expected).max())
    assert found.losses.shape == (4, 5)
    i, j = np.unravel_index(expected.argmin(), expected.shape)
    assert found.lowest == pytest.approx((a[i, j], b[i, j], expected.min()), rel=1e-8, abs=1e-8 * np.abs(expected).max())
    assert found.highest[2] == pytest.approx(expected.max(), rel=1e-10)


def test_a_line_is_exact_on_a_quadratic():
    A, c, rng = bowl(7, 1)
    start, end = rng.normal(size=(2, 7))
    found = line(lambda theta: theta @ A @ theta / 2 + c @ theta, start, end, low=-0.5, high=1.5, points=9)
    d, s = end - start, found.alphas
    expected = start @ A @ start / 2 + c @ start + s * ((A @ start + c) @ d) + s**2 / 2 * (d @ A @ d)
    assert found.losses == pytest.approx(expected, rel=1e-11, abs=1e-11)
    assert (s[0], s[-1], found.distance) == (-0.5, 1.5, np.linalg.norm(d))


@pytest.mark.parametrize("chunk", [1, 2, 7, 1000])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_chunks_and_threads_change_no_bit(few, chunk, threads):
    net, x, y, theta = few
    plane, objective = random_plane(theta, net), Objective(net, x, y)
    d, e = plane.directions
    expected = [[net.loss(theta + a * d + b * e, x, y) for a in (-1, 0, 1)] for b in (-1, -0.5, 0, 0.5, 1)]
    seen = []
    found = surface(
        objective.loss, plane, points=(3, 5), chunk=chunk, threads=threads, progress=lambda *done: seen.append(done)
    )
    assert found.losses.tolist() == expected
    assert seen == [(min(k, 15), 15) for k in range(chunk, 15 + chunk, chunk)]


@pytest.mark.parametrize("batch_size", [1, 7, 59, 60, 1000])
def test_batches_change_nothing_but_rounding(few, batch_size):
    net, x, y, theta = few
    for this in (net, nets.MLP([64, 12, 10], l2=0.1)):
        whole, parts = Objective(this, x, y), Objective(this, x, y, batch_size=batch_size)
        assert whole.loss(theta) == this.loss(theta, x, y)
        assert parts.loss(theta) == pytest.approx(whole.loss(theta), rel=1e-13)
        assert parts.grad(theta) == pytest.approx(this.loss_and_grad(theta, x, y)[1], rel=1e-11, abs=1e-14)
        v = np.random.default_rng(1).normal(size=net.size)
        assert parts.hvp(theta, v) == pytest.approx(this.hvp(theta, v, x, y), rel=1e-10, abs=1e-12)


def test_batch_normalisation_is_one_batch_or_needs_statistics():
    net, data = nets.MLP([64, 8, 10], batch_norm=True), digits(dtype=np.float64)
    x, y, theta = data.x_train[:50], data.y_train[:50], net.init(0)
    assert Objective(net, x, y).loss(theta) == net.loss(theta, x, y)
    with pytest.raises(ValueError, match="statistics of their own; give running="):
        Objective(net, x, y, batch_size=10)
    running = net.init_running() + 0.1
    expected = net.loss(theta, x, y, running)
    assert Objective(net, x, y, running=running, batch_size=10).loss(theta) == pytest.approx(expected, rel=1e-13)


def test_float32_becomes_float64(few):
    net, x, y, theta = few
    x32, theta32 = x.astype(np.float32), theta.astype(np.float32)
    found = Objective(net, x32, y).loss(theta32)
    assert found == net.loss(theta32.astype(np.float64), x32.astype(np.float64), y)


def test_a_vectorised_loss_sees_chunks():
    problem = problems.get("rosenbrock")
    seen = []

    def loss(thetas):
        seen.append(len(thetas))
        return problem.loss(thetas)

    plane = Plane([1.0, 1.0], np.eye(2))
    one, many = surface(problem.loss, plane, points=7), surface(loss, plane, points=7, vectorised=True, chunk=20)
    assert (one.losses == many.losses).all()
    assert seen == [20, 20, 9]
    assert one.lowest == (0, 0, 0)


def test_what_overflows_is_kept_as_it_is():
    losses = evaluate(lambda theta: np.exp(theta[0]) - np.exp(theta[1]), [0.0, 0.0], np.eye(2), [[800, 0], [800, 800], [0, 0]])
    assert losses[0] == np.inf
    assert np.isnan(losses[1])
    assert losses[2] == 0
    with pytest.raises(ValueError, match="no finite loss"):
        surface(lambda theta: np.nan, Plane([0.0, 0.0], np.eye(2)), points=2).lowest


def filters(net, name, tensor):
    """The filters of a tensor, one a row, written out for each kind of layer."""
    if name.endswith((".E", ".P")):
        return tensor
    if tensor.ndim == 4:  # (kernel, kernel, channels in, channels out)
        return np.array([tensor[:, :, :, o].ravel() for o in range(tensor.shape[3])])
    return np.array([tensor[:, j] for j in range(tensor.shape[1])])


NETS = {
    "mlp": lambda: nets.MLP([5, 7, 3], batch_norm=True),
    "cnn": lambda: nets.CNN((6, 6, 2), [4], [5], 3, batch_norm=True),
    "gru": lambda: nets.RecurrentClassifier((4, 3), 5),
    "transformer": lambda: nets.TransformerClassifier((6,), vocabulary=9, width=8, heads=2, blocks=1),
    "mobilenet": lambda: nets.MobileNetV3((8, 8, 2), classes=3),
}


@pytest.mark.parametrize("kind", NETS)
def test_normalisation_of_every_kind_of_net(kind):
    net = NETS[kind]()
    theta = net.init(0) + 0.1 * np.random.default_rng(1).normal(size=net.size)
    before = theta.copy()
    raw, by_filter, by_layer = (random_directions(theta, net, normalise=how, seed=5) for how in ("none", "filter", "layer"))
    assert (theta == before).all()
    assert raw.shape == (2, net.size)
    assert (raw[0] == np.random.default_rng(5).normal(size=net.size)).all()
    for d, f, e in zip(raw, by_filter, by_layer, strict=True):
        whole = zip(net.views(theta).items(), net.views(d).values(), net.views(f).values(), net.views(e).values(), strict=True)
        for (name, w), drawn, per_filter, per_layer in whole:
            if w.ndim == 1:
                assert not per_filter.any()
                assert not per_layer.any()
                continue
            assert np.linalg.norm(per_layer) == pytest.approx(np.linalg.norm(w), rel=1e-12)
            assert per_layer == pytest.approx(drawn * np.linalg.norm(w) / np.linalg.norm(drawn), rel=1e-12)
            for own, random, weights in zip(*(filters(net, name, t) for t in (per_filter, drawn, w)), strict=True):
                assert own == pytest.approx(random * np.linalg.norm(weights) / np.linalg.norm(random), rel=1e-12)


def test_a_rescaled_relu_net_has_the_same_filter_normalised_surface(few):
    """Li et al. 2018, section 4: with raw directions the same function looks flat or sharp, as one likes."""
    net, x, y, theta = few
    same = theta.copy()
    views = net.views(same)
    views["W1"] *= 10
    views["b1"] *= 10
    views["W2"] /= 10
    objective = Objective(net, x, y)
    assert objective.loss(same) == pytest.approx(objective.loss(theta), rel=1e-13)

    def seen(at, how):
        return surface(objective.loss, random_plane(at, net, normalise=how, seed=2), points=5).losses

    for how in ("filter", "layer"):
        assert seen(same, how) == pytest.approx(seen(theta, how), rel=1e-11)
    assert np.abs(seen(same, "none") - seen(theta, "none")).max() > 1
    # filters of one layer by factors of their own: only the filter-wise surface stays
    columns = np.geomspace(0.1, 10, 12)
    views = net.views(same := theta.copy())
    views["W1"] *= columns
    views["b1"] *= columns
    views["W2"] /= columns[:, None]
    assert objective.loss(same) == pytest.approx(objective.loss(theta), rel=1e-13)
    first = [net.views(random_directions(at, net, seed=2)[0])["W1"] for at in (theta, same)]
    assert first[1] == pytest.approx(first[0] * columns, rel=1e-12)
    assert np.abs(seen(same, "layer") - seen(theta, "layer")).max() > 0.01


def test_directions_of_a_plain_vector():
    theta = np.arange(1.0, 6.0)
    raw = random_directions(theta, seed=4)
    whole = random_directions(theta, seed=4, normalise="layer")
    assert np.linalg.norm(whole, axis=1) == pytest.approx([np.linalg.norm(theta)] * 2)
    assert whole[0] / raw[0] == pytest.approx([whole[0, 0] / raw[0, 0]] * 5)
    assert random_plane(theta).kind == "random, none"
    assert (scaled(np.zeros(5), theta, normalise="layer") == 0).all()
    assert evaluate(lambda t: t.sum(), theta, [], np.empty((2, 0))).tolist() == [15, 15]


def test_a_filter_of_zeros_does_not_move():
    net = nets.MLP([4, 3, 2])
    theta = net.init(0)
    net.views(theta)["W1"][:, 1] = 0
    assert not net.views(random_directions(theta, net)[0])["W1"][:, 1].any()


def test_the_kept_path_is_the_training(walked):
    net, data, history, path = walked
    assert path.epochs == list(range(9))
    losses = [row.train_loss for row in history.rows]
    objective = Objective(net, data.x_train, data.y_train)
    assert [objective.loss(theta) for theta in path.thetas] == pytest.approx(losses, rel=1e-4)
    every = Trajectory(every=3)
    refopt.train(net, refopt.adam(lr=0.01), data, epochs=8, callbacks=[every])
    assert every.epochs == [0, 3, 6]
    assert (every.thetas == path.thetas[::3]).all()


@pytest.mark.parametrize("centred", [True, False])
def test_principal_directions(walked, centred):
    """Against the eigenvectors of the covariance, and scikit-learn's PCA where it is installed."""
    thetas = walked[3].thetas
    plane = pca_plane(thetas, centred=centred)
    away = thetas - thetas[-1]
    rows = away - away.mean(axis=0) if centred else away
    values, vectors = np.linalg.eigh(rows.T @ rows)
    for found, value, vector in zip(plane.directions, values[::-1], vectors.T[::-1], strict=False):
        assert abs(found @ vector) == pytest.approx(1, abs=1e-9)
        assert found[np.abs(found).argmax()] > 0
        assert plane.explained[list(values[::-1]).index(value)] == pytest.approx(value / values.sum(), rel=1e-9)
    assert plane.directions @ plane.directions.T == pytest.approx(np.eye(2), abs=1e-12)
    assert (plane.centre == thetas[-1]).all()
    assert plane.kind == "PCA"


def test_principal_directions_are_those_of_the_reference_program(walked, peer):
    """Li et al. give the rows θ_i − θ_end to scikit-learn's PCA."""
    peer("sklearn")
    from sklearn.decomposition import PCA

    thetas = walked[3].thetas
    theirs, plane = PCA(2).fit(thetas - thetas[-1]), pca_plane(thetas)
    assert np.abs(theirs.components_ @ plane.directions.T) == pytest.approx(np.eye(2), abs=1e-9)
    assert theirs.explained_variance_ratio_ == pytest.approx(plane.explained, rel=1e-9)


@given(st.integers(0, 50), st.integers(3, 30))
def test_coordinates_are_the_nearest_points(seed, n):
    rng = np.random.default_rng(seed)
    plane = Plane(rng.normal(size=n), rng.normal(size=(2, n)) * [[1e-3], [1e3]])  # of very different lengths
    wanted = rng.normal(size=(4, 2)) * [1e3, 1e-3]
    inside = plane.centre + wanted @ plane.directions
    assert plane.coordinates(inside) == pytest.approx(wanted, rel=1e-7, abs=1e-9)
    assert plane.off_plane(inside) == pytest.approx(np.zeros(4), abs=1e-9)
    beside = rng.normal(size=(4, n))
    beside -= (np.linalg.lstsq(plane.directions.T, beside.T, rcond=None)[0].T) @ plane.directions
    assert plane.coordinates(inside + beside) == pytest.approx(wanted, rel=1e-6, abs=1e-6)
    far = np.linalg.norm(beside, axis=1) / np.linalg.norm(inside + beside - plane.centre, axis=1)
    assert plane.off_plane(inside + beside) == pytest.approx(far, rel=1e-6)
    assert plane.off_plane([plane.centre]) == [0]


def test_a_surface_with_a_path(walked):
    net, data, _, path = walked
    objective, plane = Objective(net, data.x_train, data.y_train), pca_plane(path.thetas)
    found = surface(objective.loss, plane, points=7, path=path.thetas)
    assert (found.path == plane.coordinates(path.thetas)).all()
    assert (found.off_plane == plane.off_plane(path.thetas)).all()
    assert found.path_losses.tolist() == [objective.loss(theta) for theta in path.thetas]
    assert found.path[-1] == pytest.approx([0, 0], abs=1e-12)
    assert found.a[0] < found.path[:, 0].min() < found.path[:, 0].max() < found.a[-1]
    assert found.b[0] < found.path[:, 1].min() < found.path[:, 1].max() < found.b[-1]
    assert 0 < found.off_plane[:-1].max() < 1


def test_a_long_path_is_evaluated_theta_by_theta():
    """As many thetas are made as the path has, whatever its length; combining them all for each would take t² of them."""
    problem, seen = problems.get("rosenbrock"), []
    path = np.random.default_rng(0).normal(size=(3000, 2)).cumsum(axis=0)

    def loss(thetas):
        seen.append(len(thetas))
        return problem.loss(thetas)

    found = surface(loss, pca_plane(path), points=2, path=path, vectorised=True, chunk=1000)
    assert seen == [4, 1000, 1000, 1000]
    assert (found.path_losses == problem.loss(path)).all()
    before = path.copy()
    surface(lambda theta: theta.fill(0.0) or 0.0, pca_plane(path), points=2, path=path)
    assert (path == before).all()  # a loss that spoils its argument spoils a copy


def test_the_centre_is_on_the_grid_of_odd_numbers():
    plane = Plane([1.0, 1.0], np.eye(2))
    for points in range(3, 202, 2):
        for span in (1, 0.3, 0.7, 3):
            found = surface(lambda t: 0.0, plane, span=span, points=(points, 3))
            assert found.a[points // 2] == 0
            assert (found.a[0], found.a[-1]) == (-span, span)
            assert found.a == pytest.approx(np.linspace(-span, span, points), abs=1e-15 * points)


def test_files_hold_every_bit(walked, tmp_path):
    net, data, _, path = walked
    objective = Objective(net, data.x_train[:50], data.y_train[:50])
    made = surface(objective.loss, pca_plane(path.thetas), points=3, path=path.thetas)
    file = landscape.save(tmp_path / "s.npz", made, {"net": "mlp", "epochs": 8})
    found, about = landscape.load(file)
    assert about == {"net": "mlp", "epochs": 8}
    for name in ("a", "b", "losses", "path", "path_losses", "off_plane"):
        assert (getattr(found, name) == getattr(made, name)).all()
    for name in ("centre", "directions", "explained"):
        assert (getattr(found.plane, name) == getattr(made.plane, name)).all()
    assert found.plane.kind == "PCA"
    bare, about = landscape.load(landscape.save(file, surface(lambda t: t[0], Plane([0.0, 1.0], np.eye(2)), points=2)))
    assert about == {}
    assert bare.path is None
    assert [entry.name for entry in tmp_path.iterdir()] == ["s.npz"]
    with pytest.raises(TypeError, match="a landscape file holds one of Density, Line, Plane, Stability, Surface; got dict"):
        landscape.save(file, {"a": 1})
    assert landscape.load(file)[0].losses.shape == (2, 2)


def test_broken_files_get_one_clear_error(tmp_path):
    file = landscape.save(tmp_path / "l.npz", line(lambda t: t[0], [0.0], [1.0]))
    content = file.read_bytes()
    wrong = [content[: len(content) // 2], b"", b"no archive", content.replace(b"structure", b"strukture")]
    wrong += [content[:k] + bytes([content[k] ^ 255]) + content[k + 1 :] for k in range(0, len(content), 97)]
    before, refused = landscape.load(file), 0
    for bad in wrong:
        file.write_bytes(bad)
        message = None
        try:
            same = str(landscape.load(file)) == str(before)
        except ValueError as error:
            message = str(error)
        assert same if message is None else str(file) in message  # a flipped bit in a date of the archive harms nobody
        refused += message is not None
    assert refused > len(wrong) // 2
    refopt.training.save_checkpoint(file, {"theta": np.ones(2)})
    with pytest.raises(ValueError, match="holds no landscape, but other data"):
        landscape.load(file)
    for content, message in (
        ({"landscape": 2, "result": 0, "about": {}}, "has landscape format 2; this refopt reads format 1"),
        ({"landscape": 1, "result": {"class": "Line"}, "about": {}}, "is broken: it holds no whole landscape"),
        ({"landscape": 1, "result": {"class": "Lime"}, "about": {}}, "is broken: it holds no whole landscape"),
    ):
        refopt.training.save_checkpoint(file, content)
        with pytest.raises(ValueError, match=message):
            landscape.load(file)


def test_bad_input_gets_one_clear_error(few):
    net, x, y, theta = few
    plane, loss = random_plane(theta, net), Objective(net, x, y).loss
    flat = Plane([0.0, 0.0], np.eye(2))
    for wrong, message in (
        (partial(scaled, theta, theta, net, "filtre"), "unknown normalise 'filtre'; did you mean 'filter'"),
        (partial(scaled, theta, theta), "a plain vector has no filters"),
        (partial(random_directions, theta[1:], net), f"theta must be a vector of {net.size} numbers, got shape"),
        (partial(random_directions, theta, net, count=0), "count must be a positive whole number, got 0"),
        (partial(random_directions, theta, net, count=1.5), "count must be a positive whole number, got 1.5"),
        (partial(Plane, theta, []), "a plane has two directions, got 0"),
        (partial(Objective, net, x, 3), "the same number of examples"),
        (partial(surface, loss, plane, points=2.5), "points must be a whole number of at least 2, got 2.5"),
        (partial(random_directions, [1.0, np.nan]), "theta holds NaN or infinity"),
        (partial(random_directions, "words"), "theta must be a vector of numbers, got str"),
        (partial(Plane, theta, plane.directions[:1]), "a plane has two directions, got 1"),
        (partial(Plane, theta, plane.directions[[0, 0]]), "must be different lines"),
        (partial(Plane, theta, plane.directions * [[0], [1]]), "neither of length 0"),
        (partial(pca_plane, [theta, theta]), "at least 3 thetas, got 2"),
        (partial(pca_plane, [theta, 2 * theta, 3 * theta]), "lie on one line"),
        (partial(pca_plane, [theta] * 5), "lie on one line"),
        (partial(pca_plane, [theta, theta[1:]]), "thetas of one length"),
        (partial(surface, loss, plane, span=0), "span must be a positive number, got 0"),
        (partial(surface, loss, plane, span="wide"), "span must be a positive number or"),
        (partial(surface, loss, plane, span=((0, 1), (1, 0))), "from a finite number to a larger one, got 1.0 to 0.0"),
        (partial(surface, loss, plane, points=1), "points must be a whole number of at least 2, got 1"),
        (partial(surface, loss, plane, points=(2, 2, 2)), "points must be one whole number or two"),
        (partial(surface, loss, plane, threads=0), "threads must be a positive whole number, got 0"),
        (partial(surface, loss, plane, chunk=0), "chunk must be a positive whole number, got 0"),
        (partial(surface, lambda t: t, flat), r"a loss must give one number for one theta, got shape \(2,\)"),
        (partial(surface, lambda t: 0.0, flat, vectorised=True), r"must give as many values, got \(\)"),
        (partial(evaluate, loss, theta, plane.directions, [[1.0]]), r"coefficients must be finite, \(points, 2\), got shape"),
        (partial(line, loss, theta, theta[1:]), "start and end must have one shape"),
        (partial(loss, theta[1:]), f"theta must be a vector of {net.size} numbers"),
        (partial(Objective, net, x, y[1:]), "the same number of examples"),
        (partial(Objective, net, x, y, batch_size=0), "batch_size must be a positive whole number, got 0"),
        (partial(Trajectory, 0), "every must be a positive whole number, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            wrong()


def test_nothing_that_was_given_is_changed(few):
    net, x, y, theta = few
    given_all = [x, y, theta, thetas := np.stack([theta, theta + 1, theta * 2, theta**2])]
    before = copy.deepcopy(given_all)
    plane = pca_plane(thetas)
    surface(Objective(net, x, y).loss, plane, points=2, path=thetas)
    assert all((a == b).all() for a, b in zip(given_all, before, strict=True))
