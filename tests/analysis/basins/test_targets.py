"""What may be given as attractors, and when a state has arrived at one."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

import dynakit as dk
from dynakit.analysis import list_attractors
from dynakit.analysis.basins.given import as_targets
from dynakit.analysis.basins.targets import Target, Targets
from dynakit.errors import InputError

NONE = torch.zeros(0, dtype=torch.float64)
CIRCLE = np.stack([np.cos(t := 2 * np.pi * np.arange(512) / 512), np.sin(t)], 1)


def of_states(states):
    rows = np.array(states, float)
    return Targets([Target("fixed point", x[None]) for x in rows], rows.shape[1])


# --- the rule by which a state has arrived --------------------------------------------------------------


def test_arrival_is_within_the_certified_radius_but_never_far_on_the_way_to_the_next():
    unit = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(unit).stable
    targets = as_targets(unit, points, torch.zeros(1, dtype=torch.float64))
    x = points.states[0, 0]
    radius = min(points.uniqueness_radius[0], 0.2 * abs(x))
    assert_allclose(targets.radii[0], radius)
    where, distance = targets.at([[x + 0.99 * radius], [x + 1.01 * radius], [0.0], [np.nan], [np.inf]])
    assert where.tolist() == [0, -1, -1, -1, -1]
    assert_allclose(distance[:3], [0.99 * radius, 1.01 * radius, abs(x)])


def test_bare_states_are_arrived_at_within_a_thousandth_of_their_distance():
    targets = of_states([[0.0, 0.0], [3.0, 4.0]])
    assert_allclose(targets.radii, 5e-3)
    assert targets.at([[0.0049, 0.0], [0.0051, 0.0], [3.0, 4.0049]])[0].tolist() == [0, -1, 1]
    assert Targets([], 2).at(np.ones((3, 2)))[0].tolist() == [-1, -1, -1]
    assert_allclose(of_states([[3.0]]).radii, 4e-3)  # one alone: of its own size


def test_a_state_has_arrived_at_a_curve_where_it_is_closest_and_at_a_cloud_never_in_a_moment():
    cloud = np.random.default_rng(0).normal(size=(300, 2)) + 40
    targets = Targets(
        [Target("invariant circle", CIRCLE, closed=True), Target("chaotic", cloud, cloud=True)], 2
    )
    half = np.pi / 512  # between two points of the curve
    on = np.array([np.cos(half), np.sin(half)])
    assert_allclose(targets.radii, [1e-3, -1.0])
    where, _ = targets.at(np.stack([on, 1.0009 * on, 1.0011 * on, [0.0, 0.0], cloud[0]]))
    assert where.tolist() == [0, 0, -1, -1, -1]


def test_distances_from_points_are_exact_and_depend_on_no_neighbour():
    rng = np.random.default_rng(0)
    centres = 1e6 + rng.normal(size=(40, 3))
    targets = of_states(centres)
    x = torch.from_numpy(centres + 1e-9)
    assert_allclose(
        torch.diagonal(targets.distances(x)), np.linalg.norm(x.numpy() - centres, axis=1), rtol=1e-12
    )
    assert torch.equal(targets.distances(x)[3:4], targets.distances(x[3:4]))


# --- what may be given ----------------------------------------------------------------------------------


def test_a_saddle_between_two_nodes_is_left_out_of_points_and_refused_among_states():
    system = dk.catalog.bistable()
    points = dk.find_fixed_points(system)
    assert len(points) == 3
    targets = as_targets(system, points, NONE)
    assert (len(targets), targets.n_left_out) == (2, 1)
    assert_allclose(np.abs(targets.states), 1.0)
    assert points.states[targets.given].tolist() == targets.states.tolist()
    sentence = "state 1 is unstable: nearby states leave it by 10 % a step"  # x' = x + 0.1 (x - x^3)
    with pytest.raises(dk.InputError, match=sentence):
        as_targets(system, [[1.0], [0.0]], NONE)
    saddle = dk.Flow(lambda x: x - x**3, 1, dt=0.1)
    with pytest.raises(dk.InputError, match="leave it by 100 % a unit of time"):
        as_targets(saddle, [[0.0]], NONE)


def test_points_of_another_drive_are_no_attractors():
    unit = dk.catalog.tanh_unit(2.0)
    points, zero = dk.find_fixed_points(unit, drive=[0.5]), torch.zeros(1, dtype=torch.float64)
    with pytest.raises(dk.InputError, match=r"but point 0 was found under \[0.5\], not \[0.0\]"):
        as_targets(unit, points, zero)
    unsaid = dk.find_fixed_points(dk.Driven(unit, [0.5]))
    with pytest.raises(dk.InputError, match=r"under this drive, but point 0 moves by .* in a step"):
        as_targets(unit, unsaid, zero)
    a_little = dk.find_fixed_points(unit, drive=[1e-3])  # moves by less than a hundredth in a step
    with pytest.raises(dk.InputError, match="was found under"):
        dk.map_transitions(unit, a_little, {"up": [[3.0]]})
    assert len(dk.map_transitions(unit, a_little, {"up": [[3.0]]}, rest=[1e-3])) == 2


@pytest.mark.parametrize("dt", [1e-4, 0.1])
def test_what_is_at_rest_of_a_flow_does_not_depend_on_its_step(dt):
    flow = dk.Flow(lambda x, u: x - x**3 + u, 1, 1, dt=dt, argument_order="state, input")
    zero = torch.zeros(1, dtype=torch.float64)
    assert len(as_targets(flow, [[1.0], [-1.0]], zero)) == 2
    with pytest.raises(dk.InputError, match=r"must be fixed points, but state 0 moves by 0\.12 in the time"):
        as_targets(flow, [[0.9]], zero)  # 0.9 - 0.9^3 = 0.171, |df/dx| = 1.43: by 0.12
    unsaid = dk.find_fixed_points(dk.Driven(flow, [0.3]))
    with pytest.raises(dk.InputError, match="under this drive, but point 0 moves by"):
        as_targets(flow, unsaid, zero)


def test_cycles_points_and_tables_are_read_alike():
    flow = dk.catalog.two_cycles()
    cycles = dk.find_limit_cycles(flow, [[1.1, 0.0], [2.9, 0.0]])
    targets = as_targets(flow, cycles, NONE)
    assert sorted(np.round(np.linalg.norm(t.states, axis=1).mean(), 6) for t in targets.list) == [1, 3]
    table = list_attractors(flow, cycles, None, lambda y: np.where(y[..., 0] > 0, "right", "left"))
    assert table.memories.tolist() == ["changes", "changes"]
    assert_allclose(table.periods, 2 * np.pi, rtol=1e-6)
    again = as_targets(flow, table, NONE)
    assert again.kinds.tolist() == targets.kinds.tolist()
    assert_allclose(again.radii, targets.radii)
    assert (
        again.at([[1.0005, 0.0], [0.0, 3.0]])[0].tolist()
        == targets.at([[1.0005, 0.0], [0.0, 3.0]])[0].tolist()
    )
    assert len(as_targets(flow, [cycles, table, cycles[:1]], NONE)) == 2  # each counts once
    box = dk.samplers.Box([-3.0, -3.0], [3.0, 3.0])
    basins = dk.map_basins(flow, table[1:], box, n_samples=8, settings=dk.BasinSettings(n_steps=100))
    assert basins.n_attractors == 1
    assert len(as_targets(flow, basins, NONE)) == 1


def test_a_table_of_points_keeps_their_certified_radii():
    unit = dk.catalog.tanh_unit(2.0)
    u = torch.zeros(1, dtype=torch.float64)
    points = dk.find_fixed_points(unit)
    table = list_attractors(unit, points, [0.0], lambda y: np.sign(y[..., 0]).astype(int))
    assert table.memories.tolist() == [-1, 1]
    assert table.n_left_out == 1
    assert_allclose(as_targets(unit, table, u).radii, as_targets(unit, points, u).radii)


def test_a_cycle_of_another_drive_is_refused():
    """A limit cycle about the origin, which a drive moves; in short steps it moves little within each."""
    free = dk.catalog.stuart_landau(dt=0.05)
    pushed = dk.Flow(
        lambda x, u: free.rhs(x - u),
        2,
        2,
        dt=0.05,
        argument_order="state, input",
        jacobian=lambda x, u: free.rhs_jacobian(x - u),
    )
    cycles = dk.find_limit_cycles(dk.Driven(pushed, [0.0, 0.0]), [[1.0, 0.2]])
    pulses = {"none": np.zeros((1, 2))}
    assert dk.map_transitions(pushed, cycles, pulses).targets.tolist() == [[0]]
    with pytest.raises(InputError, match=r"cycles of system under this drive.*find them under the same drive"):
        dk.map_transitions(pushed, cycles, pulses, rest=[0.2, 0.0])
