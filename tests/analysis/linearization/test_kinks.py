"""Verdicts at a kink: what the slopes on all its sides say of a map and of a flow, in code of one's own."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from torch import nn

import dynakit as dk

REST = np.zeros((1, 2))
SPIN = torch.tensor([[1.0, -3.0], [3.0, 1.0]], dtype=torch.float64)

# f(x) and what x = 0 is under dx/dt = f: of each, the sides are those of the four quadrants
FIELDS = {
    "each unit drives itself": (lambda x: -x + torch.relu(2 * x), "unstable"),  # x > 0 grows at rate 1
    "each unit leaks": (lambda x: -x + torch.relu(0.5 * x), "stable"),  # at rates 1 and 1/2
    "growth to both sides": (lambda x: -x + 1.5 * x.abs(), "unstable"),  # along (1, 1) inside a quadrant
    "a rectified spiral": (lambda x: -0.5 * x + torch.relu(x @ SPIN), "unstable"),
    "rest anywhere in a quadrant": (lambda x: -x + torch.relu(x), "undetermined"),  # no side decides
}


@pytest.mark.parametrize("regularity", [None, "smooth", "piecewise_linear"])
@pytest.mark.parametrize("name", FIELDS)
def test_a_flow_and_its_euler_map_are_judged_alike_by_their_sides(name, regularity):
    f, verdict = FIELDS[name]
    flow = dk.Flow(dk.FunctionSystem(f, 2, regularity=regularity), 2, dt=0.1)
    euler = dk.FunctionSystem(lambda x: x + 0.1 * f(x), 2, regularity=regularity)
    for system in (flow, euler):
        assert list(dk.linearize(system, REST).verdicts) == [verdict]
        if verdict == "undetermined" and (regularity != "smooth" or system is flow):
            continue  # a search among points that are not isolated is long: once is enough
        points = dk.find_fixed_points(system, REST, max_starts=4)
        assert verdict in points.verdicts[np.abs(points.states).max(1) < 1e-9]


@pytest.mark.parametrize("n_units", [3, 40])
def test_a_rectified_network_at_rest_is_stable_where_its_weights_are_small(n_units):
    """|J| <= |W| for every pattern of active units, so that |W| = 0.95 is enough, whatever sides are seen."""
    rnn = nn.RNN(1, n_units, nonlinearity="relu", bias=False)
    W = torch.randn(n_units, n_units, generator=torch.Generator().manual_seed(0))
    for size, verdict in ((0.95, "stable"), (4.0, "unstable")):
        with torch.no_grad():
            rnn.weight_hh_l0.copy_(size * (W / torch.linalg.matrix_norm(W, 2) if verdict == "stable" else W.abs()))
        assert list(dk.linearize(dk.as_system(rnn), np.zeros((1, n_units))).verdicts) == [verdict]


def test_equilibria_of_a_rectified_flow_are_enumerated():
    """x1 = relu(2 x2 - 1), x2 = relu(2 x1 - 1): rest, and (1, 1), which is a saddle with rates 1 and -3."""
    W = torch.tensor([[0.0, 2.0], [2.0, 0.0]], dtype=torch.float64)
    flow = dk.Flow(lambda x: -x + torch.relu(x @ W - 1), 2, dt=0.1)
    exact = dk.enumerate_fixed_points(flow)
    assert exact.completeness == "proved"
    assert_allclose(exact.states[exact.verdicts == "stable"], [[0, 0]], atol=1e-12)
    assert_allclose(exact.states[exact.verdicts == "unstable"], [[1, 1]], atol=1e-12)
    assert_allclose(exact.eigenvalues[exact.verdicts == "unstable"], [[1, -3]], atol=1e-9)
