"""torch_optimizer 0.3.0 (on the registry torch-optimizer), of 2021."""

from refopt.dialects.bounded import corrected_rate
from refopt.dialects.debias import both
from refopt.dialects.decay import constant_shift
from refopt.dialects.denominator import eps_hat
from refopt.dialects.first import that_moves
from refopt.dialects.lamb import nowhere, up_to_ten
from refopt.dialects.previous import lost_at_first
from refopt.dialects.projection import added
from refopt.dialects.rate import lr_outside
from refopt.dialects.scale import corrected
from refopt.dialects.trust import skipping_zeros
from refopt.frameworks.reading import Reading
from refopt.rules.accsgd import accsgd
from refopt.rules.adabelief import adabelief
from refopt.rules.adabound import adabound
from refopt.rules.adamod import adamod
from refopt.rules.adamp import adamp
from refopt.rules.aggmo import aggmo
from refopt.rules.amsbound import amsbound
from refopt.rules.apollo import apollo
from refopt.rules.diffgrad import diffgrad
from refopt.rules.lamb import lamb
from refopt.rules.lars import lars
from refopt.rules.novograd import novograd
from refopt.rules.pid import pid
from refopt.rules.qhadam import qhadam
from refopt.rules.qhm import qhm
from refopt.rules.radam import radam
from refopt.rules.sgd import sgd
from refopt.rules.sgdp import sgdp
from refopt.rules.yogi import yogi
from refopt.wrappers.decoupled import decoupled
from refopt.wrappers.l2 import l2

__all__ = ["READINGS"]

READINGS = {
    "accsgd": Reading(
        accsgd(lr=1e-3),
        "torch_optimizer.AccSGD(params, lr=lr, kappa=kappa, xi=xi, small_const=constant, weight_decay=weight_decay)",
        l2,
    ),
    "adabelief": Reading(
        adabelief,
        "torch_optimizer.AdaBelief(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "adabound": Reading(
        adabound(scale=corrected),
        "torch_optimizer.AdaBound(params, lr=lr, final_lr=final_lr, betas=(beta1, beta2), gamma=gamma, eps=eps, "
        "weight_decay=weight_decay)",
        l2,
    ),
    "adamod": Reading(
        adamod(bounded=corrected_rate, denominator=eps_hat),
        "torch_optimizer.AdaMod(params, lr=lr, betas=(beta1, beta2), beta3=beta3, eps=eps, weight_decay=weight_decay)",
        decoupled,
    ),
    "adamp": Reading(
        adamp(weight_decay=0.0, cosine=added),
        "torch_optimizer.AdamP(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "delta=delta, wd_ratio=wd_ratio, nesterov=nesterov)",
    ),
    "aggmo": Reading(aggmo(lr=1e-3), "torch_optimizer.AggMo(params, lr=lr, betas=betas, weight_decay=weight_decay)", l2),
    "amsbound": Reading(
        amsbound(scale=corrected),
        "torch_optimizer.AdaBound(params, lr=lr, final_lr=final_lr, betas=(beta1, beta2), gamma=gamma, eps=eps, "
        "weight_decay=weight_decay, amsbound=True)",
        l2,
    ),
    "apollo": Reading(apollo(sigma=1.0), "torch_optimizer.Apollo(params, lr=lr, beta=beta, eps=eps)"),
    "diffgrad": Reading(
        diffgrad(denominator=eps_hat),
        "torch_optimizer.DiffGrad(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "lamb": Reading(
        lamb(debias=nowhere, trust=up_to_ten),
        "torch_optimizer.Lamb(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "lars": Reading(
        lars(lr=0.01, trust_coefficient=0.01, momentum=0.0, eps=1e-8, trust=skipping_zeros, rate=lr_outside),
        "torch_optimizer.LARS(params, lr=lr, momentum=momentum, trust_coefficient=trust_coefficient, eps=eps, "
        "weight_decay=weight_decay)",
    ),
    "novograd": Reading(
        novograd(lr=1e-3, beta2=0.0, first=that_moves),
        "torch_optimizer.NovoGrad(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "pid": Reading(
        pid(previous=lost_at_first),
        "torch_optimizer.PID(params, lr=lr, momentum=momentum, integral=integral, derivative=derivative, "
        "weight_decay=weight_decay)",
        l2,
        note="without momentum, its default, it is plain gradient descent",
        nonzero=("momentum",),
        required=("momentum",),
    ),
    "qhadam": Reading(
        qhadam(beta1=0.9, nu1=1.0),
        "torch_optimizer.QHAdam(params, lr=lr, betas=(beta1, beta2), nus=(nu1, nu2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "qhm": Reading(
        qhm(lr=1e-3, momentum=0.0, nu=0.7),
        "torch_optimizer.QHM(params, lr=lr, momentum=momentum, nu=nu, weight_decay=weight_decay)",
        l2,
    ),
    "radam": Reading(
        radam(threshold=5.0, denominator=eps_hat),
        "torch_optimizer.RAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        decoupled,
        note="computes in float32",
        bound=5e-06,
        cause="float32 inside: all of it",
    ),
    "sgd": Reading(
        sgd(lr=1e-3, rate=lr_outside),
        "torch_optimizer.SGDW(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, "
        "weight_decay=weight_decay)",
        decoupled(decay=constant_shift),
        note="a defect: weight_decay subtracts lr times its value from every parameter, whatever that is",
    ),
    "sgdp": Reading(
        sgdp(lr=1e-3, momentum=0.0, weight_decay=0.0, cosine=added),
        "torch_optimizer.SGDP(params, lr=lr, eps=eps, weight_decay=weight_decay, delta=delta, wd_ratio=wd_ratio)",
        note="with momentum it projects its buffer in place (a defect), which is not read here",
    ),
    "yogi": Reading(
        yogi(initial_momentum=1e-6, debias=both),
        "torch_optimizer.Yogi(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
}
