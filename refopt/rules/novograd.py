"""NovoGrad: momentum of gradients that were divided, tensor by tensor, by a running root mean square of their norms.

Update
    t      ← t + 1
    square ← total(g·g)
    v      ← square if t = 1 else β2·v + (1 − β2)·square
    q      ← g / (√v + ε) + λ·θ
    m      ← β1·m + q
    update ← η·m
    θ      ← θ − update

Symbols
    θ theta  parameters of one tensor       η lr           0.01   step size
    g        gradient at θ                  β1 beta1       0.95   decay of m
    t  0     steps done                     β2 beta2       0.98   decay of v
    m  0     momentum of q                  ε eps          1e-8   keeps the quotient finite
    v  0     mean of ‖g‖²: one number       λ weight_decay 0.0    weight decay, inside the momentum

Readings
    first       the paper: the gradient of step 1 begins v; NVIDIA's code, timm and torch_optimizer: the first that is not
                zero. Differs for a tensor whose gradient is zero at first. Flag ZeroGradient.
    optax has defaults of its own: β1 0.9, β2 0.25, ε 1e-6. torch and keras have no NovoGrad.

Look
    The first step of every tensor is lr long, and points down its gradient:
    >>> rule, theta = refopt.novograd(lr=0.5, eps=0.0), [np.zeros(2), np.zeros(1)]
    >>> new, _ = rule.update(theta, [np.array([3.0, 4.0]), np.array([-1e3])], rule.init(theta))
    >>> [x.round(12).tolist() for x in new]
    [[-0.3, -0.4], [0.5]]

Paper
    Ginsburg et al., Stochastic Gradient Methods with Layer-wise Adaptive Moments for Training of Deep Networks, 2019,
    arXiv:1905.11286, the algorithm NovoGrad.
"""

from refopt.dialects.first import of_all
from refopt.numbers import sqrt, total, zeros_like
from refopt.recurrence import Rule


def init(theta):
    return dict(t=0, m=zeros_like(theta), v=total(zeros_like(theta)))


def step(theta, g, t, m, v, *, lr=0.01, beta1=0.95, beta2=0.98, eps=1e-8, weight_decay=0.0, first=of_all):
    t = t + 1
    square = total(g * g)
    v = square if first(t, v) else beta2 * v + (1 - beta2) * square  # the paper: t == 1
    q = g / (sqrt(v) + eps) + weight_decay * theta
    m = beta1 * m + q
    update = lr * m
    theta = theta - update
    return locals()


novograd = Rule(init, step, scope="tensor", family="layerwise", paper="Ginsburg et al. 2019, arXiv:1905.11286, NovoGrad")
