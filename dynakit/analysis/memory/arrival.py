"""Where states come to rest that are not there yet: the slowest mode says how long that takes, not the observer.

A state is followed as long as it comes nearer to a stable point, up to a budget of steps.  It need not be followed to
the end: with J = V diag(lambda) V^-1 at the point x*, in the norm |V^-1 d| the linear map contracts by |lambda_1|, and

    F(x) - x* = int_0^1 J(x* + s d) ds  d,    d = x - x*,

so that F contracts towards x* where |V^-1 (J(x* + s d) - J) V| < 1 - |lambda_1| (Ostrowski 1966, ch. 22).  The left
side is read halfway and at the state itself, and taken twice, for the directions in between that nobody reads.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...systems.base import System
from ..basins import Targets
from ..linearization import spectrum

CHUNK = 250  # steps between two looks
DOUBT = 2.0  # by which the change of the Jacobian that was read is multiplied


def arrivals(system: System, u: Tensor, targets: Targets, x: np.ndarray, most_steps: int) -> tuple[np.ndarray, int]:
    """The attractor each state (state, unit) arrives at, -1 for none, and how many steps it took to say so."""
    which, distance = targets.at(x)
    state = torch.from_numpy(np.array(x)).to(u)
    left, done = np.flatnonzero((which < 0) & np.isfinite(x).all(axis=1)), 0
    basins = {k: _Basin(system, u, t.states[0]) for k, t in enumerate(targets.list) if t.kind == "fixed point"}
    while True:
        which[left] = _drawn(basins, targets, state[left])
        left = left[which[left] < 0]
        if not len(left) or done >= most_steps:
            return which, done
        chunk = min(CHUNK, most_steps - done)
        state[left] = system.settle(state[left], u, chunk)
        done += chunk
        which[left], now = targets.at(state[left])
        nearer, distance[left] = now < distance[left], now
        left = left[(which[left] < 0) & nearer]


def _drawn(basins: dict[int, _Basin], targets: Targets, x: Tensor) -> np.ndarray:
    """The fixed point to which each state is drawn as by the linear map there, or -1."""
    which = np.full(len(x), -1)
    if not len(x) or not basins:
        return which
    nearest = targets.distances(x).argmin(1).cpu().numpy()
    for k, basin in basins.items():
        rows = np.flatnonzero(nearest == k)
        if len(rows):
            which[rows[basin.draws_in(x[rows])]] = k
    return which


class _Basin:
    """What is known to be drawn in by one stable point, from its linear part."""

    def __init__(self, system: System, u: Tensor, point: np.ndarray) -> None:
        self.system, self.u, self.point = system, u, torch.from_numpy(np.array(point)).to(u)
        self.J = system.jacobian(self.point[None], u[None])[0]
        eigen = spectrum(self.J[None])
        self.slack = 1.0 - float(np.abs(eigen.values[0]).max(initial=0.0))
        # rows of V^-1 are the left eigenvectors, scaled as l.r = 1
        self.into = torch.from_numpy(eigen.left[0].conj().T).to(u.device)
        self.out = torch.from_numpy(eigen.right[0]).to(u.device)

    def draws_in(self, x: Tensor) -> np.ndarray:
        """Which states (state, unit) the map brings nearer to the point, in the norm of its modes."""
        if not (self.slack > 0 and bool(torch.isfinite(self.into).all())):
            return np.zeros(len(x), bool)
        change = torch.zeros(len(x), dtype=torch.float64, device=x.device)
        for share in (0.5, 1.0):
            J = self.system.jacobian(self.point + share * (x - self.point), self.u.expand(len(x), -1))
            moved = self.into @ (J - self.J).to(self.into.dtype) @ self.out
            change = torch.maximum(change, torch.linalg.matrix_norm(moved))
        return (DOUBT * change < self.slack).cpu().numpy()
