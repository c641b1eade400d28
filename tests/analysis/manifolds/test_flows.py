"""Manifolds of flows, where they are known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk


def well(dt: float) -> dk.Flow:
    """x' = x - x^3, y' = -y + 3 x^2: the unstable manifold of 0 is y = x^2 to second order."""

    def f(v: torch.Tensor) -> torch.Tensor:
        x, y = v.unbind(-1)
        return torch.stack([x - x**3, -y + 3 * x**2], -1)

    return dk.Flow(f, 2, dt=dt)


@pytest.mark.parametrize("dt", [0.02, 0.2])
def test_both_branches_of_a_saddle_lead_to_the_wells(dt):
    points = dk.find_fixed_points(well(dt))
    paths = dk.map_unstable_manifolds(well(dt), points)
    assert (paths.dynamics, len(paths)) == ("flow", 2)
    assert_allclose(np.sort(points.states[paths.targets, 0]), [-1.0, 1.0], atol=1e-9)
    for states in paths.states:
        near = states[(np.abs(states[:, 0]) < 0.1) & (states[:, 0] != 0)]
        assert_allclose(near[:, 1], near[:, 0] ** 2, rtol=0.02)


@pytest.mark.parametrize("dt", [0.01, 0.1])
def test_a_ring_on_which_a_flow_drifts(dt):
    """r' = r (1 - r^2), theta' = e sin(theta): it stands still at (1, 0) and (-1, 0), and is drawn to the latter."""
    e = 0.01

    def f(v: torch.Tensor) -> torch.Tensor:
        x, y = v.unbind(-1)
        r2 = x**2 + y**2
        turn = e * y / r2.sqrt()  # e sin(theta)
        return torch.stack([x * (1 - r2) - y * turn, y * (1 - r2) + x * turn], -1)

    angle = np.linspace(0, 2 * np.pi, 20)
    ring = dk.trace_slow_manifold(dk.Flow(f, 2, dt=dt), np.stack([np.cos(angle), np.sin(angle)], 1))
    assert (ring.dynamics, ring.closed) == ("flow", True)
    assert_allclose(np.linalg.norm(ring.states, axis=1), 1, atol=1e-3)
    assert_allclose(np.abs(ring.drift), e * np.abs(ring.states[:, 1]), atol=1e-5)
    assert_allclose(ring.transverse[:, 0], -2, atol=0.01)
    assert ring.attracting.all()
    assert_allclose(np.sort(ring.fixed_points[:, 0]), [-1.0, 1.0], atol=1e-9)
    assert ring.fixed_holds.sum() == 1
    assert ring.step == dt
    assert "per unit time" in repr(ring)
