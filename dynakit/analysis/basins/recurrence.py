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
from ..exponents import halves
from .labelling import PATIENCE, UNRESOLVED, Outcome, Run
from .targets import Targets
from .windows import Windows, outcome, settled, view, watch

RETURNING = 0.95  # share of the second half spent in cells of the first
SHARED = 0.9  # share of two trajectories within a cell of each other
FEW, STILL = 4, 0.01  # in so few cells the mean must not drift by more than this many
LONGER = 4  # times the window for those that go on visiting new cells: chaos needs them
SLOW_CELLS = 4  # along each velocity: enough to tell directions
CODE = np.random.default_rng(0).integers(1, 2**62, 64) | 1  # one number for each cell, up to wrapping around
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

    def label(self, run: Run, x: np.ndarray, targets: Targets | None) -> Outcome:
        """See :class:`Labelling`."""
        window, n_cells = count("window", self.window, least=16), count("n_cells", self.n_cells, least=2)
        ends, lost = settled(run, x, run.n_steps)
        kept = np.flatnonzero(lost == "")
        see = view(run, ends[kept], window, self.projection, count("n_axes", self.n_axes))
        reasons, points, grid = lost.copy(), {}, None
        for more in (0, (PATIENCE - 1) * run.n_steps):
            if more:
                ends[kept], lost[kept] = settled(run, ends[kept], more)
                reasons[kept] = lost[kept]
                kept = kept[lost[kept] == ""]
            windows = watch(run, ends[kept], window * (LONGER if more else 1), see)
            reasons[kept] = windows.lost
            grid = _Grid.over(windows, n_cells) if grid is None else grid
            for i in windows.kept:
                scaled = grid.scaled(windows.points[i])
                if _recurrent(scaled):
                    points[int(kept[i])] = scaled
            kept = np.array([k for k in kept if int(k) not in points and reasons[k] == ""], int)
            if not len(kept):
                break
        reasons[kept] = f"{UNRESOLVED} ({run.lasting(PATIENCE * run.n_steps + LONGER * window)})"
        return outcome(run, x, _groups(points, len(x)), reasons, ends, targets)


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


def _groups(points: dict[int, np.ndarray], n: int) -> np.ndarray:
    """Trajectories that run through the same places get the same number; -1 where there is no trajectory."""
    groups, first = np.full(n, -1), []
    for i, path in points.items():
        tree = KDTree(path)
        for g, (other, other_tree) in enumerate(first):
            if _near(other_tree, path) and _near(tree, other):
                groups[i] = g
                break
        else:
            groups[i] = len(first)
            first.append((path, tree))
    return groups


def _near(tree: KDTree, path: np.ndarray) -> bool:
    return float((tree.query(path, p=np.inf, distance_upper_bound=1.0)[0] <= 1.0).mean()) >= SHARED
