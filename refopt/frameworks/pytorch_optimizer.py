"""pytorch_optimizer 4.1.0. Its ``weight_decay`` is decoupled for most optimizers, and L2 for some."""

from refopt.dialects.adafactor import scaled
from refopt.dialects.bound import calls_done
from refopt.dialects.bounded import corrected_rate
from refopt.dialects.debias import both
from refopt.dialects.denominator import eps_hat, eps_hat_floored
from refopt.dialects.infinity import eps_in_maximum
from refopt.dialects.lamb import after_ratio, up_to_ten_and_eps
from refopt.dialects.mask import over_kept_and_one
from refopt.dialects.rate import lr_outside
from refopt.dialects.ratio import one_at_zero
from refopt.dialects.rebound import belief
from refopt.dialects.scale import corrected
from refopt.dialects.shrinkage import before_step
from refopt.dialects.trust import matrices_only
from refopt.dialects.warmup import ascent, nothing
from refopt.frameworks.reading import Reading
from refopt.rules.accsgd import accsgd
from refopt.rules.adabelief import adabelief
from refopt.rules.adabound import adabound
from refopt.rules.adadelta import adadelta
from refopt.rules.adafactor import adafactor
from refopt.rules.adam_mini import adam_mini
from refopt.rules.adamax import adamax
from refopt.rules.adamod import adamod
from refopt.rules.adamp import adamp
from refopt.rules.adan import adan
from refopt.rules.adopt import adopt
from refopt.rules.aggmo import aggmo
from refopt.rules.amsbound import amsbound
from refopt.rules.apollo import apollo
from refopt.rules.diffgrad import diffgrad
from refopt.rules.fromage import fromage
from refopt.rules.ftrl import ftrl
from refopt.rules.lamb import lamb
from refopt.rules.lars import lars
from refopt.rules.lion import lion
from refopt.rules.novograd import novograd
from refopt.rules.pid import pid
from refopt.rules.qhadam import qhadam
from refopt.rules.qhm import qhm
from refopt.rules.radam import radam
from refopt.rules.sgd import sgd
from refopt.rules.sgdp import sgdp
from refopt.rules.signsgd import signsgd
from refopt.rules.signum import signum
from refopt.rules.sm3 import sm3
from refopt.rules.yogi import yogi
from refopt.wrappers.asam import asam
from refopt.wrappers.cautious import cautious
from refopt.wrappers.decoupled import decoupled
from refopt.wrappers.grokfast import grokfast
from refopt.wrappers.grokfast_ma import grokfast_ma
from refopt.wrappers.l2 import l2
from refopt.wrappers.lookahead import lookahead
from refopt.wrappers.looksam import looksam
from refopt.wrappers.sam import sam

__all__ = ["READINGS"]

READINGS = {
    "accsgd": Reading(
        accsgd(lr=1e-3),
        "pytorch_optimizer.AccSGD(params, lr=lr, kappa=kappa, xi=xi, constant=constant, weight_decay=weight_decay)",
        l2,
    ),
    "adabelief": Reading(
        adabelief(eps=1e-16),
        "pytorch_optimizer.AdaBelief(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        decoupled,
    ),
    "adabound": Reading(
        adabound(scale=corrected, denominator=eps_hat_floored),
        "pytorch_optimizer.AdaBound(params, lr=lr, final_lr=final_lr, betas=(beta1, beta2), gamma=gamma, "
        "eps=eps, weight_decay=weight_decay)",
        decoupled,
    ),
    "adadelta": Reading(
        adadelta(rho=0.9),
        "pytorch_optimizer.AdaDelta(params, lr=lr, rho=rho, eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "adafactor": Reading(
        adafactor,
        "pytorch_optimizer.AdaFactor(params, betas=(None, 0.999), decay_rate=-decay_rate, clip_threshold=d, "
        "eps1=eps1, eps2=eps2)",
        note="ignores lr while relative_step is on; its momentum, on by default, is switched off",
        follows_rate=False,
    ),
    "adafactor absolute": Reading(
        adafactor(lr=1e-3, step_size=scaled),
        "pytorch_optimizer.AdaFactor(params, lr=lr, betas=(None, 0.999), decay_rate=-decay_rate, "
        "clip_threshold=d, eps1=eps1, eps2=eps2, relative_step=False)",
    ),
    "adam_mini": Reading(
        adam_mini(lr=1.0, weight_decay=0.1),
        "pytorch_optimizer.AdamMini(model, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        note="its state is float32",
        bound=1e-06,
        cause="float32 inside: the state",
    ),
    "adamax": Reading(
        adamax(lr=1e-3, infinity=eps_in_maximum),
        "pytorch_optimizer.AdaMax(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
    "adamod": Reading(
        adamod(beta2=0.99, beta3=0.9999, bounded=corrected_rate, denominator=eps_hat),
        "pytorch_optimizer.AdaMod(params, lr=lr, betas=(beta1, beta2, beta3), eps=eps, weight_decay=weight_decay)",
        decoupled,
    ),
    "adamp": Reading(
        adamp(weight_decay=0.0, denominator=eps_hat),
        "pytorch_optimizer.AdamP(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "delta=delta, wd_ratio=wd_ratio, nesterov=nesterov)",
    ),
    "adan": Reading(
        adan(weight_decay=0.0),
        "pytorch_optimizer.Adan(params, lr=lr, betas=(beta1, beta2, beta3), eps=eps, weight_decay=weight_decay)",
    ),
    "adan decoupled": Reading(
        adan(weight_decay=0.0, shrinkage=before_step),
        "pytorch_optimizer.Adan(params, lr=lr, betas=(beta1, beta2, beta3), eps=eps, weight_decay=weight_decay, "
        "weight_decouple=True)",
    ),
    "aggmo": Reading(aggmo(lr=1e-3), "pytorch_optimizer.AggMo(params, lr=lr, betas=betas, weight_decay=weight_decay)", l2),
    "amsbound": Reading(
        amsbound(scale=corrected, denominator=eps_hat_floored),
        "pytorch_optimizer.AdaBound(params, lr=lr, final_lr=final_lr, betas=(beta1, beta2), gamma=gamma, "
        "eps=eps, weight_decay=weight_decay, ams_bound=True)",
        decoupled,
    ),
    "apollo": Reading(
        apollo,
        "pytorch_optimizer.ApolloDQN(params, lr=lr, beta=beta, eps=eps, warmup_steps=0)",
        note="its warm-up is switched off",
    ),
    "apollo belief": Reading(
        apollo(rebound=belief),
        "pytorch_optimizer.ApolloDQN(params, lr=lr, beta=beta, eps=eps, warmup_steps=0, rebound='belief')",
    ),
    "asam": Reading(
        asam(inner=sgd(lr=1e-3), rho=0.05, eta=0.0),
        "pytorch_optimizer.SAM(params, torch.optim.SGD, rho=rho, adaptive=True, perturb_eps=eps, lr=lr)",
        note="rho's default is SAM's; no eta, so that a parameter at 0 is not perturbed",
        bound=1e-09,
        cause="float32 inside: the norm over all parameters",
    ),
    "cautious": Reading(
        cautious(inner=lion, scale=over_kept_and_one),
        "pytorch_optimizer.Lion(params, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay, cautious=True)",
        decoupled,
        note="Lion stands for all that have this option",
    ),
    "diffgrad": Reading(
        diffgrad(denominator=eps_hat_floored),
        "pytorch_optimizer.DiffGrad(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        decoupled,
    ),
    "fromage": Reading(fromage(ratio=one_at_zero), "pytorch_optimizer.Fromage(params, lr=lr)"),
    "ftrl": Reading(ftrl(lr=1e-3, beta=0.0), "pytorch_optimizer.FTRL(params, lr=lr, beta=beta, lambda_1=l1, lambda_2=l2)"),
    "grokfast": Reading(
        grokfast(inner=sgd(lr=1e-3)),
        "pytorch_optimizer.optimizer.grokfast.gradfilter_ema(model, alpha=alpha, lamb=lamb)",
        note="called before each step of torch.optim.SGD",
    ),
    "grokfast_ma": Reading(
        grokfast_ma(inner=sgd(lr=1e-3)),
        "pytorch_optimizer.optimizer.grokfast.gradfilter_ma(model, window_size=width, lamb=lamb)",
        note="called before each step of torch.optim.SGD",
    ),
    "lamb": Reading(
        lamb(debias=after_ratio, trust=up_to_ten_and_eps),
        "pytorch_optimizer.Lamb(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        decoupled,
        note="weight_decay is done before, and outside of, the trust ratio",
    ),
    "lamb coupled": Reading(
        lamb(debias=after_ratio, trust=up_to_ten_and_eps),
        "pytorch_optimizer.Lamb(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "weight_decouple=False)",
    ),
    "lars": Reading(
        lars(lr=1e-3, trust=matrices_only, rate=lr_outside),
        "pytorch_optimizer.LARS(params, lr=lr, momentum=momentum, trust_coefficient=trust_coefficient, "
        "weight_decay=weight_decay)",
    ),
    "lion": Reading(lion, "pytorch_optimizer.Lion(params, lr=lr, betas=(beta1, beta2), weight_decay=weight_decay)"),
    "lookahead": Reading(
        lookahead(inner=sgd(lr=1e-3)),
        "pytorch_optimizer.Lookahead(torch.optim.SGD(params, lr=lr), k=k, alpha=alpha)",
    ),
    "lookahead ranger": Reading(
        lookahead(inner=radam(beta1=0.95, eps=1e-5, threshold=5.0, denominator=eps_hat, warmup=ascent), k=6),
        "pytorch_optimizer.Ranger(params, lr=lr, betas=(beta1, beta2), eps=eps, k=k, alpha=alpha, use_gc=False, "
        "weight_decay=weight_decay)",
        decoupled,
        note="a defect: the first five steps go uphill; gradient centralization is switched off",
    ),
    "looksam": Reading(
        looksam(inner=sgd(lr=1e-3), k=10),
        "pytorch_optimizer.LookSAM(params, torch.optim.SGD, rho=rho, k=k, alpha=alpha, lr=lr)",
        note="measures each tensor alone; compared on one tensor",
        bound=1e-06,
        cause="float32 inside: the norm; and its ε are 1e-12 and 1e-8, here both 1e-8",
    ),
    "novograd": Reading(
        novograd(lr=1e-3),
        "pytorch_optimizer.NovoGrad(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
    ),
    "pid": Reading(
        pid,
        "pytorch_optimizer.PID(params, lr=lr, momentum=momentum, integral=integral, derivative=derivative, "
        "weight_decay=weight_decay)",
        l2,
        note="without momentum, its default, it is plain gradient descent",
        nonzero=("momentum",),
        required=("momentum",),
    ),
    "qhadam": Reading(
        qhadam(beta1=0.9, nu1=1.0),
        "pytorch_optimizer.QHAdam(params, lr=lr, betas=(beta1, beta2), nus=(nu1, nu2), eps=eps, weight_decay=weight_decay)",
        l2,
        note="its debiasing weights are float32",
        bound=1e-06,
        cause="float32 inside: the debiasing weights",
    ),
    "qhm": Reading(
        qhm(lr=1e-3, momentum=0.0, nu=1.0),
        "pytorch_optimizer.QHM(params, lr=lr, momentum=momentum, nu=nu, weight_decay=weight_decay)",
        l2,
    ),
    "radam": Reading(
        radam(threshold=5.0, denominator=eps_hat, warmup=nothing),
        "pytorch_optimizer.RAdam(params, lr=lr, betas=(beta1, beta2), eps=eps)",
        note="does nothing for five steps, not even weight decay, which is therefore not read here",
    ),
    "radam degenerated": Reading(
        radam(threshold=5.0, denominator=eps_hat),
        "pytorch_optimizer.RAdam(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay, "
        "degenerated_to_sgd=True)",
        decoupled,
    ),
    "sam": Reading(
        sam(inner=sgd(lr=1e-3)),
        "pytorch_optimizer.SAM(params, torch.optim.SGD, rho=rho, perturb_eps=eps, lr=lr)",
        bound=1e-09,
        cause="float32 inside: the norm over all parameters",
    ),
    "sgd": Reading(
        sgd(lr=1e-4, rate=lr_outside),
        "pytorch_optimizer.SGDW(params, lr=lr, momentum=momentum, dampening=dampening, nesterov=nesterov, "
        "weight_decay=weight_decay)",
        decoupled,
    ),
    "sgdp": Reading(
        sgdp(lr=1e-3, momentum=0.0, weight_decay=0.0),
        "pytorch_optimizer.SGDP(params, lr=lr, momentum=momentum, eps=eps, weight_decay=weight_decay, "
        "delta=delta, wd_ratio=wd_ratio, nesterov=nesterov)",
    ),
    "signsgd": Reading(
        signsgd(lr=1e-3),
        "pytorch_optimizer.SignSGD(params, lr=lr, momentum=0.0, weight_decay=weight_decay)",
        decoupled,
    ),
    "signum": Reading(
        signum(lr=1e-3),
        "pytorch_optimizer.SignSGD(params, lr=lr, momentum=momentum, weight_decay=weight_decay)",
        decoupled,
    ),
    "signum tiger": Reading(
        decoupled(inner=signum(lr=1e-3, momentum=0.965), weight_decay=0.01),
        "pytorch_optimizer.Tiger(params, lr=lr, beta=momentum, weight_decay=weight_decay)",
    ),
    "sm3": Reading(sm3(lr=0.1, eps=1e-30), "pytorch_optimizer.SM3(params, lr=lr, momentum=momentum, eps=eps)"),
    "yogi": Reading(
        yogi(initial_momentum=1e-6, debias=both),
        "pytorch_optimizer.Yogi(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        decoupled,
    ),
    "adopt": Reading(
        adopt(bound=calls_done),
        "pytorch_optimizer.ADOPT(params, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=weight_decay)",
        l2,
    ),
}
