"""Attractors found because trajectories come back, on motions that come back and on motions that do not."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError


def given(states):
    return lambda n, rng: np.array(states, float)


def found(system, states, labelling=None, drive=None, n_steps=60):
    settings = dk.BasinSettings(n_steps, labelling or dk.Recurrence(window=200))
    return dk.map_basins(system, None, given(states), drive, n_samples=len(states), settings=settings)


def turning(turns, radius=1.0):
    """A stable circle at ``radius``, run through ``turns`` times per step."""
    a = 2 * np.pi * turns
    R = torch.tensor([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]).double()

    def step(x):
        r = x.norm(dim=1, keepdim=True).clamp_min(1e-9)
        return ((r + radius) / 2 / r) * x @ R.T

    return dk.FunctionSystem(step, 2)


RING = np.random.default_rng(0).uniform(-2, 2, (12, 2))


@pytest.mark.parametrize("turns", [1 / 7, -2 / 5, 0.25])
def test_a_cycle_of_known_period_is_found_from_each_phase(turns):
    """On a circle turned by a rational share each phase is a cycle of its own, which visits its own cells."""
    basins = found(turning(turns), RING)
    assert (basins.labels >= 0).all()
    period = 1 / np.gcd.reduce([round(abs(turns) * 140), 140]) * 140
    for points in basins.attractors:
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-9)
        assert len(np.unique(np.round(points, 6), axis=0)) == period
        np.testing.assert_allclose(points[int(period) :], points[: -int(period)], atol=1e-9)


@pytest.mark.parametrize("labelling", [dk.Recurrence(window=200), dk.Recurrence("outputs", window=200, n_cells=8)])
def test_a_circle_that_is_filled_is_one_attractor(labelling):
    basins = found(turning((np.sqrt(5) - 1) / 20), RING, labelling)
    assert basins.n_attractors == 1
    assert basins.labels.tolist() == [0] * 12
    assert (basins.convergence_steps == -1).all()


def test_points_are_told_apart_and_the_largest_basin_comes_first():
    """x' = x - sin(2 pi x) / 10: every integer is a stable point."""
    system = dk.FunctionSystem(lambda x: x - torch.sin(2 * torch.pi * x) / 10, 1)
    states = [[-0.2], [0.8], [1.1], [1.3], [2.2], [0.9], [1.8]]
    basins = found(system, states)
    assert basins.labels.tolist() == [2, 0, 0, 0, 1, 0, 1]
    np.testing.assert_allclose([points[0, 0] for points in basins.attractors], [1, 2, 0], atol=1e-9)
    assert basins.kinds.tolist() == ["fixed point"] * 3


def test_chaos_comes_back_too():
    logistic = dk.FunctionSystem(lambda x: 3.9 * x * (1 - x), 1)
    basins = found(logistic, np.linspace(0.1, 0.9, 6)[:, None], dk.Recurrence(n_cells=8))
    assert basins.labels.tolist() == [0] * 6


def test_a_point_that_lies_on_another_attractor_is_one_of_its_own():
    """Seen without the unit that tells them apart, chaos on (0, 1) runs through the point 3/4 and much besides."""

    def step(z):
        x = z[:, 0]
        moved = torch.where(z[:, 1] > 0, 4 * x * (1 - x), 0.75 + (x - 0.75) / 2)
        return torch.stack([moved, z[:, 1]], dim=1)

    states = [[0.3, 1.0], [0.6, 1.0], [0.1, 1.0], [0.2, -1.0], [0.9, -1.0]]
    system = dk.FunctionSystem(step, 2, readout=lambda z: z[:, :1])
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0]):
        basins = found(system, np.array(states)[order], dk.Recurrence("outputs", n_cells=8))
        assert basins.labels.tolist() == np.array([0, 0, 0, 1, 1])[order].tolist()


@pytest.mark.parametrize("drift", [1e-3, -0.1])
def test_what_creeps_on_never_comes_back(drift):
    basins = found(dk.FunctionSystem(lambda x: x + drift, 1), [[0.0], [1.0], [5.0]])
    assert basins.labels.tolist() == [-1] * 3
    assert all(reason.startswith("unbounded") for reason in basins.reasons)
    assert basins.n_attractors == 0


def test_the_order_of_samples_only_numbers_the_attractors_and_what_is_lost_is_said():
    """x' = (3 x - x^3) / 2: -1 and 1 attract, 0 repels, and what starts beyond sqrt(5) leaves."""
    system = dk.FunctionSystem(lambda x: 1.5 * x - 0.5 * x**3, 1)
    states = np.array([[0.5], [-0.3], [1.2], [4.0], [-0.7], [0.2], [np.nan]])
    order = np.array([6, 2, 0, 4, 5, 1, 3])
    one, other = found(system, states), found(system, states[order])
    assert one.labels.tolist() == [0, 1, 0, -1, 1, 0, -1]
    np.testing.assert_array_equal(other.labels, one.labels[order])
    assert one.reasons[3].startswith("unbounded")
    assert one.reasons[6] == "start not finite"
    with_friends = found(system, np.delete(states, [3, 6], axis=0))
    np.testing.assert_array_equal(with_friends.labels, np.delete(one.labels, [3, 6]))


def test_a_function_of_states_may_be_the_view():
    """Seen by its distance from the origin alone, one circle turned either way is one attractor."""
    see = lambda x: x[:, :2].norm(dim=1, keepdim=True)  # noqa: E731
    basins = found(turning(0.1), RING, dk.Recurrence(see, window=100))
    assert basins.n_attractors == 1


@pytest.mark.parametrize(
    ("labelling", "message"),
    [
        (dk.Recurrence(window=4), "window must be at least 16"),
        (dk.Recurrence(n_cells=1), "n_cells must be at least 2"),
        (dk.Recurrence(n_axes=0), "n_axes must be"),
        (dk.Recurrence("umap"), "projection must be one of"),
        (dk.Recurrence(lambda x: x[:, 0]), r"projection must map states \(state, unit\) to \(state, axis\)"),
    ],
)
def test_bad_settings_are_named(labelling, message):
    with pytest.raises(InputError, match=message):
        found(turning(0.1), RING[:2], labelling)
