"""Branch and bound over r equations kappa = G(kappa): every solution, with the proof that there are no others.

A box is dropped if its image misses it, if the centred form leaves no root in it, or if it lies in a box in which
a known root is the only one; it is cut to what Krawczyk's operator leaves of it, and halved (Krawczyk 1969; Neumaier
1990, ch. 5; Kearfott 1996).  A root is known when Krawczyk's operator maps a box around it into the interior of itself.
If no box is left, the roots are all; if some are left, every other root lies in them.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from .units import Unit

GROW = 1 + 2.0**-50  # makes up for the rounding of a few operations
INNER = 1 - 1e-12  # of the radii of a box, within which its root lies
NEVER_BELOW = 1e-300
ROOT = 1e-9  # residual, relative to 1 + |kappa|, of what Newton's method may call a root
SIZES = np.concatenate([0.7 ** np.arange(24), 0.7**23 * 0.3 ** np.arange(1, 17)])  # of boxes around a root: to 1e-12
ALIKE = 1e-5  # of the first box, or of 1 + |kappa|: distance within which what could not be proved is not tried again


class Contraction(NamedTuple):
    """What Krawczyk's operator says of boxes: every root lies in centre + step +- (T radius + slack)."""

    step: np.ndarray  # (box, r)
    slack: np.ndarray  # (box, r)
    T: np.ndarray  # (box, r, r)
    barred: np.ndarray  # (box,)  no root can be in it
    lo: np.ndarray  # (box, r)  of the image of the box
    hi: np.ndarray  # (box, r)
    hint: Any  # what the halves of a box may begin from, or None

    def reach(self, R: np.ndarray) -> np.ndarray:
        """T R + slack (box, r)."""
        return (np.einsum("bkl,bl->bk", self.T, R) + self.slack) * GROW + NEVER_BELOW


class Equations(Protocol):
    """r equations kappa = G(kappa) with bounds over boxes."""

    r: int
    unit: Unit
    at_once: int  # boxes
    weight: np.ndarray  # (r,)  by which the sides of a box are compared

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """Centre and radii of a box that holds every root; raises NoBox."""
        ...

    def contraction(self, C: np.ndarray, R: np.ndarray, hint: Any = None) -> Contraction:
        """Bounds over the boxes C +- R, both (box, r)."""
        ...

    def newton(self, C: np.ndarray, hint: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Where Newton's method leads from C (box, r), and max |G(kappa) - kappa| there."""
        ...

    def derivative(self, kappa: np.ndarray) -> np.ndarray:
        """dG/dkappa at points (point, r): (point, r, r)."""
        ...

    @property
    def reach(self) -> np.ndarray:
        """About how much each unit's current moves with each coordinate (unit, r)."""
        ...

    def states(self, kappa: np.ndarray) -> np.ndarray:
        """The currents z (point, unit) at points (point, r)."""
        ...

    def image(self, z: np.ndarray) -> np.ndarray:
        """N' f(z) (point, r)."""
        ...


class NoBox(Exception):
    """There are no bounds for the roots; the message says why."""


@dataclass(frozen=True)
class Budget:
    """When a search ends that could not be closed."""

    boxes: int = 400_000
    seconds: float = 60.0
    stop: Callable[[int], bool] = field(default=lambda n: False)  # asked with the number of boxes looked at

    def over(self, n_boxes: int, start: float) -> bool:
        return n_boxes > self.boxes or time.monotonic() - start > self.seconds or self.stop(n_boxes)


class Closed(NamedTuple):
    """The roots that were proved, and what is left."""

    roots: np.ndarray  # (root, r)
    alone: np.ndarray  # (root, r)  radii of boxes in which each is the only one
    C: np.ndarray  # (box, r)  centres of the boxes that are left
    R: np.ndarray  # (box, r)
    n_boxes: int
    ended: bool  # by the budget
    start: tuple[np.ndarray, np.ndarray]  # (r,) centre and radii of the box that holds all

    @property
    def proved(self) -> bool:
        return not len(self.C)


def closed(problem: Equations, budget: Budget | None = None, *, min_width: float = 1e-7) -> Closed:
    """Search the box that holds all roots of ``problem``; raises NoBox if there is none."""
    budget = budget or Budget()
    search = _Boxes(problem, budget, min_width)
    search.run()
    return search.result()


class _Boxes:
    """The boxes still to be looked at, and the roots known so far."""

    def __init__(self, problem: Equations, budget: Budget, min_width: float) -> None:
        self.problem, self.budget, self.min_width = problem, budget, min_width
        self.start = time.monotonic()
        self.roots = np.zeros((0, problem.r))
        self.alone = np.zeros((0, problem.r))
        self.refused = np.zeros((0, problem.r))  # what was found and could not be proved
        self.n_boxes, self.ended = 0, False
        self.left: list[tuple[np.ndarray, np.ndarray]] = []
        C, R = problem.hull()
        self.hull = C, R
        self.stack: list[tuple[np.ndarray, np.ndarray, Any]] = [(C[None], R[None], None)]

    def run(self) -> None:
        """Until nothing is open or the budget ends."""
        if self.problem.r == 0:
            self.roots, self.alone, self.stack = np.zeros((1, 0)), np.zeros((1, 0)), []
        while self.stack:
            C, R, hint = self.stack.pop()
            most = self.problem.at_once
            if len(C) > most:
                self.stack.append((C[most:], R[most:], _rows(hint, slice(most, None))))
                C, R, hint = C[:most], R[:most], _rows(hint, slice(most))
            self.n_boxes += len(C)
            if self.budget.over(self.n_boxes, self.start):
                self.ended = True
                self.left += [(C, R), *((c, r) for c, r, _ in self.stack)]
                return
            self._look(C, R, hint)

    def _look(self, C: np.ndarray, R: np.ndarray, hint: Any) -> None:
        """Drop, cut and halve some boxes."""
        open_ = ~self._known(C, R)
        small = open_ & (self.min_width > R).all(axis=1)
        if small.any():
            self.left.append((C[small], R[small]))
        open_ &= ~small
        if not open_.any():
            return
        C, R, hint = C[open_], R[open_], _rows(hint, open_)
        found = self.problem.contraction(C, R, hint)
        reach, rounding = found.reach(R) * GROW, 4e-16 * (np.abs(C) + R)  # no step counts that is above R + reach
        lo = np.fmax(np.fmax(C - R, found.lo), C + found.step - reach) - rounding  # what is no number cuts nothing
        hi = np.fmin(np.fmin(C + R, found.hi), C + found.step + reach) + rounding
        keep = (lo <= hi).all(axis=1) & ~found.barred
        single = keep & (np.einsum("bkl,bl->bk", found.T, R) * GROW < R).all(axis=1)
        if single.any():
            self._include(*self.problem.newton(C[single] + found.step[single], _rows(found.hint, single)))
        self._go_on(C[keep], R[keep], (lo[keep], hi[keep]), _rows(found.hint, keep))

    def _go_on(self, C: np.ndarray, R: np.ndarray, ends: tuple[np.ndarray, np.ndarray], hint: Any) -> None:
        """Look again at boxes that were cut to much less; halve the others."""
        if not len(C):
            return
        lo, hi = ends
        middle, radius = (hi + lo) / 2, (hi - lo) / 2 * GROW + 4e-16 * (np.abs(hi) + np.abs(lo)) + NEVER_BELOW
        cut = radius.prod(axis=1) < 0.35 * R.prod(axis=1)
        hint = self._moved(hint, C, middle)
        if cut.any():
            self.stack.append((middle[cut], radius[cut], _rows(hint, cut)))
        if not cut.all():
            self.stack.append(self._halved(middle[~cut], radius[~cut], _rows(hint, ~cut)))

    def _moved(self, hint: Any, C: np.ndarray, to: np.ndarray) -> Any:
        """A hint as it is at another centre."""
        return None if hint is None else hint.moved(to - C)

    def _halved(self, C: np.ndarray, R: np.ndarray, hint: Any) -> tuple[np.ndarray, np.ndarray, Any]:
        """Both halves of boxes, across their widest side."""
        half, shift = across(R, self.problem.weight)
        radius = half * GROW + 4e-16 * np.abs(C)
        hints = None if hint is None else hint.moved(-shift).joined(hint.moved(shift))
        return np.concatenate([C - shift, C + shift]), np.concatenate([radius, radius]), hints

    def _known(self, C: np.ndarray, R: np.ndarray) -> np.ndarray:
        """Which boxes lie in one in which a known root is the only one (box,)."""
        if not len(self.roots):
            return np.zeros(len(C), bool)
        away = (np.abs(C[:, None] - self.roots) + R[:, None]) * GROW
        return np.any((away <= self.alone).all(axis=2), axis=1)

    def _include(self, kappa: np.ndarray, residual: np.ndarray) -> None:
        """Prove the roots that are new."""
        for x, q in zip(kappa, residual):
            if not q < ROOT * (1 + np.abs(x).max()):
                continue
            if len(self.roots) and (np.abs(self.roots - x) <= self.alone).all(axis=1).any():
                continue
            near = ALIKE * np.minimum(self.hull[1], 1 + np.abs(x))
            if len(self.refused) and (np.abs(self.refused - x) <= near).all(axis=1).any():
                continue
            radius = self._certified(x)
            if radius is None:
                self.refused = np.concatenate([self.refused, x[None]])
            elif self._is_another(x, radius):
                self.roots = np.concatenate([self.roots, x[None]])
                self.alone = np.concatenate([self.alone, radius[None]])

    def _certified(self, x: np.ndarray) -> np.ndarray | None:
        """Radii of the largest box found around x in which there is exactly one root."""
        scale = np.maximum(0.5 * self.hull[1], 1e-6 * (1 + np.abs(x)))
        for some in np.split(SIZES, range(4, len(SIZES), 4)):
            R = some[:, None] * scale
            found = self.problem.contraction(np.repeat(x[None], len(R), axis=0), R)
            inside = ((np.abs(found.step) + found.reach(R)) * GROW < R * INNER).all(axis=1)
            if inside.any():
                return R[inside.argmax()] * INNER
        return None

    def _is_another(self, x: np.ndarray, radius: np.ndarray) -> bool:
        """Is the root in the box around x beyond doubt none of those known?"""
        for _ in range(3):
            found = self.problem.contraction(x[None], radius[None])
            radius = np.fmin(radius, (np.abs(found.step) + found.reach(radius[None]))[0] * GROW)
        return not (np.abs(self.roots - x) <= (self.alone + radius) * GROW).all(axis=1).any()

    def result(self) -> Closed:
        nothing = np.zeros((0, self.problem.r))
        C = np.concatenate([nothing, *(c for c, _ in self.left)])
        R = np.concatenate([nothing, *(r for _, r in self.left)])
        within = self._known(C, R)
        roots = self.roots, self.alone
        return Closed(*roots, C[~within], R[~within], self.n_boxes, self.ended, self.hull)


def across(R: np.ndarray, weight: np.ndarray | float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Radii of the halves of boxes across their widest side, and how far the middles of these are from theirs."""
    rows, k = np.arange(len(R)), (R * weight).argmax(axis=1)
    half, shift = R.copy(), np.zeros_like(R)
    half[rows, k] /= 2
    shift[rows, k] = half[rows, k]
    return half, shift


def _rows(hint: Any, mask: Any) -> Any:
    return None if hint is None else hint.rows(mask)
