"""Planes through theta: spanned by random directions, or laid through the path of a training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from refopt.landscape.directions import random_directions
from refopt.landscape.objective import as_theta, whole

__all__ = ["Plane", "Trajectory", "pca_plane", "random_plane", "rows_of"]


def rows_of(thetas: Any, size: int | None = None) -> np.ndarray:
    """Several thetas as float64 rows (t, n). ValueError for anything else."""
    rows = [as_theta(theta, size, f"theta {i} of the path") for i, theta in enumerate(thetas)]
    if not rows or any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(f"a path is one or more thetas of one length, got {[len(row) for row in rows[:4]]}")
    return np.stack(rows)


@dataclass(frozen=True)
class Plane:
    """The points centre + a·directions[0] + b·directions[1].

    centre (n,), directions (2, n); `kind` says where it comes from ("random, filter", "PCA", …). `explained` (2,), of a PCA:
    the shares of the path's variance that lie along the two directions.
    """

    centre: np.ndarray
    directions: np.ndarray
    kind: str = "given"
    explained: np.ndarray | None = None

    def __post_init__(self) -> None:
        centre = as_theta(self.centre, name="centre")
        given = [as_theta(d, centre.size, "a direction") for d in self.directions]
        if len(given) != 2:
            raise ValueError(f"a plane has two directions, got {len(given)}")
        directions = np.stack(given)
        lengths = np.linalg.norm(directions, axis=1)
        if not lengths.all() or np.linalg.svd(directions / lengths[:, None], compute_uv=False)[1] < 1e-10:
            raise ValueError("the two directions of a plane must be different lines, and neither of length 0")
        for name, value in (("centre", centre), ("directions", directions)):
            object.__setattr__(self, name, value)

    def coordinates(self, thetas: Any) -> np.ndarray:
        """(a, b) of the points of the plane nearest to the thetas (t, n): (t, 2), by least squares.

        The directions need not be orthogonal; where they are, these are the projections on each.
        """
        away = rows_of(thetas, self.centre.size) - self.centre
        lengths = np.linalg.norm(self.directions, axis=1)
        return np.linalg.lstsq((self.directions / lengths[:, None]).T, away.T, rcond=None)[0].T / lengths

    def off_plane(self, thetas: Any) -> np.ndarray:
        """How far the thetas (t, n) lie beside the plane, as a share of their distance from its centre: (t,), from 0 to 1.

        0 is a point of the plane; at 1 the picture shows nothing of where the point is.
        """
        away = rows_of(thetas, self.centre.size) - self.centre
        beside = np.linalg.norm(away - self.coordinates(thetas) @ self.directions, axis=1)
        distance = np.linalg.norm(away, axis=1)
        return np.divide(beside, distance, out=np.zeros_like(beside), where=distance > 0)


def random_plane(theta: Any, net: Any = None, *, normalise: str | None = None, seed: int = 0) -> Plane:
    """The plane through theta along two `random_directions`."""
    how = ("none" if net is None else "filter") if normalise is None else normalise
    return Plane(as_theta(theta), random_directions(theta, net, normalise=how, seed=seed), f"random, {how}")


def pca_plane(thetas: Any, *, centred: bool = True) -> Plane:
    """The plane through the last of the thetas (t, n) along the two principal directions of the path (Li et al. 2018,
    section 7).

    The rows are θ_i − θ_end, the directions the leading right singular vectors, orthonormal, each with its largest entry
    positive. `centred`: the mean row is taken off first, as the word variance asks for and the authors' program does; without,
    `explained` counts the squares of the distances from the end.

    A path always looks smooth here: even a random walk has nearly all of its variance along a few principal directions
    (Lorch 2016; Antognini & Sohl-Dickstein 2018, arXiv:1806.08805).

    >>> corner = [[0, 0, 0], [1, 0, 0], [2, 0, 0], [2, 1, 0.0]]
    >>> plane = pca_plane(corner)
    >>> plane.explained.sum().round(12), plane.off_plane(corner).max().round(12), np.abs(plane.directions[:, 2])
    (np.float64(1.0), np.float64(0.0), array([0., 0.]))

    Raises ValueError for fewer than three thetas, and where they lie on one line.
    """
    rows = rows_of(thetas)
    if len(rows) < 3:
        raise ValueError(f"a plane through a path needs at least 3 thetas, got {len(rows)}")
    away = rows - rows[-1]
    spread = away - away.mean(axis=0) if centred else away
    _, lengths, directions = np.linalg.svd(spread, full_matrices=False)
    squares = lengths**2
    if squares.size < 2 or squares[1] <= 1e-24 * max(squares[0], np.finfo(float).tiny):
        raise ValueError("the thetas of the path lie on one line, which spans no plane")
    chosen = directions[:2]
    largest = np.take_along_axis(chosen, np.abs(chosen).argmax(axis=1)[:, None], axis=1)
    return Plane(rows[-1], chosen * np.sign(largest), "PCA", squares[:2] / squares.sum())


class Trajectory:
    """A callback of `refopt.train` that keeps the theta of every epoch (of every `every`-th, and epoch 0): ``.thetas`` (t, n).

    >>> path = Trajectory()
    >>> history = refopt.train(refopt.nets.MLP([64, 10]), refopt.adam, refopt.data.digits(), epochs=3, callbacks=[path])
    >>> path.thetas.shape, bool((path.thetas[-1] == history.theta).all())
    ((4, 650), True)
    """

    def __init__(self, every: int = 1) -> None:
        self.every, self.epochs, self._thetas = whole(every, "every"), [], []  # type: tuple[int, list[int], list[np.ndarray]]

    def __call__(self, epoch: Any) -> None:
        """Keep the theta of an `Epoch`."""
        if epoch.row.epoch % self.every == 0:
            self.epochs.append(epoch.row.epoch)
            self._thetas.append(np.asarray(epoch.theta))

    @property
    def thetas(self) -> np.ndarray:
        """What was kept, float64, one theta a row."""
        return rows_of(self._thetas)
