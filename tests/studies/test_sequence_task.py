"""The study of sequences in miniature: the table's numbers from runs that are known, and its parts end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "sequence_task"


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert "python3 run.py study sequence_task" in lines[0]
    return list(csv.DictReader(lines[3:]))


def made(name: str, seed: int, hits: list[int]) -> dict[str, object]:
    """A run with these hits, one evaluation every hundred elements."""
    accuracies = dk.tasks.sequence.windowed_accuracy(hits)
    at = 100 * np.arange(1, len(hits) + 1)
    row = {"model": name, "seed": seed, "mean": float(accuracies.mean()), "hits": float(np.mean(hits)), "CPU s": 1.0}
    return {**row, "_positions": at, "_accuracies": accuracies, "_hits": hits}


def test_the_spread_is_that_over_runs_at_each_moment_and_the_other_that_of_means():
    import table

    rows = [made("KNN", 0, [1, 1, 0, 0]), made("KNN", 1, [0, 0, 1, 1])]  # curves 1 1 2/3 1/2 and 0 0 1/3 1/2
    row = table.summary("KNN", rows)
    first, second = (1 + 1 + 2 / 3 + 1 / 2) / 4, (1 / 3 + 1 / 2) / 4
    assert row["mean"] == pytest.approx((first + second) / 2)
    assert row["std"] == pytest.approx((1 / 2 + 1 / 2 + 1 / 6 + 0) / 4)
    assert row["run_std"] == pytest.approx((first - second) / np.sqrt(2))
    assert (row["n_runs"], row["published mean"]) == (2, 0.6391)


def test_levels_are_those_of_the_mean_curve_before_and_after_the_exchange():
    import table

    hits = [0, *[1] * 99, *[0] * 50, *[1] * 200]
    found = table.levels("TDNN", [made("TDNN", 0, hits)])
    assert found["0.9 before the exchange"] == 1000  # nine of ten
    assert found["1 before the exchange"] == "never"
    assert found["lowest after it"] == pytest.approx(51 / 101, abs=0.01)
    assert found["1 after the exchange"] == 100 * (150 + 101)
    assert found["last"] == 1.0


def test_shares_before_just_after_and_at_the_end():
    import robustness

    hits = [*[0] * 50, *[1] * 50, *[0] * 101, *[1] * 101]
    row = robustness.measures("units die", 0.5, 10_050, made("TDNN", 3, hits))
    assert [row[name] for name in ("before", "just after", "at the end")] == [0.5, 0.0, 1.0]
    assert (row["model"], row["seed"], row["how much"]) == ("TDNN", 3, 0.5)


def test_the_table_and_its_figures_are_written(tmp_path, monkeypatch):
    import runs
    import table

    monkeypatch.setattr(runs, "QUICK", 260)
    monkeypatch.setattr(table, "WHOLE", ())
    table.run(tmp_path, quick=True, n_jobs=1)
    written = rows_of(tmp_path / "table2.csv")
    assert [row["model"] for row in written] == list(table.TABLE)
    assert list(written[0])[:5] == ["model", "mean", "std", "run_std", "n_runs"]
    assert [row["n_runs"] for row in written] == ["2"] * 5
    each = rows_of(tmp_path / "runs.csv")
    for row in written:
        own = [float(one["mean"]) for one in each if one["model"] == row["model"]]
        assert float(row["mean"]) == pytest.approx(np.mean(own), rel=1e-4)
    knn = dk.train(dk.models.NearestNeighbours(25), runs.TASK, dk.training.Online(max_elements=260), seed=1)
    assert float(each[1]["mean"]) == pytest.approx(knn.accuracy, rel=1e-4)
    assert {row["learner"] for row in rows_of(tmp_path / "yardsticks.csv")} >= {"HTM", "KNN"}
    for name in ("accuracies", "codes"):
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000


def test_what_was_run_before_is_read_and_not_run_again(monkeypatch):
    import runs

    (row,) = runs.kept("KNN", [0], {"max_elements": 150}, {})
    monkeypatch.setattr(runs, "LEARNERS", {})
    assert runs.kept("KNN", [0], {"max_elements": 150}, {}) == [row]
    with pytest.raises(RuntimeError, match="KeyError: 'KNN'"):
        runs.kept("KNN", [0], {"max_elements": 160}, {})


def test_robustness_end_to_end(tmp_path):
    import robustness

    robustness.run(tmp_path, quick=True, n_jobs=1)
    written = rows_of(tmp_path / "robustness.csv")
    assert {row["what"] for row in written} == {"units die", "elements replaced", "two endings"}
    assert all(0 <= float(row["at the end"]) <= 1 for row in written)
    assert (tmp_path / "robustness.png").stat().st_size > 10_000


def test_the_search_compares_curves_and_luck(tmp_path):
    import search

    search.run(tmp_path, quick=True, n_jobs=1)
    (first, second) = rows_of(tmp_path / "search.csv")
    each = rows_of(tmp_path / "search_runs.csv")
    own = [float(row["mean"]) for row in each if row["reading"] == first["reading"] and row["eta"] == "0.008"]
    assert float(first["mean"]) == pytest.approx(np.mean(own), rel=1e-4)
    assert int(first["n_runs"]) == len(own) == 2
    assert second["reading"] == "no block of a column onto itself"
    assert (tmp_path / "search.png").stat().st_size > 10_000


def test_starts_that_a_column_cannot_hear_are_at_distance_zero():
    import search

    learner = dk.models.CSNN(25, seed=0)
    codes = np.zeros((10, 25))
    codes[[6, 0]] = -1.0  # silent
    codes[[1, 2]] = 1.0
    loud = learner.present(np.vstack([np.zeros((4, 25)), codes[1], np.zeros((5, 25))]))[0]
    assert search.start_distance(learner, codes) > 0
    assert loud.sum() > 0
    codes[[1, 2]] = -0.5
    assert search.start_distance(learner, codes) == 0
