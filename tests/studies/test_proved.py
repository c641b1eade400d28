"""The study of proofs in miniature, and its measures on networks whose answers are known."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "proved"


def switches(strengths):
    return dk.catalog.tanh_network(np.diag(strengths))


def test_a_content_without_a_stable_point_is_proved_to_have_none():
    import trained

    both = dk.enumerate_fixed_points(switches([1.5, 1.5]))
    assert trained.memories(switches([1.5, 1.5]), both, 2) == {
        "contents with a stable point": 4,
        "contents that provably have none": 0,
    }
    tilted = dk.catalog.tanh_network(np.diag([1.5, 1.5]), b=[0.0, 1.0])  # the second unit has but one point, above 0
    found = trained.memories(tilted, dk.enumerate_fixed_points(tilted), 2)
    assert list(found.values()) == [2, 2]
    assert trained.memories(tilted, dk.find_fixed_points(tilted), 2)["contents that provably have none"] == ""


def test_points_that_are_elsewhere_are_missing():
    import trained

    points = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    assert trained.missing(points, points[::-1] + 1e-9) == 0
    assert trained.missing(points, points[:1]) == 2
    assert trained.missing(points, points[:0]) == 3


def test_the_largest_eigenvalues_are_those_of_the_symmetric_part():
    import trained

    model = dk.models.LeakyRNN(1, 4, 1, activation="tanh", dt=20.0, tau=100.0)
    W = dk.as_system(model).recurrent_weights()["W_rec"]
    values = np.sort(np.linalg.eigvalsh((W + W.T) / 2))[::-1]
    assert list(trained.largest(model).values()) == pytest.approx(values, rel=1e-5)
    assert np.isnan(list(trained.largest(dk.models.GRU(1, 4, 1)).values())).all()


def test_networks_at_the_ends_have_the_points_they_must_have():
    import ends

    weak, polygon, strong = (ends.measure(*call) for call in [*ends.calls(True)[::2], ("random", 1.5, 0)])
    assert (weak["verdict"], weak["points"]) == ("proved", 1)
    assert (polygon["verdict"], polygon["points"]) == ("proved", 13)  # 2 N + 1
    assert (strong["verdict"], strong["tubes"]) == ("not attempted", 0)
    assert "equations decide its fixed points, too many" in strong["why not"]


def test_the_study_in_miniature(tmp_path):
    import study

    study.networks(tmp_path, quick=True, n_jobs=1)
    study.limits(tmp_path, quick=True, n_jobs=1)
    tables = {path.stem: rows_of(path) for path in tmp_path.glob("*.csv")}
    assert tables.keys() == {"networks", "conditions", "ends"}
    assert (tmp_path / "proved.png").stat().st_size > 10_000
    plain, gated = tables["networks"]
    assert (plain["verdict"], plain["equations"], plain["degree"]) == ("proved", "1", "1")
    assert plain["missed by the proof"] == "0"
    assert (gated["verdict"], gated["equations"]) == ("not attempted", "")
    assert "it has gates" in gated["why not"]
    assert [row["proved"] for row in tables["conditions"]] == ["1", "0"]


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert lines[0] == "# command: python3 run.py study proved --quick"
    return list(csv.DictReader(lines[3:]))
