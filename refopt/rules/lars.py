"""LARS: momentum, with a learning rate for every tensor: its size over the size of its gradient.

Update
    size   ← norm(θ)
    length ← norm(g) + λ·norm(θ)
    ratio  ← κ·size / length if size > 0 and length > 0 else 1
    b      ← μ·b + η·ratio·(g + λ·θ)
    update ← b
    θ      ← θ − update

Symbols
    θ theta  parameters of one tensor        η lr                0.1    global learning rate (the paper's γ)
    g        gradient at θ                   κ trust_coefficient 0.001  the paper's η: how far a tensor may move
    b  0     velocity: steps, not gradients  μ momentum          0.9    decay of b
                                             λ weight_decay      0.0    weight decay (the paper's β)

Readings
    trust=sum_of_norms   the paper: ‖g‖ + λ‖θ‖
    trust=norm_of_sum    optax: ‖g + λθ‖. The two agree with λ = 0. ratio is 1 where a norm is 0
    The rate is inside the buffer in both, as in the paper. torch and keras have no LARS.

Look
    A tensor moves by lr · trust_coefficient of its own size, whatever its gradient:
    >>> rule, theta = refopt.lars(lr=1.0, trust_coefficient=0.5), [np.array([3.0, 4.0]), np.array([30.0])]
    >>> new, _ = rule.update(theta, [np.array([0.0, 1e-3]), np.array([1e3])], rule.init(theta))
    >>> [x.round(12).tolist() for x in new]
    [[3.0, 1.5], [15.0]]

Paper
    You, Gitman & Ginsburg, Large Batch Training of Convolutional Networks, 2017, arXiv:1708.03888, Algorithm 1.
"""

from refopt.dialects.trust import sum_of_norms
from refopt.numbers import norm, zeros_like
from refopt.recurrence import Rule


def init(theta):
    return dict(b=zeros_like(theta))


def step(theta, g, b, *, lr=0.1, trust_coefficient=1e-3, momentum=0.9, weight_decay=0.0, trust=sum_of_norms):
    size = norm(theta)
    length = trust(theta, g, weight_decay)  # the paper: norm(g) + weight_decay * norm(theta)
    ratio = trust_coefficient * size / length if size > 0 and length > 0 else 1
    b = momentum * b + lr * ratio * (g + weight_decay * theta)
    update = b
    theta = theta - update
    return locals()


lars = Rule(init, step, scope="tensor", paper="You, Gitman & Ginsburg 2017, arXiv:1708.03888, Algorithm 1")
