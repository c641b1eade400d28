"""Has a state arrived at an attractor, and at which?

It has if it is closer to the nearest one than that one's reach, in the max norm: the radius within which its
certificate says that no other fixed point lies, but no more than a tenth of the way to the next attractor; without a
certificate, a thousandth of that way.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

CERTIFIED, BARE = 0.1, 1e-3  # largest reach as a share of the distance to the next attractor


class Arrival:
    """The attractors a state may arrive at: FixedPoints, or states (attractor, unit)."""

    def __init__(self, attractors: Any) -> None:
        self.centres = _array(getattr(attractors, "states", attractors))
        n = len(self.centres)
        apart = cdist(self.centres, self.centres, "chebyshev") if n else np.zeros((0, 0))
        apart[apart == 0] = np.inf
        apart = apart.min(axis=1, initial=np.inf)
        alone = 1 + np.abs(self.centres).max(axis=1, initial=0.0)
        apart = np.where(np.isfinite(apart), apart, alone)
        radius = np.asarray(getattr(attractors, "uniqueness_radius", np.full(n, np.nan)), float)
        known = np.isfinite(radius) & (radius > 0)
        self.reach = np.where(known, np.minimum(radius, CERTIFIED * apart), BARE * apart)

    def at(self, states: Any) -> tuple[np.ndarray, np.ndarray]:
        """For states (state, unit): the attractor each has arrived at, or -1, and the distance from the nearest."""
        x = _array(states)
        if not len(self.centres) or not len(x):
            return np.full(len(x), -1), np.full(len(x), np.inf)
        distances = cdist(np.where(np.isfinite(x), x, np.inf), self.centres, "chebyshev")
        nearest = distances.argmin(axis=1)
        distance = distances.min(axis=1)
        return np.where(distance <= self.reach[nearest], nearest, -1), distance


def _array(states: Any) -> np.ndarray:
    return np.asarray(states.detach().cpu() if hasattr(states, "detach") else states, float)
