"""Normalize: any rule sees the direction of the gradient only: every gradient is as long as the other.

Update
    length ← norm(g)
    g_unit ← g / (length + ε)
    θ, inner_state ← inner(θ, g_unit, inner_state)

Symbols
    θ theta  all parameters       inner  sgd  the rule that makes the step
    g        gradient at θ        ε eps 1e-6  keeps the quotient finite; the paper has none
    inner_state  the state of `inner`

Readings
    None in the recurrence. eps = 1e-6 is optax.normalize_by_update_norm, eps = 0 the paper and optax.contrib.normalize: NaN
    where the whole gradient is zero. Where the gradient is as long as eps, g_unit is half as long as it should be.

Look
    Far out and close by, a step of gradient descent on a bowl is equally long: it cannot come closer than half of that
    >>> rule = refopt.normalize(lr=2.0)
    >>> [round(x["theta"].item(), 3) for x in refopt.walk(rule, np.array([5.0]), lambda theta: 100 * theta, steps=5)]
    [3.0, 1.0, -1.0, 1.0, -1.0]

Paper
    Hazan, Levy & Shalev-Shwartz, Beyond Convexity: Stochastic Quasi-Convex Optimization, NeurIPS 2015, arXiv:1507.02030,
    Algorithm 1 (normalized gradient descent).
"""

from refopt.numbers import norm
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, eps=1e-6):
    length = norm(g)
    g_unit = g / (length + eps)
    theta, inner_state = inner.update(theta, g_unit, inner_state)
    return locals()


normalize = Rule(
    init, step, scope="network", family="gradient", paper="Hazan, Levy & Shalev-Shwartz 2015, arXiv:1507.02030, Algorithm 1"
)
