"""Projections, averages and flows against answers from elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

import dynakit as dk
from dynakit.errors import InputError


@pytest.fixture
def states():
    rng = np.random.default_rng(0)
    return rng.normal(size=(5, 40, 8)) @ rng.normal(size=(8, 8)) + rng.normal(size=8)


def test_axes_equal_those_of_scikit_learn(states):
    ours, theirs = dk.project(states, 3), PCA(3).fit(states.reshape(-1, 8))
    assert_allclose(ours.explained_variance_ratio, theirs.explained_variance_ratio_, atol=1e-12)
    assert_allclose(np.abs(ours.components @ theirs.components_.T), np.eye(3), atol=1e-10)
    assert_allclose(np.abs(ours.transform(states[0])), np.abs(theirs.transform(states[0])), atol=1e-10)


def test_data_of_rank_three_come_back_exactly():
    rng = np.random.default_rng(1)
    low = rng.normal(size=(100, 3)) @ rng.normal(size=(3, 9))
    p = dk.project(low, 3)
    assert_allclose(p.inverse_transform(p.transform(low)), low, atol=1e-12)
    assert_allclose(p.explained_variance_ratio.sum(), 1)


def test_order_of_the_rows_is_irrelevant(states):
    a, b = dk.project(states), dk.project(states[::-1, ::-1])
    assert_allclose(a.components, b.components, atol=1e-10)


def test_participation_ratio_of_equal_and_single_directions():
    assert_allclose(dk.project(np.concatenate([np.eye(4), -np.eye(4)])).participation_ratio, 4)
    assert_allclose(dk.project(np.outer(np.arange(5.0), np.ones(3))).participation_ratio, 1)


def test_constant_states_have_no_variance_and_no_nan():
    p = dk.project(np.ones((10, 3)))
    assert (p.explained_variance_ratio == 0).all()
    assert p.participation_ratio == 0
    assert np.isfinite(p.components).all()


def test_rows_that_are_not_finite_are_left_out(states):
    spoilt = states.copy()
    spoilt[0, 0] = np.nan
    assert_allclose(dk.project(spoilt).mean, states.reshape(-1, 8)[1:].mean(axis=0))
    with pytest.raises(InputError, match="states"):
        dk.project(np.full((5, 3), np.nan))


def test_task_axes_give_the_coordinates_asked_for():
    p = dk.Projection.onto([[1.0, 1.0, 0.0], [0.0, 0.0, 2.0]], ["choice", "motion"])
    assert_allclose(p.transform([[1.0, 2.0, 3.0]]), [[3.0, 6.0]])
    assert_allclose(p.transform(p.inverse_transform([[3.0, 6.0]])), [[3.0, 6.0]], atol=1e-12)
    with pytest.raises(InputError, match="names"):
        dk.Projection.onto([[1.0, 0.0]], ["a", "b"])


def test_average_over_each_condition(states):
    labels = np.array(["left", "right", "left", "right", "right"])
    means = dk.condition_average(states, {"choice": labels})
    assert means.names.tolist() == ["choice = left", "choice = right"]
    assert_allclose(means.means[0], states[labels == "left"].mean(axis=0))
    assert means.counts.tolist() == [2, 3]


def test_average_needs_conditions_of_the_right_length(states):
    with pytest.raises(InputError, match="conditions"):
        dk.condition_average(states, {})
    with pytest.raises(InputError, match="choice"):
        dk.condition_average(states, {"choice": np.zeros(3)})


def test_flow_of_a_linear_map_is_the_map_itself():
    A = np.diag([0.5, 0.8, 0.1])
    plane = dk.Projection.onto(np.eye(3)[:2], ["a", "b"])
    field = dk.plane_flow(dk.catalog.linear(A), plane, through=np.zeros(3), n_grid=5)
    X, Y = np.meshgrid(field.grid_x, field.grid_y)
    assert_allclose(field.velocities, np.stack([-0.5 * X, -0.2 * Y], -1), atol=1e-12)
    assert_allclose(field.leaving_share, 0, atol=1e-7)


def test_motion_across_the_plane_is_said_to_leave_it():
    plane = dk.Projection.onto(np.eye(3)[:2], ["a", "b"])
    field = dk.plane_flow(dk.catalog.linear(np.eye(3), [0.0, 0.0, 1.0]), plane, through=np.zeros(3))
    assert_allclose(field.leaving_share, 1)
    tilted = dk.plane_flow(dk.catalog.linear(np.eye(3), [0.0, 3.0, 4.0]), plane, through=np.zeros(3))
    assert_allclose(tilted.leaving_share, 0.8)


def test_plane_passes_through_the_chosen_state():
    plane = dk.Projection.onto(np.eye(3)[:2], ["a", "b"])
    field = dk.plane_flow(dk.catalog.linear(0.5 * np.eye(3)), plane, through=[0.0, 0.0, 2.0], n_grid=3)
    assert (field.leaving_share > 0).all()
    with pytest.raises(InputError, match="through"):
        dk.plane_flow(dk.catalog.linear(np.eye(3)), plane, through=np.zeros(2))


def test_record_names_the_parts_of_the_state():
    import torch

    r = dk.record(torch.nn.LSTM(2, 5, 2, batch_first=True), np.zeros((3, 7, 2)))
    assert r.parts == {"h": (0, 5), "c": (5, 10), "layer2.h": (10, 15), "layer2.c": (15, 20)}
    assert_allclose(r.part("layer2.h"), r.outputs)


@pytest.mark.parametrize("vectors", [[[2.0, 0, 0], [1, 1, 0]], [[0, 0.1, 0], [30, 30, 0]], [[1.0, 0, 0], [0, 1, 0]]])
def test_share_of_speed_that_leaves_a_plane_whatever_the_vectors_that_span_it(vectors):
    """All states move by (0, 3, 4): 3 within the plane of the first two units and 4 out of it."""
    drift = dk.FunctionSystem(lambda x: x + torch.tensor([0.0, 3.0, 4.0]), 3)
    plane = dk.Projection.onto(np.array(vectors), ["a", "b"])
    flow = dk.plane_flow(drift, plane, through=[0.3, -0.2, 0.1], n_grid=3)
    assert_allclose(flow.leaving_share, 4 / 5, rtol=1e-12)
    assert flow.velocities.shape == (3, 3, 2)
    moved = plane.transform(np.array([0.0, 3.0, 4.0])) - plane.transform(np.zeros(3))
    assert_allclose(flow.velocities, np.broadcast_to(moved, (3, 3, 2)), atol=1e-12)
