"""Memories of values, on integrators whose line, drift and hold times are known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

import dynakit as dk

VALUES = np.linspace(-1, 1, 41)


def integrator(keeps):
    """x' = keeps x + u, y' = 0.2 y + u; x is read out: the slow line is the axis of x."""
    decays = torch.tensor([keeps, 0.2], dtype=torch.float64)
    return dk.FunctionSystem(
        lambda x, u: decays * x + u, 2, 1, argument_order="state, input", readout=lambda x: x[..., :1]
    )


def values_to_keep():
    inputs = np.zeros((len(VALUES), 20, 1))
    inputs[:, 0, 0] = VALUES
    return dk.tasks.from_arrays(inputs, np.broadcast_to(VALUES[:, None, None], inputs.shape))


@pytest.fixture(scope="module")
def leaky():
    return dk.analyze(integrator(0.99), values_to_keep(), include=["graded", "attractors"])


def test_a_perfect_integrator_holds_every_value_on_a_line():
    report = dk.analyze(integrator(1.0), values_to_keep(), include=["graded"])
    found = report.graded
    assert found.kept == 1
    assert (found.hold_steps == 3000).all()
    assert np.abs(found.manifold.drift).max() < 1e-12
    np.testing.assert_allclose(np.abs(found.manifold.right[:, 0]), 1, atol=1e-9)
    np.testing.assert_allclose(found.coverage, 1, atol=1e-6)
    np.testing.assert_allclose(found.tolerance, 0.2)
    assert "a slow line of length" in report.summary()
    assert "all 3000 steps that were watched" in report.summary()


def test_a_leaky_one_drifts_by_its_leak_and_loses_large_values_first(leaky):
    found = leaky.graded
    x = found.manifold.states[:, 0]
    np.testing.assert_allclose(np.abs(found.manifold.drift), 0.01 * np.abs(x), atol=1e-9)
    readings = leaky.memory.times
    asked = np.abs(VALUES)[:, None]
    within = asked - asked * 0.99 ** (19 + readings) <= 0.2 + 1e-9
    expected = [readings[row].max() if row[0] else 0 for row in within]
    np.testing.assert_array_equal(found.hold_steps, expected)
    assert found.kept == pytest.approx(within[:, -1].mean())


def test_values_are_not_called_attractors(leaky):
    assert "values, not a few memories" in leaky.skipped["attractors"]
    assert "transient" not in leaky.summary()
    assert repr(leaky).endswith(f"{100 * leaky.graded.kept:.0f} % of values within tolerance for 3000 steps)")
    assert f"for at least {np.median(leaky.graded.hold_steps):.0f} steps (median)" in leaky.summary()
    assert "\nRest is zero input (shown in 95 % of the steps)\n" in leaky.summary()


def test_two_values_at_once_lie_on_a_plane_and_not_on_a_line():
    """x' = x + u of two units, each its own value; a third unit dies out."""
    decays = torch.tensor([1.0, 1.0, 0.2], dtype=torch.float64)
    system = dk.FunctionSystem(
        lambda x, u: decays * x + torch.cat([u, u[..., :1]], -1),
        3,
        2,
        argument_order="state, input",
        readout=lambda x: x[..., :2],
    )
    inputs = np.zeros((len(VALUES), 20, 2))
    inputs[:, 0] = np.random.default_rng(0).uniform(-1, 1, (len(VALUES), 2))
    task = dk.tasks.from_arrays(inputs, np.repeat(inputs[:, :1], 20, axis=1))
    report = dk.analyze(system, task, include=["graded"])
    assert report.graded.kept == 1
    assert "no slow line: the slow set has dimension 2 at 41 of 41 states" in report.summary()
    assert "what is slow is a surface, of dimension 2: its drift is at most" in " ".join(
        report.graded.sentences()
    )
    assert report.graded.surface.dimension_by_cloud == 2


def test_states_beside_the_line_are_mentioned(leaky):
    manifold = dataclasses.replace(leaky.graded.manifold, n_settled=80, n_beside=40)
    said = dataclasses.replace(leaky.graded, manifold=manifold).sentences()
    assert said[0].endswith("; 40 of 80 states left alone lie beside it")
    assert "beside" not in leaky.graded.sentences()[0]


def test_where_values_are_lost_at_once_there_is_no_line():
    report = dk.analyze(integrator(0.2), values_to_keep(), include=["graded"])
    assert report.graded.manifold is None
    assert "no slow line" in report.summary()
    large = np.abs(VALUES) > 0.21  # long forgotten at release, and not kept because it stays so
    assert (report.graded.hold_steps[large] == 0).all()
    assert report.graded.kept == pytest.approx((~large).mean())


def test_without_a_rest_that_trials_show_there_is_no_verdict():
    inputs = np.random.default_rng(0).normal(size=(40, 20, 1)) + np.linspace(-9, 9, 20)[:, None]
    task = dk.tasks.from_arrays(inputs, np.sign(inputs.sum(1, keepdims=True)) * np.ones_like(inputs))
    report = dk.analyze(integrator(0.5), task, include=["attractors", "transitions"])
    assert "rest=" in report.skipped["memory"]
    assert report.attractors is None
    assert report.transitions is None


def test_saved_and_loaded(leaky, tmp_path):
    leaky.save(tmp_path)
    back = dk.load(tmp_path)
    assert back.graded == leaky.graded
    assert back.graded.sentences() == leaky.graded.sentences()


def test_a_task_of_ones_own_class_or_reading_is_left_out_with_the_reason(tmp_path):
    inputs = np.zeros((4, 5, 1))
    inputs[:, 0, 0] = [1, -1, 1, -1]
    task = dk.tasks.from_arrays(
        inputs,
        np.sign(inputs[:, :1]) * np.ones_like(inputs),
        decode=lambda y: np.where(y[..., 0] > 0, "up", "down"),
    )
    dk.analyze(integrator(1.0), task, include=["trajectories"]).save(tmp_path)
    back = dk.load(tmp_path)
    assert back.task is None
    assert "a function of your own" in back.skipped["task"]
