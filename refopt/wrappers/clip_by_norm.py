"""Clip-by-norm: a tensor's gradient that is longer than a limit is scaled down to it, each tensor by itself.

Update
    length    ← norm(g)
    scale     ← c / max(length, c)
    g_clipped ← scale·g
    θ, inner_state ← inner(θ, g_clipped, inner_state)

Symbols
    θ theta  parameters of one tensor    inner  sgd       the rule that makes the step
    g        gradient at θ               c max_norm  1.0  the longest gradient of a tensor that passes
    inner_state  the state of `inner`

Readings
    measure=euclidean          the norm: keras (clipnorm), torch.nn.utils.clip_grad_norm_ for one tensor at a time
    measure=root_mean_square   ‖g‖/√n: optax.clip_by_block_rms
    cap=at_limit         keras, optax;   cap=short_of_limit   torch: c / (length + 1e-6), which shows first where length = c
    One norm over all tensors is clip_by_global_norm, which keeps the direction of the whole gradient; this does not.

Look
    Keras's example: (3, 4) and (12) at a limit of 1, each tensor for itself, and both together:
    >>> theta, g = [np.zeros(2), np.zeros(1)], [np.array([3.0, 4.0]), np.array([12.0])]
    >>> records = [wrap.step(theta, g, wrap.init(theta)) for wrap in (refopt.clip_by_norm, refopt.clip_by_global_norm)]
    >>> [[x.round(3).tolist() for x in record["g_clipped"]] for record in records]
    [[[0.6, 0.8], [1.0]], [[0.231, 0.308], [0.923]]]

Paper
    Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, ICML 2013, arXiv:1211.5063,
    Algorithm 1, of one tensor instead of the whole gradient.
"""

from refopt.dialects.clip import at_limit
from refopt.dialects.length import euclidean
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, max_norm=1.0, measure=euclidean, cap=at_limit):
    length = measure(g)  # the norm of g
    scale = cap(length, max_norm)  # max_norm / maximum(length, max_norm)
    g_clipped = scale * g
    theta, inner_state = inner.update(theta, g_clipped, inner_state)
    return locals()


clip_by_norm = Rule(
    init, step, scope="tensor", family="gradient", paper="Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, Algorithm 1"
)
