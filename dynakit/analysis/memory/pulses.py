"""Pulses played at attractors: where each run goes, and how small a pulse may be.

A run has arrived where it is at an attractor, or where the linear part of a stable point is known to draw it in.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ...progress import going
from ..basins import Rollout, Targets, fates
from ..exponents import grows
from .arrival import Neighbourhoods

ROUNDS = 10  # an end state still on its way is given this many times n_settle steps
HALVINGS = 20
AWAY = -2  # in place of a target, until it is said in words: it grows without bound


class Runner:
    """Plays pulses at states on attractors and names the attractor to which each run goes."""

    def __init__(self, run: Rollout, targets: Targets, states: Tensor) -> None:
        self.along, self.targets, self.states = run, targets, states
        self.system, self.rest, self.n_settle = run.system, run.u, run.n_steps
        self.near = Neighbourhoods(run.system, run.u, targets)

    def play(self, start: np.ndarray, deviations: Tensor) -> Tensor:
        """The states right after the pulses."""
        x = self.states[torch.from_numpy(start)]
        for step in deviations.unbind(1):
            x = self.system.step(x, self.rest + step)
        return x

    def reaches(self, start: np.ndarray, deviations: Tensor, targets: np.ndarray) -> np.ndarray:
        """Whether each run comes to its target within n_settle steps, or to where it is known to be drawn in."""
        x = self.play(start, deviations)
        arrived, left = self._at(x), np.arange(len(start))
        done, chunk = 0, -(-self.n_settle // 32)
        while done < self.n_settle:
            left = left[arrived[left] < 0]
            if not len(left):
                break
            chunk = min(chunk, self.n_settle - done)
            x[left] = self.system.settle(x[left], self.rest, chunk)
            arrived[left] = self._at(x[left])
            done, chunk = done + chunk, 2 * chunk
        left = left[arrived[left] < 0]
        if len(left):  # of those that are still on their way, the ones nearest to their targets may be drawn in
            left = left[self.targets.distances(x[left]).argmin(1).cpu().numpy() == targets[left]]
            arrived[left] = self.near.judge(x[left])
        return self._watched(x, arrived) == targets

    def _at(self, x: Tensor) -> np.ndarray:
        """The attractor at which each state is, or to which it is known to be drawn; else -1."""
        at, _ = self.targets.at(x)
        lost = np.flatnonzero(at < 0)
        at[lost] = self.near.known(x[lost])
        return at

    def run(self, start: np.ndarray, deviations: Tensor) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """End states, the attractors they belong to (-1: none, or AWAY) and the distance from the nearest one."""
        first = self.play(start, deviations)
        x, left = first.clone(), np.arange(len(start))
        targets, distance = self.targets.at(x)
        for k in range(ROUNDS):
            if not going(k, "round"):
                break
            x[left] = self.system.settle(x[left], self.rest, self.n_settle)
            targets[left], distance[left] = self.targets.at(x[left])
            targets = self._watched(x, targets)
            left = np.flatnonzero(targets < 0)
            targets[left] = self.near.judge(x[left])
            left = left[targets[left] < 0]
            moving = (self.system.step(x, self.rest) - x).abs().amax(-1) > 1e-13 * (1 + x.abs().amax(-1))
            if not (moving.cpu().numpy() & (targets < 0)).any():
                break
        lost = np.flatnonzero(targets < 0)
        rows = torch.from_numpy(lost).to(x.device)
        targets[lost[grows(self.system, first[rows], x[rows], self.rest)]] = AWAY
        return x, targets, distance

    def _watched(self, x: Tensor, arrived: np.ndarray) -> np.ndarray:
        """What no distance tells, whether a state is at a cloud, is told by whether it stays."""
        if any(t.cloud for t in self.targets.list):
            lost = np.flatnonzero(arrived < 0)
            arrived[lost] = np.maximum(fates(self.along, x.cpu().numpy()[lost], self.targets), -1)
        return arrived


def bisect(
    runner: Runner, start: np.ndarray, deviations: Tensor, targets: np.ndarray, low: float, high: float
) -> np.ndarray:
    """The factor at which each pulse begins to reach its target, to 2^-20 of the bracket."""
    lo, hi = np.full(len(start), low), np.full(len(start), high)
    if not len(start):
        return lo
    reaches = lambda f: runner.reaches(start, deviations * torch.from_numpy(f)[:, None, None], targets)  # noqa: E731
    bracketed = ~reaches(lo) & reaches(hi)
    for k in range(HALVINGS):
        if not going(k, "round"):
            break
        middle = (lo + hi) / 2
        there = reaches(middle)
        lo, hi = np.where(there, lo, middle), np.where(there, middle, hi)
    return np.where(bracketed, hi, np.nan)
