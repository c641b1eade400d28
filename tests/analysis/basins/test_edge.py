"""What lies between two attractors, where it is known: a point, a ring, a cycle, a circle."""

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.analysis.basins.targets import Target

ANGLES = 2 * np.pi * np.arange(256) / 256
CIRCLE = np.stack([np.cos(ANGLES), np.sin(ANGLES)], 1)


def test_zero_is_between_the_two_points():
    system = dk.catalog.bistable()
    edge = dk.find_edge_state(system, [-1.3], [0.4], dk.find_fixed_points(system))
    assert edge.kind == "fixed point"
    assert edge.states[0, 0] == pytest.approx(0, abs=1e-13)
    assert edge.multipliers[0] == pytest.approx(1.1)
    assert (edge.n_unstable, edge.residual) == (1, pytest.approx(0, abs=1e-13))


def test_a_symmetric_pair_whose_middle_is_on_the_boundary():
    system = dk.catalog.bistable()
    edge = dk.find_edge_state(system, [-1.0], [1.0], dk.find_fixed_points(system))
    assert edge.states[0, 0] == pytest.approx(0, abs=1e-13)


def test_the_saddle_of_a_flip_flop():
    W = np.array([[1.5, -0.6], [-0.6, 1.5]])
    system = dk.catalog.tanh_network(W, b=[0.05, 0.0])
    points = dk.find_fixed_points(system)
    edge = dk.find_edge_state(system, *points.stable.states[:2], points)
    saddle = points.saddles
    assert len(saddle) == 1
    np.testing.assert_allclose(edge.states, saddle.states, atol=1e-12)
    np.testing.assert_allclose(edge.multipliers, saddle.eigenvalues[0], atol=1e-10)
    assert edge.n_unstable == 1
    assert set(edge.labels) == {0, 1}
    system_ends = system.settle(edge.pair, None, 2000).numpy()
    np.testing.assert_allclose(system_ends[0], points.stable.states[edge.labels[0]], atol=1e-6)
    np.testing.assert_allclose(system_ends[1], points.stable.states[edge.labels[1]], atol=1e-6)


def test_the_circle_between_two_opposite_cycles():
    flow = dk.catalog.two_cycles(dt=0.1)
    cycles = [Target("periodic", r * CIRCLE, True, False, 63.0) for r in (1.0, 3.0)]
    edge = dk.find_edge_state(flow, [1.0, 0.0], [2.9, 0.3], cycles)
    assert np.linalg.norm(edge.states[0]) == pytest.approx(2, abs=1e-9)
    assert abs(edge.multipliers[0]) == pytest.approx(np.e, rel=1e-8)  # per unit of time, whatever the step
    assert edge.n_unstable == 1
    np.testing.assert_allclose(np.linalg.norm(edge.track, axis=1), 2, atol=1e-6)


def radial(turn):
    """A point at 0 and a circle of radius 1, parted by the circle r = 1/2 that turns by ``turn`` and repels by
    1.125."""

    def step(z):
        r = z.norm(dim=1)
        angle = torch.atan2(z[:, 1], z[:, 0]) + turn
        new = r + 0.5 * r * (r - 0.5) * (1 - r)
        return torch.stack([new * angle.cos(), new * angle.sin()], 1)

    targets = [Target("fixed point", np.zeros((1, 2)), False, False, 1.0),
               Target("invariant circle", CIRCLE, True, False, 9.0)]  # fmt: skip
    return dk.FunctionSystem(step, 2), targets


def test_an_unstable_circle_of_a_map():
    rho = np.sqrt(5) - 2
    system, targets = radial(2 * np.pi * rho)
    edge = dk.find_edge_state(system, [0.1, 0.0], [0.9, 0.2], targets, settings=dk.EdgeSettings(300))
    assert edge.kind == "invariant circle"
    np.testing.assert_allclose(np.linalg.norm(edge.states, axis=1), 0.5, atol=1e-9)
    assert edge.rotation_number == pytest.approx(rho, abs=1e-9)
    assert abs(edge.multipliers[1]) == pytest.approx(1.125, abs=1e-6)
    assert edge.n_unstable == 1


def test_an_unstable_cycle_of_a_map():
    """Between the period-4 hull of a flip, x -> -x with r as above in one unit: the 2-cycle +-1/2 repels."""

    def step(x):
        r = x.abs()
        return -torch.sign(x) * (r + 0.5 * r * (r - 0.5) * (1 - r))

    targets = [Target("fixed point", np.zeros((1, 1)), False, False, 1.0),
               Target("periodic", np.array([[1.0], [-1.0]]), False, False, 2.0)]  # fmt: skip
    edge = dk.find_edge_state(
        dk.FunctionSystem(step, 1), [0.1], [0.9], targets, settings=dk.EdgeSettings(200)
    )
    assert (edge.kind, edge.period, edge.n_unstable) == ("periodic", 2.0, 1)
    np.testing.assert_allclose(np.sort(edge.states[:, 0]), [-0.5, 0.5], atol=1e-12)


def test_the_boundary_of_escape():
    system = dk.FunctionSystem(lambda x: x + 0.1 * (x**2 - x), 1)
    edge = dk.find_edge_state(system, [0.2], [3.0], np.zeros((1, 1)))
    assert edge.labels == (0, -2)
    assert edge.states[0, 0] == pytest.approx(1, abs=1e-12)
    assert "growth without bound" in repr(edge)


@pytest.mark.parametrize(
    ("a", "b", "sentence"),
    [
        ([-1.0], [-0.5], "a and b must go to different attractors, but both go to"),
        ([0.0], [1.0], "a must go to one of the attractors"),
        ([-1.0, 0.0], [1.0], r"a must have shape \(..., 1\)"),
        ([-1.0], [np.nan], "b must be one finite state"),
    ],
)
def test_bad_input_is_one_sentence(a, b, sentence):
    system = dk.catalog.bistable()
    with pytest.raises(dk.InputError, match=sentence):
        dk.find_edge_state(system, a, b, dk.find_fixed_points(system))
