"""The synthetic sets can be learned, and by whom: the classes here with refopt's own network and rules."""

import numpy as np
import pytest

import refopt
from refopt.data import adding_problem, blobs, images, mnist1d, moons, sequences, spirals, standardise, tokens
from refopt.nets import MLP
from refopt.training import train


def accuracy(data, hidden, lr, epochs):
    """Test accuracy of a perceptron after some epochs of Adam in batches of 32."""
    flat = data._replace(x_train=data.x_train.reshape(len(data.x_train), -1), x_test=data.x_test.reshape(len(data.x_test), -1))
    net = MLP([flat.x_train.shape[1], *hidden, int(data.y_train.max()) + 1])
    return train(net, refopt.adam(lr=lr), flat, epochs=epochs).rows[-1].validation_accuracy


@pytest.mark.parametrize("seed", range(3))
def test_the_plane(seed):
    assert accuracy(moons(seed=seed), [16], 0.01, 20) > 0.98
    assert accuracy(spirals(seed=seed), [32, 32], 0.01, 60) > 0.97
    assert accuracy(spirals(arms=3, seed=seed), [32, 32], 0.01, 60) > 0.95


def test_no_straight_line_parts_moons_or_spirals_but_one_parts_blobs():
    assert accuracy(moons(), [], 0.1, 20) < 0.9
    assert accuracy(spirals(), [], 0.1, 20) < 0.75
    assert accuracy(blobs(spread=0.05, seed=1), [], 0.1, 20) > 0.98


def test_images_once_they_are_standardised():
    data, _ = standardise(images())
    assert accuracy(data, [64], 0.003, 10) > 0.98
    data, _ = standardise(images(1000, 32, 32, 3))
    assert accuracy(data, [64], 0.003, 10) > 0.98


def test_signals_tell_networks_apart():
    """Which is what the set is for. A linear model is far above chance (0.1), layers help, and something is left."""
    linear, layers = accuracy(mnist1d(), [], 0.01, 20), accuracy(mnist1d(), [100, 100], 0.003, 30)
    assert 0.15 < linear < 0.35
    assert 0.5 < layers < 0.7


def test_a_linear_model_learns_nothing_of_a_sequence():
    """The best expected cross-entropy is that of guessing, log 4: x and -x are equally likely, and the loss is convex.

    (Accuracy would not show it: a weight for cos(2π k t / steps) is right wherever the phase happens to agree.)
    """
    data = sequences(8000)
    data = data._replace(x_train=data.x_train[..., 0], x_test=data.x_test[..., 0])
    net = MLP([32, 4])
    history = train(net, refopt.adam(lr=0.01), data, epochs=10)
    assert 0.99 * np.log(4) < net.loss(history.theta, data.x_test, data.y_test) < 1.05 * np.log(4)


class Torch:
    """Small networks of PyTorch, for what takes memory or convolution."""

    def __init__(self, torch):
        self.torch, self.nn = torch, torch.nn
        torch.manual_seed(0)

    def recurrent(self, features, outputs, vocabulary=None):
        """A GRU of 32 units; its last state is read out."""
        nn = self.nn

        class Recurrent(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed = nn.Embedding(vocabulary, features) if vocabulary else nn.Identity()
                self.gru, self.out = nn.GRU(features, 32, batch_first=True), nn.Linear(32, outputs)

            def forward(self, x):
                return self.out(self.gru(self.embed(x))[0][:, -1])

        return Recurrent()

    def transformer(self, vocabulary, steps, outputs):
        """One block of width 32 with two heads, places embedded, the mean read out."""
        torch, nn = self.torch, self.nn

        class Transformer(nn.Module):
            def __init__(self):
                super().__init__()
                self.embed, self.places = nn.Embedding(vocabulary, 32), nn.Parameter(0.1 * torch.randn(steps, 32))
                self.block = nn.TransformerEncoderLayer(32, 2, 64, dropout=0.0, batch_first=True, norm_first=True)
                self.out = nn.Linear(32, outputs)

            def forward(self, x):
                return self.out(self.block(self.embed(x) + self.places).mean(dim=1))

        return Transformer()

    def convolutional(self, length):
        """Three convolutions of 25 channels."""
        nn = self.nn
        layers = [nn.Unflatten(1, (1, length))]
        for inputs, kernel in ((1, 5), (25, 3), (25, 3)):
            layers += [nn.Conv1d(inputs, 25, kernel, stride=2, padding=1), nn.ReLU()]
        return nn.Sequential(*layers, nn.Flatten(), nn.LazyLinear(10))

    def score(self, net, data, lr, epochs):
        """Test accuracy, or mean squared error, after some epochs of Adam in batches of 64."""
        torch, labels = self.torch, data.y_train.dtype == np.int64
        x, y, x_test, y_test = map(torch.from_numpy, data)
        loss = torch.nn.functional.cross_entropy if labels else torch.nn.functional.mse_loss
        net(x[:2])
        optimizer = torch.optim.Adam(net.parameters(), lr)
        for _ in range(epochs):
            for batch in torch.randperm(len(x)).split(64):
                optimizer.zero_grad()
                loss(net(x[batch]), y[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            return ((net(x_test).argmax(1) == y_test).float().mean() if labels else loss(net(x_test), y_test)).item()


@pytest.fixture
def small(torch):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # for networks of this size two are slower than one
    yield Torch(torch)
    torch.set_num_threads(threads)


def test_memory_learns_the_sequences(small):
    assert small.score(small.recurrent(1, 4), sequences(), 0.01, 8) > 0.98


def test_memory_and_attention_learn_the_tokens(small):
    assert small.score(small.recurrent(16, 4, vocabulary=12), tokens(), 0.01, 5) > 0.98
    assert small.score(small.transformer(12, 16, 4), tokens(), 0.003, 20) > 0.95


def test_memory_adds(small):
    assert small.score(small.recurrent(2, 1), adding_problem(), 0.01, 8) < 0.01  # without memory 1/6


def test_convolution_learns_the_signals(small):
    assert small.score(small.convolutional(40), mnist1d(), 0.005, 25) > 0.85
