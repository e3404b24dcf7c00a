"""Clip-by-global-norm: a gradient that is longer than a limit, over all parameters, is scaled down to it.

Update
    length    ← norm(g)
    scale     ← c / max(length, c)
    g_clipped ← scale·g
    θ, inner_state ← inner(θ, g_clipped, inner_state)

Symbols
    θ theta  all parameters       inner  sgd       the rule that makes the step
    g        gradient at θ        c max_norm  1.0  the longest gradient that passes; the paper asks for its usual length
    inner_state  the state of `inner`

Readings
    cap=at_limit        the paper: g where length < c, else c·g/length. optax; timm's LAMB, inside it
    cap=short_of_limit  torch.nn.utils.clip_grad_norm_: c / (length + 1e-6), so that a gradient of length c is shortened too
    cap=finite_or_nan   keras (global_clipnorm): as the paper, but a length that is infinite makes every entry NaN. In the
                        paper's reading it makes every finite entry 0: so it is where squares overflow, 1e20 in float32
    A NaN anywhere makes every entry NaN, in all of them.

Look
    A step never goes further than lr·c, and a gradient within the limit is left as it is, bit by bit:
    >>> rule, theta = refopt.clip_by_global_norm(lr=1.0, max_norm=6.0), [np.zeros(1), np.zeros(2)]
    >>> g = [np.array([12.0]), np.array([3.0, 4.0])]
    >>> for k in (1, 0.25):
    ...     record = rule.step(theta, [k * x for x in g], rule.init(theta))
    ...     print(record["length"].item(), [x.round(3).tolist() for x in record["theta"]])
    13.0 [[-5.538], [-1.385, -1.846]]
    3.25 [[-3.0], [-0.75, -1.0]]

Paper
    Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks, ICML 2013, arXiv:1211.5063,
    Algorithm 1.
"""

from refopt.dialects.clip import at_limit
from refopt.numbers import norm
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, max_norm=1.0, cap=at_limit):
    length = norm(g)
    scale = cap(length, max_norm)  # the paper: max_norm / maximum(length, max_norm)
    g_clipped = scale * g
    theta, inner_state = inner.update(theta, g_clipped, inner_state)
    return locals()


clip_by_global_norm = Rule(
    init, step, scope="network", family="gradient", paper="Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, Algorithm 1"
)
