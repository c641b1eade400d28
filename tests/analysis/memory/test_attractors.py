"""The table of what a network comes to rest in, where every entry of it is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import dynakit as dk
from dynakit.analysis import list_attractors
from dynakit.analysis.linearization import Pull
from dynakit.analysis.memory.arrival import CHUNK
from dynakit.errors import InputError


def sign(y):
    return np.where(y[..., 0] > 0, "+", "-")


@pytest.fixture(scope="module")
def unit():
    """x' = tanh(2 x + u), with its memories at +-0.9575."""
    system = dk.catalog.tanh_unit(2.0)
    return system, dk.find_fixed_points(system)


def test_stable_points_with_their_slopes_and_the_shares_that_were_released(unit):
    system, points = unit
    released = [[0.1], [-0.1], [0.4], [2.0]]
    memory = dk.check_memory(system, released, [0.0], sign, n_steps=200)
    table = list_attractors(system, points, [0.0], sign, memory=memory)
    slopes = 2 * (1 - table.states[:, 0] ** 2)
    assert table.kinds.tolist() == ["fixed point"] * 2
    assert dict(zip(table.memories.tolist(), table.basin_shares.tolist())) == {"+": 0.75, "-": 0.25}
    assert_allclose(table.exponents, np.log(slopes), atol=1e-12)
    assert_allclose(table.time_constants, -1 / np.log(slopes))
    assert_array_equal(table.outputs, table.states)
    assert_array_equal(table.periods, 1)
    assert (table.n_memories, table.unresolved, table.n_left_out) == (2, 0.0, 1)  # the saddle at 0


def test_a_state_counts_for_the_attractor_it_is_near_and_for_none_otherwise(unit):
    system, points = unit
    check = dk.check_memory(system, [[0.9], [-0.9], [-0.9], [0.0]], [0.0], sign, n_steps=3)
    assert 1e-6 < abs(check.end_states[0, 0] - 0.9575) < 0.1
    table = list_attractors(system, points, [0.0], sign, memory=check)
    assert dict(zip(table.memories.tolist(), table.basin_shares.tolist())) == {"+": 0.25, "-": 0.5}
    assert table.unresolved == 0.25
    assert "25 % of the released states are near none of them after 33 steps" in table.sentences()
    assert "25 % of released states at none of them" in table.headline()


def test_two_attractors_may_stand_for_one_memory_and_the_slowest_mode_decides():
    """Two units, of which the readout hears the first alone: four points, two memories."""
    system = dk.catalog.tanh_network(np.diag([2.0, 1.2]))
    table = list_attractors(system, dk.find_fixed_points(system), None, sign)
    assert (len(table), table.n_memories) == (4, 2)
    slopes = np.array([2.0, 1.2]) * (1 - table.states**2)
    assert_allclose(table.time_constants, -1 / np.log(slopes.max(axis=1)), rtol=1e-9)
    assert np.isnan(table.basin_shares).all()
    assert np.isnan(table.unresolved)
    assert table.headline() == "4 attractors for 2 memories"


def test_a_cycle_says_one_thing_or_that_it_changes():
    """x' = 1 - 1.1 x^2 goes between 0.95 and -0.04: seen whole it changes, seen by its square it does not."""
    system = dk.FunctionSystem(lambda x: 1 - 1.1 * x**2, 1)
    cycles = dk.find_limit_cycles(system, [[0.3]])
    for decode, said in ((sign, "changes"), (lambda y: np.where(y[..., 0] ** 2 < 1, "in", "out"), "in")):
        table = list_attractors(system, cycles, None, decode)
        assert table.kinds.tolist() == ["periodic"]
        assert table.periods.tolist() == [2]
        assert table.memories.tolist() == [said]
        assert_allclose(table.exponents, np.log(0.4) / 2, rtol=1e-6)  # of the cycle, 4 (1 - 1.1)
        assert np.isnan(table.time_constants).all()


def test_the_resting_input_is_that_under_which_points_are_points():
    system = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(system, None, [0.2])
    table = list_attractors(system, points, [0.2], sign)
    slopes = 2 * (1 - table.states[:, 0] ** 2)
    assert_allclose(table.exponents, np.log(slopes), atol=1e-9)


def test_a_table_takes_the_place_of_its_attractors_and_comes_back_from_disk(unit, tmp_path):
    system, points = unit
    table = list_attractors(system, points, [0.0], sign)
    assert_array_equal(list_attractors(system, table, [0.0], sign).states, table.states)
    table.save(tmp_path)
    assert dk.load(tmp_path) == table


def test_permuted_units_have_the_same_table():
    rng, order = np.random.default_rng(3), np.array([2, 0, 3, 1])
    W = 2.2 * rng.normal(size=(4, 4)) / 2
    W = (W + W.T) / 2
    one, other = (dk.catalog.tanh_network(M) for M in (W, W[np.ix_(order, order)]))
    tables = [
        list_attractors(system, dk.find_fixed_points(system), None, lambda y: np.full(y.shape[:-1], "a"))
        for system in (one, other)
    ]
    assert len(tables[0]) >= 2
    assert_allclose(np.sort(tables[1].exponents), np.sort(tables[0].exponents), rtol=1e-6)
    near = np.abs(tables[1].states[:, None] - tables[0].states[None][:, :, order]).max(axis=2)
    assert_allclose(near.min(axis=0), 0, atol=1e-9)


def test_without_attractors_the_table_is_empty_and_says_so():
    system = dk.FunctionSystem(lambda x: 2 * x, 1)
    table = list_attractors(system, dk.find_fixed_points(system), None, sign)
    assert (len(table), table.n_memories, table.n_left_out) == (0, 0, 1)
    assert table.sentences() == ["no stable fixed point was found at rest"]


@pytest.mark.parametrize(
    ("attractors", "rest", "message"),
    [
        (np.zeros((2, 3)), [0.0], "attractors"),
        ([[0.3]], [0.0], "attractors given as states must be fixed points"),
        (None, [0.0], "attractors must be given"),
        ([[0.9575]], [0.0, 1.0], "rest must have shape"),
        ([[0.9575]], [[0.0]], "rest must have shape"),
    ],
)
def test_bad_arguments_are_named(unit, attractors, rest, message):
    with pytest.raises(InputError, match=message):
        list_attractors(unit[0], attractors, rest, sign)


def test_a_flow_tells_its_time_in_its_own_unit():
    """dx/dt = x - x^3: both points decay at rate 2 per unit of time, whatever the step."""
    table = {
        dt: list_attractors(flow, dk.find_fixed_points(flow), None, sign)
        for dt in (0.05, 0.4)
        for flow in [dk.Flow(lambda x: x - x**3, 1, dt=dt)]
    }
    for found in table.values():
        assert found.dynamics == "flow"
        assert_allclose(found.exponents, -2, rtol=1e-9)
        assert_allclose(found.time_constants, 0.5, rtol=1e-9)
        assert not torch.is_tensor(found.states)


def slow_bistable(rate):
    """x' = x + rate (x - x^3): +-1 attract, with the time constant 1 / (2 rate); 0 repels."""
    return dk.FunctionSystem(lambda x: x + rate * (x - x**3), 1)


def test_states_on_a_slow_way_are_followed_until_it_is_certain_where_they_go():
    """From +-0.05, at 2e-4 per step, it takes 16,000 steps to come near +-1."""
    system = slow_bistable(2e-4)
    check = dk.check_memory(system, [[0.05], [-0.05], [0.9999]], None, sign, n_steps=2000)
    found = dk.list_attractors(system, dk.find_fixed_points(system), None, sign, memory=check)
    assert_allclose(found.basin_shares, [1 / 3, 2 / 3])
    assert (found.unresolved, found.memories.tolist()) == (0, ["-", "+"])
    assert 12_000 < found.followed < 18_000


def test_states_that_come_no_nearer_are_not_followed():
    """From a circle that the map only turns, nothing comes to the stable point of the other unit."""
    turn = dk.FunctionSystem(
        lambda x: torch.where(x.norm(dim=-1, keepdim=True) > 1, x.flip(-1) * x.new_tensor([-1.0, 1.0]), 0.5 * x), 2
    )
    check = dk.check_memory(turn, [[3.0, 0.0], [0.1, 0.0]], None, sign, n_steps=2000)
    found = dk.list_attractors(turn, np.zeros((1, 2)), None, sign, memory=check)
    assert (found.unresolved, found.basin_shares.tolist()) == (0.5, [0.5])
    assert found.followed == 2000 + CHUNK


@pytest.mark.parametrize(("state", "drawn"), [(0.49, True), (0.51, False), (-0.49, True), (-0.51, False)])
def test_a_state_is_drawn_in_where_the_jacobian_changes_less_than_half_of_what_is_left_to_one(state, drawn):
    """x' = 0.9 x + 0.1 x^2: on the way J changes by 0.1 d, twice of which must stay below 0.1; the basin ends at 1."""
    system = dk.FunctionSystem(lambda x: 0.9 * x + 0.1 * x**2, 1)
    basin = Pull(system, system.as_drive("u", None), np.zeros(1))
    assert basin.draws_in(torch.tensor([[state]], dtype=torch.float64)).tolist() == [drawn]


@pytest.mark.parametrize(("state", "drawn"), [(0.099, True), (0.101, False)])
def test_modes_far_from_orthogonal_are_judged_in_their_own_norm(state, drawn):
    """V = (1, 1; 0, e): where J changes by diag(0, x) on the way, V^-1 D V = (0, -x; 0, x), so that 0.8 + 2 x < 1."""
    e = 1e-3
    system = dk.FunctionSystem(
        lambda x: torch.stack([0.5 * x[..., 0] + 0.3 / e * x[..., 1], 0.8 * x[..., 1] + x[..., 1] ** 2], -1), 2
    )
    basin = Pull(system, system.as_drive("u", None), np.zeros(2))
    assert basin.draws_in(torch.tensor([[0.0, state]], dtype=torch.float64)).tolist() == [drawn]


@pytest.mark.parametrize(("radius", "drawn"), [(0.70, True), (0.72, False)])
def test_states_on_a_spiral_are_judged_by_the_pair_of_modes_and_a_few_for_all(radius, drawn):
    """z' = 0.8 i z + 0.1 z^2: on the way J changes by a turn of length 0.1 |z|, Frobenius' norm 2^1/2 times that."""

    def step(x):
        z = torch.complex(x[..., 0], x[..., 1])
        return torch.view_as_real(0.8j * z + 0.1 * z**2)

    system = dk.FunctionSystem(step, 2)
    basin = Pull(system, system.as_drive("u", None), np.zeros(2))
    z = radius * torch.exp(2j * torch.pi * torch.arange(16) / 16)
    assert basin.draws_in(torch.view_as_real(z.to(torch.complex128))).tolist() == [drawn] * 16
    assert len(basin.balls) == (4 if drawn else 0)
    assert basin.holds(0.99 * torch.view_as_real(z.to(torch.complex128))).tolist() == [drawn] * 16


@pytest.mark.parametrize(("state", "drawn"), [(0.49, True), (0.51, False)])
def test_fast_modes_are_not_told_apart(state, drawn):
    """Two fast modes a millionth apart, in a Jordan block but for that, whose eigenvectors are nearly parallel."""
    fast = torch.tensor([[0.3, 0.1], [0.0, 0.3 + 1e-6]], dtype=torch.float64)

    def step(x):
        slow = 0.9 * x[..., 0] + 0.1 * x[..., 0] ** 2
        bent = 0.1 * x[..., :1] * torch.stack([torch.zeros_like(slow), x[..., 1]], -1)
        return torch.cat([slow[..., None], x[..., 1:] @ fast.T + bent], -1)

    system = dk.FunctionSystem(step, 3)
    basin = Pull(system, system.as_drive("u", None), np.zeros(3))
    x = torch.tensor([[state, 0.0, 0.0]], dtype=torch.float64)
    assert basin.draws_in(x).tolist() == [drawn]
