"""The branches through all the given points, each once, and those that cross them."""

from __future__ import annotations

import numpy as np

from ...progress import ended
from .arclength import FIRST, Node, along
from .branches import Branch, passes, start_at, trace
from .events import Event
from .family import OneParameter

MOST_SWITCHED = 200  # branches followed from branch points
SAME_EVENT = 1e-6  # two branches have an event in common where it is this close in scaled coordinates
NOT_TRACED = -1


class Atlas:
    """The branches found so far, each with its family."""

    def __init__(self, n_points: int) -> None:
        self.branches: list[tuple[OneParameter, Branch]] = []
        self.events: list[tuple[int, Event]] = []
        self.point_branch = np.full(n_points, NOT_TRACED)

    def explore(self, curve: OneParameter, which: list[int], places: list[np.ndarray]) -> None:
        """Trace the branches through the given places, then those that cross them."""
        first = len(self.branches)
        for i, z in zip(which, places):
            if ended():
                break
            leg = int(np.clip(np.searchsorted(curve.marks, z[-1], side="right") - 1, 0, len(curve.marks) - 2))
            node = start_at(curve, leg, z)
            if node is not None:
                self.point_branch[i] = self._trace(curve, node, z)
        n_switched = 0
        k = first
        while k < len(self.branches) and n_switched < MOST_SWITCHED and not ended():
            for event in self.branches[k][1].events:
                if event.other is not None:
                    n_switched += self._switch(curve, event)
            k += 1

    def _trace(self, curve: OneParameter, node: Node, z: np.ndarray) -> int:
        """The number of the branch through a node; z is where it was asked for."""
        for k, (own, branch) in enumerate(self.branches):
            if own is curve and (passes(curve, branch, node.z) or passes(curve, branch, z)):
                return k
        branch = trace(curve, node)
        self.branches.append((curve, branch))
        for event in branch.events:
            if not any(self._same(curve, event, k, known) for k, known in self.events):
                self.events.append((len(self.branches) - 1, event))
        return len(self.branches) - 1

    def _same(self, curve: OneParameter, event: Event, k: int, known: Event) -> bool:
        if self.branches[k][0] is not curve or known.kind != event.kind:
            return False
        return bool(np.linalg.norm(known.node.z - event.node.z) <= SAME_EVENT)

    def _switch(self, curve: OneParameter, event: Event) -> bool:
        """Trace the branch that crosses at a branch point."""
        assert event.other is not None
        there = event.node._replace(tangent=event.other)
        for distance in (FIRST, FIRST / 10, -FIRST, -FIRST / 10):  # one side may lie outside the range
            try:
                node = along(curve, there, distance)
            except (ValueError, ArithmeticError):  # outside the range of the user's own family
                continue
            if node is not None and 0 <= node.z[-1] <= 1:
                before = len(self.branches)
                self._trace(curve, node, node.z)
                return len(self.branches) > before
        return False
