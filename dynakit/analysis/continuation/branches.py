"""One branch of fixed points from end to end: steps, corners and turns, in both directions from a starting point."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from ... import linalg
from ...progress import going, passed
from .arclength import (
    ACCEPT,
    FAR,
    FIRST,
    LONGEST,
    SHORTEST,
    TURN,
    Corrected,
    Node,
    Step,
    along,
    correct,
    correct_at,
    first_node,
    land,
    make_node,
    node_at,
    step,
    turn,
)
from .events import BORDER, NONSMOOTH_FOLD, PERSISTENCE, Event, Lost, between
from .family import OneParameter

MOST_STEPS = 5000  # in one direction
BESIDE = 1e-8  # far enough from a kink to be beside it
SAME = 1e-7  # two solutions this close in z are one
RANGE, CLOSED, LEFT, LOST, LONG, ENDED = "range", "closed", "left", "lost", "too long", "interrupted"


class Branch(NamedTuple):
    """A traced branch, in the order of its arc."""

    nodes: list[Node]
    events: list[Event]
    ends: tuple[str, str]  # why it was not followed further, at its first and last node


def trace(curve: OneParameter, start: Node) -> Branch:
    """The branch through a node, followed both ways to the ends of the range."""
    ahead = _March(curve, start)
    ahead.run()
    if ahead.reason == CLOSED:
        return Branch(ahead.nodes, ahead.events, (CLOSED, CLOSED))
    behind = _March(curve, _reversed(start))
    behind.run()
    first = [_reversed(node) for node in behind.nodes[:0:-1]]
    return Branch(first + ahead.nodes, behind.events[::-1] + ahead.events, (behind.reason, ahead.reason))


def _reversed(node: Node) -> Node:
    return node._replace(tangent=-node.tangent, side=-node.side)


def start_at(curve: OneParameter, leg: int, z: np.ndarray, most_moved: float = 1e-2) -> Node | None:
    """A node to start from at a fixed point, or a little beyond it where that is itself a turning point."""
    node = first_node(curve, leg, z, most_moved)
    if node is not None and abs(node.tangent[-1]) < SAME:
        node = along(curve, node, FIRST / 10)
    return node


def passes(curve: OneParameter, branch: Branch, z: np.ndarray) -> bool:
    """Does the branch go through z?"""
    nodes = branch.nodes
    places = np.stack([node.z for node in nodes])
    if np.linalg.norm(places - z, axis=1).min() <= SAME:
        return True
    for k, (a, b) in enumerate(itertools.pairwise(places)):
        chord = b - a
        share = chord @ (z - a) / max(float(chord @ chord), 1e-300)
        guess = a + share * chord
        if not 0 <= share <= 1 or np.linalg.norm(z - guess) > 0.5 * np.linalg.norm(chord):
            continue
        found = correct(curve, nodes[k].leg, guess, chord / np.linalg.norm(chord))
        if found is not None and np.linalg.norm(found.z - z) <= SAME:
            return True
    return False


class _March:
    """A walk along a branch in one direction."""

    def __init__(self, curve: OneParameter, start: Node) -> None:
        self.curve, self.nodes, self.events, self.reason = curve, [start], [], ""
        self.h, self.n_corners_here = FIRST, 0

    def run(self) -> None:
        """Go on until there is a reason to stop."""
        self._change_leg()
        while not self.reason:
            if not going(0, "step"):
                self.reason = ENDED
                break
            passed(1, "step")
            try:
                self._advance()
            except (ValueError, ArithmeticError):  # outside the range of the user's own family
                self._shorten()
            if len(self.nodes) > MOST_STEPS:
                self.reason = LONG

    def _advance(self) -> None:
        here = self.nodes[-1]
        nu, far = self._edge_ahead()
        taken = step(self.curve, here, far, nu) if far <= self.h else step(self.curve, here, self.h)
        if taken is None and not self.curve.smooth:
            self._corner()
            return
        node = None if taken is None else self._node(taken)
        if taken is None or node is None or not self._keep(node):
            self._shorten()
            return
        size = 1 + float(np.linalg.norm(node.z[:-1]))  # far out, steps grow with the state
        self.h = min(self.h * taken.longer, LONGEST * size)
        if node is self.nodes[0]:
            self.reason = CLOSED
        elif np.linalg.norm(node.z[:-1]) > FAR:
            self.reason = LEFT
        elif np.linalg.norm(node.z - here.z) < SHORTEST:
            self.reason = LOST
        else:
            self._change_leg()

    def _node(self, taken: Step) -> Node | None:
        """Where the step ends: at the end of the leg, if it would leave it, or where the branch closes."""
        here, z = self.nodes[-1], taken.found.z
        if self._closes(z):
            return self.nodes[0]
        edge = self._edge(z)
        if edge is not None:
            return land(self.curve, here, z, edge)
        return make_node(self.curve, here.leg, taken.found, taken.tangent)

    def _keep(self, node: Node) -> bool:
        """Add a node and the events on the way to it, if that is the way of one branch."""
        try:
            events = between(self.curve, self.nodes[-1], node)
        except Lost:
            return False
        self.events += events
        self.nodes += [*(event.node for event in events), node]
        return True

    def _shorten(self) -> None:
        self.h = min(self.h, self._edge_ahead()[1]) / 2
        if self.h < SHORTEST:
            self.reason = LOST

    def _edge_ahead(self) -> tuple[float, float]:
        """The end of the leg to which the tangent points, and how far along it that is."""
        here = self.nodes[-1]
        nu = float(self.curve.marks[here.leg + (here.tangent[-1] > 0)])
        return nu, (nu - here.z[-1]) / here.tangent[-1] if here.tangent[-1] else np.inf

    def _edge(self, z: np.ndarray) -> float | None:
        """The scaled parameter at which a step to z would leave the leg."""
        lo, hi = self.curve.marks[self.nodes[-1].leg :][:2]
        return float(lo) if z[-1] < lo else float(hi) if z[-1] > hi else None

    def _change_leg(self) -> None:
        """At the end of a leg, go on in the next one or stop where there is none."""
        here = self.nodes[-1]
        forward = here.tangent[-1] > 0
        if here.z[-1] != self.curve.marks[here.leg + 1 if forward else here.leg]:
            return
        leg = here.leg + (1 if forward else -1)
        if not 0 <= leg < len(self.curve.marks) - 1:
            self.reason = RANGE
            return
        normal = np.zeros(self.curve.n + 1)
        normal[-1] = 1.0 if forward else -1.0
        found = correct_at(self.curve, leg, here.z)
        node = None if found is None else node_at(self.curve, leg, found, normal)
        if node is None:
            self.reason = LOST
        else:
            self.nodes[-1] = node

    def _closes(self, z: np.ndarray) -> bool:
        """Does the step to z pass through the first node, in the same direction?"""
        here, start = self.nodes[-1], self.nodes[0]
        if len(self.nodes) < 4 or here.leg != start.leg or here.tangent @ start.tangent < 0.9:
            return False
        distance = float(here.tangent @ (start.z - here.z))
        if not 0 < distance <= here.tangent @ (z - here.z):
            return False
        found = correct(self.curve, here.leg, here.z + distance * here.tangent, here.tangent)
        return found is not None and bool(np.linalg.norm(found.z - start.z) <= SAME)

    # --- corners of piecewise-linear maps ---------------------------------------------------------------

    def _corner(self) -> None:
        """Go to the end of the smooth piece, then round the corner."""
        here = self.nodes[-1]
        last, h = _end_of_piece(self.curve, here, self.h)
        if last is not None:
            if self._edge(last.found.z) is not None:
                self.h = h  # the leg ends before the piece
                return
            if not self._keep(make_node(self.curve, here.leg, last.found, last.tangent, -BESIDE)):
                self.reason = LOST
                return
            if turn(here.tangent, last.tangent) > 0.9 * TURN:  # as far as a smooth bend allows
                return
            self.n_corners_here *= h < 100 * BESIDE  # corners on one spot are more than can be told apart
        self.n_corners_here += 1
        beyond = _beyond(self.curve, self.nodes[-1]) if self.n_corners_here < 4 else None
        if beyond is None:
            self.reason = LOST
            return
        self._note_corner(self.nodes[-1], beyond)
        self.h = max(self.h, FIRST)

    def _note_corner(self, corner: Node, beyond: Node) -> None:
        self.nodes[-1] = beyond
        turns = corner.tangent[-1] * beyond.tangent[-1] < 0
        if turns or corner.n_beyond != beyond.n_beyond:
            form = NONSMOOTH_FOLD if turns else PERSISTENCE
            self.events.append(Event(BORDER, beyond, 0.0, complex("nan"), form, np.nan))


def _end_of_piece(curve: OneParameter, here: Node, h: float) -> tuple[Step | None, float]:
    """The longest step below h that counts, by bisection, and its length; None if there is none."""
    if curve.straight:
        taken, low = _end_of_line(curve, here, h)
        if low >= 0:
            return taken, low
    low, high = 0.0, h
    last: Step | None = None
    while high - low > 1e-13 + 1e-12 * low:
        middle = (low + high) / 2
        taken = step(curve, here, middle)
        low, high = (middle, high) if taken else (low, middle)
        last = taken or last
    return last, low


def _end_of_line(curve: OneParameter, here: Node, h: float) -> tuple[Step | None, float]:
    """:func:`_end_of_piece` where the branch is its tangent as long as dF/dx stays the same; -1 if it is not."""
    low, high, within = 2 * BESIDE, h, curve.jacobian(here.z + BESIDE * here.tangent, here.leg)
    while high - low > 1e-15 + 1e-14 * low:
        middle = (low + high) / 2
        same = np.array_equal(curve.jacobian(here.z + middle * here.tangent, here.leg), within)
        low, high = (middle, high) if same else (low, middle)
    if low == 2 * BESIDE:
        return None, 0.0
    z = here.z + low * here.tangent
    if np.abs(curve.residual(z, here.leg)).max() > ACCEPT * (1 + curve.c * np.abs(z[:-1]).max()):
        return None, -1.0  # the map is not linear in its input
    matrix = curve.matrix(z - BESIDE * here.tangent, here.leg)
    return Step(Corrected(z, matrix, 0.0, 0.0), here.tangent, 1.0), low


def _beyond(curve: OneParameter, corner: Node) -> Node | None:
    """The node at a corner with the tangent of the piece behind it.

    A little way over the corner the old tangent leads into that piece, and gives its dG/dz; of the two directions along
    its kernel, the branch goes on in the one along which the equation still holds.
    """
    for probe in (BESIDE, 10 * BESIDE, 100 * BESIDE):
        ahead = curve.matrix(corner.z + probe * corner.tangent, corner.leg)
        tangent = linalg.smallest_singular(ahead)[1]
        ways = [tangent, -tangent]
        misses = [float(np.linalg.norm(curve.residual(corner.z + probe * way, corner.leg))) for way in ways]
        best = int(np.argmin(misses))
        if max(misses) <= 1e-3 * probe:  # smooth after all
            best = int(corner.tangent @ ways[1] > 0)
        elif misses[best] > 0.1 * max(misses):
            continue
        return make_node(curve, corner.leg, Corrected(corner.z, ahead, 0.0, 0.0), ways[best], probe)
    return None
