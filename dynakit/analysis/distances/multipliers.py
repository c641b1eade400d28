"""Multipliers at matched fixed points: what no smooth change of coordinates can alter.

Where y = H(x) carries one map onto another, G = H F H^-1, the Jacobians at a fixed point x* and at H(x*) are similar,
so that they have the same eigenvalues, the multipliers, however H bends the states (Arnold 1988, sec. 22; Katok and
Hasselblatt 1995, sec. 2.1).  Two networks whose multipliers differ are not smoothly conjugate.

Points are compared as sets: sum of min(c, distance) over the best assignment, plus c for each that has no partner,
over the number of points of the larger set: the OSPA metric of order 1 with cutoff c (Schuhmacher, Vo and Vo 2008).
Points of different keys (drive, unstable directions, memory) are c apart.  The distance of two spectra is Euclidean
under the best assignment; the smaller one is filled up with zeros, and it is a metric among spectra of one size.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RestingPoints:
    """The fixed points of one network: what each is matched by, and its spectrum, or what else is compared of it."""

    keys: tuple[Hashable, ...]  # of each point
    values: np.ndarray  # (point, ...)  complex multipliers, real rates

    def groups(self) -> dict[Hashable, np.ndarray]:
        """The points of each key."""
        places: dict[Hashable, list[int]] = {}
        for i, key in enumerate(self.keys):
            places.setdefault(key, []).append(i)
        return {key: np.array(rows) for key, rows in places.items()}


def matched(
    one: RestingPoints,
    other: RestingPoints,
    cutoff: float,
    distance: Callable[[np.ndarray, np.ndarray], float] | None = None,
) -> float:
    """The OSPA distance of two sets of points, by spectra or another metric: 0..cutoff; 0 where both are empty."""
    distance = distance or apart
    n = max(len(one.keys), len(other.keys))
    mine, theirs = one.groups(), other.groups()
    total, left = 0.0, [len(one.keys), len(other.keys)]
    for key in mine.keys() & theirs.keys():
        costs = np.array([[distance(a, b) for b in other.values[theirs[key]]] for a in one.values[mine[key]]])
        total += assigned(np.minimum(costs, cutoff))
        left = [some - min(costs.shape) for some in left]
    return (total + cutoff * max(left)) / n if n else 0.0


def unmatched(one: RestingPoints, other: RestingPoints) -> int:
    """How many points of both have no partner of the same key."""
    mine, theirs = one.groups(), other.groups()
    return sum(abs(len(mine.get(key, ())) - len(theirs.get(key, ()))) for key in mine.keys() | theirs.keys())


def apart(a: np.ndarray, b: np.ndarray) -> float:
    """Euclidean distance of two spectra (unit,) under the best assignment of their values.

    >>> round(apart(np.array([1 + 1j, 1 - 1j]), np.array([1 - 1j, 1 + 0.9j])), 12)
    0.1
    """
    n = max(len(a), len(b))
    a, b = (np.concatenate([values, np.zeros(n - len(values))]) for values in (a, b))
    if not np.iscomplexobj(a) and not np.iscomplexobj(b):  # on a line the order is the best assignment
        return float(np.linalg.norm(np.sort(a) - np.sort(b)))
    return float(np.sqrt(assigned(np.abs(a[:, None] - b[None]) ** 2)))


def assigned(costs: np.ndarray) -> float:
    """The sum of costs (one, other) under the best assignment."""
    from scipy.optimize import linear_sum_assignment

    return float(costs[linear_sum_assignment(costs)].sum())
