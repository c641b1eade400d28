"""Attractors found by recurrence: a trajectory that visits no new cell of a grid has arrived (Datseris and
Wagemakers 2022).

The grid lies in a projection, since in many dimensions no grid can be filled, and in the projection's velocity too,
so that two cycles that run along one curve in opposite directions do not share cells.  Samples whose settled
trajectories run through the same places are at the same attractor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.spatial import KDTree

from ...checks import count
from ...progress import ended, going, interruptible, passed
from ..exponents import halves
from .labelling import INTERRUPTED, PATIENCE, UNRESOLVED, Outcome, Rollout
from .targets import Targets
from .windows import Windows, outcome, settled, view, watch, watched

RETURNING = 0.95  # share of the second half spent in cells of the first
SHARED = 0.9  # share of two trajectories within a cell of each other
FEW, STILL = 4, 0.01  # in so few cells the mean must not drift by more than this many
LONGER = 4  # times the window for those that go on visiting new cells: chaos needs them
SLOW_CELLS = 4  # along each velocity: enough to tell directions
CODE = np.random.default_rng(0).integers(1, 2**62, 64) | 1  # one number for each cell, up to wrapping around
SPANNED = 2**21  # numbers from which the grid is laid: of more trajectories than that, some, evenly chosen
PLACES = 9  # decimals of a cell below which two points are one
OUTER = 0.01  # share of states on either side that the grid need not span


@dataclass(frozen=True)
class Recurrence:
    """Label by the cells that settled trajectories come back to.

    ``projection``: "pca", "outputs", or a function of states (state, unit) -> (state, axis); ``n_axes`` components of
    the first; ``n_cells`` along each axis; ``window``: steps looked at after ``n_steps``, to hold a few revolutions.
    """

    projection: Any = "pca"
    n_axes: int = 3
    n_cells: int = 16
    window: int = 600

    def label(self, run: Rollout, x: np.ndarray, targets: Targets | None) -> Outcome:
        """See :class:`Labelling`."""
        window, n_cells = count("window", self.window, least=16), count("n_cells", self.n_cells, least=2)
        ends, lost = settled(run, x, run.n_steps)
        kept = np.flatnonzero(lost == "")
        see = view(run, ends[kept], window, self.projection, count("n_axes", self.n_axes))
        reasons, groups, grid, paths = lost.copy(), np.full(len(x), -1), None, _Paths()
        for more in (0, (PATIENCE - 1) * run.n_steps):
            if more:
                ends[kept], lost[kept] = settled(run, ends[kept], more)
                reasons[kept] = lost[kept]
                kept = kept[lost[kept] == ""]
            n_steps = window * (LONGER if more else 1)
            if grid is None:
                some = _spread_out(len(kept), SPANNED // (window * self.n_axes))
                seen = watch(run, ends[kept[some]], n_steps, see)
                grid, parts = _Grid.over(seen, n_cells), iter([(some, seen)])
            if more or len(some) < len(kept):
                parts = watched(run, ends[kept], n_steps, see)
            for rows, windows in parts:
                if ended():
                    break
                reasons[kept[rows]] = windows.lost
                groups[kept[rows]] = paths.groups(windows, grid)
            kept = kept[(groups[kept] < 0) & (reasons[kept] == "")]
            if ended() or not len(kept):
                break
        waited = f"{UNRESOLVED} ({run.lasting(PATIENCE * run.n_steps + LONGER * window)})"
        reasons[kept] = INTERRUPTED if ended() else waited
        return outcome(run, x, groups, reasons, ends, targets)


def _spread_out(n: int, most: int) -> np.ndarray:
    """Indices of at most so many of n, evenly."""
    return np.arange(0, n, max(1, -(-n // max(1, most))))


@dataclass(frozen=True)
class _Grid:
    """Cells of a projection and its velocity."""

    low: np.ndarray
    cell: np.ndarray

    @classmethod
    def over(cls, windows: Windows, n_cells: int) -> _Grid:
        kept = windows.points[windows.kept]
        if not kept.size:
            return cls(np.zeros(1), np.ones(1))
        moving = _moving(kept).reshape(-1, 2 * kept.shape[2])
        low, high = np.quantile(moving, [OUTER, 1 - OUTER], axis=0)
        size = np.abs(moving).max(axis=0)
        n = kept.shape[2]
        least = 1e-6 * (1 + np.concatenate([size[:n], size[:n]]))
        cells = np.repeat([n_cells, SLOW_CELLS], n)
        return cls(low, np.maximum((high - low) / cells, least))

    def scaled(self, points: np.ndarray) -> np.ndarray:
        """Points (step, axis) and their velocities in units of cells."""
        return (_moving(points[None])[0] - self.low) / self.cell


def _moving(points: np.ndarray) -> np.ndarray:
    return np.concatenate([points[:, :-1], np.diff(points, axis=1)], axis=2)


def _recurrent(scaled: np.ndarray) -> bool:
    """Whether the second half visits no new cells, and does not creep within few."""
    half = len(scaled) // 2
    cells = np.floor(scaled).astype(np.int64) @ CODE[: scaled.shape[1]]
    if np.isin(cells[half:], cells[:half]).mean() < RETURNING:
        return False
    return len(np.unique(cells)) > FEW or bool((halves(scaled) <= STILL).all())


class _Paths:
    """Where settled trajectories run, in units of cells: those that run through the same places are one group.

    Boxes around them tell most apart, and most alike: all that has come to rest.  The others are compared point by
    point, in search trees.
    """

    def __init__(self) -> None:
        self.low, self.high = np.zeros((0, 0)), np.zeros((0, 0))  # (group, axis)
        self.places: list[_Places] = []

    def groups(self, windows: Windows, grid: _Grid) -> np.ndarray:
        """(sample,) the group of each that has come to recur, -1 of the others."""
        found = np.full(len(windows.lost), -1)
        with interruptible("sample"):
            for i in windows.kept:
                if not going(0, "sample"):
                    break
                scaled = grid.scaled(windows.points[i])
                if _recurrent(scaled):
                    found[i] = self.group(scaled)
                    passed(1, "sample")
        return found

    def group(self, path: np.ndarray) -> int:
        """The group of a trajectory (step, axis); a new one if it runs where no other did."""
        low, high = path.min(axis=0), path.max(axis=0)
        if not self.places:
            self.low, self.high = np.zeros((0, len(low))), np.zeros((0, len(low)))
        apart = (np.maximum(self.low - high, low - self.high) > 1).any(axis=1)
        within = (np.maximum(self.high - low, high - self.low) <= 1).all(axis=1)
        own = None
        for g in np.flatnonzero(~apart).tolist():
            if within[g]:
                return g
            own = own or _Places(path)
            if self.places[g].hold(own) and own.hold(self.places[g]):
                return g
        self.places.append(own or _Places(path))
        self.low, self.high = np.vstack([self.low, low]), np.vstack([self.high, high])
        return len(self.places) - 1


class _Places:
    """The different points of a trajectory, and how often it was at each: what has come to rest is at one."""

    def __init__(self, path: np.ndarray) -> None:
        self.points, self.times = np.unique(path.round(PLACES), axis=0, return_counts=True)
        self.tree = KDTree(self.points)

    def hold(self, other: _Places) -> bool:
        """Is the other trajectory within a cell of this one, nearly all of the time?"""
        near = self.tree.query(other.points, p=np.inf, distance_upper_bound=1.0)[0] <= 1.0
        return float(near @ other.times) >= SHARED * other.times.sum()
