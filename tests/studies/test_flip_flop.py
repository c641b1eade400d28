"""The studies in miniature: every part runs end to end, and its tables and figures are written."""

from __future__ import annotations

import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "flip_flop"


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert [line[:2] for line in lines[:3]] == ["# "] * 3
    assert "python3 run.py study flip_flop" in lines[0]
    assert dk.__version__ in lines[1]
    return list(csv.DictReader(lines[3:]))


def test_set_reset(tmp_path, monkeypatch):
    import parts
    import set_reset

    monkeypatch.setattr(set_reset, "N", 10)
    calls = [(protocol, "Dale", k, 3) for k, protocol in enumerate(set_reset.PROTOCOLS)]
    rows = parts.rows(set_reset.measure, calls, 1)
    parts.write("flip_flop", tmp_path / "t.csv", rows, seeds=[0], started=0.0, quick=False)
    written = rows_of(tmp_path / "t.csv")
    assert [row["protocol"] for row in written] == list(set_reset.PROTOCOLS)
    assert not any(name.startswith("_") for name in written[0])
    set_reset.figure(rows, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_three_bits(tmp_path, monkeypatch):
    import parts
    import three_bits

    with_units_for_bits(monkeypatch, 3)
    row = parts.once(three_bits.measure, three_bits.RANDOM, "Elman 16", 0, 120)
    assert row["by unstable dimension"] == "8 12 6 1"
    assert row["responses"] == 6 * row["stable"]
    assert sum(map(int, row["by unstable dimension"].split())) == row["fixed points"]
    assert row["max residual"] < 1e-12
    assert row["certified"] == row["fixed points"]
    assert 0 < row["smallest uniqueness radius"] < 1
    three_bits.figure([row], tmp_path / "f.png")
    three_bits.machine_figure([row], tmp_path / "m.png")
    assert (tmp_path / "m.png").stat().st_size > 10_000


def test_kept_network_is_the_trained_one():
    import networks

    first, again = (networks.trained("Elman 16", 0, 3) for _ in range(2))
    fresh = dk.models.Elman.for_task(first.task, n_hidden=16, seed=0)
    dk.train(fresh, first.task, dk.training.BPTT(max_updates=3), seed=0)
    assert first.history.seconds.tolist() == again.history.seconds.tolist()  # not trained a second time
    for model in (first.model, again.model):
        for name, tensor in model.state_dict().items():
            assert torch.equal(tensor, fresh.state_dict()[name])


def test_dale_training(tmp_path):
    import dale_training
    import parts

    rows = parts.rows(dale_training.measure, [(condition, 0, 3) for condition in dale_training.CONDITIONS], 1)
    assert [row["obeys Dale's law exactly"] for row in rows] == [None, None, True, True]
    assert [row["updates to 0.01"] for row in rows] == ["never"] * 4
    dale_training.figure(rows, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 5_000


def test_usual_recipe_finds_what_attracts_adam(monkeypatch):
    import usual_recipe

    monkeypatch.setattr(usual_recipe, "N_STEPS", 1500)
    system = dk.catalog.tanh_unit(2.0)
    points = dk.find_fixed_points(system)
    ends, speed = usual_recipe.adam(system, np.array([[0.9], [-0.9]]))
    met = usual_recipe._compare(points, ends)
    assert (met["recipe met stable"], met["recipe met of these"], met["end points near no point"]) == (
        2,
        0,
        0,
    )
    assert speed < 1e-6


def with_units_for_bits(monkeypatch, n_bits):
    """Units that each hold one bit: x -> tanh(2 x + u), a flip-flop whose every number is known."""
    import networks

    task = dk.tasks.FlipFlop(n_bits=n_bits)
    model = dk.models.Elman.for_task(task, n_hidden=n_bits, seed=0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for weight, size in (
            (model.rnn.weight_hh_l0, 2.0),
            (model.rnn.weight_ih_l0, 1.0),
            (model.readout.weight, 1.0),
        ):
            weight.copy_(size * torch.eye(n_bits))
    history = dk.History(**{name: np.ones(1) for name in ("losses", "scores", "seconds", "learning_rates")})
    monkeypatch.setattr(networks, "trained", lambda *_, **__: networks.Trained(task, model, history))


def test_saddles_between_memories_lead_to_the_two_ends_of_an_edge(monkeypatch, tmp_path):
    import edges
    import parts

    with_units_for_bits(monkeypatch, 3)
    rows = parts.once(edges.measure, "Elman 16", 0, 1)
    assert len(rows) == 24
    assert sorted(row["bits that differ"] for row in rows) == sorted("123" * 8)
    assert {row["share of seeds"] for row in rows} == {1.0}
    assert len(edges.edges_of(rows)) == 12
    edges.figure([rows], tmp_path / "e.png")
    assert (tmp_path / "e.png").stat().st_size > 10_000


def test_pulses_end_a_memory_at_its_fold(monkeypatch, tmp_path):
    import parts
    import pulses

    with_units_for_bits(monkeypatch, 2)
    monkeypatch.setattr(pulses, "WATCH", 6000)
    rows = parts.once(pulses.measure, "Elman 16", 0, 1, (20, 40, 80))
    root = np.sqrt(0.5)
    assert len(rows) == 8
    assert all(row["asked to change"] and row["saddle of the edge to cross"] for row in rows)
    np.testing.assert_allclose([row["fold"] for row in rows], 2 * root - np.arctanh(root), atol=1e-10)
    np.testing.assert_allclose([row["endless, from simulation"] for row in rows], rows[0]["fold"], rtol=1e-4)
    for row in rows:
        assert row["memory after a pulse just below"] == row["memory"]
        assert sum(a != b for a, b in zip(row["memory after a pulse just above"], row["memory"])) == 1
    pulses.figure([rows], tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_pulse_that_switches_nothing_has_no_limit():
    import pulses

    lengths = np.array([10, 100, 1000])
    assert pulses.endless(lengths, 0.3 + 2 / (lengths + 7.0) ** 2) == pytest.approx(0.3, abs=1e-9)
    assert np.isnan(pulses.endless(lengths, np.array([0.4, np.nan, 0.3])))


def test_births_are_counted_against_shifted_births():
    import learning

    loss = np.exp(-np.cumsum([0.0, *np.tile([0.1, 0.1, 1.0, 0.1, 0.1], 6)]))
    steps = np.flatnonzero(-np.diff(np.log(loss)) > 0.5)

    def found(intervals: np.ndarray) -> dict[str, Any]:
        births = SimpleNamespace(intervals=intervals)
        tracks = SimpleNamespace(losses=loss, updates=np.arange(31), changes=SimpleNamespace(births=births))
        return {"network": "n", "bits": 2, "tracks": tracks}

    on, off = (learning.coincidence([found(at)] * 4, learning=False) for at in (steps, steps + 1))
    assert (on["share"], off["share"], on["births"]) == (1.0, 0.0, 24)
    assert on["share by chance"] == pytest.approx(0.2, abs=0.02)
    assert on["p"] < 0.01
    assert off["p"] == 1.0
    assert learning.coincidence([found(steps)], learning=True)["stretches"] == 28
    assert [row["while"] for row in learning.groups([found(steps)])] == ["training", "learning"] * 2


def test_fixed_points_while_a_network_learns(tmp_path):
    import learning
    import parts

    one = parts.once(learning.measure, "Elman 16", 0, 1, 60)
    one["tracks"] = parts.left(one, "tracks")
    rows = learning.changes(one)
    balance = sum({"birth": 2, "death": -2}[row["effect"]] for row in rows)
    assert one["tracks"].n_points[-1] - one["tracks"].n_points[0] == balance
    assert any(row["with a stable point"] for row in rows)
    learning.figure([one], tmp_path / "l.png")
    assert (tmp_path / "l.png").stat().st_size > 10_000
