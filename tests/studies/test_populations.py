"""A thousand networks, in miniature: the plan, statistics with known answers, and all parts end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "populations"


def test_the_plan_is_of_a_thousand_networks_and_names_every_factor():
    import degeneracy
    import thousand

    plan = thousand.plan(False)
    conditions = {thousand.Condition.of(run.plain()) for run in plan.runs}
    assert len(plan) == 1000
    assert len(conditions) == 26
    assert all(least in conditions and most in conditions for least, most, _ in degeneracy.FACTORS.values())
    assert str(thousand.Condition(bits=1, l1=3.0)) == "1 bit, Elman, 32 units, to 0.998, l1 3"


@pytest.mark.parametrize(("n_bits", "points"), [(1, "2/1"), (2, "4/4/1"), (3, "8/12/6/1")])
def test_switches_that_do_not_touch_each_other_have_three_to_the_n_points(n_bits, points):
    import universality

    switches = dk.catalog.tanh_network(2.0 * np.eye(n_bits))
    found = dk.find_fixed_points(switches, seed=0).n_unstable.compressed()
    assert universality.ideal(n_bits) == points
    assert points == "/".join(str((found == k).sum()) for k in range(n_bits + 1))


def test_the_error_of_a_mean_over_pairs_knows_that_pairs_share_networks():
    """The distance of two networks is x_i + x_j: the mean over pairs is twice that of x, its error twice that error."""
    import likeness

    x = np.random.default_rng(0).uniform(1, 2, 40)
    matrix = np.add.outer(x, x)
    np.fill_diagonal(matrix, 0)
    mean, error = likeness.pair_mean(matrix)
    assert mean == pytest.approx(2 * x.mean(), rel=1e-12)
    assert error == pytest.approx(2 * x.std(ddof=1) / np.sqrt(40), rel=1e-10)


def test_a_switch_stands_less_noise_the_weaker_it_is():
    import wiring

    task = dk.tasks.FlipFlop(n_bits=1, n_steps=60, p_flip=0.08)
    stood = [wiring.robustness(_switch(w), task) for w in (1.2, 1.6, 2.4)]
    assert stood == sorted(stood)
    assert stood[0] < 0.9 * stood[2]


def _switch(w):
    def step(x, u):
        return (w * x + 3.0 * u).tanh()

    return dk.as_system(step, readout=lambda x: x, state_size=1, input_size=1, argument_order="state, input")


def test_wiring_of_a_known_matrix():
    import wiring

    W = np.array([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.5]])
    found = wiring.of(dk.catalog.tanh_network(W))
    assert found["spectral radius"] == pytest.approx(0.5)
    assert found["largest singular value"] == pytest.approx(2.0)
    assert found["symmetric part beyond 1"] == 0  # the shift's symmetric part has the eigenvalues 1 and -1
    assert found["effective rank"] == pytest.approx(4.25**2 / (16 + 0.0625))
    assert found["non-normality"] == pytest.approx(np.sqrt(4 / 4.25))


def test_a_linear_law_is_foretold_out_of_sample_and_noise_is_not(monkeypatch):
    import prediction

    monkeypatch.setattr(prediction, "N_TREES", 3)
    rng = np.random.default_rng(1)
    X, groups = rng.normal(size=(120, 4)), np.repeat(np.arange(12), 10)
    y = X @ [1.0, -2.0, 0.5, 0.0] + 0.1 * rng.normal(size=120)
    for across in (False, True):
        assert prediction.predicted(X, y, groups, across=across, seed=0)["ridge"] > 0.98
    assert prediction.predicted(X, rng.normal(size=120), groups, across=False, seed=0)["ridge"] < 0.1


PLAN = """
[task]
name = "flip-flop"
n_bits = 1
n_steps = 40
p_flip = 0.1
[model]
name = "elman"
n_hidden = 6
[training]
name = "bptt"
learning_rate = 2e-2
batch_size = 16
max_updates = 60
stop_at_score = 0.95
[analysis]
drives = []
include = ["memory", "fixed_points", "attractors", "projection", "transitions", "modes", "connectivity"]
[grid]
"model.name" = ["elman", "gru"]
seeds = 3
"""


@pytest.fixture
def few(tmp_path, monkeypatch):
    """Six networks in the place of the thousand."""
    import degeneracy
    import likeness
    import prediction
    import thousand
    import universality
    import wiring

    path = tmp_path / "plan.toml"
    path.write_text("seeds = 3\n" + PLAN.replace("seeds = 3\n", ""))
    monkeypatch.setattr(thousand, "plan", lambda quick: dk.sweeps.Plan.read(path))
    monkeypatch.setattr(likeness, "ANGLES", {"DSA, rank 5": dk.similarity.DSA(rank=5, n_starts=8)})
    monkeypatch.setattr(wiring, "N_TRIALS", 8)
    return thousand, degeneracy, universality, prediction


def test_all_parts_end_to_end(few, tmp_path):
    for part in few:
        part.run(tmp_path, quick=True, n_jobs=1)
    rows = {name: _rows(tmp_path / f"{name}.csv") for name in ("degeneracy", "universality", "universality_kinds")}
    kinds = [row["condition"] for row in rows["degeneracy"]]
    assert kinds == [f"1 bit, {kind}, 6 units, to 0.95" for kind in ("Elman", "GRU")]
    assert all(float(row["DSA, rank 5"]) > 0 for row in rows["degeneracy"])
    assert rows["degeneracy"][1]["weights"] == "nan"  # a gated network has no one recurrent matrix
    assert sum(int(row["networks"]) for row in rows["universality"]) == 6
    assert [row["method"] for row in rows["universality_kinds"]] == ["shape", "topology"]
    assert len(_rows(tmp_path / "wiring.csv")) == 6
    assert len((tmp_path / "networks.csv").read_text().splitlines()) == 7
    assert (tmp_path / "universality.png").stat().st_size > 10_000


def _rows(path):
    lines = path.read_text().splitlines()
    assert "python3 run.py study populations" in lines[0]
    return list(csv.DictReader(lines[3:]))
