"""Every layer, loss and model against PyTorch's autograd in float64, built from PyTorch's own functions."""

import math

import numpy as np
import pytest
from instances import LAYERS, LOSSES, MODELS, batch, lively, start, targets

from refopt.nets import Run

TOLERANCE = 1e-10  # relative to the largest entry of the tensor


def close(ours, theirs, what):
    theirs = theirs.detach().numpy() if hasattr(theirs, "detach") else theirs
    assert ours.shape == theirs.shape, what
    assert np.abs(ours - theirs).max(initial=0) <= TOLERANCE * max(np.abs(theirs).max(initial=0), 1e-3), what


class Torch:
    """The same layers in PyTorch's words, from tensors by name. Images go through with their channels first, and back."""

    def __init__(self, torch, tensors, running=None):
        self.torch, self.f, self.t, self.running = torch, torch.nn.functional, tensors, running

    def linear(self, name, x):
        return self.f.linear(x, self.t[f"{name}W"].T, self.t[f"{name}b"])

    def conv(self, name, x, stride=1, padding=1, groups=1):
        W = self.t[f"{name}W"].permute(3, 2, 0, 1)
        y = self.f.conv2d(x.permute(0, 3, 1, 2), W, self.t.get(f"{name}b"), stride, padding, groups=groups)
        return y.permute(0, 2, 3, 1)

    def pool(self, kind, x, kernel=2, stride=None):
        return getattr(self.f, kind)(x.permute(0, 3, 1, 2), kernel, stride).permute(0, 2, 3, 1)

    def batch_norm(self, name, x):
        rows = x.reshape(-1, x.shape[-1])
        return self.f.batch_norm(rows, None, None, self.t[f"{name}gamma"], self.t[f"{name}beta"], training=True).reshape(
            x.shape
        )

    def layer_norm(self, name, x):
        return self.f.layer_norm(x, x.shape[-1:], self.t[f"{name}gamma"], self.t[f"{name}beta"])

    def act(self, kind, x):
        f = self.f
        return {
            "relu": f.relu,
            "leaky_relu": f.leaky_relu,
            "gelu": f.gelu,
            "gelu_tanh": lambda x: f.gelu(x, approximate="tanh"),
            "silu": f.silu,
            "hard_swish": f.hardswish,
            "hard_sigmoid": self.hard_sigmoid,
            "sigmoid": self.torch.sigmoid,
            "tanh": self.torch.tanh,
            "identity": lambda x: x * 1,
        }[kind](x)

    def hard_sigmoid(self, x):
        """Not torch.nn.functional.hardsigmoid, whose slope is 1/6 rounded to float32 even in float64 (torch 2.13)."""
        return self.f.relu6(x + 3) / 6

    def recurrent(self, name, x, kind):
        W, U = self.t[f"{name}W"], self.t[f"{name}U"]
        hidden = U.shape[0]
        cell = (self.torch.nn.GRU if kind == "gru" else self.torch.nn.RNN)(x.shape[2], hidden, batch_first=True, dtype=x.dtype)
        zero = self.torch.zeros_like(self.t[f"{name}b"])
        weights = (W.T, U.T, self.t[f"{name}b"], self.t.get(f"{name}b_h", zero))
        for parameter, value in zip(("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"), weights, strict=True):
            delattr(cell, parameter)
            setattr(cell, parameter, value)
        run = self.torch.gru if kind == "gru" else self.torch.rnn_tanh
        h = self.torch.zeros(1, len(x), hidden, dtype=x.dtype)
        return run(x, h, list(weights), True, 1, 0.0, False, False, True)[0]

    def attention(self, name, x, heads, causal=False):
        n, steps, width = x.shape
        qkv = self.linear(f"{name}qkv.", x).reshape(n, steps, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
        o = self.f.scaled_dot_product_attention(*qkv, is_causal=causal)
        return self.linear(f"{name}out.", o.transpose(1, 2).reshape(n, steps, width))

    def squeeze_excite(self, name, x):
        gate = self.f.relu(self.linear(f"{name}gate.squeeze.", x.mean((1, 2))))
        return x * self.hard_sigmoid(self.linear(f"{name}gate.excite.", gate))[:, None, None, :]

    def basic_block(self, name, x, stride=1):
        b = f"{name}residual.branch."
        y = self.f.relu(self.batch_norm(f"{b}norm1.", self.conv(f"{b}conv1.", x, stride)))
        y = self.batch_norm(f"{b}norm2.", self.conv(f"{b}conv2.", y))
        s = f"{name}residual.shortcut."
        if f"{s}conv.W" in self.t:
            x = self.batch_norm(f"{s}norm.", self.conv(f"{s}conv.", x, stride, 0))
        return self.f.relu(x + y)

    def inverted_residual(self, name, x, kernel=3, stride=1, activation="hard_swish"):
        branch = f"{name}branch." if f"{name}branch.expand.W" in self.t else name
        y = self.act(activation, self.batch_norm(f"{branch}norm1.", self.conv(f"{branch}expand.", x, 1, 0)))
        y = self.conv(f"{branch}depthwise.", y, stride, kernel // 2, y.shape[-1])
        y = self.act(activation, self.batch_norm(f"{branch}norm2.", y))
        y = self.squeeze_excite(f"{branch}squeeze_excite.", y)
        y = self.batch_norm(f"{branch}norm3.", self.conv(f"{branch}project.", y, 1, 0))
        return y if branch == name else x + y

    def transformer_block(self, name, x, heads, causal=False):
        m, t = f"{name}mix.branch.", f"{name}think.branch."
        x = x + self.attention(f"{m}attention.", self.layer_norm(f"{m}norm.", x), heads, causal)
        y = self.f.gelu(self.linear(f"{t}linear1.", self.layer_norm(f"{t}norm.", x)))
        return x + self.linear(f"{t}linear2.", y)


LAYERS_THERE = {
    "linear": lambda T, x: T.linear("", x),
    "linear over steps": lambda T, x: T.linear("", x),
    "conv": lambda T, x: T.conv("", x),
    "conv of one channel": lambda T, x: T.conv("", x),
    "conv 1 × 1": lambda T, x: T.conv("", x, 1, 0),
    "conv stride 2": lambda T, x: T.conv("", x, 2, 1),
    "conv stride (2, 3) kernel (2, 3) padding (1, 0)": lambda T, x: T.conv("", x, (2, 3), (1, 0)),
    "conv without padding": lambda T, x: T.conv("", x, 1, 0),
    "conv padding wider than the kernel": lambda T, x: T.conv("", x, 1, 3),
    "conv stride wider than the kernel": lambda T, x: T.conv("", x, 3, 2),
    "conv in groups": lambda T, x: T.conv("", x, 1, 1, 2),
    "conv depthwise": lambda T, x: T.conv("", x, 2, 1, 3),
    "conv depthwise, twice as many out": lambda T, x: T.conv("", x, 1, 1, 2),
    "max pool": lambda T, x: T.pool("max_pool2d", x),
    "max pool, rest left over": lambda T, x: T.pool("max_pool2d", x),
    "max pool, overlapping": lambda T, x: T.pool("max_pool2d", x, 3, 2),
    "max pool, gaps": lambda T, x: T.pool("max_pool2d", x, 2, 3),
    "average pool": lambda T, x: T.pool("avg_pool2d", x),
    "average pool, overlapping": lambda T, x: T.pool("avg_pool2d", x, (3, 2), (2, 1)),
    "global average pool": lambda T, x: x.mean((1, 2)),
    "flatten": lambda T, x: x.flatten(1),
    "last step": lambda T, x: x[:, -1],
    "mean over steps": lambda T, x: x.mean(1),
    "batch norm": lambda T, x: T.batch_norm("", x),
    "batch norm of images": lambda T, x: T.batch_norm("", x),
    "layer norm": lambda T, x: T.layer_norm("", x),
    "RMS norm": lambda T, x: T.f.rms_norm(x, x.shape[-1:], T.t["gamma"], 1e-5),
    "softmax": lambda T, x: x.softmax(-1),
    "positions": lambda T, x: x + T.t["P"][: x.shape[1]],
    "RNN": lambda T, x: T.recurrent("", x, "rnn"),
    "GRU": lambda T, x: T.recurrent("", x, "gru"),
    "attention": lambda T, x: T.attention("", x, 2),
    "attention, causal": lambda T, x: T.attention("", x, 1, True),
    "residual": lambda T, x: x + T.linear("branch.", x),
    "residual with a shortcut": lambda T, x: T.linear("shortcut.", x) + T.linear("branch.", x),
    "squeeze and excite": lambda T, x: T.squeeze_excite("", x),
    "basic block": lambda T, x: T.basic_block("", x),
    "basic block, stride 2": lambda T, x: T.basic_block("", x, 2),
    "inverted residual": lambda T, x: T.inverted_residual("", x),
    "inverted residual, stride 2": lambda T, x: T.inverted_residual("", x, 5, 2, "relu"),
    "transformer block": lambda T, x: T.transformer_block("", x, 2, True),
}
HAVE_NO_PEER = {"dropout", "standout"}  # their masks are our own; complex step covers them


def tensors_of(torch, layer, theta):
    """PyTorch's copies of the named tensors in a flat theta."""
    found, begin = {}, 0
    for name, shape in layer.named():
        size = math.prod(shape)
        found[name] = torch.tensor(theta[begin : begin + size].reshape(shape), requires_grad=True)
        begin += size
    return found


def flat(torch, tensors):
    return np.concatenate([(torch.zeros_like(t) if t.grad is None else t.grad).numpy().reshape(-1) for t in tensors.values()])


def test_every_layer_is_compared():
    from refopt.nets.activations import ACTIVATIONS

    assert set(LAYERS) == set(LAYERS_THERE) | HAVE_NO_PEER | set(ACTIVATIONS)


@pytest.mark.parametrize("name", [name for name in LAYERS if name not in HAVE_NO_PEER])
def test_layers(torch, name):
    make, shape = LAYERS[name]
    layer, rng = make(), np.random.default_rng(7)
    theta, x = lively(layer), rng.normal(size=(3, *shape))
    y, kept = layer.forward(theta, x, Run())
    tensors, x_there = tensors_of(torch, layer, theta), torch.tensor(x, requires_grad=True)
    there = Torch(torch, tensors)
    y_there = LAYERS_THERE[name](there, x_there) if name in LAYERS_THERE else there.act(name, x_there)
    close(y.copy(), y_there, "y")
    dy, g = rng.normal(size=y.shape), np.full(theta.shape, np.nan)
    dx = layer.backward(theta, g, dy.copy(), kept)
    y_there.backward(torch.tensor(dy))
    close(dx, x_there.grad, "dx")
    if layer.size:
        close(g, flat(torch, tensors), "g")


def test_pytorch_rounds_the_slope_of_its_hard_sigmoid_to_float32(torch):
    """Why the comparison above writes the hard sigmoid out: seen in torch 2.13; should it pass no more, it has been mended."""
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    torch.nn.functional.hardsigmoid(x).sum().backward()
    assert x.grad.item() == float(np.float32(1 / 6)) != 1 / 6


def test_embedding(torch):
    from refopt.nets import Embedding

    layer, rng = Embedding(5, 3), np.random.default_rng(8)
    theta, x = lively(layer), rng.integers(0, 4, (2, 6))  # token 4 does not occur
    y, kept = layer.forward(theta, x, Run())
    table = torch.tensor(theta.reshape(5, 3), requires_grad=True)
    y_there = torch.nn.functional.embedding(torch.tensor(x), table)
    close(y, y_there, "y")
    dy, g = rng.normal(size=y.shape), np.full(theta.shape, np.nan)
    layer.backward(theta, g, dy, kept)
    y_there.backward(torch.tensor(dy))
    close(g.reshape(5, 3), table.grad, "E")


@pytest.mark.parametrize("name", LOSSES)
def test_losses(torch, name):
    loss, F = LOSSES[name], torch.nn.functional
    z = np.random.default_rng(9).normal(size=(6, 4))
    y = targets(loss, z)
    z_there, y_there = torch.tensor(z, requires_grad=True), torch.tensor(y)
    there = {
        "softmax_cross_entropy": lambda: F.cross_entropy(z_there, y_there),
        "label smoothing": lambda: F.cross_entropy(z_there, y_there, label_smoothing=0.2),
        "hinge": lambda: F.multi_margin_loss(z_there, y_there),
        "hinge, margin 0.5": lambda: F.multi_margin_loss(z_there, y_there, margin=0.5),
        "mse": lambda: F.mse_loss(z_there, y_there),
        "mae": lambda: F.l1_loss(z_there, y_there),
        "huber": lambda: F.huber_loss(z_there, y_there),
        "huber, delta 0.3": lambda: F.huber_loss(z_there, y_there, delta=0.3),
        "binary_cross_entropy": lambda: F.binary_cross_entropy_with_logits(z_there, y_there),
    }[name]()
    there.backward()
    value, kept = loss.forward(z, y)
    assert abs(value - there.item()) <= 1e-14 * max(abs(there.item()), 1)
    close(loss.backward(kept), z_there.grad, name)


def cnn(T, x, convolutions, activation, batch_norm):
    number = 0
    for number in range(1, convolutions + 1):
        x = T.conv(f"conv{number}.", x)
        if batch_norm:
            x = T.batch_norm(f"norm{number}.", x)
        x = T.pool("max_pool2d", x)
        x = T.act(activation, x)
    x = T.act(activation, T.linear(f"linear{number + 1}.", x.flatten(1)))
    return T.linear("out.", x)


def mlp(T, x, layers, activation):
    for number in range(1, layers + 1):
        x = T.f.linear(x, T.t[f"linear{number}.W"].T, T.t[f"linear{number}.b"])
        x = T.act(activation, x) if number < layers else x
    return x


def resnet(T, x):
    x = T.act("relu", T.batch_norm("norm.", T.conv("conv.", x)))
    return T.linear("out.", T.basic_block("block2_1.", T.basic_block("block1_1.", x), 2).mean((1, 2)))


def mobilenet(T, x):
    x = T.act("hard_swish", T.batch_norm("norm.", T.conv("stem.", x, 2, 1)))
    x = T.inverted_residual("block1.", x, 3, 1, "relu")
    x = T.inverted_residual("block2.", x, 3, 2)
    x = T.act("hard_swish", T.batch_norm("last_norm.", T.conv("last.", x, 1, 0)))
    return T.linear("out.", T.act("hard_swish", T.linear("linear.", x.mean((1, 2)))))


def transformer(T, x):
    x = T.f.embedding(x, T.t["embedding.E"]) + T.t["positions.P"]
    for number in (1, 2):
        x = T.transformer_block(f"block{number}.", x, 2)
    return T.linear("out.", T.layer_norm("norm.", x).mean(1))


MODELS_THERE = {
    "MLP": lambda T, x: mlp(T, x, 3, "relu"),
    "MLP tanh, penalties": lambda T, x: mlp(T, x, 2, "tanh"),
    "CNN": lambda T, x: cnn(T, x, 2, "relu", False),
    "CNN of three convolutions": lambda T, x: cnn(T, x, 3, "silu", True),
    "ResNet": resnet,
    "MobileNetV3": mobilenet,
    "SimpleRNN": lambda T, x: T.linear("out.", T.recurrent("rnn.", x, "rnn")[:, -1]),
    "GRU": lambda T, x: T.linear("out.", T.recurrent("gru.", T.f.embedding(x, T.t["embedding.E"]), "gru")[:, -1]),
    "Transformer": transformer,
}


@pytest.mark.parametrize("name", MODELS_THERE)
def test_models(torch, name):
    net = MODELS[name][0]()
    theta, (x, y) = start(net), batch(net)
    tensors = tensors_of(torch, net.layers, theta)
    logits = MODELS_THERE[name](Torch(torch, tensors), torch.tensor(x))
    there = torch.nn.functional.cross_entropy(logits, torch.tensor(y))
    if "penalties" in name:
        weights = [t for t in tensors.values() if t.ndim > 1]
        there = there + sum(0.01 * w.abs().sum() + 0.05 * (w**2).sum() for w in weights)
    there.backward()
    loss, g = net.loss_and_grad(theta, x, y)
    assert abs(loss - there.item()) < 1e-12
    close(g, flat(torch, tensors), name)


def test_running_statistics_are_those_of_pytorch(torch):
    """The batch's mean and unbiased variance, averaged by the loop's one line, and then used."""
    from refopt.nets import MLP

    net, rng = MLP([3, 4, 2], batch_norm=True), np.random.default_rng(10)
    theta, x, y = start(net), rng.normal(size=(8, 3)), rng.integers(0, 2, 8)
    running, statistics = net.init_running(), np.empty(net.running_size)
    net.loss_and_grad(theta, x, y, statistics=statistics)
    running = 0.9 * running + 0.1 * statistics
    views = net.views(theta)
    norm = torch.nn.BatchNorm1d(4, dtype=torch.float64)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor(views["gamma1"]))
        norm.bias.copy_(torch.tensor(views["beta1"]))
    hidden = torch.tensor(x @ views["W1"] + views["b1"])
    norm(hidden)
    close(running, torch.cat([norm.running_mean, norm.running_var]), "running")
    norm.eval()
    there = torch.relu(norm(hidden)).detach().numpy() @ views["W2"] + views["b2"]
    close(net.outputs(theta, x, running), there, "outputs")
