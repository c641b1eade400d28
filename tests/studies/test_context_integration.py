"""The study of context-dependent integration in miniature, and its measures on a network whose answer is known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "context_integration"
PER_UNIT = 0.4  # step along the line per unit of the evidence that counts
FADING = 0.98


def gated_integrator():
    """One unit integrates the cued evidence; two fast ones see motion and colour, and no choice depends on them.

    The line is the first axis, a unit of evidence moves the state by PER_UNIT if it is cued and not at all
    otherwise, and the coordinate fades by FADING per step.
    """
    decay = torch.tensor([FADING, 0.2, 0.2], dtype=torch.float64)

    def step(x, u):
        cued = u[:, 2] * u[:, 0] + u[:, 3] * u[:, 1]
        return decay * x + torch.stack([PER_UNIT * cued, u[:, 0], u[:, 1]], dim=1)

    def jacobian(x, u):
        return torch.diag(decay).expand(len(x), 3, 3)

    return dk.FunctionSystem(step, 3, 4, jacobian=jacobian, readout=lambda x: x[:, :1] / 3, dt=10.0)


@pytest.fixture(scope="module")
def known():
    import integrators

    return integrators.take_apart(gated_integrator(), 0, integrators.Size(2, 0, 288, 0.0))


def test_only_the_cued_evidence_is_selected(known):
    for row in known.tables["selection"]:
        assert row["relevant"] == pytest.approx(PER_UNIT, abs=1e-9)
        assert row["irrelevant"] == pytest.approx(0, abs=1e-9)
        assert row["slow eigenvalue, most"] == pytest.approx(FADING, abs=1e-9)
        assert row["largest other eigenvalue"] == pytest.approx(0.2, abs=1e-9)
        assert row["angle of lines"] == pytest.approx(0, abs=1e-4)
        # an input moves the slow unit by 0.4 or 0 and its fast one by 1; only the first is selected
        assert row["angle to relevant input"] == pytest.approx(np.degrees(np.arctan2(1, PER_UNIT)), abs=1e-4)
        assert row["angle to irrelevant input"] == pytest.approx(90, abs=1e-4)


def test_what_gates_its_input_does_not_turn_its_selection_vector(known):
    rows = known.tables["modulation"]
    assert [row["modality"] for row in rows] == ["motion", "colour"]
    for row in rows:
        assert row["coordinates"] == "states"  # it has no rates
        assert row["direct"] == pytest.approx(PER_UNIT, abs=1e-9)
        assert row["share, selection"] == pytest.approx(0, abs=1e-9)


def test_a_linear_line_predicts_every_choice_exactly(known):
    for row in known.tables["choices"]:
        if row["prediction"] in ("line", "one point", "end state on the line"):
            assert row["agreement"] == 1.0
            assert row["correlation"] > 1 - 1e-9
            assert 0.97 < row["low"] < 1 == row["high"]
        if row["prediction"] == "other context's point":
            assert abs(row["correlation"]) < 4 / np.sqrt(row["trials"])


def test_pulses_move_the_state_as_predicted(known):
    for row in known.tables["pulses"]:
        steps = PER_UNIT * row["amplitude"] * (FADING ** np.arange(25, 30)).sum()
        wanted = steps if row["modality"] == row["context"] else 0.0
        assert row["predicted step"] == pytest.approx(wanted, abs=1e-9)
        assert row["simulated step"] == pytest.approx(wanted, abs=1e-9)


def test_task_axes_separate_choice_from_evidence(known):
    import portraits

    axes = portraits.task_axes(known.states, known.labels)
    np.testing.assert_allclose(axes.components @ axes.components.T, np.eye(3), atol=1e-12)
    # with a finite number of trials each difference holds a little of the others
    np.testing.assert_allclose(axes.components, np.eye(3), atol=0.2)
    means = portraits.averages(known.states, known.labels, "motion", "motion")
    assert sorted({c for c, _ in means}) == sorted(set(known.labels["motion"]))
    assert all(np.sign(c) == choice for c, choice in means)  # correct trials only
    assert len(portraits.averages(known.states, known.labels, "motion", "colour")) == 12


def test_a_network_without_a_slow_line_is_said_to_have_none():
    import integrators

    def turn(x, u):
        cued = (u[:, 2] * u[:, 0] + u[:, 3] * u[:, 1])[:, None]
        return 0.9 * torch.stack([x[:, 1], -x[:, 0]], dim=1) + cued

    spiral = dk.FunctionSystem(turn, 2, 4, readout=lambda x: x[:, :1], dt=10.0)
    network = integrators.take_apart(spiral, 3, integrators.Size(2, 0, 72, 0.0))
    assert network.tables["networks"][0]["slow lines"].startswith("none: no slow curve")
    assert network.tables["selection"] == network.tables["choices"] == []
    assert len(network.tables["psychometric"]) == 24


def test_the_study_in_miniature(tmp_path, monkeypatch):
    import integrators
    import study

    monkeypatch.setattr(integrators, "QUICK", integrators.Size(32, 150, 144, 1e-2))
    study.run(tmp_path, quick=True, n_jobs=1)
    tables = {path.stem: rows_of(path) for path in tmp_path.glob("*.csv")}
    assert {path.name for path in tmp_path.glob("*.png")} == {
        f"{n}.png" for n in ("portraits", "selection", "choices", "psychometric")
    }
    assert all(path.stat().st_size > 20_000 for path in tmp_path.glob("*.png"))
    assert float(tables["networks"][0]["share of ideal"]) > 0.9
    for row in tables["selection"]:
        assert abs(float(row["irrelevant / relevant (rms)"])) < 0.5
    agreement = {(row["prediction"], row["read"]): float(row["agreement"]) for row in tables["choices"]}
    assert agreement["line", "300 ms later"] > 0.85
    assert agreement["other context's point", "300 ms later"] < 0.65
    assert len(tables["trials"]) == 144
    for row in tables["modulation"]:
        assert (row["coordinates"], row["normalisation"]) == ("rates", "|s| = 1")
        parts = [float(row[name]) for name in ("direct", "indirect", "selection")]
        assert sum(parts) == pytest.approx(float(row["total"]), abs=1e-4)
        assert float(row["selection in states"]) == pytest.approx(1)  # where an input is what it is in every state


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert lines[0] == "# command: python3 run.py study context_integration --quick"
    assert dk.__version__ in lines[1]
    return list(csv.DictReader(lines[3:]))
