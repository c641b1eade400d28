"""Reports on classic tasks, of networks built by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.tasks import find_holds


def slots():
    """Two slots, set by the first and by the second rare symbol, and kept by tanh(3 s)."""

    def step(x, u):
        rare = 8 * (u[:, 2] - u[:, 3])  # X less Y
        full = x.square().clamp(max=1)
        first = torch.tanh(3 * x[:, 0] + rare * (1 - full[:, 0]))
        second = torch.tanh(3 * x[:, 1] + rare * full[:, 0] * (1 - full[:, 1]))
        return torch.stack([first, second], dim=1)

    def read(x):
        first, second = x.unbind(-1)
        sides = [(1 + a * first) * (1 + b * second) / 4 for a in (1, -1) for b in (1, -1)]
        return torch.stack(sides, dim=-1)

    return dk.FunctionSystem(step, 2, 8, argument_order="state, input", readout=read)


def test_an_order_is_held_under_every_distractor_and_read_by_the_last_symbol():
    task = dk.tasks.TemporalOrder()
    report = dk.analyze(slots(), task, include=["attractors"], drives=["b"])
    said = report.summary()
    assert report.score == 1.0
    assert sorted(report.attractors.memories) == ["XX", "XY", "YX", "YY"]
    assert said.count("YES. 128 states before the answer is asked for") == 2
    assert "read after the 1 step that follows in the trials" in said
    holds = find_holds(task, report.trials, task.drives)
    assert list(holds.by_name) == ["rest", "b", "c", "d"]
    for hold in holds.by_name.values():
        np.testing.assert_array_equal(hold.steps, report.trials.lengths - 2)
        np.testing.assert_array_equal(hold.question, np.eye(8)[[1]])


def integrator(keeps):
    """The sum of marked values, decaying by ``keeps`` a step; the answer is 0.5 + sum / 4."""

    def step(x, u):
        return keeps * x + u[:, :1] * u[:, 1:].clamp(min=0)

    return dk.FunctionSystem(step, 1, 2, argument_order="state, input", readout=lambda x: 0.5 + x / 4)


@pytest.mark.parametrize(("keeps", "kept"), [(1.0, 1.0), (0.98, 0.6)])
def test_a_sum_stays_on_a_line_or_does_not(keeps, kept):
    report = dk.analyze(integrator(keeps), dk.tasks.Adding(length=20), include=["graded"])
    assert (report.score == 1.0) == (keeps == 1.0)
    assert report.graded.kept >= 0.99 if keeps == 1.0 else report.graded.kept < kept
    assert "read after the 1 step that follow" in report.graded.where


@pytest.mark.parametrize("task", [dk.tasks.EmbeddedReber(), dk.tasks.CountingLanguage("abc")])
def test_a_language_has_no_rest_and_its_symbols_are_looked_at(task):
    report = dk.analyze(dk.models.Elman.for_task(task, 2), task, include=["fixed_points", "memory", "trajectories"])
    assert "no input at rest at which to ask what lasts" in report.skipped["memory"]
    assert set(report.fixed_points) == {"rest", *task.symbols}
    assert report.trials.n_steps == report.trials.lengths.max()
    assert report.trajectories.states.shape[1] == report.trials.n_steps


def test_parity_is_two_points_under_0_and_an_orbit_of_period_two_under_1():
    """x' - 1 = tanh(3 (1 - 2 u) (x - 1)): below 1 is even, above is odd, and each 1 changes the side."""

    def step(x, u):
        return torch.tanh(3 * (1 - 2 * u) * (x - 1)) + 1  # about 1, as trials start at 0, "even"

    system = dk.FunctionSystem(step, 1, 1, argument_order="state, input", readout=lambda x: x / 2)
    task = dk.tasks.Parity(length=(10, 20))
    report = dk.analyze(system, task, include=["attractors", "transitions"])
    assert report.score == 1.0
    assert sorted(report.attractors.memories) == ["even", "odd"]
    assert report.machine_agreement.by_attractor == report.machine_agreement.total == 2
    flips = dk.find_limit_cycles(system, [[0.01]], [1.0], periods=(2,))
    assert list(flips.periods) == [1, 2]  # the unstable point between them, and the orbit
