"""Where between two points of a branch its stability or its direction changes, and how.

Test functions along the branch: the tangent's component in the parameter changes sign at a fold; the determinant of
[dG/dz; tangent] changes sign at a branch point, where another branch crosses (Allgower and Georg 1990, ch. 8); the
modulus of the k-th largest eigenvalue passes 1, of a flow its real part 0, where the number of unstable directions
changes.  A zero found by bracketing is the start of Newton's method on the equations that define the point (see
``defining``).  A
test function that jumps over zero without meeting it does so at a kink of the map: a border collision.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from .arclength import Node, along
from .defining import Located, branch_point, eigenvalue_point, other_tangent
from .family import OneParameter
from .normal_forms import UNDETERMINED, circle_form, flip_form, fold_form

FOLD, FLIP, CIRCLE, HOPF = "fold", "flip", "neimark-sacker", "hopf"
BRANCH_POINT, BORDER = "branch point", "border collision"
NONSMOOTH_FOLD, PERSISTENCE = "nonsmooth fold", "persistence"  # what a border collision does to the branch
JUMP = 1e-5  # a test function this far from zero where it changes sign is discontinuous
REAL = 1e-6  # an eigenvalue on the line of stability this close to the real axis is real
AT_ONE = 1e-3  # and of a map, this close to 1
MOVED = 1e-2  # most a bracketed zero moves when it is refined, as a share of the step


class Event(NamedTuple):
    """A point where a branch changes."""

    kind: str
    node: Node
    distance: float  # along the tangent of the step's first node
    eigenvalue: complex  # the critical one
    form: str  # which normal form, where its coefficient has a sign
    residual: float  # of the equations that define the point; NaN where they were not solved
    other: np.ndarray | None = None  # tangent of the second branch at a branch point


class Lost(Exception):
    """The branch could not be followed between two of its points: the step was too long."""


def between(curve: OneParameter, a: Node, b: Node) -> list[Event]:
    """The events on the way from a to b, in their order; raises Lost where the way is not that of one branch."""
    length = float(a.tangent @ (b.z - a.z))
    step = _Step(curve, a, b, length)
    found = step.turns() + step.crossings()
    found.sort(key=lambda event: event.distance)
    return found


class _Step:
    """The stretch between two nodes, by the distance along the first one's tangent."""

    def __init__(self, curve: OneParameter, a: Node, b: Node, length: float) -> None:
        self.curve, self.a, self.b, self.length = curve, a, b, length
        self._known = {0.0: a, length: b}

    def node(self, distance: float) -> Node:
        if distance not in self._known:
            found = along(self.curve, self.a, distance)
            if found is None:
                raise Lost
            self._known[distance] = found
        return self._known[distance]

    def zero(self, f: Callable[[Node], float]) -> tuple[float, bool]:
        """Where f changes sign, and whether it jumps there."""
        xtol = 1e-5 * self.length  # Newton's method does the rest
        at = float(brentq(lambda d: f(self.node(d)), 0.0, self.length, xtol=xtol, rtol=1e-12))  # pyright: ignore
        if abs(f(self.node(at))) > 1e-4 * max(abs(f(self.a)), abs(f(self.b))):  # a jump, or a steep place
            at = float(brentq(lambda d: f(self.node(d)), 0.0, self.length, xtol=1e-14, rtol=1e-12))  # pyright: ignore
        return at, abs(f(self.node(at))) > JUMP

    def turns(self) -> list[Event]:
        """Folds and branch points."""
        a, b = self.a, self.b
        turned = a.tangent[-1] * b.tangent[-1] < 0
        if a.side != b.side:
            return [self._branch_point(self._halve())]
        if not turned:
            return []
        at, jumps = self.zero(lambda node: node.tangent[-1])
        if jumps:
            return [self._plain(BORDER, at, complex("nan"), NONSMOOTH_FOLD)]
        return [self._refined(FOLD, at, 0.0, fold_form)]

    def crossings(self) -> list[Event]:
        """Eigenvalues that pass the line of stability elsewhere than at 1, of a flow 0."""
        low, high = sorted((self.a.n_beyond, self.b.n_beyond))
        found: list[Event] = []
        for k in range(low, high):
            try:
                at, jumps = self.zero(lambda node: self.curve.growth(node.z, node.leg, node.values[k]))  # noqa: B023
            except Lost:  # at the very branch point, which has been told, the matrix is singular
                if self.a.side == self.b.side:
                    raise
                continue
            if any(abs(at - event.distance) <= 1e-9 + 1e-6 * self.length for event in found):
                continue  # the other one of a complex pair, or of several units that are alike
            value = complex(self.node(at).values[k])
            found += self._crossing(at, value, jumps)
        return found

    def _crossing(self, at: float, value: complex, jumps: bool) -> list[Event]:
        is_map, node = self.curve.dynamics == "map", self.node(at)
        angle = self.curve.height(node.z, node.leg, value)
        turned = self.a.tangent[-1] * self.b.tangent[-1] < 0 or self.a.side != self.b.side
        if jumps:
            return [] if turned else [self._plain(BORDER, at, value, PERSISTENCE)]
        if angle < (AT_ONE if is_map else REAL):  # told by the turn, unless two eigenvalues pass at once
            return [] if turned else [self._plain(BRANCH_POINT, at, value)]
        if is_map and np.pi - angle < REAL:
            return [self._refined(FLIP, at, np.pi, flip_form)]
        return [self._refined(CIRCLE if is_map else HOPF, at, angle, circle_form)]

    def _halve(self) -> float:
        """Where the side changes, by bisection: near a branch point only its sign is to be trusted."""
        low, high = 0.0, self.length
        for _ in range(12):  # Newton's method does the rest
            middle = (low + high) / 2
            try:
                side = self.node(middle).side
            except Lost:  # at the very point the matrix is singular
                break
            low, high = (middle, high) if side == self.a.side else (low, middle)
        return (low + high) / 2

    def _plain(self, kind: str, at: float, value: complex, form: str = UNDETERMINED) -> Event:
        return Event(kind, self.node(at), at, value, form, np.nan)

    def _refined(
        self, kind: str, at: float, angle: float, form: Callable[[OneParameter, Located], str]
    ) -> Event:
        """The event at the solution of its defining equations, or at the bracketed zero if they have none here."""
        node = self.node(at)
        located = eigenvalue_point(self.curve, self.a.leg, node.z, angle, free=kind in (CIRCLE, HOPF))
        if located is None or np.linalg.norm(located.z - node.z) > MOVED * self.length:
            return self._plain(kind, at, self.curve.as_seen(node.z, node.leg, self.curve.on_line(angle)))
        node = _moved(self.curve, node, located.z)
        where = float(self.a.tangent @ (located.z - self.a.z))
        seen = self.curve.as_seen(node.z, node.leg, located.eigenvalue)
        return Event(kind, node, where, seen, form(self.curve, located), located.residual)

    def _branch_point(self, at: float) -> Event:
        near = self.node(0.999 * at)
        guess = self.a.z + at * self.a.tangent if at == 0 else self._between_sides(at)
        located = branch_point(self.curve, self.a.leg, guess)
        if located is None or np.linalg.norm(located.z - guess) > 0.5 * self.length:
            if not self.curve.smooth:
                return self._plain(BORDER, at, complex("nan"), PERSISTENCE)
            raise Lost  # the side changed because the step went over to another branch
        where = float(self.a.tangent @ (located.z - self.a.z))
        other = other_tangent(self.curve, self.a.leg, located, near.tangent)
        form = UNDETERMINED
        if other is not None:
            vertical = sum(abs(tangent[-1]) < 1e-3 for tangent in (near.tangent, other))
            form = ("transcritical", "pitchfork", UNDETERMINED)[vertical]
        node = _moved(self.curve, near, located.z)
        seen = self.curve.as_seen(node.z, node.leg, 1.0)
        return Event(BRANCH_POINT, node, where, seen, form, located.residual, other)

    def _between_sides(self, at: float) -> np.ndarray:
        known = sorted(d for d in self._known if d != at)
        below, above = max(d for d in known if d < at), min(d for d in known if d > at)
        share = (at - below) / (above - below)
        return (1 - share) * self._known[below].z + share * self._known[above].z


def _moved(curve: OneParameter, node: Node, z: np.ndarray) -> Node:
    return node._replace(z=z, values=curve.eigenvalues(z, node.leg))
