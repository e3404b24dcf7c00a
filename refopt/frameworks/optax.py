"""Optax 0.2.8 with JAX in float64. It has no default learning rate; the entries keep the papers'."""

from refopt.dialects.adafactor import scaled
from refopt.dialects.correction import before_maximum
from refopt.dialects.debias import both
from refopt.dialects.denominator import eps_inside, eps_outside
from refopt.dialects.difference import complement
from refopt.dialects.infinity import eps_in_maximum
from refopt.dialects.lag import late
from refopt.dialects.lbfgs import over_norm
from refopt.dialects.rate import lr_inside, lr_outside
from refopt.dialects.ratio import floored
from refopt.dialects.schedule import constant
from refopt.dialects.shrinkage import before_step
from refopt.dialects.trust import norm_of_sum
from refopt.frameworks.reading import Reading
from refopt.rules.adabelief import adabelief
from refopt.rules.adadelta import adadelta
from refopt.rules.adafactor import adafactor
from refopt.rules.adagrad import adagrad
from refopt.rules.adam import adam
from refopt.rules.adamax import adamax
from refopt.rules.adamw import adamw
from refopt.rules.adan import adan
from refopt.rules.adopt import adopt
from refopt.rules.amsgrad import amsgrad
from refopt.rules.fromage import fromage
from refopt.rules.lamb import lamb
from refopt.rules.lars import lars
from refopt.rules.lbfgs import lbfgs
from refopt.rules.lion import lion
from refopt.rules.nadam import nadam
from refopt.rules.nadamw import nadamw
from refopt.rules.noisy_sgd import noisy_sgd
from refopt.rules.novograd import novograd
from refopt.rules.ogd import ogd
from refopt.rules.polyak_sgd import polyak_sgd
from refopt.rules.radam import radam
from refopt.rules.rmsprop import rmsprop
from refopt.rules.rprop import rprop
from refopt.rules.sgd import sgd
from refopt.rules.signsgd import signsgd
from refopt.rules.signum import signum
from refopt.rules.sm3 import sm3
from refopt.rules.yogi import yogi
from refopt.wrappers.accumulation import accumulation
from refopt.wrappers.decoupled import decoupled
from refopt.wrappers.l2 import l2
from refopt.wrappers.lookahead import lookahead
from refopt.wrappers.sam import sam

__all__ = ["READINGS"]

READINGS = {
    "accumulation": Reading(
        accumulation(inner=sgd),
        "optax.MultiSteps(optax.sgd(lr), k)",
        note="keeps a running mean instead of a sum, in float32",
        bound=1e-06,
        cause="float32 inside: the running mean of the gradients",
    ),
    "adabelief": Reading(adabelief(eps=1e-16), "optax.adabelief(lr, b1=beta1, b2=beta2, eps=eps, eps_root=eps)"),
    "adadelta": Reading(adadelta(rho=0.9), "optax.adadelta(lr, rho=rho, eps=eps, weight_decay=weight_decay)", l2),
    "adagrad": Reading(
        adagrad(eps=1e-7, initial_accumulator=0.1, denominator=eps_inside),
        "optax.adagrad(lr, initial_accumulator_value=initial_accumulator, eps=eps)",
    ),
    "adam": Reading(adam(denominator=eps_outside), "optax.adam(lr, b1=beta1, b2=beta2, eps=eps)"),
    "adamax": Reading(adamax(infinity=eps_in_maximum), "optax.adamax(lr, b1=beta1, b2=beta2, eps=eps)"),
    "adamax decayed": Reading(
        decoupled(inner=adamax(infinity=eps_in_maximum), weight_decay=1e-4),
        "optax.adamaxw(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)",
    ),
    "adamw": Reading(
        adamw(weight_decay=1e-4, denominator=eps_outside),
        "optax.adamw(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)",
    ),
    "amsgrad": Reading(
        amsgrad(correction=before_maximum, denominator=eps_outside), "optax.amsgrad(lr, b1=beta1, b2=beta2, eps=eps)"
    ),
    "lamb": Reading(lamb, "optax.lamb(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)"),
    "lars": Reading(
        lars(trust=norm_of_sum, rate=lr_inside),
        "optax.lars(lr, weight_decay=weight_decay, trust_coefficient=trust_coefficient, eps=eps, momentum=momentum)",
    ),
    "lion": Reading(lion(weight_decay=1e-3), "optax.lion(lr, b1=beta1, b2=beta2, weight_decay=weight_decay)"),
    "lookahead": Reading(lookahead(inner=sgd), "optax.lookahead(optax.sgd(lr), k, alpha)"),
    "nadam": Reading(nadam(schedule=constant, denominator=eps_outside), "optax.nadam(lr, b1=beta1, b2=beta2, eps=eps)"),
    "novograd": Reading(
        novograd(beta1=0.9, beta2=0.25, eps=1e-6),
        "optax.novograd(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)",
    ),
    "ogd": Reading(ogd, "optax.optimistic_gradient_descent(lr, alpha=alpha, beta=beta)"),
    "radam": Reading(
        radam(threshold=5.0, denominator=eps_outside),
        "optax.radam(lr, b1=beta1, b2=beta2, eps=eps)",
        bound=1e-10,
        cause="rho_t = 1999 − 1994 at t = 6: one ulp in β2^t, which JAX multiplies up, is 1e-11 in r",
    ),
    "rmsprop": Reading(
        rmsprop(denominator=eps_inside, rate=lr_inside),
        "optax.rmsprop(lr, decay=rho, eps=eps, initial_scale=initial_accumulator, momentum=momentum, centered=centered)",
    ),
    "rmsprop outside": Reading(
        rmsprop(denominator=eps_outside, rate=lr_inside),
        "optax.rmsprop(lr, decay=rho, eps=eps, momentum=momentum, centered=centered, eps_in_sqrt=False)",
    ),
    "rprop": Reading(
        rprop(when=late),
        "optax.rprop(lr, eta_minus=eta_minus, eta_plus=eta_plus, min_step_size=delta_min, max_step_size=delta_max)",
        note="a defect: the step of the call before is returned, so that the first update is zero; "
        "https://github.com/google-deepmind/optax/blob/v0.2.8/optax/_src/transform.py#L949-L955",
    ),
    "sam": Reading(
        sam(inner=sgd, eps=0.0),
        "optax.contrib.sam(optax.sgd(lr), optax.chain(optax.contrib.normalize(), optax.sgd(rho)), opaque_mode=True)",
        note="no ε: NaN where the gradient is zero. opaque_mode=True; by default every second call does the "
        "step, and the other one goes to the adversarial point",
    ),
    "sgd": Reading(sgd(rate=lr_outside), "optax.sgd(lr, momentum=momentum, nesterov=nesterov)"),
    "signsgd": Reading(signsgd, "optax.sign_sgd(lr)"),
    "signum": Reading(signum, "optax.signum(lr, beta=momentum)"),
    "yogi": Reading(yogi(initial_momentum=1e-6, debias=both), "optax.yogi(lr, b1=beta1, b2=beta2, eps=eps)"),
    "adafactor": Reading(
        adafactor(lr=1e-3, step_size=scaled),
        "optax.adafactor(lr, min_dim_size_to_factor=1, decay_rate=decay_rate, clipping_threshold=d, eps=eps1)",
        note="β̂2 is float32; by default it factors only where both axes are at least 128; of a kernel it factors the two "
        "longest axes, so that it is compared without",
        axes=(0, 2),
        bound=1e-06,
        cause="float32 inside: the decay of the second moment",
    ),
    "adan": Reading(
        adan(weight_decay=0.0, eps_root=1e-8, difference=complement, shrinkage=before_step),
        "optax.adan(lr, b1=beta1, b2=beta2, b3=beta3, eps=eps, eps_root=eps_root, weight_decay=weight_decay)",
        note="a defect: the difference of gradients counts 1 − b2 = 0.08, not b2 = 0.92",
    ),
    "fromage": Reading(fromage(ratio=floored), "optax.fromage(lr)"),
    "lbfgs": Reading(
        lbfgs(min_curvature=0.0, first=over_norm),
        "optax.lbfgs(lr, memory_size=history_size, linesearch=None)",
        note="by default with a zoom line search, and pairs of negative curvature are kept; neither is read here",
    ),
    "nadamw": Reading(nadamw(weight_decay=1e-4), "optax.nadamw(lr, b1=beta1, b2=beta2, eps=eps, weight_decay=weight_decay)"),
    "noisy_sgd": Reading(noisy_sgd, "optax.noisy_sgd(lr, eta=eta, gamma=gamma, key=jax.random.key(0))"),
    "polyak_sgd": Reading(
        polyak_sgd,
        "optax.polyak_sgd(max_learning_rate=lr, f_min=f_min, eps=eps)",
        note="scaling=s multiplies g first, so that the net step is divided by s",
        follows_rate=False,
    ),
    "sm3": Reading(
        sm3(momentum=0.9, eps=1e-8), "optax.sm3(lr, momentum)", note="cannot take a scalar", axes=(1, 9), follows_rate=False
    ),
    "adopt": Reading(adopt, "optax.contrib.adopt(lr, b1=beta1, b2=beta2, eps=eps)"),
}
