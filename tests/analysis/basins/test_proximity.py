"""Labels by staying near an attractor, on maps that come near at a step that is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.errors import InputError

PAST_A_CHECK = 2  # a point is looked at every other step


def given(*states):
    return lambda n, rng: np.array(states, float)


def label(system, attractors, states, reach=None, **options):
    settings = dk.BasinSettings(labelling=dk.Proximity(reach))
    return dk.map_basins(
        system, attractors, given(*states), n_samples=len(states), settings=settings, **options
    )


@pytest.fixture
def halving():
    """x' = x / 2 in the plane."""
    return dk.FunctionSystem(lambda x: x / 2, 2)


@pytest.mark.parametrize("reach", [0.4, 0.05, 1e-3])
def test_a_state_has_arrived_when_it_first_came_within_reach_for_good(halving, reach):
    sizes = np.array([0.1, 1.0, 3.0, 40.0, 500.0])
    basins = label(halving, np.zeros((1, 2)), sizes[:, None] * [0.6, 0.8], reach=reach)
    first = np.ceil(np.log2(np.maximum(sizes / reach, 1))).astype(int)
    assert basins.labels.tolist() == [0] * 5
    assert (first <= basins.convergence_steps).all()
    assert (basins.convergence_steps < first + PAST_A_CHECK).all()


def test_the_distance_is_euclidean(halving):
    """(0.3, 0.3) is 0.42 away: within 0.45, not within 0.4, though no coordinate exceeds 0.3."""
    near, far = (label(halving, np.zeros((1, 2)), [[0.3, 0.3]], reach=r) for r in (0.45, 0.4))
    assert near.convergence_steps.tolist() == [0]
    assert far.convergence_steps[0] > 0


def test_the_reach_is_a_share_of_the_way_to_the_next_attractor():
    """x' = x - sin(2 pi x) / 10 has stable points at the integers: 0.3 belongs to 0, 0.7 to 1, 2.9 to none of these."""
    system = dk.FunctionSystem(lambda x: x - torch.sin(2 * torch.pi * x) / 10, 1)
    basins = label(system, [[0.0], [1.0]], [[0.3], [0.7], [-0.45], [1.45], [2.9]])
    assert basins.labels.tolist() == [0, 1, 0, 1, -1]
    assert basins.reasons.tolist() == [""] * 4 + ["at rest at none of them"]


def test_what_lingers_within_reach_and_goes_away_has_not_arrived():
    """Beyond 0.01 states grow by a hundredth a step, towards 1: from 0.05 they are within 0.1 of 0 for 70 steps."""
    step = lambda x: torch.where(x.abs() < 0.01, x / 2, x + 0.01 * x * (1 - x))  # noqa: E731
    basins = label(dk.FunctionSystem(step, 1), [[0.0], [1.0]], [[0.05], [0.009]], reach=0.1)
    assert basins.labels.tolist() == [1, 0]


def test_each_sample_is_judged_alone_and_attractors_in_any_order_are_the_same():
    system = dk.catalog.tanh_network(2 * np.eye(2))
    points = dk.find_fixed_points(system).stable.states
    states = np.random.default_rng(0).uniform(-1.5, 1.5, (12, 2))
    whole = label(system, points, states)
    assert (np.sign(points[whole.labels]) == np.sign(states)).all()
    other = label(system, points[::-1], states[::-1])
    np.testing.assert_array_equal(other.labels[::-1], len(points) - 1 - whole.labels)
    np.testing.assert_array_equal(other.convergence_steps[::-1], whole.convergence_steps)
    for k, state in enumerate(states):
        alone = label(system, points, [state])
        assert (alone.labels[0], alone.convergence_steps[0]) == (whole.labels[k], whole.convergence_steps[k])


def test_a_sample_that_is_no_number_or_diverges_is_said_to_and_its_neighbours_arrive():
    system = dk.FunctionSystem(lambda x: x**3, 1)
    basins = label(system, [[0.0]], [[0.5], [np.nan], [3.0], [-0.9]])
    assert basins.labels.tolist() == [0, -1, -1, 0]
    assert basins.reasons[1] == "start not finite"
    assert basins.reasons[2].startswith("unbounded (step ")


def test_attractors_must_be_given():
    with pytest.raises(InputError, match="attractors must be given for Proximity"):
        label(dk.catalog.tanh_unit(2.0), None, [[0.1]], drive=[0.0])
