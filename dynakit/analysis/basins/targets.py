"""Attractors as targets: points, cycles, closed curves and clouds of states, and how far a state is from each.

A state near an attractor for good is at it (``reaches``, for whoever watches whether it stays).  A state within its
``radii`` has arrived, without watching: an attractor draws in what is close enough.  How close is that?  Where a
certificate says that no other fixed point lies within a radius, that radius, but no more than a tenth of the way to the
next attractor; else a thousandth of that way, or of the attractor's own size.  Of a cloud no radius can say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.spatial import KDTree
from scipy.spatial.distance import cdist
from torch import Tensor

SHARE = 0.05  # of the way to the next attractor: near
OWN = 0.25  # of its own size: near
CERTIFIED, BARE = 0.1, 1e-3  # of the way to the next attractor, or of its own size: arrived


@dataclass(frozen=True, eq=False)
class Target:
    """One attractor."""

    kind: str
    states: np.ndarray  # (point, unit)  the state, the cycle, or points of the curve or cloud
    closed: bool = False  # the points are joined, each to the next
    cloud: bool = False
    steps: float = 1.0  # once around, or how long to stay
    radius: float = np.nan  # no other fixed point is that near, as a certificate says; NaN: none says so
    exponent: float = (
        np.nan
    )  # leading Lyapunov exponent, nats per step, of a flow per unit of time; NaN: not known

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

    def phases(self, n: int) -> np.ndarray:
        """At most n states on it, (phase, unit), evenly around it: all of a point, or of a short cycle."""
        return self.states[np.unique(np.arange(n) * len(self.states) // n)]


class Targets:
    """The attractors, in the order in which labels count them.

    ``given`` says which of those that were given each is; ``n_left_out`` of these are no attractors.
    """

    def __init__(
        self,
        targets: list[Target],
        width: int,
        device: Any = "cpu",
        *,
        given: list[int] | None = None,
        n_left_out: int = 0,
    ) -> None:
        self.list, self.n_left_out = targets, n_left_out
        self.given = np.array(range(len(targets)) if given is None else given, int)
        self.kinds = np.array([t.kind for t in targets], dtype="<U20")
        self._sizes = [len(t.states) for t in targets]
        rows = np.concatenate([t.states for t in targets]) if targets else np.zeros((0, width))
        self._points = torch.from_numpy(np.array(rows)).to(device)
        self._squares = self._points.square().sum(-1)
        starts = np.cumsum([0, *self._sizes])
        self._curves = [(k, int(starts[k])) for k, size in enumerate(self._sizes) if size != 1]
        self._single = torch.tensor([k for k, size in enumerate(self._sizes) if size == 1], dtype=torch.long)
        self._alone = self._points[torch.from_numpy(starts)[self._single].to(device)]
        self._after, self._before = self._neighbours(1), self._neighbours(-1)
        gaps = self._gaps()
        self.floors = self._numbers([t.coarseness for t in targets])
        self.reaches = self._numbers([_reach(t, far) for t, far in zip(targets, gaps)])
        self.radii = self._numbers([_radius(t, far) for t, far in zip(targets, gaps)])
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
        out = x.new_empty(len(x), len(self))
        if len(self._single):
            plain = "donot_use_mm_for_euclid_dist"  # whose answer depends on no neighbour, and is exact near zero
            out[:, self._single] = torch.cdist(x, self._alone, compute_mode=plain)
        for k, start in self._curves:
            out[:, k] = self._distance(x, k, start)
        return out

    def at(self, states: Any) -> tuple[np.ndarray, np.ndarray]:
        """For states (state, unit): the attractor each has arrived at, or -1, and the distance from the nearest."""
        x = states.to(self._points) if isinstance(states, Tensor) else self._numbers(np.array(states))
        if not len(self) or not len(x):
            return np.full(len(x), -1), np.full(len(x), np.inf)
        finite = torch.isfinite(x).all(-1, keepdim=True)
        d = torch.where(finite, self.distances(torch.where(finite, x, 0.0)), np.inf)
        near = d.min(1).values
        arrived = torch.where(d <= self.radii, d, np.inf).min(1)
        label = torch.where(torch.isfinite(arrived.values), arrived.indices, -1)
        return label.cpu().numpy(), near.cpu().numpy()

    def nearest(self, states: np.ndarray) -> int:
        """The attractor on which these states (state, unit) lie, or -1."""
        if not len(self):
            return -1
        d = self.distances(torch.as_tensor(states).to(self._points)).median(0).values
        k = int((d / self.reaches).argmin())
        return k if d[k] <= self.reaches[k] else -1

    def _distance(self, x: Tensor, k: int, start: int) -> Tensor:
        """From one attractor of several points, the first of which is number ``start``."""
        own = slice(start, start + self._sizes[k])
        squares = self._squares[own] - 2 * (
            x @ self._points[own].T
        )  # up to |x|^2: enough to find the nearest
        j = squares.argmin(1) + start
        near = self._points[j]
        d = (x - near).norm(dim=-1)
        if self.list[k].closed:
            for other in (self._points[self._after[j]], self._points[self._before[j]]):
                d = torch.minimum(d, _from_segment(x, near, other))
        return d

    def _neighbours(self, way: int) -> Tensor:
        """The next point, or the one before, of the same attractor, around and around."""
        starts = np.cumsum([0, *self._sizes])[:-1]
        rows = [a + np.roll(np.arange(n), -way) for a, n in zip(starts, self._sizes)]
        flat = np.concatenate(rows) if rows else np.zeros(0, int)
        return torch.from_numpy(flat).to(self._points.device)

    def _gaps(self) -> np.ndarray:
        """(attractor,) the way to the next attractor; infinite where there is none."""
        gaps = np.full(len(self), np.inf)
        single = np.flatnonzero(np.array(self._sizes) == 1)
        if len(single) > 1:
            x = np.concatenate([self.list[k].states for k in single])
            gaps[single] = (cdist(x, x) + np.diag(np.full(len(x), np.inf))).min(axis=1)
        for k in np.flatnonzero(np.array(self._sizes) > 1):
            for j in range(len(self)):
                if j != k:
                    way = gap(self.list[k].states, self.list[j].states)
                    gaps[k], gaps[j] = min(gaps[k], way), min(gaps[j], way)
        return gaps

    def _numbers(self, values: Any) -> Tensor:
        return torch.tensor(values, dtype=torch.float64, device=self._points.device)


def _reach(target: Target, far: float) -> float:
    """How near is near."""
    near = SHARE * (far if np.isfinite(far) else target.scale)
    if target.size > 0:
        near = min(near, OWN * target.size)
    return max(near, target.coarseness) if target.cloud else near


def _radius(target: Target, far: float) -> float:
    """How near is arrived."""
    if target.cloud:
        return -1.0
    way = far if np.isfinite(far) else target.scale
    way = min(way, target.size) if target.size > 0 else way
    radius = min(target.radius, CERTIFIED * way) if target.radius > 0 else BARE * way
    return max(radius, target.coarseness) if target.closed else radius


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
