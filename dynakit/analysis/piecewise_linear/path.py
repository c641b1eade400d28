"""All solutions of a linear complementarity problem that is monotone but for one direction.

    s = N r - p,   r >= 0,   s >= 0,   r_i s_i = 0,   and besides  G r + g >= 0

Let v be that direction and c so large that N + c v v' is strictly monotone.  For every real z the problem s =
(N + c v v') r - p - c z v has one solution r(z), piecewise linear in z (parametric complementarity: Cottle,
Pang and Stone 2009, sec. 4.5), and the solutions sought are those with v.r(z) = z.  So the path is followed by
principal pivots from z = 0 to both ends, and its crossings with v.r = z are all there is; ``_tube`` proves it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Problem(NamedTuple):
    """s = N r - p with N strictly monotone but for the direction v: N + c v v' has mu below its symmetric part."""

    N: np.ndarray  # (unit, unit)
    p: np.ndarray  # (unit,)
    v: np.ndarray  # (unit,)  of length one
    c: float  # 0 where N itself is strictly monotone
    mu: float
    error: float  # |true N - N| and |true p - p|, entry by entry
    G: np.ndarray  # (side, unit)  G r + g >= 0 is asked of a solution besides
    g: np.ndarray  # (side,)
    side_error: float  # |true G - G| and |true g - g|, entry by entry

    @property
    def monotone(self) -> np.ndarray:
        return self.N + self.c * np.outer(self.v, self.v)


class _Tableau:
    """y = T [complements of y; 1; z]: y_i is r_i where i is basic, s_i elsewhere."""

    def __init__(self, N: np.ndarray, p: np.ndarray, a: np.ndarray) -> None:
        self.T = np.column_stack([N, -p, -a])
        self.basic = np.zeros(len(N), bool)

    def pivot(self, i: int) -> bool:
        """Exchange r_i and s_i; False where the pivot is not safely positive."""
        column, t = self.T[:, i].copy(), self.T[i, i]
        if not t > 1e-12 * np.abs(column).max():
            return False
        row = self.T[i] / -t
        row[i] = 1 / t
        self.T += np.outer(column, row)
        self.T[:, i] = column / t
        self.T[i] = row
        self.basic[i] ^= True
        return True

    def y(self, z: float) -> np.ndarray:
        return self.T[:, -2] + self.T[:, -1] * z

    def r(self, y: np.ndarray) -> np.ndarray:
        return np.where(self.basic, y, 0.0)

    def sweep(self, start: float, stop: float = np.inf) -> list[tuple[float, np.ndarray]] | None:
        """Pivot along rising z; the knots passed, each with its r.  None where the path is lost."""
        knots, z = [], start
        for _ in range(50 * len(self.basic) + 50):
            rate, value = self.T[:, -1], self.T[:, -2]
            with np.errstate(divide="ignore", invalid="ignore"):
                reach = np.where(rate < -1e-13 * (1 + np.abs(rate).max(initial=0.0)), -value / rate, np.inf)
            i = int(np.argmin(reach)) if len(reach) else -1
            if i < 0 or reach[i] >= stop:
                return knots
            z = max(z, float(reach[i]))
            knots.append((z, self.r(self.y(z))))
            if not self.pivot(i):
                return None
        return None

    def mirrored(self) -> _Tableau:
        """The same for -z."""
        twin = object.__new__(_Tableau)
        twin.T, twin.basic = self.T.copy(), self.basic.copy()
        twin.T[:, -1] *= -1
        return twin


def _solution_at_zero(problem: Problem) -> _Tableau | None:
    """The tableau whose r solves the problem for z = 0: from r = 0, which solves it for a p below zero."""
    N, p = problem.monotone, problem.p
    easy = np.minimum(p, 0.0) - np.where(p > 0, 1e-3 * np.abs(p).max(initial=0.0), 0.0)
    tableau = _Tableau(N, easy, p - easy)
    if tableau.sweep(0.0, 1.0) is None:
        return None
    ready = _Tableau(N, p, problem.c * problem.v)
    for i in np.flatnonzero(tableau.basic).tolist():
        if not ready.pivot(i):
            return None
    return ready


class Path(NamedTuple):
    """r(z) by its knots."""

    z: np.ndarray  # (knot,)
    r: np.ndarray  # (knot, unit)
    ends: np.ndarray  # (2, unit)  dr/d|z| beyond the first and the last knot


def follow(problem: Problem) -> Path | None:
    """The whole path, or None where it is lost; for c = 0 the one knot there is."""
    up = _solution_at_zero(problem)
    if up is None:
        return None
    down, middle = up.mirrored(), (0.0, up.r(up.y(0.0)))
    right, left = (up.sweep(0.0), down.sweep(0.0)) if problem.c else ([], [])
    if right is None or left is None:
        return None
    knots = [(-z, r) for z, r in reversed(left)] + [middle] + right
    z, r = np.array([k[0] for k in knots]), np.array([k[1] for k in knots])
    path = Path(z, r, np.stack([down.r(down.T[:, -1]), up.r(up.T[:, -1])]))
    return _beyond_crossings(problem, path) if problem.c else path


def _beyond_crossings(problem: Problem, path: Path) -> Path:
    """The path with a knot on either end, beyond the crossing if that end has one."""
    z, r = [path.z], [path.r]
    for side, at in ((-1, 0), (1, -1)):
        end = path.ends[at]
        level, slope = path.z[at] - problem.v @ path.r[at], side - problem.v @ end
        far = (
            1
            + abs(path.z[at])
            + (2 * abs(level / slope) if level * slope < 0 and abs(slope) > 1e-12 else 0.0)
        )
        z.insert(0 if at == 0 else len(z), path.z[at, None] + side * far)
        r.insert(0 if at == 0 else len(r), (path.r[at] + far * end)[None])
    return Path(np.concatenate(z), np.concatenate(r), path.ends)
