"""Attractors found by features: settled trajectories described by a few numbers each, and clustered.

After Stender and Hoffmann (2022, bSTAB) and Gelbrecht, Kurths and Hellmann (2020): trajectories at one attractor
have the same mean, spread, extremes and speed of rotation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...checks import count, reals
from ...errors import InputError
from ...progress import ended, passed
from ..exponents import average
from .labelling import INTERRUPTED, Outcome, Rollout
from .targets import Targets
from .windows import outcome, settled, view, watched

UNCLUSTERED = "in no cluster"
RADIUS = 0.05
ALIKE = 1e-3  # a feature that varies less, relative to its span, tells nothing apart


@dataclass(frozen=True)
class Features:
    """Label by clusters of features of settled trajectories.

    ``features``: a function of a trajectory (step, axis) that returns numbers; None: :func:`describe_window`.
    ``clustering``: anything with ``fit_predict``; None: scikit-learn's DBSCAN with clusters of at least
    ``min_cluster_size`` samples, within ``RADIUS`` of each other where each feature spans one.  ``projection``,
    ``n_axes`` and ``window`` as in :class:`Recurrence`.
    """

    features: Callable[[np.ndarray], Any] | None = None
    clustering: Any = None
    min_cluster_size: int = 5
    projection: Any = "outputs"
    n_axes: int = 3
    window: int = 400

    def label(self, run: Rollout, x: np.ndarray, targets: Targets | None) -> Outcome:
        """See :class:`Labelling`."""
        window = count("window", self.window, least=16)
        ends, reasons = settled(run, x, run.n_steps)
        kept = np.flatnonzero(reasons == "")
        see = view(run, ends[kept], window, self.projection, count("n_axes", self.n_axes))
        groups, described, extents = np.full(len(x), -1), [], []
        for rows, windows in watched(run, ends[kept], window, see):
            reasons[kept[rows]] = windows.lost
            points = windows.points[windows.kept]
            described += [self._described(one) for one in points]
            extents += [points.min(axis=(0, 1)), points.max(axis=(0, 1))] if len(points) else []
            passed(len(points), "sample")
        kept = kept[reasons[kept] == ""]
        if ended():
            reasons[kept] = INTERRUPTED
        elif len(kept):
            groups[kept] = self._clustered(np.stack(described), np.ptp(extents, axis=0))
            reasons[kept[groups[kept] < 0]] = UNCLUSTERED
        return outcome(run, x, groups, reasons, ends, targets)

    def _described(self, points: np.ndarray) -> np.ndarray:
        describe = describe_window if self.features is None else self.features
        return np.ravel(reals("what features returns", describe(points), finite=False))

    def _clustered(self, rows: np.ndarray, extent: np.ndarray) -> np.ndarray:
        if not np.isfinite(rows).all():
            raise InputError("features must return finite numbers for every trajectory")
        span = np.ptp(rows, axis=0) if self.features is not None else _spans(rows, extent)
        used = np.ptp(rows, axis=0) > ALIKE * np.maximum(span, 1e-300)
        used &= span > ALIKE**2 * (1 + np.abs(rows).max(axis=0))
        scaled = (rows / np.where(span > 0, span, 1.0))[:, used]
        least = count("min_cluster_size", self.min_cluster_size, least=2)
        if not used.any():
            return np.zeros(len(rows), int)
        if self.clustering is not None:
            return np.asarray(self.clustering.fit_predict(scaled))
        from sklearn.cluster import DBSCAN

        return np.asarray(DBSCAN(eps=RADIUS, min_samples=least).fit_predict(scaled))


def _spans(rows: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """What :func:`describe_window` is measured by: lengths by the extent of all trajectories, turns by their own."""
    return np.append(np.tile(extent, 4), np.ptp(rows[:, -1]))


def describe_window(points: np.ndarray) -> np.ndarray:
    """Mean, standard deviation, minimum and maximum of each axis of (step, axis), and turns per step in the first
    two."""
    mean = average(points)
    spread = np.sqrt(np.maximum(average((points - mean) ** 2), 0.0))
    numbers = [mean, spread, points.min(axis=0), points.max(axis=0)]
    return np.concatenate([*numbers, [_turns(points)]])


def _turns(points: np.ndarray) -> float:
    if points.shape[1] < 2 or np.ptp(points, axis=0)[:2].min() < 1e-6 * (1 + np.abs(points).max()):
        return 0.0
    y = points[:, :2] - (points[:, :2].max(0) + points[:, :2].min(0)) / 2
    z = y @ np.array([1, 1j])
    return float(average(np.angle(z[1:] * z[:-1].conj()))) / (2 * np.pi)
