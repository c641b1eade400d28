"""Nearest neighbours and the price of predictions, in miniature."""

from __future__ import annotations

from pathlib import Path

import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "sequence_task"


def test_settings_are_averaged_over_seeds(tmp_path):
    import neighbours

    rows = [neighbours.measure("random", "l2", 3, seed, 300) for seed in (0, 1)]
    (row,) = neighbours.summary(rows)
    assert row["runs"] == 2
    assert row["mean"] == pytest.approx((rows[0]["mean"] + rows[1]["mean"]) / 2)
    task = dk.tasks.SequenceStream()
    own = dk.train(
        dk.models.NearestNeighbours(25, k=3, metric="l2"), task, dk.training.Online(max_elements=300), seed=0
    )
    assert rows[0]["mean"] == own.accuracy
    neighbours.figure(rows, tmp_path / "n.png")
    assert (tmp_path / "n.png").stat().st_size > 5_000


def test_a_memory_costs_more_the_longer_it_lives_and_a_network_does_not(tmp_path):
    import operations

    rows = [operations.measure(name, 0, 400) for name in ("KNN", "TDNN")]
    memory, network = (row["_counts"] for row in rows)
    assert memory[:, 0].tolist() == [100, 200, 300, 400]
    assert (memory[:, 2] == (memory[:, 0] - 10) * 250).all()
    assert (network[:, 1] == 55_000).all()
    assert rows[1]["energy (nJ)"] == pytest.approx(55_000 * 4.6e-3)
    operations.figure(rows, tmp_path / "o.png")
    assert (tmp_path / "o.png").stat().st_size > 5_000
