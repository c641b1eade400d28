"""What the linked view shows of networks of which everything is known."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

import dynakit as dk
from dynakit.plots import linked

TASK = dk.tasks.FlipFlop(n_bits=1, n_steps=40)


@pytest.fixture(scope="module")
def report():
    """x' = tanh(2 x + 3 u), read as it is: stable at +-.957504, a saddle at 0 with slope 2."""
    system = dk.FunctionSystem(lambda x, u: torch.tanh(2 * x + 3 * u), 1, 1, argument_order="state, input", dt=5.0)
    return dk.analyze(system, TASK, include=["transitions", "projection", "modes", "flow"])


@pytest.fixture(scope="module")
def values(report):
    return report.explored().values()


def test_every_point_is_there_with_its_spectrum_its_memory_and_its_pulses(values):
    rest = next(drive for drive in values["drives"] if drive["name"] == "rest")
    by_memory = {point["memory"]: point for point in rest["points"]}
    assert set(by_memory) == {"+", "-", ""}
    x = 0.957504024
    for sign in "+-":
        (value,) = by_memory[sign]["eigenvalues"]
        np.testing.assert_allclose(value, [2 * (1 - x**2), 0.0], atol=1e-6)
        assert by_memory[sign]["modes"][0] == ["0.1664", f"{-5 / np.log(2 * (1 - x**2)):.3g} ms", "-"]
        assert by_memory[sign]["certificate"].startswith(("proved: a root", "numerically verified: a root"))
    saddle = by_memory[""]
    assert saddle["modes"][0][1] == f"grows, {5 / np.log(2):.3g} ms"
    assert saddle["pulses"] == []
    assert saddle["node"] == -1
    up = next(said for said in by_memory["-"]["pulses"] if said.startswith("bit 1 up"))
    assert up.startswith("bit 1 up: goes to +, from 0.")
    assert next(s for s in by_memory["+"]["pulses"] if s.startswith("bit 1 up")) == "bit 1 up: stays"


def test_points_and_trials_stand_in_the_same_axes(report, values):
    rest = values["drives"][0]["points"]
    shown = report.projection.transform(report.fixed_points["rest"].states)[:, 0]
    np.testing.assert_allclose([point["at"][-1] for point in rest], shown, atol=1e-3)
    trial = values["trials"][0]
    path = report.projection.transform(report.trajectories.states[trial["number"]])[:, 0]
    np.testing.assert_allclose(trial["path"][-1], path, atol=1e-3)
    np.testing.assert_allclose(trial["inputs"][0], report.trials.inputs[trial["number"], :, 0], atol=1e-3)


def test_a_trial_is_at_the_attractor_whose_memory_its_readout_says(report, values):
    names = [node["name"] for node in values["graph"]["nodes"]]
    for trial in values["trials"]:
        said = report.trajectories.outputs[trial["number"], :, 0]
        for node, value in zip(trial["node"], said):
            assert node == -1 or (names[node] == "+") == (value > 0)
        assert trial["node"][-1] >= 0


def test_every_label_of_the_first_grouping_is_shown_and_long_trials_are_thinned():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(200, 1000, 2))
    labels = np.array(["often"] * 199 + ["once"])
    shown = linked.Explored(dk.project(states, 2), states, {}, {}, groupings={"how": labels}).values()
    assert set(shown["groupings"][0]["labels"]) == {"often", "once"}
    assert len(shown["trials"]) <= linked.MOST_TRIALS
    assert max(len(trial["steps"]) for trial in shown["trials"]) <= linked.MOST_STEPS
    assert {len(trial["path"]) for trial in shown["trials"]} == {2}


def test_states_that_are_not_finite_leave_gaps_and_the_values_are_json():
    states = np.zeros((2, 5, 3))
    states[0] = np.arange(15.0).reshape(5, 3)
    projection = dk.project(states, 3)
    states[1, 2:] = np.inf
    shown = linked.Explored(projection, states, {}, {}).values()
    assert shown["trials"][1]["path"][0][2:] == [None] * 3
    json.dumps(shown, allow_nan=False)


def test_a_memory_called_by_an_end_of_a_script_does_not_end_it(report, tmp_path):
    text = "</script><b>"
    system, inputs = report.model, np.zeros((4, 30, 1))
    inputs[:2, 3], inputs[2:, 3] = 1.0, -1.0
    labels = np.array([text, text, "no", "no"])
    trials = dk.tasks.from_arrays(inputs, conditions={"which": labels})
    dk.analyze(system, trials, include=["projection", "fixed_points"]).save(tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert text not in page
    data = page.partition('id="linked-data">')[2].partition("</script>")[0]
    assert text in json.loads(data)["groupings"][0]["labels"]
