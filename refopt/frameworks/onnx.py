"""ONNX 1.23, the operators of ``ai.onnx.preview.training`` as its reference evaluator runs them."""

from refopt.dialects.denominator import eps_hat, eps_outside
from refopt.dialects.rate import lr_outside
from refopt.frameworks.reading import Reading
from refopt.rules.adagrad import adagrad
from refopt.rules.adam import adam
from refopt.rules.sgd import sgd
from refopt.wrappers.l2 import l2

__all__ = ["READINGS"]

READINGS = {
    "adagrad": Reading(
        adagrad(eps=1e-6, denominator=eps_outside),
        "onnx.preview.training.Adagrad(R=lr, epsilon=eps, norm_coefficient=weight_decay)",
        l2,
        note="attributes are float32",
        single=True,
    ),
    "adam": Reading(
        adam(beta2=0.999, eps=1e-6, denominator=eps_hat),
        "onnx.preview.training.Adam(R=lr, alpha=beta1, beta=beta2, epsilon=eps, norm_coefficient=weight_decay)",
        l2,
        note="counted from T = 1; with T = 0 it leaves the bias correction of the first step out; attributes are float32",
        single=True,
    ),
    "sgd": Reading(
        sgd(momentum=0.9, rate=lr_outside),
        "onnx.preview.training.Momentum(R=lr, alpha=momentum, beta=1 - dampening, mode='standard', "
        "norm_coefficient=weight_decay)",
        l2,
        note="counted from T = 0, so that the first momentum is the gradient; attributes are float32",
        single=True,
        required=("momentum", "dampening", "weight_decay"),
    ),
    "sgd nesterov": Reading(
        sgd(momentum=0.9, nesterov=True, rate=lr_outside),
        "onnx.preview.training.Momentum(R=lr, alpha=momentum, beta=1.0, mode='nesterov', norm_coefficient=weight_decay)",
        l2,
        single=True,
        required=("momentum", "weight_decay"),
    ),
}
