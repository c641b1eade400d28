"""The fixed points of a sequence of systems, and which of one is which of the next."""

from __future__ import annotations

import numpy as np

from ...systems.base import System
from ...systems.rest import at_rest, dynamics_of
from ..fixed_points import FixedPoints
from ..linearization import beyond, linearize
from .between import UNRESOLVED, Between, Change, Passage, follow, match

ROUNDS = 4  # times each interval may be done again when points come to light that no search had found


class Walk:
    """From checkpoint to checkpoint, and back where a point comes to light that must have been there before."""

    def __init__(self, systems: list[System], drive: np.ndarray, found: list[FixedPoints]) -> None:
        self.systems, self.drive = [at_rest(system) for system in systems], drive
        self.points = [np.asarray(p.states) for p in found]
        self.reach = [_reach(p) for p in found]
        self.passages: list[Passage | None] = [None] * (len(systems) - 1)

    def run(self) -> None:
        """Do every interval, each again when points were added at its end."""
        k, left = 0, ROUNDS * len(self.passages)
        while k < len(self.passages):
            passage = self._pass(k)
            self.passages[k] = passage
            self._add(k, passage.missed_first)
            self._add(k + 1, passage.missed_second)
            left -= 1
            k += -1 if len(passage.missed_first) and k > 0 and left > 0 else 1

    def _add(self, k: int, states: np.ndarray) -> None:
        self.points[k] = np.concatenate([self.points[k], states])
        self.reach[k] = np.concatenate([self.reach[k], np.zeros(len(states))])

    def _pass(self, k: int) -> Passage:
        """What becomes of the points of checkpoint k: those that hardly move are matched, the others followed."""
        first, second = self.points[k], self.points[k + 1]
        pairs = match(first, second, (self.reach[k], self.reach[k + 1]))
        pairs = [pair for pair, same in zip(pairs, self._alike(k, pairs)) if same]
        sure = [{i for i, _ in pairs}, {j for _, j in pairs}]
        free = (
            [i for i in range(len(first)) if i not in sure[0]],
            [j for j in range(len(second)) if j not in sure[1]],
        )
        scale = max(float(np.abs(np.concatenate([first, second])).max(initial=0.0)), 0.1)
        curve = Between(self.systems[k], self.systems[k + 1], self.drive, scale)
        passage = follow(curve, first, second, free)
        if any(_concerned(passage, side) & sure[side] for side in (0, 1)):
            # the assignment and the way disagree: the way decides
            return follow(curve, first, second, (list(range(len(first))), list(range(len(second)))))
        return passage._replace(pairs=sorted(pairs + passage.pairs))

    def _alike(self, k: int, pairs: list[tuple[int, int]]) -> list[bool]:
        """Have the two points of each pair as many unstable directions, of the same index?"""
        n = []
        for s in (0, 1):
            rows = self.points[k + s][[pair[s] for pair in pairs]]
            values = linearize(self.systems[k + s], rows, self.drive).eigenvalues
            n.append((beyond(values, dynamics_of(self.systems[k + s])) > 0).sum(axis=1))
        return (n[0] == n[1]).tolist()


def _concerned(passage: Passage, side: int) -> set[int]:
    """The points of the first (0) or second (1) map that were met on the way."""
    numbers = [change.before if side == 0 else change.after for change in passage.changes]
    return {pair[side] for pair in passage.pairs} | {i for group in numbers for i in group}


def _reach(points: FixedPoints) -> np.ndarray:
    """How far a point may have moved to be told without doubt."""
    radius = np.asarray(getattr(points, "uniqueness_radius", np.full(len(points), np.nan)), float)
    return np.where(np.isfinite(radius), radius, 0.0)


def identities(walk: Walk) -> list[np.ndarray]:
    """The track of each point at each checkpoint, numbered in the order of their first appearance."""
    identity = [np.arange(len(walk.points[0]))]
    n = len(identity[0])
    for passage, points in zip(walk.passages, walk.points[1:]):
        assert passage is not None
        own = np.full(len(points), -1)
        for i, j in passage.pairs:
            own[j] = identity[-1][i]
        new = np.flatnonzero(own < 0)
        own[new] = n + np.arange(len(new))
        n += len(new)
        identity.append(own)
    return identity


def unexplained(passage: Passage, walk: Walk, k: int) -> list[Change]:
    """Points that begin or end in an interval without having been met on the way through it."""
    met = [_concerned(passage, side) for side in (0, 1)]
    lost = [i for i in range(len(walk.points[k])) if i not in met[0]]
    new = [j for j in range(len(walk.points[k + 1])) if j not in met[1]]
    return [Change(np.nan, UNRESOLVED, "death", [i], []) for i in lost] + [
        Change(np.nan, UNRESOLVED, "birth", [], [j]) for j in new
    ]
