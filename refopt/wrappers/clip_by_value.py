"""Clip-by-value: every entry of the gradient is cut at a limit before any rule sees it.

Update
    g_clipped ← max(−c, min(g, c))
    θ, inner_state ← inner(θ, g_clipped, inner_state)

Symbols
    θ theta  parameters           inner  sgd         the rule that makes the step
    g        gradient at θ        c max_value   1.0  the largest entry that passes, of either sign
    inner_state  the state of `inner`

Readings
    None: torch.nn.utils.clip_grad_value_, optax.clip, keras (clipvalue) agree. An infinite entry becomes c, NaN stays NaN.

Look
    Where entries are cut the direction changes; a clipped norm keeps it:
    >>> rules = [wrap(lr=1.0) for wrap in (refopt.clip_by_value, refopt.clip_by_global_norm)]
    >>> g = np.array([0.75, -100.0])
    >>> [rule.update(np.zeros(2), g, rule.init(g))[0].round(4).tolist() for rule in rules]
    [[-0.75, 1.0], [-0.0075, 1.0]]

Paper
    Mikolov's practice, as told by Pascanu, Mikolov & Bengio, On the difficulty of training recurrent neural networks,
    ICML 2013, arXiv:1211.5063, section 3.2, beside the clipping of norms.
"""

from refopt.numbers import maximum, minimum
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, max_value=1.0):
    g_clipped = maximum(-max_value, minimum(g, max_value))
    theta, inner_state = inner.update(theta, g_clipped, inner_state)
    return locals()


clip_by_value = Rule(
    init, step, scope="element", family="gradient", paper="Pascanu, Mikolov & Bengio 2013, arXiv:1211.5063, section 3.2"
)
