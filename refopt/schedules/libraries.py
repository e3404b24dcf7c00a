"""What each library means by a schedule's name: its readings and its defaults, as data.

``refopt.schedules.get("cosine", framework="torch")`` is a look-up here; a library that has a schedule in more than one way has
further entries, "NAME SWITCH". Every entry is compared with the real library in ``tests/schedules``.

In `call` our words stand where the library's arguments are. ``optimizer(x)`` is any optimizer whose learning rate is x: that is
how lr enters where a library's schedule is a multiplier, as all of torch's are. ``each(x)`` is the library's own for our
schedule x, ``momentum(x)`` is read at the optimizer's momentum, and ``watching`` ties a callback to an optimizer.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from refopt import schedules as s
from refopt.recurrence import nearest
from refopt.schedules import annealing, around, budgets, cycles, periods, plateaus, shapes, spectrum, steps
from refopt.schedules.schedule import Schedule

__all__ = ["LIBRARIES", "Reading", "schedule"]


@dataclass(frozen=True)
class Reading:
    """How one library reads one schedule.

    schedule  the schedule with the library's readings and defaults bound
    call      how the library is called, with our words for what it takes
    note      what surprises
    bound     how far from the library it may be, relative to the largest value of the schedule
    cause     why that may be more than 1e-12
    """

    schedule: Schedule
    call: str
    note: str = ""
    bound: float = 1e-12
    cause: str = ""

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Our words that the call takes."""
        named = {node.id for node in ast.walk(ast.parse(self.call)) if isinstance(node, ast.Name)}
        return tuple(word for word in self.schedule.words if word in named)


TORCH = "torch.optim.lr_scheduler."
HF = "transformers.optimization.get_"
KERAS = "keras.optimizers.schedules."
TIMM = "timm.scheduler."
PO = "pytorch_optimizer.lr_scheduler."

# What several libraries share.
_float32: Any = dict(bound=1e-7, cause="keras.ops.cos computes in float32, whatever it is given")
_compiled = "compiled by jax.jit, NaN from k = steps on for many steps (3, 5, 6, 7, 9, …) where power is no whole number"
_straight = s.linear(end=0.0)
_held_up = s.warmup(inner=s.constant)
_onecycle_optax = "transition_steps=steps, peak_value=lr, pct_start=pct, div_factor=div, final_div_factor=final_div)"
_wsd_hf = "num_warmup_steps=warmup, num_stable_steps=stable, num_decay_steps=decay, min_lr_ratio=end / lr"

LIBRARIES: dict[str, dict[str, Reading]] = {
    "keras": {
        "cosine": Reading(
            s.cosine,
            f"{KERAS}CosineDecay(initial_learning_rate=lr, decay_steps=steps, alpha=end / lr)",
            **_float32,
        ),
        "cosine warmup": Reading(
            s.warmup(inner=s.cosine),
            f"{KERAS}CosineDecay(initial_learning_rate=start * lr, decay_steps=steps, alpha=end / lr, warmup_target=lr, "
            "warmup_steps=warmup)",
            "the decay's steps begin after the warm-up",
            **_float32,
        ),
        "exponential": Reading(
            s.exponential, f"{KERAS}ExponentialDecay(initial_learning_rate=lr, decay_steps=steps, decay_rate=gamma)"
        ),
        "inverse_time": Reading(
            s.inverse_time,
            f"{KERAS}InverseTimeDecay(initial_learning_rate=lr, decay_steps=steps, decay_rate=rate, staircase=staircase)",
        ),
        "piecewise": Reading(
            s.piecewise(reached=steps.one_later), f"{KERAS}PiecewiseConstantDecay(boundaries=milestones, values=values)"
        ),
        "plateau": Reading(
            s.plateau(rtol=0.0, atol=1e-4, eps=0.0, worn=plateaus.at_patience, rests=plateaus.after_it),
            "watching(optimizer(lr), keras.callbacks.ReduceLROnPlateau(factor=factor, patience=patience, min_delta=atol, "
            "cooldown=cooldown, min_lr=end, mode=mode))",
            "a first metric of NaN stays the best for ever; here NaN is no improvement",
        ),
        "polynomial": Reading(
            s.polynomial(end=1e-4),
            f"{KERAS}PolynomialDecay(initial_learning_rate=lr, decay_steps=steps, end_learning_rate=end, power=power)",
            _compiled,
        ),
        "polynomial cycle": Reading(
            s.polynomial(end=1e-4, after=periods.stretched),
            f"{KERAS}PolynomialDecay(initial_learning_rate=lr, decay_steps=steps, end_learning_rate=end, power=power, "
            "cycle=True)",
        ),
        "step": Reading(
            s.step, f"{KERAS}ExponentialDecay(initial_learning_rate=lr, decay_steps=steps, decay_rate=gamma, staircase=True)"
        ),
        "warm_restarts": Reading(
            s.warm_restarts(growth=2.0, height=annealing.above_end),
            f"{KERAS}CosineDecayRestarts(initial_learning_rate=lr, first_decay_steps=steps, t_mul=growth, m_mul=shrink, "
            "alpha=end / lr)",
            "finds the cycle by logarithms: compiled in float32 with growth=10 it restarts one update late",
            **_float32,
        ),
    },
    "optax": {
        "constant": Reading(s.constant, "optax.constant_schedule(lr)"),
        "cosine": Reading(s.cosine, "optax.cosine_decay_schedule(lr, decay_steps=steps, alpha=end / lr, exponent=power)"),
        "cosine warmup": Reading(
            s.warmup(inner=s.cosine),
            "optax.warmup_cosine_decay_schedule(init_value=start * lr, peak_value=lr, warmup_steps=warmup, "
            "decay_steps=warmup + steps, end_value=end, exponent=power)",
            "its decay_steps count the warm-up, too",
        ),
        "exponential": Reading(
            s.exponential,
            "optax.exponential_decay(lr, transition_steps=steps, decay_rate=gamma, transition_begin=begin, end_value=end)",
        ),
        "exponential warmup": Reading(
            s.warmup(inner=s.exponential),
            "optax.warmup_exponential_decay_schedule(init_value=start * lr, peak_value=lr, warmup_steps=warmup, "
            "transition_steps=steps, decay_rate=gamma, transition_begin=begin, end_value=end)",
        ),
        "interpolated": Reading(
            s.interpolated,
            "optax.piecewise_interpolate_schedule('linear', values[0], "
            "{m: new / old for m, old, new in zip(milestones, values, values[1:])})",
            "takes factors: each value divided by the one before",
        ),
        "interpolated cosine": Reading(
            s.interpolated(shape=shapes.cosine),
            "optax.piecewise_interpolate_schedule('cosine', values[0], "
            "{m: new / old for m, old, new in zip(milestones, values, values[1:])})",
        ),
        "linear": Reading(
            s.linear, "optax.linear_schedule(lr, end, transition_steps=steps, transition_begin=begin)", "end has no default"
        ),
        "multistep": Reading(s.multistep, "optax.piecewise_constant_schedule(lr, {m: gamma for m in milestones})"),
        "one_cycle": Reading(
            s.one_cycle(phases=cycles.two_phases_later),
            f"optax.cosine_onecycle_schedule({_onecycle_optax}",
            "the peak comes one update later than in torch",
        ),
        "one_cycle linear": Reading(
            s.one_cycle(phases=cycles.three_phases_later, shape=shapes.linear),
            f"optax.linear_onecycle_schedule(pct_final=pct_final, {_onecycle_optax}",
            "has three phases where torch with anneal_strategy='linear' has two",
        ),
        "piecewise": Reading(
            s.piecewise,
            "optax.piecewise_constant_schedule(values[0], "
            "{m: new / old for m, old, new in zip(milestones, values, values[1:])})",
            "takes factors: each value divided by the one before",
        ),
        "plateau": Reading(
            s.plateau(eps=0.0, worn=plateaus.exactly_at_patience),
            "optax.contrib.reduce_on_plateau(factor=factor, patience=patience, rtol=rtol, atol=atol, cooldown=cooldown, "
            "min_scale=end / lr)",
            "scales the updates, not the learning rate; with patience=0 it acts on every improvement (a defect)",
        ),
        "polynomial": Reading(
            s.polynomial,
            "optax.polynomial_schedule(lr, end, power=power, transition_steps=steps, transition_begin=begin)",
            f"end and power have no defaults; {_compiled}",
        ),
        "sequential": Reading(s.sequential, "optax.join_schedules([each(x) for x in schedules], list(milestones))"),
        "step": Reading(
            s.step,
            "optax.exponential_decay(lr, transition_steps=steps, decay_rate=gamma, transition_begin=begin, staircase=True)",
        ),
        "warm_restarts": Reading(
            s.warm_restarts,
            "optax.sgdr_schedule([dict(init_value=lr, peak_value=lr * shrink**i, warmup_steps=0, "
            "decay_steps=round(steps * growth**i), end_value=end) for i in range(cycles)])",
            "takes a list of cycles; end stays after the last",
        ),
        "warmup": Reading(
            _held_up, "optax.warmup_constant_schedule(init_value=start * lr, peak_value=lr, warmup_steps=warmup)"
        ),
    },
    "pytorch_optimizer": {
        "chebyshev": Reading(
            s.chebyshev(mu=0.05, L=1.0, order=spectrum.fractal_late),
            f"{PO}get_chebyshev_schedule(optimizer(lr), num_epochs=steps)",
            "from 8 steps on; mu and L are fixed; the first step comes three times (a defect)",
        ),
        "cosine warmup": Reading(
            s.warmup(inner=s.cosine(after=periods.goes_on), start=0.0),
            f"{PO}CosineScheduler(optimizer(lr), t_max=warmup + steps, max_lr=lr, min_lr=end, init_lr=start * lr, "
            "warmup_steps=warmup)",
            "to be stepped before the first update, which else has the lowest learning rate",
        ),
        "linear warmup": Reading(
            s.warmup(inner=s.linear(after=periods.goes_on), start=0.0),
            f"{PO}LinearScheduler(optimizer(lr), t_max=warmup + steps, max_lr=lr, min_lr=end, init_lr=start * lr, "
            "warmup_steps=warmup)",
            "after t_max it falls on, below 0 (a defect); to be stepped before the first update",
        ),
        "proportional": Reading(
            s.proportional(end=2.0, lr=2.0, origin=0.0),
            f"{PO}proportion.ProportionScheduler(follower(of), max_lr=reference, min_lr=origin, max_value=lr, min_value=end)",
            "for the ρ of GSAM, which here is `lr`; both values are 2 by default, so that ρ is constant",
        ),
        "rex": Reading(
            s.rex(lr=1.0), f"{PO}REXScheduler(optimizer(lr), total_steps=steps, max_lr=lr, min_lr=end)",
            "the very first update has the lowest learning rate, and the second the second",
        ),
        "warm_restarts": Reading(
            s.warm_restarts(lr=1e-4, end=1e-6, shrink=0.9, grown=annealing.truncated),
            f"{PO}CosineAnnealingWarmupRestarts(optimizer(lr), first_cycle_steps=steps, cycle_mult=growth, max_lr=lr, "
            "min_lr=end, warmup_steps=warmup, gamma=shrink)",
            "the very first update has the lowest learning rate, with a warm-up or without",
        ),
        "wsd": Reading(
            s.wsd(bottoms=budgets.outside),
            f"{PO}get_wsd_schedule(optimizer(lr), num_warmup_steps=warmup, num_stable_steps=stable, num_decay_steps=decay, "
            "min_lr_ratio=end / lr)",
            "with end > 0 it falls to 0 and jumps up to end",
        ),
        "wsd cosine": Reading(
            s.wsd(shape=shapes.cosine),
            f"{PO}get_wsd_schedule(optimizer(lr), num_warmup_steps=warmup, num_stable_steps=stable, num_decay_steps=decay, "
            "min_lr_ratio=end / lr, cooldown_type='cosine')",
            "the only shape that falls to end",
        ),
        "wsd linear": Reading(
            s.wsd(bottoms=budgets.outside, shape=shapes.linear),
            f"{PO}get_wsd_schedule(optimizer(lr), num_warmup_steps=warmup, num_stable_steps=stable, num_decay_steps=decay, "
            "min_lr_ratio=end / lr, cooldown_type='linear')",
        ),
        "wsd one_minus_square": Reading(
            s.wsd(bottoms=budgets.outside, shape=shapes.one_minus_square),
            f"{PO}get_wsd_schedule(optimizer(lr), num_warmup_steps=warmup, num_stable_steps=stable, num_decay_steps=decay, "
            "min_lr_ratio=end / lr, cooldown_type='1-square')",
        ),
    },
    "timm": {
        "cosine": Reading(s.cosine, f"{TIMM}CosineLRScheduler(optimizer(lr), t_initial=steps, lr_min=end)"),
        "cosine warmup": Reading(
            s.warmup(inner=s.cosine, inside=around.overlaid),
            f"{TIMM}CosineLRScheduler(optimizer(lr), t_initial=steps, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr)",
            "the warm-up hides the first values of the cosine; there is a jump down where it ends",
        ),
        "cosine warmup_prefix": Reading(
            s.warmup(inner=s.cosine),
            f"{TIMM}CosineLRScheduler(optimizer(lr), t_initial=steps, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr, warmup_prefix=True)",
        ),
        "multistep": Reading(
            s.multistep(gamma=1.0, reached=steps.one_earlier),
            f"{TIMM}MultiStepLRScheduler(optimizer(lr), decay_t=list(milestones), decay_rate=gamma)",
            "steps one update before each milestone",
        ),
        "plateau": Reading(
            s.plateau(mode="max"),
            f"{TIMM}PlateauLRScheduler(optimizer(lr), decay_rate=factor, patience_t=patience, threshold=rtol, "
            "cooldown_t=cooldown, lr_min=end, mode=mode)",
            "wants the metric to rise by default; does not look at the metric of epoch 0",
        ),
        "polynomial": Reading(
            s.polynomial(power=0.5), f"{TIMM}PolyLRScheduler(optimizer(lr), t_initial=steps, power=power, lr_min=end)"
        ),
        "step": Reading(s.step(gamma=1.0), f"{TIMM}StepLRScheduler(optimizer(lr), decay_t=steps, decay_rate=gamma)"),
        "step warmup": Reading(
            s.warmup(inner=s.step(gamma=1.0)),
            f"{TIMM}StepLRScheduler(optimizer(lr), decay_t=steps, decay_rate=gamma, warmup_t=warmup, "
            "warmup_lr_init=start * lr)",
            "here the warm-up moves the steps to later by default",
        ),
        "warm_restarts": Reading(
            s.warm_restarts(cycles=1),
            f"{TIMM}CosineLRScheduler(optimizer(lr), t_initial=steps, lr_min=end, cycle_mul=growth, cycle_decay=shrink, "
            "cycle_limit=cycles)",
            "one cycle only by default; finds the cycle by logarithms: growth=3 restarts the sixth cycle one update late",
        ),
        "wsd": Reading(
            s.wsd,
            f"{TIMM}WSDLRScheduler(optimizer(lr), t_initial=stable + decay, decay_t=decay, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr, stable_fn='power' if stable_power else 'constant', "
            "stable_power=stable_power or 0.5, stable_timescale=timescale)",
            "its t_initial counts what follows the warm-up",
        ),
        "wsd cosine": Reading(
            s.wsd(shape=shapes.cosine),
            f"{TIMM}WSDLRScheduler(optimizer(lr), t_initial=stable + decay, decay_t=decay, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr, decay_fn='cosine')",
        ),
        "wsd exponential": Reading(
            s.wsd(shape=shapes.exponential(0.1)),
            f"{TIMM}WSDLRScheduler(optimizer(lr), t_initial=stable + decay, decay_t=decay, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr, decay_fn='exp')",
        ),
        "wsd linear": Reading(
            s.wsd(shape=shapes.linear),
            f"{TIMM}WSDLRScheduler(optimizer(lr), t_initial=stable + decay, decay_t=decay, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr, decay_fn='linear')",
        ),
        "wsd power": Reading(
            s.wsd(shape=shapes.one_minus_power(0.5)),
            f"{TIMM}WSDLRScheduler(optimizer(lr), t_initial=stable + decay, decay_t=decay, lr_min=end, warmup_t=warmup, "
            "warmup_lr_init=start * lr, decay_fn='power')",
        ),
    },
    "torch": {
        "chained": Reading(
            s.chained, f"chain(lambda o: {TORCH}ChainedScheduler([each(x, o) for x in schedules]), optimizer(lr))",
            "only of schedules that multiply: one with an absolute end (eta_min) does something else",
        ),
        "cosine": Reading(
            s.cosine(after=periods.goes_on), f"{TORCH}CosineAnnealingLR(optimizer(lr), T_max=steps, eta_min=end)",
            "rises again after the end",
        ),
        "cosine swa": Reading(
            s.cosine(steps=10), "torch.optim.swa_utils.SWALR(optimizer(lr), swa_lr=end, anneal_epochs=steps)",
            "from where the learning rate is to that of the averaging, where it stays",
        ),
        "cyclic": Reading(
            s.cyclic,
            f"{TORCH}CyclicLR(optimizer(lr), base_lr=lr, max_lr=peak, step_size_up=up, step_size_down=down, "
            "cycle_momentum=False)",
        ),
        "cyclic exp_range": Reading(
            s.cyclic(scale=cycles.exp_range),
            f"{TORCH}CyclicLR(optimizer(lr), base_lr=lr, max_lr=peak, step_size_up=up, step_size_down=down, "
            "mode='exp_range', gamma=gamma, cycle_momentum=False)",
        ),
        "cyclic triangular2": Reading(
            s.cyclic(scale=cycles.triangular2),
            f"{TORCH}CyclicLR(optimizer(lr), base_lr=lr, max_lr=peak, step_size_up=up, step_size_down=down, "
            "mode='triangular2', cycle_momentum=False)",
        ),
        "cyclic_momentum": Reading(
            s.cyclic_momentum,
            f"momentum({TORCH}CyclicLR(optimizer(0.1), base_lr=0.1, max_lr=1.0, step_size_up=up, step_size_down=down, "
            "base_momentum=low, max_momentum=high))",
            "on by default: the momentum of the optimizer is overwritten",
        ),
        "exponential": Reading(s.exponential, f"{TORCH}ExponentialLR(optimizer(lr), gamma=gamma)"),
        "inverse_time": Reading(
            s.inverse_time, f"{TORCH}LambdaLR(optimizer(lr), lambda k: 1 / (1 + rate * k))",
            "none of its own; Adagrad's argument lr_decay is this rate",
        ),
        "linear": Reading(
            s.linear(steps=5), f"{TORCH}LinearLR(optimizer(lr), start_factor=1.0, end_factor=end / lr, total_iters=steps)",
            "downward; LinearLR as it is by default is the warm-up",
        ),
        "multistep": Reading(s.multistep, f"{TORCH}MultiStepLR(optimizer(lr), milestones=list(milestones), gamma=gamma)"),
        "one_cycle": Reading(
            s.one_cycle,
            f"{TORCH}OneCycleLR(optimizer(lr), max_lr=lr, total_steps=steps, pct_start=pct, div_factor=div, "
            "final_div_factor=final_div, cycle_momentum=False)",
            "raises after the last update",
        ),
        "one_cycle linear": Reading(
            s.one_cycle(shape=shapes.linear),
            f"{TORCH}OneCycleLR(optimizer(lr), max_lr=lr, total_steps=steps, pct_start=pct, div_factor=div, "
            "final_div_factor=final_div, anneal_strategy='linear', cycle_momentum=False)",
        ),
        "one_cycle three_phase": Reading(
            s.one_cycle(phases=cycles.three_phases),
            f"{TORCH}OneCycleLR(optimizer(lr), max_lr=lr, total_steps=steps, pct_start=pct, div_factor=div, "
            "final_div_factor=final_div, three_phase=True, cycle_momentum=False)",
        ),
        "one_cycle three_phase linear": Reading(
            s.one_cycle(phases=cycles.three_phases, shape=shapes.linear),
            f"{TORCH}OneCycleLR(optimizer(lr), max_lr=lr, total_steps=steps, pct_start=pct, div_factor=div, "
            "final_div_factor=final_div, three_phase=True, anneal_strategy='linear', cycle_momentum=False)",
        ),
        "one_cycle_momentum": Reading(
            s.one_cycle_momentum,
            f"momentum({TORCH}OneCycleLR(optimizer(0.1), max_lr=0.1, total_steps=steps, pct_start=pct, base_momentum=low, "
            "max_momentum=high))",
            "on by default: the momentum of the optimizer is overwritten",
        ),
        "one_cycle_momentum three_phase": Reading(
            s.one_cycle_momentum(phases=cycles.three_phases),
            f"momentum({TORCH}OneCycleLR(optimizer(0.1), max_lr=0.1, total_steps=steps, pct_start=pct, base_momentum=low, "
            "max_momentum=high, three_phase=True))",
        ),
        "piecewise ConstantLR": Reading(
            s.piecewise,
            f"{TORCH}ConstantLR(optimizer(values[1]), factor=values[0] / values[1], total_iters=milestones[0])",
            "a third of lr for 5 updates by default, and then lr",
        ),
        "plateau": Reading(
            s.plateau,
            f"{TORCH}ReduceLROnPlateau(optimizer(lr), mode=mode, factor=factor, patience=patience, threshold=rtol, "
            "cooldown=cooldown, min_lr=end, eps=eps)",
        ),
        "plateau abs": Reading(
            s.plateau(rtol=0.0, atol=1e-4),
            f"{TORCH}ReduceLROnPlateau(optimizer(lr), mode=mode, factor=factor, patience=patience, threshold=atol, "
            "threshold_mode='abs', cooldown=cooldown, min_lr=end, eps=eps)",
        ),
        "polynomial": Reading(
            s.polynomial(steps=5), f"{TORCH}PolynomialLR(optimizer(lr), total_iters=steps, power=power)", "ends at 0"
        ),
        "sequential": Reading(
            s.sequential,
            f"chain(lambda o: {TORCH}SequentialLR(o, [each(x, o) for x in schedules], list(milestones)), "
            "optimizer(schedules[-1](0)))",
            "all of its schedules begin from the optimizer's one learning rate",
        ),
        "step": Reading(s.step, f"{TORCH}StepLR(optimizer(lr), step_size=steps, gamma=gamma)"),
        "warm_restarts": Reading(
            s.warm_restarts, f"{TORCH}CosineAnnealingWarmRestarts(optimizer(lr), T_0=steps, T_mult=int(growth), eta_min=end)"
        ),
        "warmup": Reading(
            s.warmup(inner=s.constant, warmup=5, start=1 / 3),
            f"{TORCH}LinearLR(optimizer(lr), start_factor=start, total_iters=warmup)",
            "start must be above 0",
        ),
    },
    "transformers": {
        "constant": Reading(s.constant, f"{HF}constant_schedule(optimizer(lr))"),
        "cosine warmup": Reading(
            s.warmup(inner=s.cosine(after=periods.goes_on)),
            f"{HF}cosine_schedule_with_warmup(optimizer(lr), num_warmup_steps=warmup, num_training_steps=warmup + steps)",
            "its num_training_steps count the warm-up; rises again after the end",
        ),
        "cosine warmup min_lr": Reading(
            s.warmup(inner=s.cosine(after=periods.goes_on)),
            f"{HF}cosine_with_min_lr_schedule_with_warmup(optimizer(lr), num_warmup_steps=warmup, "
            "num_training_steps=warmup + steps, min_lr=end)",
            "the warm-up begins at 0, not at end",
        ),
        "inverse_sqrt": Reading(
            s.inverse_sqrt, f"{HF}inverse_sqrt_schedule(optimizer(lr), num_warmup_steps=warmup, timescale=timescale)"
        ),
        "linear warmup": Reading(
            s.warmup(inner=_straight),
            f"{HF}linear_schedule_with_warmup(optimizer(lr), num_warmup_steps=warmup, num_training_steps=warmup + steps)",
        ),
        "plateau": Reading(
            s.plateau,
            f"{HF}reduce_on_plateau_schedule(optimizer(lr), mode=mode, factor=factor, patience=patience, threshold=rtol, "
            "cooldown=cooldown, min_lr=end, eps=eps)",
            "torch's",
        ),
        "polynomial warmup": Reading(
            s.warmup(inner=s.polynomial(end=1e-7)),
            f"{HF}polynomial_decay_schedule_with_warmup(optimizer(lr), num_warmup_steps=warmup, "
            "num_training_steps=warmup + steps, lr_end=end, power=power)",
        ),
        "warm_restarts": Reading(
            s.warm_restarts(cycles=1),
            f"{HF}cosine_with_hard_restarts_schedule_with_warmup(optimizer(lr), num_warmup_steps=0, "
            "num_training_steps=steps * cycles, num_cycles=cycles)",
            "finds the place in the cycle as a rounded fraction: with 22 cycles the sixteenth may begin one update late",
        ),
        "warmup": Reading(_held_up, f"{HF}constant_schedule_with_warmup(optimizer(lr), num_warmup_steps=warmup)"),
        "wsd": Reading(
            s.wsd(shape=shapes.cosine, bottoms=budgets.everywhere), f"{HF}wsd_schedule(optimizer(lr), {_wsd_hf})",
            "the warm-up begins at end, not at 0",
        ),
        "wsd linear": Reading(
            s.wsd(shape=shapes.linear, bottoms=budgets.everywhere),
            f"{HF}wsd_schedule(optimizer(lr), {_wsd_hf}, decay_type='linear')",
        ),
        "wsd one_minus_sqrt": Reading(
            s.wsd(bottoms=budgets.everywhere), f"{HF}wsd_schedule(optimizer(lr), {_wsd_hf}, decay_type='1-sqrt')"
        ),
        "wsd warmup cosine": Reading(
            s.wsd(shape=shapes.cosine, ramp=shapes.cosine, bottoms=budgets.everywhere),
            f"{HF}wsd_schedule(optimizer(lr), {_wsd_hf}, warmup_type='cosine')",
        ),
        "wsd warmup one_minus_sqrt": Reading(
            s.wsd(shape=shapes.cosine, ramp=shapes.one_minus_sqrt, bottoms=budgets.everywhere),
            f"{HF}wsd_schedule(optimizer(lr), {_wsd_hf}, warmup_type='1-sqrt')",
        ),
    },
}  # fmt: skip


def schedule(name: str, framework: str, **hyper: Any) -> Schedule:
    """The schedule `name` as `framework` reads it; what the library's call does not take is refused, but for readings.

    Raises ValueError for a framework that is unknown or has no such schedule, TypeError for an unknown word.
    """
    if framework not in LIBRARIES:
        raise ValueError(f"unknown framework {framework!r}{nearest(framework, LIBRARIES)}")
    table = LIBRARIES[framework]
    if name not in table:
        raise ValueError(f"{framework} has no {name}, or its reading is not known here. It has: {', '.join(table)}")
    reading = table[name]
    for word in hyper:
        if word in reading.schedule.words and word in s.WORDS and word not in reading.words:
            raise TypeError(f"{framework}'s {name} takes no {word}{nearest(word, reading.words)}")
    return reading.schedule(**hyper)
