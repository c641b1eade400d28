"""Attractors as targets: points, cycles, closed curves and clouds of states, and how far a state is from each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import KDTree
from torch import Tensor

from ...errors import InputError
from ...systems.base import System
from ..cycles import ON_CURVE, LimitCycles
from ..fixed_points import FixedPoints

CLOUD_STEPS = 200  # how long a state must stay with a cloud, which no distance tells apart in a moment
CLOUD = 1024  # states that stand for a chaotic attractor
SAME = 1e-6  # relative distance below which two given attractors are one
MOVES = 0.01  # most a state given as an attractor may move in a step, relative to 1 + |x|
SHARE = 0.05  # of the way to the next attractor: near
OWN = 0.25  # of its own size: near


@dataclass(frozen=True, eq=False)
class Target:
    """One attractor."""

    kind: str
    states: np.ndarray  # (point, unit)  the state, the cycle, or points of the curve or cloud
    closed: bool  # the points are joined, each to the next
    cloud: bool
    steps: float  # once around, or how long to stay

    @property
    def size(self) -> float:
        """Largest distance from the mean."""
        return float(np.linalg.norm(self.states - self.states.mean(0), axis=1).max())

    @property
    def scale(self) -> float:
        return 1.0 + float(np.abs(self.states).max())

    @property
    def coarseness(self) -> float:
        """How far the attractor may be from what stands for it."""
        if self.cloud:
            return 3 * float(np.median(KDTree(self.states).query(self.states, k=2)[0][:, 1]))
        if not self.closed:
            return 1e-7 * self.scale
        x = self.states
        bend = np.linalg.norm((np.roll(x, 1, 0) + np.roll(x, -1, 0)) / 2 - x, axis=1).max() / 4
        return 2 * float(bend) + 1e-7 * self.scale


class Targets:
    """The attractors, in the order in which labels count them."""

    def __init__(self, targets: list[Target], width: int, device: Any = "cpu") -> None:
        self.list = targets
        self.kinds = np.array([t.kind for t in targets], dtype="<U20")
        self._sizes = [len(t.states) for t in targets]
        rows = np.concatenate([t.states for t in targets]) if targets else np.zeros((0, width))
        self._points = torch.from_numpy(np.array(rows)).to(device)
        self._squares = self._points.square().sum(-1)
        self._after, self._before = self._neighbours(1), self._neighbours(-1)
        self.floors = torch.tensor([t.coarseness for t in targets], dtype=torch.float64, device=device)
        self.reaches = torch.tensor(self._reaches(), dtype=torch.float64, device=device)
        self.stay = int(np.clip(max([t.steps for t in targets], default=1.0), 16, 400))

    def __len__(self) -> int:
        return len(self.list)

    @property
    def states(self) -> np.ndarray:
        """All points that stand for them, (point, unit)."""
        return self._points.cpu().numpy()

    @property
    def index(self) -> np.ndarray:
        """The attractor each of these belongs to."""
        return np.repeat(np.arange(len(self)), self._sizes)

    def distances(self, x: Tensor) -> Tensor:
        """Euclidean distance of states (state, unit) from each attractor, (state, attractor)."""
        products = self._squares - 2 * (x @ self._points.T)  # up to |x|^2: enough to find the nearest
        out, start = [], 0
        for target, size in zip(self.list, self._sizes):
            j = products[:, start : start + size].argmin(1) + start
            near = self._points[j]
            d = (x - near).norm(dim=-1)
            if target.closed:
                for other in (self._points[self._after[j]], self._points[self._before[j]]):
                    d = torch.minimum(d, _from_segment(x, near, other))
            out.append(d)
            start += size
        return torch.stack(out, 1) if out else x.new_zeros(len(x), 0)

    def nearest(self, states: np.ndarray) -> int:
        """The attractor on which these states (state, unit) lie, or -1."""
        if not len(self):
            return -1
        d = self.distances(torch.as_tensor(states).to(self._points)).median(0).values
        k = int((d / self.reaches).argmin())
        return k if d[k] <= self.reaches[k] else -1

    def _neighbours(self, way: int) -> Tensor:
        """The next point, or the one before, of the same attractor, around and around."""
        starts = np.cumsum([0, *self._sizes])[:-1]
        rows = [a + np.roll(np.arange(n), -way) for a, n in zip(starts, self._sizes)]
        flat = np.concatenate(rows) if rows else np.zeros(0, int)
        return torch.from_numpy(flat).to(self._points.device)

    def _reaches(self) -> list[float]:
        """How near is near: a share of the way to the next attractor and of the attractor's own size."""
        reaches = []
        for k, target in enumerate(self.list):
            others = [gap(target.states, t.states) for j, t in enumerate(self.list) if j != k]
            near = SHARE * min(others, default=target.scale)
            if target.size > 0:
                near = min(near, OWN * target.size)
            reaches.append(max(near, target.coarseness) if target.cloud else near)
        return reaches


def _from_segment(x: Tensor, a: Tensor, b: Tensor) -> Tensor:
    along = b - a
    t = ((x - a) * along).sum(-1) / along.square().sum(-1).clamp_min(1e-300)
    return (x - a - t.clamp(0, 1)[:, None] * along).norm(dim=-1)


def gap(a: np.ndarray, b: np.ndarray) -> float:
    """Least distance between two sets of states."""
    return float(KDTree(a).query(b)[0].min())


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """How far two sets of states are from being the same: the larger mean distance to the other set's nearest."""
    return max(float(KDTree(p).query(q)[0].mean()) for p, q in ((a, b), (b, a)))


def as_targets(system: System, attractors: Any, u: Tensor) -> Targets:
    """Targets of FixedPoints (the stable ones), LimitCycles (the attracting ones), states, or a list of these.

    What is given twice counts once.  Of chaotic and unresolved motion a cloud of states is made under the drive ``u``.
      Raises InputError for anything else, or states of another width.
    """
    if attractors is None:
        raise InputError(
            "attractors must be given: find them with dk.find_fixed_points or dk.find_limit_cycles"
        )
    found: list[Target] = []
    for part in attractors if isinstance(attractors, (list, tuple)) else [attractors]:
        for target in _targets(system, part, u):
            if all(apart(target.states, t.states) > SAME * t.scale for t in found):
                found.append(target)
    if not found:
        raise InputError(
            "attractors must hold at least one stable point or attracting cycle, got none; pass None to find them"
        )
    return Targets(found, system.state_size, system.device)


def _targets(system: System, part: Any, u: Tensor) -> list[Target]:
    if isinstance(part, Targets):
        return part.list
    if isinstance(part, Target):
        return [part]
    if isinstance(part, LimitCycles):
        return [t for k in range(len(part)) if (t := _cycle(system, part, k, u)) is not None]
    if isinstance(part, FixedPoints):
        return [_point(x) for x in _rows(system, part.stable.states)]
    return [_point(x) for x in _resting(system, _rows(system, part), u)]


def _cycle(system: System, cycles: LimitCycles, k: int, u: Tensor) -> Target | None:
    """Object k, unless it repels or has not settled."""
    kind = str(cycles.kinds[k])
    state = _rows(system, cycles.states[k])
    if kind in ("chaotic", "unresolved"):
        after = system.trajectory(state[0], u.expand(CLOUD, -1)).cpu().numpy()
        return Target(kind, after, False, True, CLOUD_STEPS) if np.isfinite(after).all() else None
    if cycles.verdicts[k] != "attracting":
        return None
    if kind == "fixed point":
        return _point(state[0])
    if kind == "periodic" and not cycles.continuous:
        orbit = cycles.orbits[k]
        orbit = orbit[np.isfinite(orbit).all(axis=1)]
        return Target(kind, orbit, False, False, float(len(orbit)))
    curve = cycles.curve(np.arange(ON_CURVE) / ON_CURVE, k)
    steps = cycles.periods[k] / (system.dt or 1.0) if cycles.continuous else cycles.periods[k]
    return Target(kind, curve, True, False, float(steps)) if np.isfinite(curve).all() else None


def from_states(states: np.ndarray, kind: str = "") -> Target:
    """An attractor of which only states are known: a point if they are all one, else a cloud."""
    spread = float(np.abs(states - states[0]).max())
    if len(states) == 1 or spread <= SAME * (1 + float(np.abs(states).max())):
        return _point(states[-1], kind or "fixed point")
    return Target(kind or "recurrent", states, False, True, CLOUD_STEPS)


def _point(x: np.ndarray, kind: str = "fixed point") -> Target:
    return Target(kind, x[None], False, False, 1.0)


def _rows(system: System, states: Any) -> np.ndarray:
    x = system.as_states("attractors", states)
    x = x[None] if x.ndim == 1 else x
    if x.ndim != 2 or not bool(torch.isfinite(x).all()):
        raise InputError(
            f"attractors must be FixedPoints, LimitCycles or finite states (attractor, {system.state_size}), "
            f"got shape {tuple(x.shape)}"
        )
    return x.cpu().numpy()


def _resting(system: System, states: np.ndarray, u: Tensor) -> np.ndarray:
    """Bare states, which must be fixed points, roughly."""
    moves = np.abs(system.step(states, u).cpu().numpy() - states).max(axis=1)
    bad = np.flatnonzero(~(moves <= MOVES * (1 + np.abs(states).max(axis=1))))
    if len(bad):
        raise InputError(
            f"attractors given as states must be fixed points, but state {bad[0]} moves by {moves[bad[0]]:.3g} in a "
            "step; pass what dk.find_limit_cycles returns for cycles"
        )
    return states
