"""One example of each schedule, with numbers that show what it does in 100 updates. `refopt.view` draws them."""

from refopt import schedules as s
from refopt.schedules import cycles
from refopt.schedules.schedule import Schedule

__all__ = ["EXAMPLES", "LOSSES"]

EXAMPLES: dict[str, Schedule] = {
    "constant": s.constant(lr=1),
    "step": s.step(lr=1, steps=25, gamma=0.5),
    "multistep": s.multistep(lr=1, milestones=(40, 80), gamma=0.3),
    "piecewise": s.piecewise(values=(0.4, 1, 0.2), milestones=(20, 60)),
    "interpolated": s.interpolated(values=(0.4, 1, 0.2), milestones=(20, 60)),
    "exponential": s.exponential(lr=1, gamma=0.5, steps=20),
    "inverse_time": s.inverse_time(lr=1, rate=1, steps=20),
    "linear": s.linear(lr=1, steps=80),
    "polynomial": s.polynomial(lr=1, steps=80, power=2),
    "cosine": s.cosine(lr=1, steps=80),
    "warm_restarts": s.warm_restarts(lr=1, steps=15, growth=2, shrink=0.8),
    "cyclic": s.cyclic(lr=0.1, peak=1, up=15, scale=cycles.triangular2),
    "cyclic_momentum": s.cyclic_momentum(up=15, scale=cycles.triangular2),
    "one_cycle": s.one_cycle(lr=1, steps=100),
    "one_cycle_momentum": s.one_cycle_momentum(steps=100),
    "plateau": s.plateau(lr=1, factor=0.5, patience=10),
    "inverse_sqrt": s.inverse_sqrt(lr=1, warmup=15),
    "noam": s.noam(d_model=256, warmup=20),
    "wsd": s.wsd(lr=1, warmup=15, stable=45, decay=40),
    "rex": s.rex(lr=1, steps=100),
    "chebyshev": s.chebyshev(mu=0.1, L=1, steps=16),
    "warmup": s.warmup(inner=s.cosine(lr=1, steps=80), warmup=20),
    "chained": s.chained(schedules=(s.linear(lr=1, steps=100), s.step(lr=1, steps=25, gamma=0.6))),
    "sequential": s.sequential(
        schedules=(s.linear(lr=0.2, end=1, steps=20), s.exponential(lr=1, gamma=0.96)), milestones=(20,)
    ),
    "proportional": s.proportional(lr=1, of=s.exponential(lr=2.3, gamma=0.98), reference=2.3, power=0.5),
}

# What the plateau of the examples observes: a loss that improves for 20 updates, stays, improves again and stays.
LOSSES = [3 - 0.1 * min(k, 20) - 0.04 * min(max(k - 45, 0), 20) for k in range(100)]
