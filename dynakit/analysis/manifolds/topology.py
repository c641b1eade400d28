"""What shape has a cloud of states?  Betti numbers: its pieces, its loops, the voids it encloses.

Landmarks are chosen one after the other, each farthest from those before (de Silva and Carlsson 2004); those within a
distance eps of each other span edges, triangles and tetrahedra (the complex of Vietoris and Rips), and the ranks of the
boundary maps over Z/2 give b_0 = n_0 - r_1, b_1 = n_1 - r_1 - r_2, b_2 = n_2 - r_2 - r_3 (Edelsbrunner and Harer 2010,
ch. IV).  Below twice the covering radius the complex has holes of its own, and far above it fills those of the set:
the commonest answer between two and three radii is given.  Pieces that hold less than a twentieth of the states are
tails of others.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

LANDMARKS = 60
SCALES = np.linspace(2.0, 3.0, 6)  # covering radii
CRUMB = 0.05  # share of the states that is no piece of its own
TAIL, AMONG = 3.0, 6  # times the median distance to so many-th neighbour: what is lonelier is a tail
FEWEST, PER_MARK = 16, 8  # landmarks, and states for each
MOST_TRIANGLES, MOST_TETRAHEDRA = 50_000, 400_000

Betti = tuple[int, int, int]


def betti_numbers(states: np.ndarray, n_landmarks: int = LANDMARKS) -> Betti | None:
    """Of the set that ``states`` (state, unit) lie on: pieces, loops, voids; None where they are too many to count."""
    cloud, sparse = _without_tails(states)
    marks, radius = landmarks(cloud, min(n_landmarks, max(FEWEST, len(cloud) // PER_MARK)))
    radius = max(radius, sparse)
    if radius <= 1e-9 * (1 + np.abs(states).max()):  # every state is a landmark, up to rounding
        return len(marks), 0, 0
    apart, share = cdist(marks, marks), _shares(cloud, marks)
    found = [betti_of(_without_crumbs(apart <= scale * radius, share)) for scale in SCALES]
    known = [b for b in found if b is not None]
    return max(known, key=known.count) if known else None


def _shares(cloud: np.ndarray, marks: np.ndarray) -> np.ndarray:
    """Share of the states that is nearest to each landmark (landmark,)."""
    return np.bincount(cdist(cloud, marks).argmin(axis=1), minlength=len(marks)) / len(cloud)


def _without_crumbs(joined: np.ndarray, share: np.ndarray) -> np.ndarray:
    """``joined`` without the pieces that hold few of the states: tails that were not cut off."""
    _, piece = connected_components(joined, directed=False)
    large = np.bincount(piece, weights=share)[piece] >= CRUMB
    return joined[np.ix_(large, large)] if large.any() else joined


def landmarks(states: np.ndarray, n: int) -> tuple[np.ndarray, float]:
    """Up to ``n`` of the states (landmark, unit), each the farthest from those before, and how far the rest may be."""
    chosen = [int(np.linalg.norm(states - states.mean(axis=0), axis=1).argmax())]
    away = np.linalg.norm(states - states[chosen[0]], axis=1)
    while len(chosen) < min(n, len(states)) and away.max() > 1e-9 * (1 + np.abs(states).max()):
        chosen.append(int(away.argmax()))
        away = np.minimum(away, np.linalg.norm(states - states[chosen[-1]], axis=1))
    return states[chosen], float(away.max())


def betti_of(joined: np.ndarray) -> Betti | None:
    """Betti numbers of the complex whose simplices are the sets of points that are all ``joined`` (point, point)."""
    n = len(joined)
    beyond = [{int(j) for j in np.flatnonzero(row) if j > i} for i, row in enumerate(joined)]
    edges = [(i, j) for i in range(n) for j in sorted(beyond[i])]
    triangles = [(i, j, k) for i, j in edges for k in sorted(beyond[i] & beyond[j])]
    if len(triangles) > MOST_TRIANGLES:
        return None
    tetrahedra = [(i, j, k, m) for i, j, k in triangles for m in sorted(beyond[i] & beyond[j] & beyond[k])]
    if len(tetrahedra) > MOST_TETRAHEDRA:
        return None
    points = [(i,) for i in range(n)]
    r1, r2, r3 = _rank(edges, points), _rank(triangles, edges), _rank(tetrahedra, triangles)
    return n - r1, len(edges) - r1 - r2, len(triangles) - r2 - r3


def _rank(simplices: list[tuple[int, ...]], faces: list[tuple[int, ...]]) -> int:
    """Rank over Z/2 of the map from simplices to their faces; a column is an integer, one bit for each face."""
    place = {face: k for k, face in enumerate(faces)}
    pivots: dict[int, int] = {}
    for simplex in simplices:
        column = 0
        for k in range(len(simplex)):
            column ^= 1 << place[simplex[:k] + simplex[k + 1 :]]
        while column and column.bit_length() in pivots:
            column ^= pivots[column.bit_length()]
        if column:
            pivots[column.bit_length()] = column
    return len(pivots)


def _without_tails(states: np.ndarray) -> tuple[np.ndarray, float]:
    """The states without those far lonelier than most; at most half the distance of the rest to a third neighbour."""
    if len(states) <= 4 * AMONG:
        return states, 0.0
    near = np.partition(cdist(states, states), (3, AMONG), axis=1)
    far = near[:, AMONG]
    kept = far <= max(TAIL * float(np.median(far)), float(np.quantile(far, 1 - CRUMB)))
    return states[kept], float(near[kept, 3].max()) / 2
