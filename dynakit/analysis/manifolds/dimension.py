"""How many dimensions has what is slow?  A curve can be drawn through anything; it is the answer only if that is one.

Two witnesses are asked at states that have settled for a while.  The rates of the modes, |lambda - 1| of a map and |mu|
of a flow, in rising order: what is slow are those before the largest ratio of one to the next (Maas and Pope 1992).
And the states themselves: the principal axes of each state's neighbours that hold 95 % of their variance (Fukunaga and
Olsen 1971).  The first knows nothing of where states go, the second nothing of time scales: a slow pair of modes may
belong to a single point that states spiral into, and states that have not settled yet fill more than what is slow.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.spatial.distance import cdist

from ...systems.base import System
from ...systems.rest import dynamics_of, linear_part
from ..linearization import eigenvalues

STATES = 300  # at most, of which the modes are asked
WORK = 2**28  # multiplications for that
BYTES = 64 * 2**20  # of Jacobians held at once
SETTLE = (30, 100, 300)  # steps after which the witnesses are asked, until they agree
CLEAR = 5.0  # ratio of two rates in a row that says where what is slow ends
FLOOR = 1e-4  # of the fastest rate: below it rates are alike
NEIGHBOURS, FEWEST = 24, 4  # of a state, in a cloud of many and of few
LEAST = 16  # states that can say how many dimensions they fill
VARIANCE = 0.95
APART = 1e-3  # of the extent of the cloud: states nearer than that are one


class Witnesses(NamedTuple):
    """What was found at settled states."""

    states: np.ndarray  # (state, unit)
    by_rates: np.ndarray  # (state,) slow modes; 0 where none is apart
    by_cloud: int  # dimension of the settled states; 0: they came to rest at points; -1: too few to say

    def objection(self) -> str:
        """Why these states lie on no single curve, in words; empty where nothing says so."""
        n = len(self.states)
        d, times = commonest(self.by_rates)
        if d >= 2 and 2 * times > n and self.by_cloud != 1:
            return f"the slow set has dimension {d} at {times} of {n} states"
        if d == 1 and self.by_cloud >= 2:
            return (
                f"the witnesses of its dimension disagree: one mode is slow at {times} of {n} states, and yet the "
                f"states, left alone for {SETTLE[-1]} steps, fill {self.by_cloud} dimensions"
            )
        return ""

    @property
    def one_slow_mode(self) -> bool:
        """Is a single mode slow at most states, whatever the states fill?"""
        d, times = commonest(self.by_rates)
        return d == 1 and 2 * times > len(self.states)

    @property
    def agree(self) -> bool:
        """Do the modes and the states say the same, as far as either can?"""
        d = commonest(self.by_rates)[0]
        return self.by_cloud < 0 or self.by_cloud == d


def witnesses(system: System, u: np.ndarray, states: np.ndarray, separation: float) -> Witnesses:
    """Ask both, after more and more steps until they agree."""
    x, waited, asked = torch.from_numpy(states), 0, None
    for steps in SETTLE:
        x, waited = system.settle(x, u, steps - waited), steps
        settled = x[torch.isfinite(x).all(-1)].cpu().numpy()
        if not len(settled):
            break
        asked = Witnesses(settled, rates_at(system, u, settled, separation), filled_by(settled))
        if asked.agree:
            break
    return asked or Witnesses(np.zeros((0, states.shape[1])), np.zeros(0, int), -1)


def most_states(n_units: int) -> int:
    """How many states can be asked for their modes."""
    return int(np.clip(WORK // max(1, 25 * n_units**3), 40, STATES))


def rates_at(system: System, u: np.ndarray, states: np.ndarray, separation: float) -> np.ndarray:
    """Slow modes at each state (state,)."""
    dynamics = dynamics_of(system)
    still, found = float(dynamics == "map"), []
    for x in np.array_split(states, max(1, len(states) * states.shape[1] ** 2 * 8 // BYTES)):
        for J in linear_part(system, x, u).cpu().numpy():
            found.append(_slow_modes(np.sort(np.abs(eigenvalues(J, dynamics) - still)), separation))
    return np.array(found, int)


def _slow_modes(rates: np.ndarray, separation: float) -> int:
    """How many of the rising rates (unit,) come before the largest gap; 0 where no gap is clear."""
    if len(rates) < 2 or not np.isfinite(rates).all() or rates[-1] == 0:
        return len(rates)
    rates = np.maximum(rates, FLOOR * rates[-1])
    ratios = rates[1:] / rates[:-1]
    d = int(ratios.argmax()) + 1
    if d > 1 and ratios[d - 1] > CLEAR:
        return d
    return int(ratios[0] >= separation)


def filled_by(states: np.ndarray) -> int:
    """The commonest number of axes that the neighbours of a state need."""
    extent = float(np.ptp(states, axis=0).max(initial=0.0))
    if extent <= 1e-9 * (1 + np.abs(states).max(initial=0.0)):
        return 0 if len(states) >= LEAST else -1
    distinct = _thinned(states, APART * extent)
    if len(distinct) < LEAST:
        return 0 if len(states) >= 4 * LEAST else -1
    k = int(np.clip(len(distinct) // 5, FEWEST, NEIGHBOURS))
    near = cdist(distinct, distinct).argsort(axis=1)[:, : k + 1]
    axes = [_axes(distinct[rows]) for rows in near]
    return commonest(np.array(axes))[0]


def _thinned(states: np.ndarray, radius: float) -> np.ndarray:
    """States no two of which are nearer than ``radius``."""
    close = cdist(states, states) <= radius
    left, kept = np.ones(len(states), bool), []
    for k in range(len(states)):
        if left[k]:
            kept.append(k)
            left &= ~close[k]
    return states[kept]


def _axes(states: np.ndarray) -> int:
    """Principal axes that hold most of the variance of a few states."""
    s = np.linalg.svd(states - states.mean(axis=0), compute_uv=False) ** 2
    return int((np.cumsum(s) < VARIANCE * s.sum()).sum()) + 1


def commonest(counts: np.ndarray) -> tuple[int, int]:
    """The commonest of them and how often it comes; (0, 0) where there is none."""
    if not len(counts):
        return 0, 0
    values, times = np.unique(counts, return_counts=True)
    return int(values[times.argmax()]), int(times.max())
