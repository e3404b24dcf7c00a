"""L1: a penalty on the sum of absolute values around any rule: its gradient, one size for all, is added to the gradient.

Update
    g_reg ← g + λ·sign(θ)
    θ, inner_state ← inner(θ, g_reg, inner_state)

Symbols
    θ theta  parameters           inner  sgd           the rule that makes the step
    g        gradient at θ        λ weight_decay 0.01  strength of the penalty λ‖θ‖₁
    inner_state  the state of `inner`

Readings
    None among optimizers; whoever adds λ·sum(abs(θ)) to the loss (keras: regularizers.L1) has the slope of his autodiff at
    θ = 0: 0 in torch, as here, but 1 in JAX, which pushes every parameter that is 0 down by lr·λ. Any slope from −1 to 1 is a
    subgradient. A proximal step, which stops at 0, is another method: ftrl has it. With l2 around it, it is the elastic net.

Look
    What l2 takes fades with the parameter, what l1 takes does not; beside 0 it goes past it and comes back:
    >>> for wrapper in (refopt.l2, refopt.l1):
    ...     rule = wrapper(lr=1.0, weight_decay=0.5)
    ...     print([x["theta"].item() for x in refopt.walk(rule, np.ones(1), np.zeros((4, 1)))])
    [0.5, 0.25, 0.125, 0.0625]
    [0.5, 0.0, 0.0, 0.0]

Paper
    Tibshirani, Regression Shrinkage and Selection via the Lasso, J. Royal Statistical Society B 58, 1996, the penalty;
    its subgradient in networks: Goodfellow, Bengio & Courville, Deep Learning, 2016, section 7.1.2.
"""

from refopt.numbers import sign
from refopt.recurrence import Rule
from refopt.rules.sgd import sgd


def init(theta, *, inner=sgd):
    return dict(inner_state=inner.init(theta))


def step(theta, g, inner_state, *, inner=sgd, weight_decay=0.01):
    g_reg = g + weight_decay * sign(theta)
    theta, inner_state = inner.update(theta, g_reg, inner_state)
    return locals()


l1 = Rule(
    init,
    step,
    scope="element",
    family="decay",
    paper="Tibshirani 1996, J. R. Stat. Soc. B 58; Goodfellow, Bengio & Courville 2016, section 7.1.2",
)
