"""Saddles: the gradient vanishes where there is no minimum."""

from __future__ import annotations

from refopt.problems.problem import Problem, plane

__all__ = ["monkey_saddle", "saddle"]


def saddle() -> Problem:
    """The saddle ½ (x² − y²): no minimum; the start is almost on the ridge, where the gradient points at the saddle."""
    return plane(
        "saddle",
        lambda x, y: (x**2 - y**2) / 2,
        lambda x, y: (x, -y),
        lambda x, y: (1, 0, -1),
        minima=[],
        saddles=[[0, 0]],
        start=[1.5, 1e-3],
        bounds=((-2.0, 2.0), (-2.0, 2.0)),
        trap="a small gradient is not a minimum: who scales by its size leaves at once, who does not lingers",
        paper="Dauphin et al. 2014, arXiv:1406.2572",
    )


def monkey_saddle() -> Problem:
    """The monkey saddle x³ − 3xy²: three ways down, for two legs and a tail. At the saddle even the Hessian is zero."""
    return plane(
        "monkey_saddle",
        lambda x, y: x**3 - 3 * x * y**2,
        lambda x, y: (3 * x**2 - 3 * y**2, -6 * x * y),
        lambda x, y: (6 * x, -6 * y, -6 * x),
        minima=[],
        saddles=[[0, 0]],
        start=[1.5, 1e-2],
        bounds=((-2.0, 2.0), (-2.0, 2.0)),
        trap="a saddle where the curvature vanishes, too: no Hessian shows the way out",
        paper="Hilbert & Cohn-Vossen 1932, Anschauliche Geometrie; Anandkumar & Ge 2016, arXiv:1602.05908",
    )
