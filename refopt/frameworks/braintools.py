"""braintools 0.3.0, ``braintools.optim``: optax underneath, PyTorch's names and defaults on top."""

from refopt.dialects.correction import before_maximum
from refopt.dialects.debias import both
from refopt.dialects.denominator import eps_inside, eps_outside
from refopt.dialects.infinity import eps_in_maximum
from refopt.dialects.lag import late
from refopt.dialects.lbfgs import over_norm
from refopt.dialects.rate import lr_outside
from refopt.dialects.ratio import floored
from refopt.dialects.schedule import warming
from refopt.dialects.trust import norm_of_sum
from refopt.frameworks.reading import Reading
from refopt.rules.adabelief import adabelief
from refopt.rules.adadelta import adadelta
from refopt.rules.adagrad import adagrad
from refopt.rules.adam import adam
from refopt.rules.adamax import adamax
from refopt.rules.adamw import adamw
from refopt.rules.amsgrad import amsgrad
from refopt.rules.fromage import fromage
from refopt.rules.lamb import lamb
from refopt.rules.lars import lars
from refopt.rules.lbfgs import lbfgs
from refopt.rules.lion import lion
from refopt.rules.nadam import nadam
from refopt.rules.novograd import novograd
from refopt.rules.radam import radam
from refopt.rules.rmsprop import rmsprop
from refopt.rules.rprop import rprop
from refopt.rules.sgd import sgd
from refopt.rules.sm3 import sm3
from refopt.rules.yogi import yogi
from refopt.wrappers.l2 import l2

__all__ = ["READINGS"]

READINGS = {
    "adabelief": Reading(
        adabelief(eps=1e-16),
        "braintools.optim.AdaBelief(lr=lr, betas=(beta1, beta2), weight_decay=weight_decay)",
        l2,
        note="its eps is added outside only; inside it stays 1e-16",
    ),
    "adadelta": Reading(adadelta(rho=0.9), "braintools.optim.Adadelta(lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)", l2),
    "adagrad": Reading(
        adagrad(denominator=eps_inside),
        "braintools.optim.Adagrad(lr=lr, eps=eps, initial_accumulator_value=initial_accumulator, weight_decay=weight_decay)",
        l2,
    ),
    "adam": Reading(
        adam(denominator=eps_outside),
        "braintools.optim.Adam(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "adamax": Reading(
        adamax(infinity=eps_in_maximum),
        "braintools.optim.Adamax(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "adamw": Reading(
        adamw(denominator=eps_outside),
        "braintools.optim.AdamW(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "amsgrad": Reading(
        amsgrad(correction=before_maximum, denominator=eps_outside),
        "braintools.optim.Adam(lr=lr, betas=(beta1, beta2), eps=eps, amsgrad=True)",
    ),
    "fromage": Reading(
        fromage(lr=1.0, ratio=floored),
        "braintools.optim.Fromage(lr=lr)",
        note="does not follow a change of the learning rate",
        follows_rate=False,
    ),
    "lamb": Reading(lamb, "braintools.optim.Lamb(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)"),
    "lars": Reading(
        lars(lr=1.0, eps=1e-8, trust=norm_of_sum, rate=lr_outside),
        "braintools.optim.Lars(lr=lr, momentum=momentum, trust_coefficient=trust_coefficient, eps=eps, "
        "weight_decay=weight_decay)",
    ),
    "lion": Reading(lion, "braintools.optim.Lion(lr=lr, betas=(beta1, beta2), weight_decay=weight_decay)"),
    "nadam": Reading(
        nadam(schedule=warming, denominator=eps_outside),
        "braintools.optim.Nadam(lr=lr, betas=(beta1, beta2), eps=eps, momentum_decay=momentum_decay, "
        "weight_decay=weight_decay)",
        l2,
        note="its momentum product is float32",
        bound=5e-05,
        cause="float32 inside: the product of momenta",
    ),
    "novograd": Reading(
        novograd(lr=1e-3, beta1=0.9, beta2=0.999),
        "braintools.optim.Novograd(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "radam": Reading(
        radam(threshold=5.0, denominator=eps_outside),
        "braintools.optim.RAdam(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
        bound=1e-10,
        cause="rho_t = 1999 − 1994 at t = 6: one ulp in β2^t, which JAX multiplies up, is 1e-11 in r",
    ),
    "rmsprop": Reading(
        rmsprop(lr=0.01, rho=0.99, denominator=eps_inside, rate=lr_outside),
        "braintools.optim.RMSprop(lr=lr, alpha=rho, eps=eps, momentum=momentum, centered=centered, weight_decay=weight_decay)",
        l2,
    ),
    "rprop": Reading(
        rprop(lr=0.01, when=late),
        "braintools.optim.Rprop(lr=lr, etas=(eta_minus, eta_plus), step_sizes=(delta_min, delta_max))",
        note="optax's defect: one step late",
    ),
    "sgd": Reading(
        sgd(lr=1e-3, rate=lr_outside),
        "braintools.optim.SGD(lr=lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay)",
        l2,
    ),
    "sm3": Reading(
        sm3(lr=1.0, momentum=0.9, eps=1e-8),
        "braintools.optim.SM3(lr=lr, momentum=momentum, eps=eps, weight_decay=weight_decay)",
        l2,
        note="cannot take a scalar",
        axes=(1, 9),
    ),
    "yogi": Reading(
        yogi(lr=1e-3, initial_momentum=1e-6, debias=both),
        "braintools.optim.Yogi(lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "lbfgs": Reading(
        lbfgs(min_curvature=0.0, first=over_norm),
        "braintools.optim.LBFGS(lr=lr, memory_size=history_size)",
        note="pairs of negative curvature are kept, which is not read here",
    ),
}
