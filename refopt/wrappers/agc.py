"""AGC: adaptive gradient clipping: no unit's gradient may be longer than a fraction of the unit's weights.

Update
    size      ← √(total(θ·θ, units(θ)))
    length    ← √(total(g·g, units(g)))
    limit     ← λ·max(size, ε)
    scale     ← limit / max(length, limit)
    g_clipped ← scale·g
    θ, inner_state ← inner(θ, g_clipped, inner_state)

Symbols
    θ theta  parameters of one tensor     inner  sgd         the rule that makes the step
    g        gradient at θ                λ clipping  0.01   the largest quotient of gradient and weights
    size     lengths of its units         ε eps       0.001  least size, so that units of zeros can move
    inner_state  the state of `inner`

Readings
    units=output_first   the paper's W_i are rows; timm (PyTorch).  units=output_last  the authors' code (JAX)
    units=output_first_but_3d   pytorch_optimizer;   units=output_last_but_3d   optax
    cap=at_limit   the paper;   cap=floored_above   optax, timm;   cap=floored   pytorch_optimizer. They part where λ·ε < 1e-6
    The paper leaves the last layer unclipped, which whoever chooses the tensors has to do. With eps = 0 a unit of zeros stays
    zero for good, and is 0/0 where its gradient is zero too.

Look
    Two rows of one size: the gradient of the second is too long. Read as columns both are:
    >>> theta, g = np.array([[3.0, 4.0], [4.0, 3.0]]), np.array([[0.03, 0.0], [3.0, 4.0]])
    >>> rules = [refopt.agc(units=units) for units in (refopt.dialects.units.output_first, refopt.dialects.units.output_last)]
    >>> [rule.step(theta, g, rule.init(theta))["g_clipped"].round(4).tolist() for rule in rules]
    [[[0.03, 0.0], [0.03, 0.04]], [[0.0005, 0.0], [0.05, 0.05]]]

Paper
    Brock, De, Smith & Simonyan, High-Performance Large-Scale Image Recognition Without Normalization, ICML 2021,
    arXiv:2102.06171, equation 3.
"""

from refopt.dialects.clip import at_limit
from refopt.dialects.units import output_first
from refopt.numbers import maximum, sqrt, total
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, clipping=0.01, eps=1e-3, units=output_first, cap=at_limit):
    size = sqrt(total(theta * theta, units(theta)))
    length = sqrt(total(g * g, units(g)))
    limit = clipping * maximum(size, eps)
    scale = cap(length, limit)  # the paper: limit / maximum(length, limit)
    g_clipped = scale * g
    theta, inner_state = inner.update(theta, g_clipped, inner_state)
    return locals()


agc = Rule(
    init,
    step,
    scope="tensor",
    family="gradient",
    paper="Brock, De, Smith & Simonyan 2021, arXiv:2102.06171, equation 3",
)
