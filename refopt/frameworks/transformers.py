"""Hugging Face transformers 5.23, ``transformers.optimization``."""

from refopt.dialects.adafactor import absolute, scaled, warming
from refopt.frameworks.reading import Reading
from refopt.rules.adafactor import adafactor

__all__ = ["READINGS"]

READINGS = {
    "adafactor": Reading(
        adafactor,
        "transformers.optimization.Adafactor(params, eps=(eps1, eps2), clip_threshold=d, decay_rate=-decay_rate)",
        note="relative_step, its default, takes no lr",
        follows_rate=False,
    ),
    "adafactor absolute": Reading(
        adafactor(lr=1e-3, step_size=absolute),
        "transformers.optimization.Adafactor(params, lr, eps=(eps1, eps2), clip_threshold=d, "
        "decay_rate=-decay_rate, relative_step=False, scale_parameter=False)",
    ),
    "adafactor scaled": Reading(
        adafactor(lr=1e-3, step_size=scaled),
        "transformers.optimization.Adafactor(params, lr, eps=(eps1, eps2), clip_threshold=d, "
        "decay_rate=-decay_rate, relative_step=False)",
    ),
    "adafactor warmup_init": Reading(
        adafactor(lr=1e-6, step_size=warming),
        "transformers.optimization.Adafactor(params, eps=(eps1, eps2), clip_threshold=d, decay_rate=-decay_rate, "
        "warmup_init=True)",
        follows_rate=False,
    ),
}
