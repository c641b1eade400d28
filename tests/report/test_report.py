"""The record of a report: its results are attributes, before and after the way to disk."""

from __future__ import annotations

import copy
import dataclasses
import pickle

import numpy as np
import pytest
import torch

import dynakit as dk

TASK = dk.tasks.FlipFlop(n_bits=1)


@pytest.fixture(scope="module")
def report():
    """x' = tanh(2 x + 3 u): two memories."""
    system = dk.FunctionSystem(lambda x, u: torch.tanh(2 * x + 3 * u), 1, 1, argument_order="state, input")
    return dk.analyze(system, TASK, include=["transitions", "projection"])


@pytest.fixture(scope="module")
def back(report, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    report.save(folder)
    return dk.load(folder)


GIVEN = ["model", "task", "trials", "history", "skipped"]
FOUND = ["score", "trajectories", "fixed_points", "slow_points", "modes", "projection", "transitions", "attractors"]
FOUND += ["cycles", "lyapunov", "connectivity", "spikes", "memory", "multifunctionality", "flow", "machine_agreement"]
FOUND += ["echo_state"]


@pytest.mark.parametrize("name", GIVEN + FOUND)
def test_every_result_is_an_attribute_that_completes(report, back, name):
    for one in (report, back):
        assert name in dir(one)
        getattr(one, name)
    if name != "model":  # that of a user is not saved
        assert (getattr(back, name) is None) == (getattr(report, name) is None)


def test_what_was_found_is_there_and_what_was_not_is_none(report, back):
    for one in (report, back):
        assert one.score > 0.9
        assert len(one.attractors) == 2
        assert one.machine_agreement.total == one.machine_agreement.by_attractor == 4
        assert set(one.fixed_points) == {"rest", "bit 1 up", "bit 1 down"}
        assert one.cycles is None
        assert "cycles" not in one.skipped  # it was not asked for
        with pytest.raises(AttributeError, match=r"a Report has no 'fixed_pionts'; its results are .*fixed_points"):
            one.fixed_pionts  # noqa: B018
    assert hasattr(report, "cycles")
    assert not hasattr(report, "_repr_png_")


def test_copies_are_equal_and_speak(report):
    plain = dataclasses.replace(report, model=None)  # a function of the test cannot be pickled
    for other in (copy.copy(report), copy.deepcopy(plain), pickle.loads(pickle.dumps(plain))):
        assert other.summary() == report.summary()
        assert other.figures == report.figures


def test_a_reason_in_place_of_a_result_is_why_it_is_not_there():
    report = dk.Report(network="a network", parts={}).having({"a": 1.0, "b": dk.InputError("it cannot be")})
    assert report.a == 1.0
    assert report.skipped == {"b": "it cannot be"}
    assert report.summary() == "a network\n\nNot done\n  b: it cannot be"


def test_the_named_and_own_drives_are_looked_at(report):
    system = report.model
    named = dk.analyze(system, TASK, drives=["bit 1 up"], include=["fixed_points"])
    assert list(named.fixed_points) == ["rest", "bit 1 up"]
    own = dk.analyze(system, TASK, drives={"push": [0.1]}, include=["fixed_points"])
    assert list(own.fixed_points) == ["rest", "push"]
    np.testing.assert_array_equal(own.fixed_points["push"].drives, 0.1)
    assert own.provenance.settings["drives"]["push"].tolist() == [0.1]
    assert "push: 3 points" in own.summary()  # the push is below the fold at 0.1776
    given = dk.tasks.from_arrays(np.zeros((2, 3, 1)), drives={"push": [0.1]})
    assert list(dk.analyze(system, given, include=["fixed_points"]).fixed_points) == ["rest", "push"]


@pytest.mark.parametrize(
    ("drives", "said"),
    [
        (5, "drives must be names of task.drives or a dictionary"),
        (["bit 1 upp"], "did you mean 'bit 1 up'"),
        ({"push": [0.1, 0.2]}, r"drives\['push'\] must have shape \(1\)"),
        ({"push": [np.nan]}, r"drives\['push'\]"),
        ({"rest": [1.0]}, r"drives\['rest'\] must be the input at rest"),
    ],
)
def test_bad_drives_are_named(report, drives, said):
    with pytest.raises(dk.InputError, match=said):
        dk.analyze(report.model, TASK, drives=drives, include=["fixed_points"])


def test_in_a_closed_loop_there_are_no_drives():
    task = dk.tasks.Cycles.seeing_double()
    with pytest.raises(dk.InputError, match="drives is for networks that answer inputs"):
        dk.analyze(dk.models.Elman(2, 3, 2), task, drives={"push": [1.0, 0.0]}, include=["trajectories"])
