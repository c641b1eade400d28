"""Many states under the same inputs: which come together, which stay apart, which grow without bound."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from ...systems.base import System
from .motion import FAR

MET = 1e-9  # distance relative to 1 + |x| at which two states are one
APART = 1e-3  # and from which on they are clearly two
SAME, EVERY = 1e-14, 16  # distance at which states are followed as one, and how often it is looked for


class Gathering(NamedTuple):
    """What became of states; those of pairs stand before any others."""

    distances: np.ndarray  # (pair, time)  relative, NaN from where one has left
    left_at: np.ndarray  # (start,)  the step at which it went beyond every bound; -1: never
    index: np.ndarray  # (start,)  which of the trajectories that differ is its
    met: np.ndarray  # (trajectory, trajectory)  together to the end
    kept: (
        np.ndarray
    )  # (trajectory, trajectory)  of a clear distance half way, the share left at the end; 0: none is
    horizon: int

    @property
    def pairs_left_at(self) -> np.ndarray:
        """(pair,) the step at which the first of the two left; -1: never."""
        first = np.where(self.left_at < 0, self.horizon + 1, self.left_at)[: 2 * len(self.distances)]
        first = first.reshape(-1, 2).min(axis=1)
        return np.where(first > self.horizon, -1, first)

    @property
    def meeting_times(self) -> np.ndarray:
        """Steps until each pair is together to the end; -1 where it is not."""
        apart = ~(self.distances <= MET)
        last = apart.shape[1] - apart[:, ::-1].argmax(axis=1)  # the step after which it is never apart again
        return np.where(apart[:, -1], -1, np.where(apart.any(axis=1), last + 1, 1))


class Groups(NamedTuple):
    """States that end together, or may yet: the largest group first."""

    first: np.ndarray  # (group,)  one start of each
    counts: np.ndarray  # (group,)  random starts that end in it
    shares: np.ndarray  # (group,)
    n_pairs_apart: int
    all_met: np.ndarray  # (group,)  whether all of its states met
    lost: bool  # no state stays within bounds: the one group is of those that do not


def follow(system: System, x: Tensor, inputs: Tensor, n_paired: int) -> Gathering:
    """Follow states (start, unit) under ``inputs`` (time, input); those that have met to all digits as one."""
    flock, n_steps = _Flock(x), len(inputs)
    half, some = n_steps // 2, max(1, n_steps // 8)
    distances = np.empty((n_paired // 2, n_steps))
    early, late = None, None
    for t, u in enumerate(inputs):
        flock.step(system, u)
        distances[:, t] = flock.paired(n_paired)
        if t < half and t % EVERY == 0:
            flock.merge()
        if half <= t < half + some:
            early = _Window.add(early, flock.apart())
        if t >= n_steps - some:
            late = _Window.add(late, flock.apart())
    assert late is not None
    early = early or late
    clear = (late.least > MET) & (late.total > APART * late.n)
    kept = np.where(clear, late.total / late.n / np.where(clear, early.total / early.n, 1.0), 0.0)
    return Gathering(distances, flock.left_at, flock.index.cpu().numpy(), late.most <= MET, kept, n_steps)


class _Window(NamedTuple):
    """Distances (trajectory, trajectory) over some steps."""

    least: np.ndarray
    most: np.ndarray
    total: np.ndarray
    n: int

    @classmethod
    def add(cls, window: _Window | None, d: np.ndarray) -> _Window:
        """The window with the distances of one more step."""
        if window is None:
            return cls(d, d, d, 1)
        return cls(np.fmin(window.least, d), np.fmax(window.most, d), window.total + d, window.n + 1)


class _Flock:
    """Trajectories that differ, and which start is on which."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.index = x, torch.arange(len(x), device=x.device)
        self._bound = FAR * (1 + x.abs().amax(-1))
        self._on = torch.ones(len(x), dtype=torch.bool, device=x.device)
        self.left_at, self.t = np.full(len(x), -1), 0

    def step(self, system: System, u: Tensor) -> None:
        """All but those that have left, which stay where they were."""
        self.t += 1
        following = system._step(self.x, u.expand(len(self.x), -1))
        inside = (following.abs() <= self._bound[:, None]).all(-1) & self._on  # False for NaN
        if not bool(inside.all()):
            left = (self._on & ~inside)[self.index].cpu().numpy()
            self.left_at[left] = self.t
            following = torch.where(inside[:, None], following, self.x)
            self._on = inside
        self.x = following

    def merge(self) -> None:
        """Those that are the same to all digits are one from now on."""
        close = torch.from_numpy(self.apart() <= SAME).to(self.x.device)
        first = close.to(torch.int8).argmax(-1)  # the first that each is close to: itself, if no other
        kept, new = torch.unique(first, return_inverse=True)
        if len(kept) < len(self.x):
            self.index = new[self.index]
            self.x, self._bound, self._on = self.x[kept], self._bound[kept], self._on[kept]

    def apart(self) -> np.ndarray:
        """Relative distances (trajectory, trajectory); NaN from those that have left."""
        d = torch.cdist(self.x, self.x, p=torch.inf) / (1 + self.x.abs().amax(-1, keepdim=True))
        on = self._on[:, None] & self._on
        return torch.where(on, d, torch.nan).cpu().numpy()

    def paired(self, n: int) -> np.ndarray:
        """Relative distances (pair,) of the first n starts, two by two; NaN where one has left."""
        one, other = self.index[:n:2], self.index[1:n:2]
        d = (self.x[one] - self.x[other]).abs().amax(-1) / (1 + self.x[one].abs().amax(-1))
        return torch.where(self._on[one] & self._on[other], d, torch.nan).cpu().numpy()


def gathered(end: Gathering, n_random: int, least: float) -> Groups:
    """Groups of states that keep at least this share of their distances from those of all others."""
    stays = end.left_at < 0
    if not stays.any():
        none = np.zeros(1)
        return Groups(np.zeros(1, int), none, none, 0, none > 0, True)
    label = connected_components(~(np.fmax(end.kept, end.kept.T) >= least), directed=False)[1][end.index]
    used, first = np.unique(label[stays], return_index=True)
    counts = np.array([(label[:n_random][stays[:n_random]] == k).sum() for k in used])
    order = np.argsort(-counts, kind="stable")
    members = [end.index[stays][label[stays] == k] for k in used[order]]
    pairs = label[:n_random].reshape(-1, 2)
    both = stays[:n_random].reshape(-1, 2).all(axis=1)
    return Groups(
        np.flatnonzero(stays)[first[order]],
        counts[order],
        counts[order] / n_random,
        int((both & (pairs[:, 0] != pairs[:, 1])).sum()),
        np.array([bool(end.met[np.ix_(one, one)].all()) for one in members]),
        False,
    )
