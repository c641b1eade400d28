"""Rings that no walk closes: the unstable manifolds of saddles, from one attractor to the next and round.

Where two modes are about as slow, the slow mode is not apart and a walk along it ends; the branches that leave the
saddles of a ring still lead around it (Sagodi et al. 2024).  A cycle of the graph of points and branches is the ring;
a saddle both of whose branches end in the same node makes one by itself.
"""

from __future__ import annotations

import numpy as np
import torch

from ... import linalg
from ...systems.rest import velocity
from ..fixed_points import find_fixed_points
from ..linearization import eigenvalues
from .slow_curve import SlowCurve, SlowState
from .unstable import UnstableManifolds, map_unstable_manifolds

POINTS = 120  # of a ring
STARTS = 256  # most from which the points of a ring are looked for


def closed_ring(curve: SlowCurve, settled: np.ndarray, inside: tuple[np.ndarray, np.ndarray]) -> list[SlowState]:
    """States around the longest ring of unstable manifolds near ``settled`` and ``inside`` (lo, hi); empty: none."""
    points = find_fixed_points(curve.system, settled[:STARTS], curve.u, max_starts=2 * STARTS)
    points = points[((points.states >= inside[0]) & (points.states <= inside[1])).all(axis=1)]
    if not (points.verdicts == "unstable").any() or not (points.verdicts == "stable").any():
        return []
    loops = rings_of(map_unstable_manifolds(curve.system, points, n_directions=0))
    if not loops:
        return []
    return _slow_states(curve, _evenly(max(loops, key=_length)))


def rings_of(manifolds: UnstableManifolds) -> list[np.ndarray]:
    """The closed loops (state, unit) that the branches make, the first state not repeated at the end."""
    import networkx

    graph = networkx.Graph()
    for k, (saddle, target) in enumerate(zip(manifolds.saddles.tolist(), manifolds.targets.tolist())):
        if target >= 0:  # each branch a node of its own: two may join the same two points
            graph.add_edges_from([(("point", saddle), ("branch", k)), (("branch", k), ("point", target))])
    loops = []
    for cycle in networkx.cycle_basis(graph):
        first = next(k for k, (kind, _) in enumerate(cycle) if kind == "point")
        cycle = cycle[first:] + cycle[:first]
        pieces = []
        for (_, start), (_, k) in zip(cycle[::2], cycle[1::2]):
            way = manifolds.states[k]
            way = way[np.isfinite(way).all(axis=1)]
            pieces.append((way if manifolds.saddles[k] == start else way[::-1])[:-1])
        loops.append(np.concatenate(pieces))
    return loops


def _length(loop: np.ndarray) -> float:
    return float(np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1).sum())


def _evenly(loop: np.ndarray) -> np.ndarray:
    """The loop at even distances along it (state, unit)."""
    closed = np.concatenate([loop, loop[:1]])
    way = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(closed, axis=0), axis=1))])
    at = np.linspace(0, way[-1], POINTS, endpoint=False)
    return np.stack([np.interp(at, way, column) for column in closed.T], axis=1)


def _slow_states(curve: SlowCurve, loop: np.ndarray) -> list[SlowState]:
    """At each state of a loop the mode that points along it, and the drift it carries; empty where one is not known."""
    tangents = np.roll(loop, -1, axis=0) - np.roll(loop, 1, axis=0)
    found = []
    for x, tangent in zip(loop, tangents / np.linalg.norm(tangents, axis=1, keepdims=True)):
        J = curve.jacobian(x)
        modes = linalg.eig(J[None])
        if not np.isfinite(modes.values).all():
            return []
        k = int(np.abs(modes.right[0].T @ tangent).argmax())
        t, l = modes.right[0][:, k].real, modes.left[0][:, k].real
        t = t * np.sign(t @ tangent) / np.linalg.norm(t)
        l = l / (l @ t)
        value = float(modes.values[0][k].real)
        v = velocity(curve.system, torch.from_numpy(x), curve.u).cpu().numpy()
        values = eigenvalues(J, curve.dynamics)
        others = np.delete(values, np.abs(values - value).argmin())
        found.append(SlowState(x, float(l @ v), value, t, l, others, curve.dynamics))
    return found
