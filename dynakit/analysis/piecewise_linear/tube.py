"""Where a followed path can cross: the part of ``_path`` that proves.

The proof does not rest on how the path was found.  Between two knots the natural residual |min(r, s)| is
bounded by that of the knots, and with mu > 0 below the eigenvalues of the symmetric part of M = N + c v v' the
true r(z) is within (|M| + 1) / mu + 1 times the residual (as in Mathias and Pang 1990).  What is left of the
path where v.r may equal z, and where no side condition is broken, is handed back as boxes.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ...systems.enclosures import gamma
from .path import Path, Problem, follow

WIDEST = 1e-6  # relative: a box that does not tell which units are active may be as wide as this: a kink
MORE = 1 + 1e-9  # for the rounding of the bounds themselves


class Cuboid(NamedTuple):
    """Bounds of r and s over a stretch of the path."""

    r: np.ndarray  # (2, unit)  low, high
    s: np.ndarray  # (2, unit)

    @classmethod
    def around(cls, r: np.ndarray, s: np.ndarray, r_doubt: float, s_doubt: float) -> Cuboid:
        ends = lambda a, d: np.stack([a.min(0) - d, a.max(0) + d])  # noqa: E731
        return cls(ends(r, r_doubt), ends(s, s_doubt))

    @property
    def open(self) -> np.ndarray:
        """(unit,)  neither active nor inactive for certain."""
        return (self.r[0] <= 0) & (self.s[0] <= 0)

    @property
    def is_wide(self) -> bool:
        """Whether some unit may be active or inactive, and not for being at zero."""
        size = 1e-300 + max((float(np.abs(part).max()) for part in self if part.size), default=0.0)
        return bool(
            (np.maximum(np.ptp(self.r, axis=0), np.ptp(self.s, axis=0))[self.open] > WIDEST * size).any()
        )

    def joined(self, other: Cuboid) -> Cuboid:
        return Cuboid(*(np.stack([np.minimum(x[0], y[0]), np.maximum(x[1], y[1])]) for x, y in zip(self, other)))


def crossings(problem: Problem) -> list[Cuboid] | None:
    """Boxes that hold all solutions (r, s) of the problem, or None where nothing is proved."""
    path = follow(problem)
    if path is None:
        return None
    return _Tube.around(problem, path).boxes()


class _Tube(NamedTuple):
    """A path and how far the true one may be from it."""

    problem: Problem
    path: Path
    s: np.ndarray  # (knot, unit)
    s_error: np.ndarray  # (knot,)  2-norm
    norm: float  # of M, 2-norm
    factor: float  # distance of the true r by residual
    reach: np.ndarray  # (segment,)  distance of the true r, 2-norm; of the one knot where c = 0

    @classmethod
    def around(cls, problem: Problem, path: Path) -> _Tube:
        s, error = _complement(problem, path)
        norm = float(np.linalg.norm(problem.N) + problem.c + len(problem.p) * problem.error) * MORE
        factor = ((norm + 1) / problem.mu + 1) * MORE
        if len(s) == 1:
            return cls(problem, path, s, error, norm, factor, factor * (_residual(path.r, s) + error))
        reach = factor * (_between(path.r, s) + np.maximum(error[:-1], error[1:]))
        return cls(problem, path, s, error, norm, factor, reach)

    def boxes(self) -> list[Cuboid] | None:
        """What remains, neighbours joined; None where it does not end."""
        if not self.problem.c:
            doubt = self.reach[0] * self.norm + self.s_error[0]
            return [Cuboid.around(self.path.r, self.s, self.reach[0], doubt)]
        if not all(self._ends(side) for side in (-1, 1)):
            return None
        r, level = self.path.r, self.path.z - self.path.r @ self.problem.v
        slack = self.reach * MORE + 2 * gamma(r.shape[1]) * (
            np.abs(r).sum(1).max() + np.abs(self.path.z).max()
        )
        low, high = np.minimum(level[:-1], level[1:]) - slack, np.maximum(level[:-1], level[1:]) + slack
        boxes: dict[int, Cuboid] = {}
        for j in np.flatnonzero((low <= 0) & (high >= 0) & self._allowed()).tolist():
            shares = _clipped(level[j], level[j + 1], slack[j])
            box = self._stretch(j, shares)
            before = boxes.pop(j - 1, None) if shares[0] == 0 else None
            boxes[j] = box if before is None else box.joined(before)
        return list(boxes.values())

    def _stretch(self, j: int, shares: np.ndarray) -> Cuboid:
        along = lambda a: a[j] + np.outer(shares, a[j + 1] - a[j])  # noqa: E731
        doubt = self.reach[j] * self.norm + self.s_error[j : j + 2].max()
        return Cuboid.around(along(self.path.r), along(self.s), self.reach[j], doubt)

    def _sides(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """G r without g, and a bound of its error."""
        problem, n = self.problem, r.shape[-1]
        error = 2 * gamma(2 * n) * np.abs(r) @ np.abs(problem.G).T
        return r @ problem.G.T, error + problem.side_error * np.abs(r).sum(-1)[..., None]

    def _lengths(self) -> np.ndarray:
        """(side,)  how much a side condition can change per distance."""
        return np.linalg.norm(self.problem.G, axis=1) + self.problem.side_error * len(self.problem.p)

    def _high(self) -> np.ndarray:
        """Upper bounds of G r + g at the knots."""
        value, error = self._sides(self.path.r)
        g = self.problem.g
        return value + g + error + self.problem.side_error + 2 * gamma(4) * np.abs(g)

    def _allowed(self) -> np.ndarray:
        """(segment,)  whether every side condition may hold."""
        high = self._high()
        broken = np.maximum(high[:-1], high[1:]) + np.outer(self.reach, self._lengths()) < 0
        return np.logical_not(broken.any(1))

    def _ends(self, side: int) -> bool:
        """Whether beyond this end no solution is, because v.r leaves z behind or a side condition stays broken."""
        problem, path, at = self.problem, self.path, 0 if side < 0 else -1
        d, r, s, n = path.ends[at], path.r[at], self.s[at], len(problem.p)
        h = problem.monotone @ d - side * problem.c * problem.v
        off, on = (
            np.maximum(np.abs(d), -h),
            np.maximum(np.abs(h), -d),
        )  # growth of the residual if r_i = 0, if s_i = 0
        base = np.where(off <= on, np.maximum(np.abs(r), -s), np.maximum(np.abs(s), -r))
        size = np.abs(problem.monotone).sum(1).max() * np.abs(d).max(initial=0.0) + problem.c
        rounding = np.sqrt(n) * (2 * gamma(2 * n) * size + problem.error * (np.abs(d).sum() + 1))
        reach = self.factor * (np.linalg.norm(base) + self.s_error[at]) * MORE
        growth = self.factor * (np.linalg.norm(np.minimum(off, on)) + rounding) * MORE
        level, slope = path.z[at] - problem.v @ r, side - problem.v @ d
        if level * slope > 0 and abs(level) > reach and abs(slope) > growth:
            return True
        rising, error = self._sides(d)
        lengths = self._lengths()
        broken = (self._high()[at] + reach * lengths < 0) & (rising + error + growth * lengths <= 0)
        return bool(broken.any())


def _complement(problem: Problem, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """s at the knots, and a bound of the 2-norm of its error."""
    z, r, c, v = path.z, path.r, problem.c, problem.v
    s = r @ problem.N.T - problem.p + (c * (r @ v - z))[:, None] * v
    size = np.abs(r) @ np.abs(problem.N).T + np.abs(problem.p)
    size += (c * (np.abs(r) @ np.abs(v) + np.abs(z)))[:, None] * np.abs(v)
    error = 2 * gamma(2 * r.shape[1]) * size + problem.error * (np.abs(r).sum(1) + 1)[:, None]
    return s, np.linalg.norm(error, axis=1) * MORE


def _residual(r: np.ndarray, s: np.ndarray) -> np.ndarray:
    return np.linalg.norm(np.minimum(r, s), axis=1)


def _between(r: np.ndarray, s: np.ndarray) -> np.ndarray:
    """A bound of the natural residual along each segment: on it each of r, s is between its ends."""
    high = lambda a: np.maximum(a[:-1], a[1:])  # noqa: E731
    below = np.maximum(high(-r), high(-s)).clip(0.0)
    return np.linalg.norm(np.maximum(below, np.minimum(high(r), high(s))), axis=1)


def _clipped(first: float, second: float, slack: float) -> np.ndarray:
    """The shares of a segment between which |level| <= slack."""
    if first == second:
        return np.array([0.0, 1.0])
    return np.clip(
        np.sort([(-slack - first) / (second - first), (slack - first) / (second - first)]), 0.0, 1.0
    )
