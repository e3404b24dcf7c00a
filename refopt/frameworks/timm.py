"""timm 1.0.31, ``timm.optim``: what it implements itself; its Adam, SGD and others are PyTorch's."""

from refopt.dialects.adafactor import absolute
from refopt.dialects.ahead import same_product
from refopt.dialects.bound import cube_root
from refopt.dialects.denominator import eps_hat, eps_inside, eps_outside
from refopt.dialects.first import that_moves
from refopt.dialects.lamb import as_long_with_decay
from refopt.dialects.mask import over_kept
from refopt.dialects.rate import lr_inside, lr_outside
from refopt.dialects.schedule import warming
from refopt.dialects.shrinkage import before_step
from refopt.dialects.sync import from_first_sync
from refopt.dialects.trust import only_with_decay, sum_of_norms
from refopt.frameworks.reading import Reading
from refopt.rules.adabelief import adabelief
from refopt.rules.adafactor import adafactor
from refopt.rules.adamp import adamp
from refopt.rules.adamw import adamw
from refopt.rules.adan import adan
from refopt.rules.adopt import adopt
from refopt.rules.lamb import lamb
from refopt.rules.lars import lars
from refopt.rules.lion import lion
from refopt.rules.nadam import nadam
from refopt.rules.nadamw import nadamw
from refopt.rules.novograd import novograd
from refopt.rules.radam import radam
from refopt.rules.rmsprop import rmsprop
from refopt.rules.sgd import sgd
from refopt.rules.sgdp import sgdp
from refopt.wrappers.cautious import cautious
from refopt.wrappers.decoupled import decoupled
from refopt.wrappers.l2 import l2
from refopt.wrappers.lookahead import lookahead

__all__ = ["READINGS"]

READINGS = {
    "adabelief": Reading(
        adabelief(eps=1e-16),
        "timm.optim.AdaBelief(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, rectify=False)",
        decoupled,
        note="rectify=True is its default, a reading that is not here",
    ),
    "adafactor": Reading(
        adafactor,
        "timm.optim.Adafactor(params, eps=eps1, eps_scale=eps2, clip_threshold=d, decay_rate=-decay_rate, "
        "min_dim_size_to_factor=0)",
        note="factors the first two axes of a kernel; by default only where both are above 16; compared without the kernel",
        axes=(0, 2),
        follows_rate=False,
    ),
    "adafactor lr": Reading(
        adafactor(lr=1e-3, step_size=absolute),
        "timm.optim.Adafactor(params, lr, eps=eps1, eps_scale=eps2, clip_threshold=d, decay_rate=-decay_rate, "
        "min_dim_size_to_factor=0)",
        note="compared without the kernel, as above",
        axes=(0, 2),
    ),
    "adamp": Reading(
        adamp(weight_decay=0.0),
        "timm.optim.AdamP(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, delta=delta, "
        "wd_ratio=wd_ratio, nesterov=nesterov)",
    ),
    "adamw": Reading(
        adamw(denominator=eps_outside),
        "timm.optim.AdamWLegacy(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "adan": Reading(
        adan(weight_decay=0.0),
        "timm.optim.Adan(params, lr=lr, betas=(beta1, beta2, beta3), eps=eps, weight_decay=weight_decay)",
    ),
    "adan no_prox": Reading(
        adan(weight_decay=0.0, shrinkage=before_step),
        "timm.optim.Adan(params, lr=lr, betas=(beta1, beta2, beta3), eps=eps, weight_decay=weight_decay, no_prox=True)",
    ),
    "cautious": Reading(
        cautious(inner=lion, scale=over_kept),
        "timm.optim.Lion(params, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay, caution=True)",
        decoupled,
        note="Lion stands for all that have this option",
    ),
    "lamb": Reading(
        lamb(weight_decay=0.01, trust=as_long_with_decay),
        "timm.optim.Lamb(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, max_grad_norm=None)",
        note="by default it divides all gradients by their norm where that is above 1; switched off here",
    ),
    "lamb always_adapt": Reading(
        lamb(weight_decay=0.01),
        "timm.optim.Lamb(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "max_grad_norm=None, always_adapt=True)",
    ),
    "lars": Reading(
        lars(lr=1.0, momentum=0.0, eps=1e-8, trust=only_with_decay, rate=lr_outside),
        "timm.optim.Lars(params, lr=lr, momentum=momentum, trust_coeff=trust_coefficient, eps=eps, weight_decay=weight_decay)",
    ),
    "lars always_adapt": Reading(
        lars(lr=1.0, momentum=0.0, eps=1e-8, trust=sum_of_norms, rate=lr_outside),
        "timm.optim.Lars(params, lr=lr, momentum=momentum, trust_coeff=trust_coefficient, eps=eps, "
        "weight_decay=weight_decay, always_adapt=True)",
    ),
    "lion": Reading(lion, "timm.optim.Lion(params, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay)"),
    "lookahead": Reading(
        lookahead(inner=sgd(lr=1e-3), k=6, sync=from_first_sync),
        "timm.optim.Lookahead(torch.optim.SGD(params, lr=lr), k=k, alpha=alpha)",
        note="a defect: the first pull pulls nothing, unless sync_lookahead() is called before training",
    ),
    "nadam": Reading(
        nadam(schedule=warming, denominator=eps_outside),
        "timm.optim.NAdamLegacy(params, lr=lr, betas=(beta1, beta2), eps=eps, schedule_decay=momentum_decay, "
        "weight_decay=weight_decay)",
        l2,
    ),
    "nadamw": Reading(
        nadamw(weight_decay=0.01, ahead=same_product),
        "timm.optim.NAdamW(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "novograd": Reading(
        novograd(lr=1e-3, first=that_moves),
        "timm.optim.NvNovoGrad(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "radam": Reading(
        radam(threshold=5.0, denominator=eps_hat),
        "timm.optim.RAdamLegacy(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        decoupled,
        note="computes in float32",
        bound=5e-06,
        cause="float32 inside: all of it",
    ),
    "rmsprop": Reading(
        rmsprop(lr=0.01, eps=1e-10, initial_accumulator=1.0, denominator=eps_inside, rate=lr_inside),
        "timm.optim.RMSpropTF(params, lr=lr, alpha=rho, eps=eps, momentum=momentum, centered=centered, "
        "weight_decay=weight_decay)",
        l2,
        note="its mean of squares begins at 1, so that the first step is about lr times the gradient",
    ),
    "sgd": Reading(
        sgd(lr=1e-3, rate=lr_outside),
        "timm.optim.SGDW(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, weight_decay=weight_decay)",
        decoupled,
    ),
    "sgdp": Reading(
        sgdp(weight_decay=0.0, momentum=0.0),
        "timm.optim.SGDP(params, lr, momentum=momentum, eps=eps, weight_decay=weight_decay, delta=delta, "
        "wd_ratio=wd_ratio, nesterov=nesterov)",
    ),
    "adopt": Reading(
        adopt(bound=cube_root), "timm.optim.Adopt(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)", l2
    ),
}
