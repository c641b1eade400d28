"""Bad arguments of the analyses: one InputError that names the argument, and neighbours that do not notice."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError


@pytest.fixture(scope="module")
def system():
    cell = torch.nn.GRUCell(2, 4)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for p in cell.parameters():
            p.uniform_(-1, 1, generator=generator)
    return dk.as_system(cell)


STATES = np.random.default_rng(0).normal(size=(5, 4))
PLANE = dk.project(STATES)
PULSES = {"up": np.ones((2, 2))}


def sign(outputs):
    return np.where(outputs[..., 0] > 0, "+", "-")


@pytest.mark.parametrize(
    "ask",
    [
        dk.find_fixed_points,
        lambda net: dk.linearize(net, STATES),
        lambda net: dk.plane_flow(net, PLANE, through=STATES[0]),
        lambda net: dk.check_memory(net, STATES, [0.0, 0.0], sign),
        lambda net: dk.map_transitions(net, STATES, PULSES, rest=[0.0, 0.0]),
        lambda net: dk.Iterated(net, 2),
        lambda net: dk.Driven(net, [0.0, 0.0]),
        dk.ClosedLoop,
    ],
)
def test_a_network_that_is_not_adapted_is_told_the_call_to_make(ask):
    with pytest.raises(InputError, match=r"system must be a System, got GRU; see dk\.as_system"):
        ask(torch.nn.GRU(2, 4))


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: dk.find_fixed_points(s, drive=np.zeros((0, 2))), "drive must be"),
        (lambda s: dk.linearize(s, STATES, [np.inf, 0.0]), "drive must be finite"),
        (lambda s: dk.linearize(s, STATES[:, :3]), "points must have shape"),
        (lambda s: dk.plane_flow(s, PLANE, [np.nan, 0.0], through=STATES[0]), "drive must be finite"),
        (lambda s: dk.plane_flow(s, PLANE, through=STATES[0], axes=(0, 7)), "axes must be between 0 and 2"),
        (lambda s: dk.plane_flow(s, PLANE, through=STATES[0], axes=(1, 1)), "axes must be two different"),
        (lambda s: dk.plane_flow(s, PLANE, through=STATES[0], axes=(0, 1, 2)), "axes must be two different"),
        (lambda s: dk.plane_flow(s, None, through=STATES[0]), "projection must be a Projection"),
        (lambda s: dk.plane_flow(s, dk.project(STATES[:, :3]), through=STATES[0]), "projection.components"),
        (lambda s: dk.check_memory(s, STATES, [np.nan, 0.0], sign), "rest must be finite"),
        (
            lambda s: dk.check_memory(s, STATES[None], [0.0, 0.0], sign),
            r"states must have shape \(state, 4\)",
        ),
        (lambda s: dk.check_memory(s, STATES, [0.0, 0.0], lambda y: "up"), "decode must return one label"),
        (lambda s: dk.map_transitions(s, STATES, PULSES, rest=np.zeros((2, 2))), "rest must have shape"),
        (lambda s: dk.map_transitions(s, STATES, PULSES, rest=[np.nan, 0.0]), "rest must be finite"),
        (
            lambda s: dk.map_transitions(s, STATES * np.nan, PULSES, rest=[0.0, 0.0]),
            "attractors must be FixedPoints, LimitCycles, Attractors or finite states",
        ),
        (
            lambda s: dk.map_transitions(s, STATES, [np.ones((2, 2))], rest=[0.0, 0.0]),
            "pulses must be a dictionary",
        ),
        (
            lambda s: dk.map_transitions(s, STATES, PULSES, rest=[0.0, 0.0], amplitudes=(0, 1, 2)),
            "amplitudes must be a pair",
        ),
        (lambda s: dk.project(np.zeros((5, 0))), "states must have at least one unit"),
        (
            lambda s: dk.condition_average(np.zeros((0, 3, 2)), {"side": []}),
            "states must hold at least one trial",
        ),
        (lambda s: dk.condition_average(np.zeros((2, 3, 2)), ["left", "right"]), "trials must be Trials"),
        (lambda s: dk.graph_statistics(np.ones((2, 2)), sign=[1, 0]), "got 0 for unit 1"),
        (lambda s: s.settle(STATES, None, -1), "n_steps must be at least 0"),
    ],
)
def test_the_message_names_the_argument(system, ask, message):
    with pytest.raises(InputError, match=message):
        ask(system)


def test_no_starts_are_as_none(system):
    points = dk.find_fixed_points(system, np.zeros((0, 4)))
    np.testing.assert_allclose(points.states, dk.find_fixed_points(system).states, atol=1e-12)


def test_a_state_that_is_not_finite_remembers_nothing_and_its_neighbours_are_as_alone(system):
    states = STATES.copy()
    states[1, 2] = np.nan
    with_it = dk.check_memory(system, states, [0.0, 0.0], sign, n_steps=50)
    without = dk.check_memory(system, np.delete(STATES, 1, 0), [0.0, 0.0], sign, n_steps=50)
    assert with_it.hold_times[1] == 0
    np.testing.assert_array_equal(np.delete(with_it.hold_times, 1), without.hold_times)
    np.testing.assert_allclose(np.delete(with_it.end_states, 1, 0), without.end_states, atol=1e-12)


@pytest.mark.parametrize("gain", [3.0, 1e10, 1e200])
def test_a_map_that_explodes_is_unstable_however_fast(gain):
    system = dk.FunctionSystem(lambda x: gain * x, 2)
    assert dk.linearize(system, [[0.0, 0.0]]).verdicts.tolist() == ["unstable"]
    assert dk.find_fixed_points(system, np.zeros((1, 2)), max_starts=1).verdicts.tolist() == ["unstable"]


@pytest.mark.parametrize("size", [1e-200, 1.0, 1e200])
def test_axes_do_not_depend_on_the_unit_of_the_states(size):
    axes = dk.project(STATES * size)
    np.testing.assert_allclose(axes.components, PLANE.components, atol=1e-12)
    np.testing.assert_allclose(axes.explained_variance_ratio, PLANE.explained_variance_ratio, atol=1e-12)
    assert axes.participation_ratio == pytest.approx(PLANE.participation_ratio)


@pytest.mark.parametrize(
    "ask",
    [dk.find_fixed_points, dk.find_slow_points, dk.linearize, dk.nonnormality, dk.selection_vectors],
    ids=lambda ask: ask.__name__,
)
def test_states_and_drives_that_require_gradients_are_numbers_like_others(system, ask):
    x, u = torch.from_numpy(STATES), torch.tensor([0.1, -0.2], dtype=torch.float64)
    recorded = ask(system, x.clone().requires_grad_(), u.clone().requires_grad_())
    np.testing.assert_array_equal(recorded.states, ask(system, x, u).states)
    np.testing.assert_array_equal(recorded.drives, np.broadcast_to(u.numpy(), (len(recorded), 2)))


def test_nothing_is_said_of_a_state_that_is_not_finite():
    cell = torch.nn.RNNCell(1, 2, nonlinearity="relu")  # whose slopes are numbers at NaN, too
    with torch.no_grad():
        cell.weight_hh.copy_(0.5 * torch.eye(2))  # random weights may make it expand, and its growth infinite
    relu = dk.as_system(cell)
    for system in (relu, dk.catalog.linear(0.5 * np.eye(2))):
        states = [[np.nan, 1.0], [0.3, 0.2], [np.inf, 0.0]]
        modes, growth = dk.linearize(system, states), dk.nonnormality(system, states)
        assert (modes.verdicts == ["undetermined", modes.verdicts[1], "undetermined"]).all()
        assert np.isnan(modes.eigenvalues[[0, 2]]).all()
        assert np.isfinite(growth.growth).tolist() == [False, True, False]
        assert "unknown" in repr(growth[[0, 2]])
