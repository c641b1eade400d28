"""Rings closed by the unstable manifolds of saddles, where the slow mode is not apart all the way round."""

from __future__ import annotations

import numpy as np
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis.manifolds.rings import closed_ring, rings_of
from dynakit.analysis.manifolds.slow_curve import SlowCurve


def polygon(k: int, gain: float = 1.5) -> dk.System:
    """Rank two, units at k equal angles: k stable points and k saddles around the origin (k even)."""
    angle = 2 * np.pi * np.arange(k) / k
    M = np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], 1)
    return dk.catalog.tanh_network(gain * M @ M.T / k)


def around(k: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    units = 2 * np.pi * np.arange(k) / k
    return np.cos(angle[:, None] - units)


def test_the_branches_of_a_polygon_s_saddles_make_one_ring_through_all_of_them():
    system = polygon(6)
    points = dk.find_fixed_points(system, around(6), max_starts=256)
    manifolds = dk.map_unstable_manifolds(system, points, n_directions=0)
    loops = rings_of(manifolds)
    assert len(loops) == 1
    on_it = [np.linalg.norm(loops[0] - x, axis=1).min() < 1e-6 for x in points.states]
    assert len(points) == 12
    assert all(on_it)


def test_a_ring_is_traced_round_and_its_drift_changes_its_sign_at_every_point():
    system = polygon(6)
    curve = SlowCurve(system, np.zeros(system.input_size))
    ring = closed_ring(curve, around(6), (np.full(6, -5.0), np.full(6, 5.0)))
    drift = np.array([s.drift for s in ring])
    assert (np.sign(drift) != np.sign(np.roll(drift, 1))).sum() >= 12
    assert_allclose([np.linalg.norm(s.t) for s in ring], 1)


def test_a_curve_that_ends_where_another_mode_is_as_slow_is_closed_by_its_saddles():
    walked = dk.trace_slow_manifold(polygon(6), around(6))
    closed = dk.trace_slow_manifold(polygon(6), around(6), separation=5.0)  # more than the ring has all the way round
    assert closed.ends == ("closed by the unstable manifolds of its saddles",) * 2
    assert closed.closed
    assert len(closed.fixed_points) == len(walked.fixed_points) == 12
    assert closed.fixed_holds.sum() == 6
    assert_allclose(closed.length, walked.length, rtol=0.02)


def test_a_ring_whose_settled_states_gather_at_its_nodes_is_closed_by_its_saddles():
    ring = dk.trace_slow_manifold(polygon(12), around(12))
    assert ring.closed
    assert ring.ends[0].startswith("closed by the unstable manifolds")
    assert (len(ring.fixed_points), ring.fixed_holds.sum()) == (24, 12)


def test_a_saddle_both_of_whose_branches_end_in_one_node_makes_a_ring_by_itself():
    def step(z: torch.Tensor) -> torch.Tensor:
        size, angle = z.norm(dim=-1), torch.atan2(z[..., 1], z[..., 0])
        angle, size = angle + 0.1 * torch.sin(angle), (size + 1) / 2
        return torch.stack([size * torch.cos(angle), size * torch.sin(angle)], -1)

    system = dk.FunctionSystem(step, 2)
    points = dk.find_fixed_points(system, [[0.9, 0.1], [-0.9, 0.1]], max_starts=16)
    assert len(points) == 2
    (loop,) = rings_of(dk.map_unstable_manifolds(system, points, n_directions=0))
    assert_allclose(np.hypot(*loop.T), 1, atol=1e-4)
    assert np.ptp(np.arctan2(loop[:, 1], loop[:, 0])) > 6


def test_a_saddle_between_two_nodes_makes_no_ring():
    system = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(system)
    assert rings_of(dk.map_unstable_manifolds(system, points, n_directions=0)) == []
