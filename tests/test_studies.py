"""The studies in miniature: every part runs end to end, and its tables and figures are written."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[1] / "studies" / "flip_flop"


@pytest.fixture(scope="module", autouse=True)
def importable():
    sys.path.insert(0, str(STUDY))
    yield
    sys.path.remove(str(STUDY))


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert [line[:2] for line in lines[:3]] == ["# "] * 3
    assert "python3 run.py study flip_flop" in lines[0]
    assert dk.__version__ in lines[1]
    return list(csv.DictReader(lines[3:]))


def test_set_reset(tmp_path):
    import set_reset
    import tables

    rows = [set_reset.measure(protocol, "Dale", 0, 3) for protocol in set_reset.PROTOCOLS]
    tables.write(tmp_path / "t.csv", rows, seeds=[0], started=0.0, quick=False)
    written = rows_of(tmp_path / "t.csv")
    assert [row["protocol"] for row in written] == list(set_reset.PROTOCOLS)
    assert not any(name.startswith("_") for name in written[0])
    set_reset.figure(rows, tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_three_bits(tmp_path):
    import three_bits

    row = three_bits.measure(three_bits.RANDOM, "LSTM 16", 0, 120)
    assert row["responses"] == 6 * row["stable"]
    assert sum(map(int, row["by unstable dimension"].split())) == row["fixed points"]
    assert row["max residual"] < 1e-12
    three_bits.figure([row], tmp_path / "f.png")
    three_bits.machine_figure([row], tmp_path / "m.png")
    assert (tmp_path / "m.png").stat().st_size > 10_000


def test_dale_training(tmp_path):
    import dale_training

    rows = [dale_training.measure(condition, 0, 3) for condition in dale_training.CONDITIONS]
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
    assert (met["recipe met stable"], met["recipe met of these"], met["end points near no point"]) == (2, 0, 0)
    assert speed < 1e-6
