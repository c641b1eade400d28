"""The later parts of the flip-flop study in miniature: each runs end to end, and counts what it says it counts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "flip_flop"


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    import discrimination
    import gaps
    import plain_and_leaky
    import spectrum

    monkeypatch.setattr(plain_and_leaky, "N", 12)
    monkeypatch.setattr(plain_and_leaky, "GAPS", (0, 20))
    for name, value in {"N": 12, "LONG": 1500.0, "STEPS": (40, 80)}.items():
        monkeypatch.setattr(discrimination, name, value)
    monkeypatch.setattr(gaps, "GAPS", (20, 50))
    monkeypatch.setattr(spectrum, "N", 6)


def test_discrimination(tmp_path):
    import discrimination
    import parts

    row = parts.once(discrimination.measure, "channel", 0, 3)
    assert row["stable points reached"] >= 1
    assert 0 < row["dimension of the delay"] <= 12
    assert row["exponent in the delay (1/s)"] < 0
    discrimination.figure([row], tmp_path / "d.png")
    assert (tmp_path / "d.png").stat().st_size > 10_000


def test_places_and_turning_modes_are_counted():
    import discrimination

    assert discrimination._n_apart(np.array([[0.0, 1], [0, 1.001], [3, 0], [0, 1]])) == 2
    turning, damped = (dk.find_fixed_points(dk.catalog.rotation(0.2 * np.pi, r)) for r in (0.95, 0.5))
    assert discrimination._fastest(turning, 20.0) == pytest.approx(0.1 * 50)
    assert discrimination._fastest(damped, 20.0) == 0.0


def test_the_spectrum_predicts_a_network_whose_slopes_are_one(tmp_path):
    """Without input a tanh network rests at 0, where all slopes are 1: the prediction is the spectrum."""
    import parts
    import spectrum

    model = dk.models.LeakyRNN(1, 6, 1, activation="tanh", spectral_radius=0.8, seed=1)
    with torch.no_grad():
        model.b_rec.zero_()
    points = dk.find_fixed_points(dk.as_system(model), np.zeros((4, 6)))
    assert spectrum._distance(spectrum._predicted(model), points.eigenvalues) < 1e-6
    assert spectrum._distance(np.array([1.0, 0.0]), np.array([[0.5, 1.0]])) == 0.25
    rows = parts.rows(spectrum.measure, [("tanh", seed, 20) for seed in (0, 1)], 1)
    spectrum.strangers(rows)
    assert spectrum.summary(rows)[0]["networks"] == sum(row["stable"] > 0 for row in rows)
    spectrum.figure(rows, tmp_path / "s.png")
    assert (tmp_path / "s.png").stat().st_size > 10_000


def test_answers_at_the_end_of_a_gap(tmp_path):
    import gaps

    task = dk.tasks.SetReset(3, quiet_gap=20)
    trials = task.sample(8, seed=0)
    outputs = task.ideal(trials).numpy().copy()
    assert gaps.at_the_end(task, outputs, trials) == 1.0
    outputs[:, 3 + 30 - 1] = 1 - outputs[:, 3 + 30 - 1]  # the last step of the first gap
    assert gaps.at_the_end(task, outputs, trials) == pytest.approx(2 / 3)
    rows = gaps.measure("fixed gap 20", 0, 3)
    assert [row["gap (steps)"] for row in rows] == [20, 50]
    gaps.figure(rows, tmp_path / "g.png")
    assert (tmp_path / "g.png").stat().st_size > 10_000


def test_the_best_rate_is_that_with_which_most_arrive(tmp_path):
    import optimisers

    def row(rate, updates):
        return {"method": "Adam", "learning rate": rate, "updates to 0.98": updates, "_scores": np.ones(3)}

    rows = [row(0.1, 5), row(0.1, "never"), row(0.2, 90), row(0.2, 80), row(0.3, 40), row(0.3, 60)]
    assert optimisers.best(rows) == {"Adam": 0.3}
    made = optimisers.measure("SGD, momentum 0.9", 0.1, 0, 3)
    assert made["updates to 0.98"] == "never"
    optimisers.figure([*rows, made], tmp_path / "o.png")
    assert (tmp_path / "o.png").stat().st_size > 5_000


def test_without_a_leak_the_rates_are_those_of_the_plain_network():
    """h' = f(W h + W_in u + b), step by step; the leaky network of the same seed begins with the same weights."""
    import plain_and_leaky

    plain, leaky = (plain_and_leaky.train("fixed gap 20", kind, 0, 1)[1] for kind in ("plain", "leaky"))
    inputs = dk.tasks.SetReset(quiet_gap=20).sample(3, seed=0).inputs
    with torch.no_grad():
        W_in, W, _ = plain.effective_weights()
        h, found = torch.zeros(3, plain_and_leaky.N), plain.eval()(inputs).states
        for t in range(inputs.shape[1]):
            h = torch.relu(h @ W.T + inputs[:, t] @ W_in.T + plain.b_rec)
            torch.testing.assert_close(plain.rates(found[:, t]), h, rtol=1e-4, atol=1e-5)
    assert (plain.alpha, leaky.alpha) == (1.0, 0.2)
    assert float((plain.W_rec - leaky.W_rec).detach().abs().max()) < 0.01  # one step of 0.003 each from the same values


def test_plain_and_leaky(tmp_path):
    import parts
    import plain_and_leaky

    row = parts.once(plain_and_leaky.measure, "fixed gap 20", "plain", 0, 3)
    assert row["stable"] + row["unstable"] + row["neither"] == row["fixed points"]
    assert row["updates to 0.01"] == "never"
    assert 0 <= row["right after 0 more"] <= 1
    plain_and_leaky.figure([row], tmp_path / "p.png")
    assert (tmp_path / "p.png").stat().st_size > 10_000


def test_the_slowest_turning_mode_and_its_period():
    import plain_and_leaky

    points = dk.find_fixed_points(dk.catalog.rotation(0.2 * np.pi, 0.95))
    assert plain_and_leaky._period(points) == pytest.approx(10)
    assert plain_and_leaky._leading(points) == pytest.approx(0.95)
    assert np.isnan(plain_and_leaky._period(dk.find_fixed_points(dk.catalog.tanh_network([[0.5]]))))
