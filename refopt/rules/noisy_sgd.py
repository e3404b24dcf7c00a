"""NoisySGD: gradient descent with normal noise added to the gradient, less and less of it.

Update
    t      ← t + 1
    sigma  ← √(η_n / t^γ)
    sample ← noise(θ, seed, t)
    update ← η·(g + sigma·sample)
    θ      ← θ − update

Symbols
    θ theta  parameters          η lr     0.01   step size
    g        gradient at θ       η_n eta  0.01   variance of the first noise (the paper's η: 0.01, 0.3 or 1)
    t  0     steps done          γ gamma  0.55   how fast the variance falls
    sample   standard normal     seed     0      whole number: the same seed gives the same walk

Readings
    noise=gaussian   independent numbers of mean 0 and variance 1 in the shape of theta, drawn from the seed and the step.
                     Any function noise(theta, seed, t) may stand here: optax draws others, from a key that it splits.
    The paper's variance is η/(1 + t)^γ with t = 0 at the first step, as in optax; here t is then 1. eta is a variance: it is
    the deviation that is √eta. A noise depends on the place in theta, hence the scope "network". torch and keras have none.

Look
    The noise is hard to get rid of: after a thousand steps its deviation is still 15 % of the first:
    >>> rule, zero = refopt.noisy_sgd(), np.zeros(1)
    >>> [round(rule.step(zero, zero, {"t": t})["sigma"], 3) for t in (0, 9, 99, 999)]
    [0.1, 0.053, 0.028, 0.015]

Paper
    Neelakantan et al., Adding Gradient Noise Improves Learning for Very Deep Networks, 2015, arXiv:1511.06807, equation 1
    (the variance).
"""

from refopt.numbers import gaussian, sqrt
from refopt.recurrence import NOT_NEGATIVE, Rule


def deviation(eta, gamma, t):
    return sqrt(eta / t**gamma)


def init(theta):
    return dict(t=0)


def step(theta, g, t, *, lr=0.01, eta=0.01, gamma=0.55, seed=0, noise=gaussian):
    t = t + 1
    sigma = deviation(eta, gamma, t)
    sample = noise(theta, seed, t)
    update = lr * (g + sigma * sample)
    theta = theta - update
    return locals()


noisy_sgd = Rule(
    init,
    step,
    scope="network",
    family="momentum",
    ranges={"eta": NOT_NEGATIVE, "gamma": NOT_NEGATIVE},
    paper="Neelakantan et al. 2015, arXiv:1511.06807, equation 1",
)
