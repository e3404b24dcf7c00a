"""Parameter groups, against each tensor trained on its own and against PyTorch's."""

import numpy as np
import pytest

import refopt
from refopt.data import digits
from refopt.nets import MLP
from refopt.training import Group, no_decay, train

NET = MLP([64, 8, 10])
OPTIONS = dict(epochs=1, batch_size=337, seed=3)


def by_hand(rules, schedules=None, transform=None):
    """The training of OPTIONS with a rule for each tensor: rules {name: rule}, schedules {name: {word: function of k}}."""
    data, theta = digits(), NET.init(3, np.float32)
    tree = {name: view.copy() for name, view in NET.views(theta).items()}
    states = {name: rule.init(tree[name]) for name, rule in rules.items()}
    order = np.random.default_rng(3).permutation(1348)
    for k in range(4):
        part = order[337 * k : 337 * (k + 1)]
        flat = np.concatenate([view.ravel() for view in tree.values()])
        g = NET.loss_and_grad(flat, data.x_train[part], data.y_train[part])[1]
        slopes = NET.views(g if transform is None else transform(flat, g, data.x_train[part], data.y_train[part]))
        for name, rule in rules.items():
            now = {word: value(k) for word, value in (schedules or {}).get(name, {}).items()}
            tree[name], states[name] = rule.update(tree[name], slopes[name], states[name], **now)
    return np.concatenate([view.ravel() for view in tree.values()])


def test_biases_are_left_out_of_weight_decay():
    decayed, plain = refopt.adamw(lr=0.01, weight_decay=0.5), refopt.adamw(lr=0.01, weight_decay=0.0)
    history = train(NET, decayed, digits(), groups={"no_decay": Group(no_decay(NET), weight_decay=0.0)}, **OPTIONS)
    assert np.array_equal(history.theta, by_hand({"W1": decayed, "b1": plain, "W2": decayed, "b2": plain}))
    assert set(history.state["groups"]) == {"no_decay", "rest"}
    assert set(history.state["groups"]["no_decay"]["m"]) == {"b1", "b2"}
    assert history.rows[-1].state_bytes == 2 * 4 * NET.size


def test_schedules_hold_for_the_groups_that_do_not_say_otherwise():
    lr, own = lambda k: 0.01 / (1 + k), lambda k: 0.1 * (k + 1)
    groups = {
        "own lr": Group("W1", lr=0.003),
        "own schedule": Group(["b1"], lr=own),
        "own rule": Group(lambda name: name == "W2", refopt.sgd(lr=0.2)),
    }
    history = train(NET, refopt.adam(beta1=0.8), digits(), schedule=lr, groups=groups, **OPTIONS)
    adam = refopt.adam(beta1=0.8)
    rules = {"W1": adam(lr=0.003), "b1": adam, "W2": refopt.sgd(lr=0.2), "b2": adam}
    assert np.array_equal(history.theta, by_hand(rules, {"b1": {"lr": own}, "b2": {"lr": lr}}))
    assert history.steps.lr.tolist() == [lr(k) for k in range(4)]


def test_a_rule_that_looks_at_tensors_beside_one_that_does_not():
    groups = {"vectors": Group("b*", refopt.sgd(lr=0.1))}
    history = train(NET, refopt.lamb(lr=0.01), digits(), groups=groups, **OPTIONS)
    lamb, sgd = refopt.lamb(lr=0.01), refopt.sgd(lr=0.1)
    assert np.array_equal(history.theta, by_hand({"W1": lamb, "b1": sgd, "W2": lamb, "b2": sgd}))


def test_a_transform_that_looks_at_everything_goes_around_all_groups():
    def sharper(theta, g, x, y):
        return NET.loss_and_grad(theta + 0.5 * g / (np.sqrt(np.sum(g * g)) + 1e-12), x, y)[1]

    groups, schedule = {"b": Group("b*", lr=0.3)}, {"lr": lambda k: 0.1, "rho": lambda k: 0.5}
    transforms = [refopt.sam, refopt.l2(weight_decay=0.1)]
    history = train(NET, refopt.sgd, digits(), transforms=transforms, groups=groups, schedule=schedule, **OPTIONS)
    rule = refopt.l2(inner=refopt.sgd(lr=0.1), weight_decay=0.1)
    rules = {"W1": rule, "b1": rule(lr=0.3), "W2": rule, "b2": rule(lr=0.3)}
    assert np.allclose(history.theta, by_hand(rules, transform=sharper), rtol=0, atol=1e-6)


def test_parameter_groups_of_torch(torch):
    """torch.optim.AdamW with two groups, in float64 on this net's own gradients: 1e-12 relative."""
    data, theta = digits(dtype=np.float64), NET.init(3)
    parameters = {name: torch.nn.Parameter(torch.tensor(view.copy())) for name, view in NET.views(theta).items()}
    biases = [parameters["b1"], parameters["b2"]]
    weights = [parameters["W1"], parameters["W2"]]
    optimizer = torch.optim.AdamW([{"params": weights}, {"params": biases, "weight_decay": 0.0, "lr": 0.02}], lr=0.01)
    order = np.random.default_rng(3).permutation(1348)
    for k in range(4):
        part = order[337 * k : 337 * (k + 1)]
        flat = np.concatenate([parameter.detach().numpy().ravel() for parameter in parameters.values()])
        g = NET.loss_and_grad(flat, data.x_train[part], data.y_train[part])[1]
        for name, slope in NET.views(g).items():
            parameters[name].grad = torch.tensor(slope)
        optimizer.step()
    rule = refopt.rule("adamw", framework="torch", lr=0.01)
    groups = {"no_decay": Group(no_decay(NET), weight_decay=0.0, lr=0.02)}
    history = train(NET, rule, data, groups=groups, dtype=np.float64, **OPTIONS)
    for name, view in NET.views(history.theta).items():
        expected = parameters[name].detach().numpy()
        assert np.abs(view - expected).max() <= 1e-12 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ({"a": Group("W3")}, "group 'a': no tensor is called 'W3'. Allowed: W1, b1, W2, b2"),
        ({"a": Group("W*"), "b": Group(["b1", "W2"])}, "each tensor belongs to one group; W2 is in 'a' and 'b'"),
        ({"a": Group(lambda name: False)}, "group 'a' holds no tensor"),
        ({"a": Group([])}, "group 'a' holds no tensor"),
        ({"rest": Group("W1")}, "'rest' is the group of the tensors that no group names"),
        ({"a": Group("W1", beta3=0.5)}, "no hyper-parameter 'beta3'"),
        ({"a": Group("W1", lr="high")}, "group 'a': lr must be a number, a function"),
        ({"a": Group("W1", refopt.sam)}, "sam needs grad of all parameters and cannot be the rule of a group"),
    ],
)
def test_groups_that_do_not_fit(groups, message):
    with pytest.raises((ValueError, TypeError), match=message):
        train(NET, refopt.adamw, digits(), groups=groups, epochs=1)


def test_more_errors():
    with pytest.raises(TypeError, match=r"the rule of a group must be a Rule, for instance refopt.sgd; got 'sgd'"):
        Group("W1", rule="sgd")
    with pytest.raises(TypeError, match="no hyper-parameter 'beta3'"):
        train(NET, refopt.adam, digits(), groups={"a": Group("W1", lr=0.1)}, schedule={"beta3": lambda k: 0.5}, epochs=1)
    assert repr(Group(["b*"], refopt.sgd(lr=0.5), lr=0.1)).startswith("Group(['b*'], rule=sgd(lr=0.5")


def test_groups_that_cover_everything_leave_no_rest():
    groups = {"w": Group("W*"), "b": Group("b*")}
    history = train(NET, refopt.adam(lr=0.01), digits(), groups=groups, **OPTIONS)
    assert set(history.state["groups"]) == {"w", "b"}
    assert np.array_equal(history.theta, train(NET, refopt.adam(lr=0.01), digits(), **OPTIONS).theta)
