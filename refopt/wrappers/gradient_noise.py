"""Gradient-noise: normal noise is added to the gradient before any rule sees it, less and less of it.

Update
    t       ← t + 1
    sigma   ← √(η_n / t^γ)
    sample  ← noise(θ, seed, t)
    g_noisy ← g + sigma·sample
    θ, inner_state ← inner(θ, g_noisy, inner_state)

Symbols
    θ theta  all parameters      inner  sgd      the rule that makes the step
    g        gradient at θ       η_n eta  0.01   variance of the first noise (the paper's η: 0.01, 0.3 or 1)
    t  0     steps done          γ gamma  0.55   how fast the variance falls
    sample   standard normal     seed     0      whole number: the same seed gives the same walk
    inner_state  the state of `inner`

Readings
    noise=gaussian   independent numbers of mean 0 and variance 1, drawn from the seed and the step. Any function
                     noise(theta, seed, t) may stand here: optax.add_noise draws others, from a key that it splits
    With gradient descent inside this is noisy_sgd, whose file says more. pytorch_optimizer has no such thing, nor has torch.

Look
    A rule that divides by the size of the gradient makes noise as large as anything where there is no gradient:
    >>> rule, zero = refopt.gradient_noise(inner=refopt.adam(lr=1.0), eta=1e-6), np.zeros(2)
    >>> np.abs(rule.update(zero, zero, rule.init(zero))[0]).round(3).tolist()
    [1.0, 1.0]

Paper
    Neelakantan et al., Adding Gradient Noise Improves Learning for Very Deep Networks, 2015, arXiv:1511.06807, equation 1
    (the variance).
"""

from refopt.numbers import gaussian
from refopt.recurrence import NOT_NEGATIVE, Rule
from refopt.rules.noisy_sgd import deviation
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(t=0, inner_state=inner.init(theta))


def step(theta, g, t, inner_state, *, inner=sgd, eta=0.01, gamma=0.55, seed=0, noise=gaussian):
    t = t + 1
    sigma = deviation(eta, gamma, t)
    sample = noise(theta, seed, t)
    g_noisy = g + sigma * sample
    theta, inner_state = inner.update(theta, g_noisy, inner_state)
    return locals()


gradient_noise = Rule(
    init,
    step,
    scope="network",
    family="gradient",
    ranges={"eta": NOT_NEGATIVE, "gamma": NOT_NEGATIVE},
    paper="Neelakantan et al. 2015, arXiv:1511.06807, equation 1",
)
