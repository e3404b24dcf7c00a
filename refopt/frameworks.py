"""What each library means by a rule's name: its dialect and its defaults, as data.

``refopt.rule("adam", framework="keras")`` is a look-up here. Every entry is compared with the real library in
``tests/peers``. Versions read and run: torch 2.13, optax 0.2.8, keras 3.15. Where a library has no default learning rate
(optax), the entry keeps the paper's.
"""

from __future__ import annotations

from refopt.dialects.correction import after_maximum, before_maximum
from refopt.dialects.debias import both
from refopt.dialects.denominator import eps_hat, eps_inside, eps_outside
from refopt.dialects.infinity import eps_beside, eps_in_maximum
from refopt.dialects.rate import lr_inside, lr_outside
from refopt.dialects.schedule import constant, warming
from refopt.dialects.trust import norm_of_sum
from refopt.recurrence import Rule, nearest
from refopt.rules.adabelief import adabelief
from refopt.rules.adadelta import adadelta
from refopt.rules.adagrad import adagrad
from refopt.rules.adam import adam
from refopt.rules.adamax import adamax
from refopt.rules.adamw import adamw
from refopt.rules.amsgrad import amsgrad
from refopt.rules.asgd import asgd
from refopt.rules.lamb import lamb
from refopt.rules.lars import lars
from refopt.rules.lion import lion
from refopt.rules.nadam import nadam
from refopt.rules.novograd import novograd
from refopt.rules.ogd import ogd
from refopt.rules.radam import radam
from refopt.rules.rmsprop import rmsprop
from refopt.rules.rprop import rprop
from refopt.rules.sgd import sgd
from refopt.rules.signum import signum
from refopt.rules.yogi import yogi
from refopt.wrappers.lookahead import lookahead

__all__ = ["FRAMEWORKS", "rule"]

TORCH = {
    "adadelta": adadelta(rho=0.9),
    "adagrad": adagrad(denominator=eps_outside),
    "adam": adam(denominator=eps_outside),
    "adamw": adamw(denominator=eps_outside),
    "adamax": adamax(infinity=eps_in_maximum),
    "amsgrad": amsgrad(correction=after_maximum, denominator=eps_outside),
    "asgd": asgd,
    "nadam": nadam(schedule=warming, denominator=eps_outside),
    "radam": radam(threshold=5.0, denominator=eps_hat),
    "rmsprop": rmsprop(lr=0.01, rho=0.99, denominator=eps_outside, rate=lr_outside),
    "rprop": rprop(lr=0.01),
    "sgd": sgd(lr=1e-3, rate=lr_outside),
}

OPTAX = {
    "adabelief": adabelief(eps=1e-16),
    "adadelta": adadelta(rho=0.9),
    "adagrad": adagrad(eps=1e-7, initial_accumulator=0.1, denominator=eps_inside),
    "adam": adam(denominator=eps_outside),
    "adamw": adamw(weight_decay=1e-4, denominator=eps_outside),
    "adamax": adamax(infinity=eps_in_maximum),
    "amsgrad": amsgrad(correction=before_maximum, denominator=eps_outside),
    "lamb": lamb,
    "lars": lars(trust=norm_of_sum),
    "lion": lion(weight_decay=1e-3),
    "lookahead": lookahead,
    "nadam": nadam(schedule=constant, denominator=eps_outside),
    "novograd": novograd(beta1=0.9, beta2=0.25, eps=1e-6),
    "ogd": ogd,
    "radam": radam(threshold=5.0, denominator=eps_outside),
    "rmsprop": rmsprop(denominator=eps_inside, rate=lr_inside),
    "sgd": sgd(rate=lr_outside),
    "signum": signum,
    "yogi": yogi(initial_momentum=1e-6, debias=both),
}

KERAS = {
    "adadelta": adadelta(lr=1e-3, eps=1e-7),
    "adagrad": adagrad(lr=1e-3, eps=1e-7, initial_accumulator=0.1, denominator=eps_inside),
    "adam": adam(eps=1e-7, denominator=eps_hat),
    "adamw": adamw(eps=1e-7, weight_decay=4e-3, denominator=eps_hat),
    "adamax": adamax(lr=1e-3, eps=1e-7, infinity=eps_beside),
    "amsgrad": amsgrad(eps=1e-7, correction=after_maximum, denominator=eps_hat),
    "lamb": lamb(eps=1e-7),
    "lion": lion(lr=1e-3),
    "nadam": nadam(lr=1e-3, eps=1e-7, momentum_decay=1.0, schedule=warming, denominator=eps_outside),
    "rmsprop": rmsprop(eps=1e-7, denominator=eps_inside, rate=lr_inside),
    "sgd": sgd(rate=lr_inside),
}

FRAMEWORKS: dict[str, dict[str, Rule]] = {"keras": KERAS, "optax": OPTAX, "torch": TORCH}


def rule(name: str, framework: str) -> Rule:
    """The rule `name` as `framework` reads it. ValueError for a framework that is unknown or has no such rule."""
    if framework not in FRAMEWORKS:
        raise ValueError(f"unknown framework {framework!r}{nearest(framework, FRAMEWORKS)}")
    table = FRAMEWORKS[framework]
    if name not in table:
        raise ValueError(f"{framework} has no {name}, or its reading is not known here. It has: {', '.join(table)}")
    return table[name]
