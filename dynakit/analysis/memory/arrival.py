"""Where states come to rest that are not there yet: the slowest mode says how long that takes, not the observer.

A state is followed as long as it comes nearer to a stable point, up to a budget of steps, or until it is so near that
the linear part there decides (:class:`dynakit.analysis.linearization.pull.Pull`).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ...systems.base import System
from ..basins import Targets
from ..linearization import Pull

CHUNK = 250  # steps between two looks
NEARER = 0.7  # of its distance when it was last judged: then a state is judged again


def arrivals(system: System, u: Tensor, targets: Targets, x: np.ndarray, most_steps: int) -> tuple[np.ndarray, int]:
    """The attractor each state (state, unit) arrives at, -1 for none, and how many steps it took to say so."""
    which, distance = targets.at(x)
    state = torch.from_numpy(np.array(x)).to(u)
    left, done = np.flatnonzero((which < 0) & np.isfinite(x).all(axis=1)), 0
    basins = Neighbourhoods(system, u, targets)
    judged = np.full(len(x), np.inf)
    while True:
        due = left[distance[left] <= NEARER * judged[left]]
        judged[due] = distance[due]
        which[due] = basins.judge(state[due])
        left = left[which[left] < 0]
        which[left] = basins.known(state[left])
        left = left[which[left] < 0]
        if not len(left) or done >= most_steps:
            return which, done
        chunk = min(CHUNK, most_steps - done)
        state[left] = system.settle(state[left], u, chunk)
        done += chunk
        which[left], now = targets.at(state[left])
        nearer, distance[left] = now < distance[left], now
        left = left[(which[left] < 0) & nearer]


class Neighbourhoods:
    """Of each stable point among targets, the states that are drawn in as by the linear map there."""

    def __init__(self, system: System, u: Tensor, targets: Targets) -> None:
        self.system, self.u, self.targets = system, u, targets
        self._basins: dict[int, Pull] = {}

    def judge(self, x: Tensor) -> np.ndarray:
        """The point to which each state (state, unit) is drawn, or -1, by the Jacobians at some of them."""
        return self._ask(x, Pull.draws_in)

    def known(self, x: Tensor) -> np.ndarray:
        """The same, by what was read before."""
        return self._ask(x, Pull.holds)

    def _ask(self, x: Tensor, question: Callable[[Pull, Tensor], np.ndarray]) -> np.ndarray:
        which = np.full(len(x), -1)
        if not len(x) or not len(self.targets) or self.system.regularity == "discontinuous":
            return which
        nearest = self.targets.distances(x).argmin(1).cpu().numpy()
        for k in np.unique(nearest).tolist():
            if self.targets.list[k].kind == "fixed point":
                rows = np.flatnonzero(nearest == k)
                which[rows[question(self._basin(k), x[rows])]] = k
        return which

    def _basin(self, k: int) -> Pull:
        if k not in self._basins:
            self._basins[k] = Pull(self.system, self.u, self.targets.list[k].states[0])
        return self._basins[k]
