"""The map at whose fixed points a system rests."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from dynakit.systems.rest import AtRest, at_rest, dynamics_of, input_part, linear_part, velocity

from .members import MEMBERS, member

FLOWS = [name for name in MEMBERS if member(name).flow() is not None]
MAPS = [name for name in MEMBERS if name not in FLOWS]


def states(system: object, n: int = 3) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return 0.3 * rng.normal(size=(n, system.state_size)), 0.3 * rng.normal(size=(n, system.input_size))


@pytest.mark.parametrize("name", MAPS)
def test_a_map_stands_for_itself(name):
    system = member(name)
    assert at_rest(system) is system
    assert dynamics_of(system) == "map"


@pytest.mark.parametrize("name", FLOWS)
def test_what_is_zero_at_rest_is_the_right_hand_side(name):
    """x + h f(x, u) and its derivatives, against the flow's own."""
    system = member(name)
    x, u = states(system)
    flow, rest = system.flow(), at_rest(system)
    assert isinstance(rest, AtRest)
    assert dynamics_of(system) == dynamics_of(rest) == "flow"
    assert_allclose((rest.step(x, u) - x) / rest.pace, flow.rhs(x, u), atol=1e-12)
    assert_allclose(velocity(rest, x, u), flow.rhs(x, u), atol=0)
    assert_allclose(
        (rest.jacobian(x, u) - np.eye(x.shape[1])) / rest.pace, flow.rhs_jacobian(x, u), atol=1e-11
    )
    assert_allclose(linear_part(rest, x, u), flow.rhs_jacobian(x, u), atol=0)
    assert_allclose(rest.input_jacobian(x, u) / rest.pace, input_part(rest, x, u), atol=1e-11)
    T = np.random.default_rng(0).normal(size=(len(x), x.shape[1], 2))
    y, moved = rest.push(x, u, T)
    assert_allclose(y, rest.step(x, u), atol=1e-13)
    assert_allclose(moved, np.asarray(rest.jacobian(x, u)) @ T, atol=1e-12)
    assert torch.equal(rest.settle(x, u, 5), system.flow().settle(x, u, 5))


@pytest.mark.parametrize("name", FLOWS)
def test_where_the_field_has_a_box_it_points_inwards(name):
    system = member(name)
    box = at_rest(system).box()
    if box is None:
        return
    rng = np.random.default_rng(1)
    x = box.lo + (box.hi - box.lo) * torch.from_numpy(rng.random((200, system.state_size)))
    for k in range(system.state_size):
        low, high = x.clone(), x.clone()
        low[:, k], high[:, k] = box.lo[k], box.hi[k]
        assert bool((velocity(system, low)[:, k] > 0).all())
        assert bool((velocity(system, high)[:, k] < 0).all())
