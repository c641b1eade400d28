"""From one map to another: which fixed point of the first becomes which of the second.

The maps F_s = (1 - s) F_0 + s F_1, 0 <= s <= 1, lead from one to the other, whatever they are made of; they agree with
those of the weights in between up to the square of the step.  A point that is followed from s = 0 to s = 1 keeps
its identity; two that meet on the way are born or die together, and where is known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from ...systems.base import System
from ...systems.rest import Blend
from .atlas import Atlas
from .branches import RANGE, Branch
from .events import BRANCH_POINT, FOLD
from .family import OneParameter, as_numpy

UNRESOLVED = "unresolved"
SAME = 1e-6  # relative: an end of a branch is the known point that is this close


class Between(OneParameter):
    """The way from one map to another under one constant drive (input,); of flows, see :class:`Blend`."""

    def __init__(self, first: System, second: System, drive: np.ndarray, scale: float) -> None:
        super().__init__(first, np.array([0.0, 1.0]), scale)
        self.smooth = first.regularity == second.regularity == "smooth"
        self.first, self.second, self.constant = first, second, drive

    def member(self, mu: float, leg: int) -> tuple[System, np.ndarray]:
        return Blend(self.first, self.second, mu), self.constant

    def slope(self, z: np.ndarray, leg: int) -> np.ndarray:
        system, x, u = self._at(z, leg)
        assert isinstance(system, Blend)
        return as_numpy(system.slope(x, u))[0]


class Change(NamedTuple):
    """A bifurcation on the way."""

    share: float  # 0..1
    kind: str  # fold, branch point, ..., or why the branch could not be followed
    effect: str  # "birth" | "death" | "change"
    before: list[int]  # the points of the first map that it concerns
    after: list[int]  # those of the second


class Passage(NamedTuple):
    """What becomes of the points of the first map."""

    pairs: list[tuple[int, int]]  # of first and second
    changes: list[Change]
    missed_first: np.ndarray  # (point, unit)  points that no search had found, numbered after the known ones
    missed_second: np.ndarray


def match(
    first: np.ndarray, second: np.ndarray, reach: tuple[np.ndarray, np.ndarray]
) -> list[tuple[int, int]]:
    """The pairs of an assignment of least distance that are within both their reaches, max norm."""
    if not len(first) or not len(second):
        return []
    distances = cdist(first, second, "chebyshev")
    allowed = np.minimum(reach[0][:, None], reach[1][None])
    rows, columns = linear_sum_assignment(np.where(distances <= allowed, distances, 1e6))
    return [(int(i), int(j)) for i, j in zip(rows, columns) if distances[i, j] <= allowed[i, j]]


def follow(
    curve: Between, first: np.ndarray, second: np.ndarray, free: tuple[list[int], list[int]]
) -> Passage:
    """Follow the free ones among the points of the two maps (point, unit) along the way between them."""
    known = {0.0: [curve.join(x, 0.0) for x in first], 1.0: [curve.join(x, 1.0) for x in second]}
    starts = [known[0.0][i] for i in free[0]] + [known[1.0][i] for i in free[1]]
    atlas = Atlas(len(starts))
    atlas.explore(curve, list(range(len(starts))), starts)
    pairs, changes = [], []
    for _, branch in atlas.branches:
        ends = [_end(known, branch, side) for side in (0, -1)]
        numbers = tuple([end[1] for end in ends if end is not None and end[0] == s] for s in (0.0, 1.0))
        if numbers[0] and numbers[1]:
            pairs.append((numbers[0][0], numbers[1][0]))
        changes += _changes(branch, numbers)
    moved = [float(np.linalg.norm(known[0.0][i][:-1] - known[1.0][j][:-1])) for i, j in pairs]
    for side in (0, 1):
        pairs, moved, split = _one_each(pairs, moved, side)
        changes += split
    missed = [
        np.array(known[s][n:]).reshape(-1, curve.n + 1)[:, :-1] * curve.c
        for s, n in ((0.0, len(first)), (1.0, len(second)))
    ]
    return Passage(pairs, changes, missed[0], missed[1])


def _one_each(
    pairs: list[tuple[int, int]], moved: list[float], side: int
) -> tuple[list[tuple[int, int]], list[float], list[Change]]:
    """Where several branches meet in one point, a bifurcation of that map itself, the nearest keeps its identity."""
    kept: dict[int, int] = {}
    for k in np.argsort(moved, kind="stable").tolist():
        kept.setdefault(pairs[k][side], k)
    changes = []
    for point, k in kept.items():
        others = [pair[1 - side] for n, pair in enumerate(pairs) if pair[side] == point and n != k]
        if others:  # two arms meet at a fold, three at a pitchfork
            kind = FOLD if len(others) == 1 else BRANCH_POINT
            before, after = ([], others) if side == 0 else (others, [])
            changes.append(Change(float(side), kind, "death" if side else "birth", before, after))
    order = sorted(kept.values())
    return [pairs[k] for k in order], [moved[k] for k in order], changes


def _end(known: dict[float, list[np.ndarray]], branch: Branch, side: int) -> tuple[float, int] | None:
    """At which map a branch ends and at which of its points, added to the known ones where it is new."""
    z = branch.nodes[side].z
    if branch.ends[side] != RANGE:
        return None
    points = known[float(z[-1])]
    for k, point in enumerate(points):
        if np.linalg.norm(point - z) <= SAME:
            return float(z[-1]), k
    points.append(z)
    return float(z[-1]), len(points) - 1


def _changes(branch: Branch, numbers: tuple[list[int], ...]) -> list[Change]:
    """What happens on one branch: where its points are born or die, and where one changes on its way."""
    before, after = numbers
    if before and after:
        return [Change(float(e.node.z[-1]), e.kind, "change", before, after) for e in branch.events]
    if not (before or after):  # a loop, or both ends lost
        return []
    effect = "birth" if after else "death"
    places = np.array([node.z[-1] for node in branch.nodes])
    z = branch.nodes[int(places.argmin() if after else places.argmax())].z
    kinds = [e.kind for e in branch.events if np.linalg.norm(e.node.z - z) <= SAME]
    lost = [end for end in branch.ends if end != RANGE]
    return [Change(float(z[-1]), [*kinds, *lost, UNRESOLVED][0], effect, before, after)]
