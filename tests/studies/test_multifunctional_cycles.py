"""The study of cycles held together, in miniature: judgements with known answers, and each part end to end."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

import dynakit as dk

STUDY = Path(__file__).resolve().parents[2] / "studies" / "multifunctional_cycles"


def rows_of(path: Path) -> list[dict[str, str]]:
    lines = path.read_text().splitlines()
    assert "python3 run.py study multifunctional_cycles" in lines[0]
    return list(csv.DictReader(lines[3:]))


def circle(centre: float, *, speed: float = 1.0, radius: float = 5.0, dt: float = 0.05) -> np.ndarray:
    angle = speed * dt * np.arange(1200)
    return np.stack([centre + radius * np.cos(angle), radius * np.sin(angle)], axis=1)


@pytest.mark.parametrize(
    ("x_cen", "tail", "expected"),
    [
        (1.0, circle(1.0), "held"),
        (0.0, circle(0.0, speed=-1.0), "other orbit"),
        (1.0, circle(-1.0, speed=-1.0), "other orbit"),
        (1.0, circle(1.0, speed=-1.0), "wrong direction"),
        (1.0, circle(1.0, speed=0.8), "wrong speed"),
        (1.0, circle(1.0, radius=3.0), "untrained cycle"),
        (1.0, np.full((1200, 2), 2.0), "fixed point"),
        (1.0, np.full((1200, 2), np.nan), "diverged"),
        (1.0, np.random.default_rng(0).normal(size=(1200, 2)), "irregular"),
    ],
)
def test_fate_of_a_cue_along_the_first_orbit(x_cen, tail, expected):
    import reservoirs

    orbits = dk.tasks.Cycles.seeing_double(x_cen, 5.0, 0.05).orbits
    assert reservoirs.fate(tail, 0, orbits, 0.05) == expected


def test_geometry_alone_calls_a_cycle_run_backwards_right():
    import reservoirs

    orbits = dk.tasks.Cycles.seeing_double(0.0, 5.0, 0.05).orbits
    clockwise = np.repeat(circle(0.0, speed=-1.0)[None], 2 * reservoirs.N_PHASES, axis=0)
    row = reservoirs.said(clockwise, orbits, 0.05)
    assert row["geometry alone"]
    assert not row["success"]
    assert (row["fate A"], row["fate B"]) == ("other orbit", "held")
    assert (row["cues held, A"], row["cues held, B"]) == (0, reservoirs.N_PHASES)


def test_reservoirs(tmp_path):
    import parts
    import reservoir_figures
    import reservoirs

    jobs = [(radius, 5.0, 0, 0.2, 60) for radius in (0.1, 0.9)]
    rows = [parts.once(reservoirs.measure, *job) for job in jobs]
    assert [row["success"] for row in rows] == [False, True]
    assert [cell["successes"] for cell in reservoirs.cells(rows)] == [0, 1]
    assert sum(cell["orbits: held"] for cell in reservoirs.cells(rows)) >= 2
    reservoir_figures.success(reservoirs.cells(rows), tmp_path / "s.png")
    reservoir_figures.fates(rows, tmp_path / "f.png")
    assert min((tmp_path / name).stat().st_size for name in ("s.png", "f.png")) > 5_000


def test_time_steps_are_compared_draw_by_draw():
    import reservoirs

    def row(dt: float, draw: int, success: bool) -> dict[str, object]:
        fates = {f"fate {name}": "held" if success else "irregular" for name in "AB"}
        return {
            "spectral radius": 1.0,
            "x_cen": 0.0,
            "draw": draw,
            "dt": dt,
            "success": success,
            "CPU s": 1.0,
            **fates,
        }

    rows = [
        row(0.05, 0, True),
        row(0.01, 0, True),
        row(0.05, 1, True),
        row(0.01, 1, False),
        row(0.05, 2, True),
    ]
    (one,) = reservoirs.agreement(rows)
    assert (one["draws"], one["same verdict"], one["same fates"]) == (2, 1, 2)


def test_a_job_is_done_once():
    import parts
    import population

    job = ("Elman", "seeing double", population.FORCED, 1, 0, 1)
    first = parts.once(population.train, *job)
    again = parts.once(population.train, *job)
    assert first["seconds"] == again["seconds"]
    assert population.trained(*job[:5]).n_hidden == 64


def test_the_networks_of_all_kinds_depend_on_what_trains_them(monkeypatch):
    import parts

    read = []
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path.as_posix()) or b"")
    parts.what_decides_a_network.__wrapped__()
    wanted = ("models/elman.py", "models/learners/replay.py", "training/curriculum.py", "seeding.py")
    assert {f"{Path(dk.__file__).parent.as_posix()}/{name}" for name in wanted} <= set(read)
    assert parts.own_modules("population") == ["population"]


def test_a_network_that_holds_both_circles(tmp_path):
    import holding
    import kinds
    import orbit_figures
    import parts
    import population

    spec = ("Elman", "seeing double", population.CURRICULUM, 150)
    parts.once(population.train, *spec, 0, 1)
    found = [parts.once(holding.measure, *spec, 0, 100)]
    who, cycles = found[0]["network"], found[0]["cycles"]
    assert who["verdict"] == "MULTIFUNCTIONAL"
    assert [np.sign(row["rotation number"]) for row in cycles] == [1, -1]
    assert max(row["residual"] for row in cycles) < 1e-6
    assert max(row["difference of sums"] for row in cycles) < 1e-4
    assert sum(row["share"] for row in found[0]["attractors"]) + who["share unresolved"] == pytest.approx(1.0)
    summary = kinds.summary(found)
    parts.write(population.STUDY, tmp_path / "t.csv", summary, seeds=[0], started=0.0, quick=True)
    assert rows_of(tmp_path / "t.csv")[0]["multifunctional"] == "1"
    orbit_figures.orbits(found, "network", tmp_path / "o.png")
    orbit_figures.agreement(found, tmp_path / "a.png")
    orbit_figures.basins(found, tmp_path / "b.png")
    assert min((tmp_path / f"{name}.png").stat().st_size for name in "oab") > 5_000


def test_exponents_of_equal_moduli_are_averaged():
    import holding

    averaged = holding._averaged(np.array([-0.1, -0.3, -0.5]), np.array([-0.2, -0.2, -0.5]))
    np.testing.assert_allclose(averaged, [-0.2, -0.2, -0.5])
    assert holding._averaged(np.zeros(0), np.zeros(0)).shape == (0,)
