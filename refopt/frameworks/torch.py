"""PyTorch 2.13, ``torch.optim``. Its weight_decay is L2 (coupled), but for AdamW and ``decoupled_weight_decay=True``."""

from refopt.dialects.adafactor import bounded
from refopt.dialects.correction import after_maximum
from refopt.dialects.denominator import eps_hat, eps_outside
from refopt.dialects.infinity import eps_in_maximum
from refopt.dialects.rate import lr_outside
from refopt.dialects.schedule import warming
from refopt.frameworks.reading import Reading
from refopt.rules.adadelta import adadelta
from refopt.rules.adafactor import adafactor
from refopt.rules.adagrad import adagrad
from refopt.rules.adam import adam
from refopt.rules.adamax import adamax
from refopt.rules.adamw import adamw
from refopt.rules.amsgrad import amsgrad
from refopt.rules.asgd import asgd
from refopt.rules.lbfgs import lbfgs
from refopt.rules.nadam import nadam
from refopt.rules.nadamw import nadamw
from refopt.rules.radam import radam
from refopt.rules.rmsprop import rmsprop
from refopt.rules.rprop import rprop
from refopt.rules.sgd import sgd
from refopt.wrappers.decoupled import decoupled
from refopt.wrappers.ema import ema
from refopt.wrappers.l2 import l2
from refopt.wrappers.polyak_ruppert import polyak_ruppert

__all__ = ["READINGS"]

READINGS = {
    "adadelta": Reading(
        adadelta(rho=0.9), "torch.optim.Adadelta(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)", l2
    ),
    "adagrad": Reading(
        adagrad(denominator=eps_outside),
        "torch.optim.Adagrad(params, lr=lr, eps=eps, initial_accumulator_value=initial_accumulator, weight_decay=weight_decay)",
        l2,
    ),
    "adam": Reading(
        adam(denominator=eps_outside),
        "torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "adamw": Reading(
        adamw(denominator=eps_outside),
        "torch.optim.AdamW(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "adamax": Reading(
        adamax(infinity=eps_in_maximum),
        "torch.optim.Adamax(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "amsgrad": Reading(
        amsgrad(correction=after_maximum, denominator=eps_outside),
        "torch.optim.Adam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, amsgrad=True)",
        l2,
    ),
    "asgd": Reading(asgd, "torch.optim.ASGD(params, lr=lr, lambd=lambd, alpha=alpha, t0=t0, weight_decay=weight_decay)", l2),
    "ema": Reading(
        ema(inner=sgd),
        "torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(decay))",
        required=("decay",),
        note="update_parameters(model) after each step of torch.optim.SGD",
    ),
    "nadam": Reading(
        nadam(schedule=warming, denominator=eps_outside),
        "torch.optim.NAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, momentum_decay=momentum_decay, "
        "weight_decay=weight_decay)",
        l2,
        note="its momentum product is kept in torch's default dtype, whatever the dtype of the parameters",
    ),
    "polyak_ruppert": Reading(
        polyak_ruppert(inner=sgd),
        "torch.optim.swa_utils.AveragedModel(model)",
        note="update_parameters(model) after each step of torch.optim.SGD",
    ),
    "radam": Reading(
        radam(threshold=5.0, denominator=eps_hat),
        "torch.optim.RAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "radam decoupled": Reading(
        radam(threshold=5.0, denominator=eps_hat),
        "torch.optim.RAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "decoupled_weight_decay=True)",
        decoupled,
    ),
    "rmsprop": Reading(
        rmsprop(lr=0.01, rho=0.99, denominator=eps_outside, rate=lr_outside),
        "torch.optim.RMSprop(params, lr=lr, alpha=rho, eps=eps, momentum=momentum, centered=centered, "
        "weight_decay=weight_decay)",
        l2,
    ),
    "rprop": Reading(
        rprop(lr=0.01), "torch.optim.Rprop(params, lr=lr, etas=(eta_minus, eta_plus), step_sizes=(delta_min, delta_max))"
    ),
    "sgd": Reading(
        sgd(lr=1e-3, rate=lr_outside),
        "torch.optim.SGD(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=weight_decay)",
        l2,
    ),
    "adafactor": Reading(
        adafactor(eps1=0.0, floor=2.0**-52, estimate=bounded),
        "torch.optim.Adafactor(params, lr=lr, beta2_decay=-decay_rate, eps=(floor, eps2), d=d)",
        note="its eps1 is the machine epsilon of the dtype; cannot take a tensor without entries",
        empty=False,
    ),
    "lbfgs": Reading(
        lbfgs(history_size=100),
        "torch.optim.LBFGS(params, lr=lr, max_iter=1, tolerance_grad=0, tolerance_change=0, history_size=history_size)",
        note="max_iter=1: by default one call of step makes up to 20 steps",
    ),
    "nadamw": Reading(
        nadamw(lr=2e-3, weight_decay=0.0, schedule=warming),
        "torch.optim.NAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "decoupled_weight_decay=True)",
    ),
}
