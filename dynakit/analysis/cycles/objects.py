"""What a search for cycles can find, and whether a state has arrived at it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.spatial import KDTree

from .circle import Curve

NOTHING = np.zeros(0)
ON_CURVE = 256  # points that stand for a closed curve
ON_IT = 1e-9  # distance, relative to 1 + |x|, at which an orbit lies on an object however unstable
REACHED = 1e-6  # distance from an object, relative to 1 + |x|, within which a state has arrived
CLOUD = 3.0  # median distance from a cloud of states, relative to that among themselves


@dataclass(frozen=True)
class Found:
    """One object: its kind, and what is known of it."""

    kind: str  # one of ``columns.KINDS``
    orbit: np.ndarray  # (step, unit)  once around for a cycle; one state on anything else, or a sample of it
    period: float = np.nan  # steps; of a flow time
    rho: float = np.nan  # turns per step; of a flow per unit of time
    digits: float = np.nan
    residual: float = np.nan
    curve: Curve | None = None
    multipliers: np.ndarray = field(default_factory=lambda: NOTHING)  # full list, the trivial one included
    exponents: np.ndarray = field(
        default_factory=lambda: NOTHING
    )  # nats per step; of a flow per unit of time
    verdict: str = "undetermined"
    trivial: float = np.nan  # how far the multiplier along the object is from one
    existence_radius: float = np.nan
    convergence: np.ndarray = field(default_factory=lambda: NOTHING)  # residual with 1, 2, 4, ... harmonics

    @property
    def attracting(self) -> bool:
        return self.verdict == "attracting"

    @property
    def recurs(self) -> bool:
        """Is ``orbit`` once around a cycle of a map?"""
        return self.kind in ("fixed point", "periodic")

    def distances(self, x: np.ndarray) -> np.ndarray:
        """Distance of states (state, unit) from the object, in the max norm, relative to 1 + its largest state."""
        scale = 1 + float(np.abs(self.orbit).max())
        if self.curve is None:
            return KDTree(self.orbit).query(x, p=np.inf)[0] / scale
        return _from_curve(self.curve, x) / scale

    def holds(self, tails: np.ndarray) -> np.ndarray:
        """Which orbits (start, step, unit) have arrived at it."""
        if self.kind in ("fixed point", "periodic", "limit cycle", "invariant circle"):
            return self.distances(tails[:, -1]) <= REACHED
        tree = KDTree(self.orbit)
        among = float(np.median(tree.query(self.orbit[::5], k=2)[0][:, 1])) + 1e-9
        return np.array([np.median(tree.query(tail)[0]) <= CLOUD * among for tail in tails], bool)


def _from_curve(curve: Curve, x: np.ndarray) -> np.ndarray:
    """Distance from the nearest point of the curve: of a grid, then by Gauss and Newton's method in the phase."""
    m = max(64, 8 * len(curve.c))
    theta: np.ndarray = np.asarray(KDTree(curve.on_grid(m)).query(x)[1]) / m
    for _ in range(4):
        gap, tangent = curve.at(theta) - x, curve.at(theta, 1)
        move = (gap * tangent).sum(1) / np.maximum((tangent**2).sum(1), 1e-300)
        theta = theta - np.clip(move, -1 / m, 1 / m)
    return np.abs(curve.at(theta) - x).max(axis=1)


def same(a: Found, b: Found) -> bool:
    """Whether two objects are one."""
    if a.kind != b.kind or (len(a.orbit) != len(b.orbit) and a.curve is None):
        return False
    if a.curve is not None and b.curve is not None:
        near = abs(a.rho - b.rho) < 1e-6
        return near and float(a.distances(b.curve.on_grid(8)).max()) <= 10 * REACHED
    return float(a.distances(b.orbit).max()) <= REACHED
