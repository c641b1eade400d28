"""Attractors found by what trajectories look like: the features of trajectories made by hand, and their clusters."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.analysis.basins.features import describe_window
from dynakit.errors import InputError


def circle(centre, radius, turns, n=4000):
    angle = 2 * np.pi * turns * np.arange(n)
    return np.array(centre) + radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


@pytest.mark.parametrize("turns", [np.sqrt(2) / 40, -np.sqrt(3) / 14, np.sqrt(5) / 6])
def test_features_of_a_circle(turns):
    """Mean, radius / sqrt(2), the ends of its extent, and turns per step with their sign."""
    centre, radius = np.array([2.0, -30.0]), 1.5
    mean, spread, low, high = describe_window(circle(centre, radius, turns))[:8].reshape(4, 2)
    np.testing.assert_allclose(mean, centre, atol=1e-9)
    np.testing.assert_allclose(spread, radius / np.sqrt(2), atol=1e-9)
    np.testing.assert_allclose(low, centre - radius, atol=1e-4)
    np.testing.assert_allclose(high, centre + radius, atol=1e-4)
    assert describe_window(circle(centre, radius, turns))[8] == pytest.approx(turns, abs=1e-9)


def test_what_stands_still_or_moves_along_a_line_does_not_turn():
    still = describe_window(np.tile([1.0, 2.0, 3.0], (50, 1)))
    np.testing.assert_allclose(still, [1, 2, 3, 0, 0, 0, 1, 2, 3, 1, 2, 3, 0], atol=1e-12)
    swing = np.sin(0.3 * np.arange(500))
    assert describe_window(np.stack([swing, np.zeros(500)], axis=1))[-1] == 0
    assert describe_window(swing[:, None]).shape == (5,)


@pytest.fixture
def wells():
    """x' = x - sin(2 pi x) / 10, with a stable point at every integer."""
    return dk.FunctionSystem(lambda x: x - torch.sin(2 * torch.pi * x) / 10, 1)


def found(system, states, labelling, attractors=None):
    sampler = lambda n, rng: np.array(states, float)  # noqa: E731
    settings = dk.BasinSettings(100, labelling)
    return dk.map_basins(system, attractors, sampler, n_samples=len(states), settings=settings)


STATES = np.concatenate([np.linspace(-0.4, 0.4, 6), 1 + np.linspace(-0.4, 0.4, 9), 2 + np.linspace(-0.4, 0.4, 2)])


def test_trajectories_that_look_alike_are_at_one_attractor_and_a_few_are_in_no_cluster(wells):
    basins = found(wells, STATES[:, None], dk.Features(min_cluster_size=3))
    assert basins.labels.tolist() == [1] * 6 + [0] * 9 + [-1] * 2
    np.testing.assert_allclose([points[0, 0] for points in basins.attractors], [1, 0], atol=1e-9)
    assert basins.n_left == {"in no cluster": 2}
    every = found(wells, STATES[:, None], dk.Features(min_cluster_size=2))
    assert every.labels.tolist() == [1] * 6 + [0] * 9 + [2] * 2


def test_the_order_of_samples_does_not_matter(wells):
    order = np.random.default_rng(0).permutation(len(STATES))
    one, other = (found(wells, x[:, None], dk.Features(min_cluster_size=3)) for x in (STATES, STATES[order]))
    np.testing.assert_array_equal(other.labels, one.labels[order])


def test_clusters_are_matched_with_the_attractors_that_are_given(wells):
    basins = found(wells, STATES[:, None], dk.Features(min_cluster_size=2), attractors=[[2.0], [1.0]])
    assert basins.labels.tolist() == [-1] * 6 + [1] * 9 + [0] * 2
    assert basins.n_left == {"at another attractor": 6}


def test_one_circle_run_through_in_two_directions_is_two_attractors():
    def step(z):
        way = torch.sign(z[:, 2])
        angle = torch.atan2(z[:, 1], z[:, 0]) + 0.3 * way
        r = (z[:, :2].norm(dim=1) + 1) / 2
        return torch.stack([r * angle.cos(), r * angle.sin(), z[:, 2]], 1)

    states = np.random.default_rng(0).uniform(-1, 1, (40, 3))
    states[:, 2] = np.repeat([-1.0, 1.0], [25, 15])
    system = dk.FunctionSystem(step, 3, readout=lambda z: z[:, :2])
    basins = found(system, states, dk.Features())
    assert basins.labels.tolist() == [0] * 25 + [1] * 15


def test_features_and_clusters_of_your_own(wells):
    class Halves:
        """Below 0.5 and above, counted from the cluster above."""

        def fit_predict(self, rows):
            assert rows.shape == (len(STATES), 1)
            return (rows[:, 0] < rows.mean()).astype(int)

    basins = found(wells, STATES[:, None], dk.Features(lambda points: points[-1], Halves()))
    below = STATES < 0.5
    assert len(set(basins.labels[below])) == len(set(basins.labels[~below])) == 1
    assert basins.labels[0] != basins.labels[-1]
    same = found(wells, STATES[:, None], dk.Features(lambda points: 7.0))
    assert same.labels.tolist() == [0] * len(STATES)


@pytest.mark.parametrize(
    ("labelling", "message"),
    [
        (dk.Features(window=3), "window must be at least 16"),
        (dk.Features(min_cluster_size=1), "min_cluster_size must be at least 2"),
        (dk.Features(lambda points: np.nan), "features must return finite numbers"),
        (dk.Features(lambda points: "a"), "what features returns"),
        (dk.Features(projection="tsne"), "projection must be one of"),
    ],
)
def test_bad_settings_are_named(wells, labelling, message):
    with pytest.raises(InputError, match=message):
        found(wells, STATES[:, None], labelling)
