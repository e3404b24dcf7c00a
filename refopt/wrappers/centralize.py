"""Centralize: the mean of each unit's gradient is taken off it, so that a unit's weights keep their mean.

Update
    mu         ← mean(g, units(g)) if g.ndim > (3 if conv_only else 1) else 0
    g_centered ← g − mu
    θ, inner_state ← inner(θ, g_centered, inner_state)

Symbols
    θ theta  parameters of one tensor    inner  sgd         the rule that makes the step
    g        gradient at θ               conv_only  False   only tensors of more than three axes: kernels
    mu       mean of each unit's gradient; a tensor of one axis (a bias) is left alone
    inner_state  the state of `inner`

Readings
    units=output_first   the layout of PyTorch, and the one that optax.centralize and pytorch_optimizer assume
    units=output_last    what the paper means in JAX and Keras, where a unit's weights are a column; optax takes rows there too
    conv_only is gc_conv_only of pytorch_optimizer, the authors' "GC-C". Where it stands matters: pytorch_optimizer's
    optimizers centre before a coupled decay is added.

Look
    Each row's gradient has mean 0 afterwards, so a step of gradient descent leaves the mean of the row's weights alone:
    >>> theta, g, rule = np.array([[1.0, 3.0], [5.0, 5.0]]), np.array([[7.0, 1.0], [2.0, 2.0]]), refopt.centralize(lr=0.5)
    >>> rule.update(theta, g, rule.init(theta))[0].tolist()
    [[-0.5, 4.5], [5.0, 5.0]]

Paper
    Yong, Huang, Hua & Zhang, Gradient Centralization: A New Optimization Technique for Deep Neural Networks, ECCV 2020,
    arXiv:2004.01461, equation 1.
"""

from refopt.dialects.units import output_first
from refopt.numbers import mean, zeros_like
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, conv_only=False, units=output_first):
    mu = mean(g, units(g)) if g.ndim > (3 if conv_only else 1) else zeros_like(g)
    g_centered = g - mu
    theta, inner_state = inner.update(theta, g_centered, inner_state)
    return locals()


centralize = Rule(
    init, step, scope="tensor", family="gradient", paper="Yong, Huang, Hua & Zhang 2020, arXiv:2004.01461, equation 1"
)
