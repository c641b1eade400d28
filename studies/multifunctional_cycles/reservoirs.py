"""(a) Seeing double with reservoirs: for which spectral radii and how much overlap does one readout hold both circles?

The setting of Flynn, Tsachouridis and Amann (2021, 2023): 500 units, gamma 5, sigma 0.2, readout (r, r^2), blending
1/2, ridge 1e-2; six revolutions to forget the start, fifteen to fit, fifteen alone.  A network is cued from four phases
of each orbit.  A cue is held if the last five revolutions alone are the orbit: curve, direction and speed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import parts
import reservoir_figures
import torch
from scipy.spatial import KDTree

import dynakit as dk

TURN, RADIUS = 2 * np.pi, 5.0
LISTEN, FIT, ALONE, JUDGED = 6, 15, 15, 5  # revolutions
RADII, OVERLAPS = (0.2, 0.6, 1.0, 1.2, 1.4, 1.6, 1.8, 2.2), (0.0, 1.0, 2.5, 5.0, 10.0)
N_DRAWS, N_PHASES = 10, 4
FINE_RADII, FINE_OVERLAPS, N_FINE = (0.6, 1.0, 1.4, 1.8), (0.0, 1.0), 5  # of the comparison with the published step
DT, PUBLISHED_DT = 0.05, 0.01
NEAR, PACE, STILL, RECURS = 0.1, 0.05, 1e-3, 0.02  # relative: curve, angular speed, rest, recurrence
HELD, OTHER, BACKWARDS, PACED = "held", "other orbit", "wrong direction", "wrong speed"
POINT, CYCLE, IRREGULAR, DIVERGED = "fixed point", "untrained cycle", "irregular", "diverged"
FATES = (HELD, OTHER, BACKWARDS, PACED, POINT, CYCLE, IRREGULAR, DIVERGED)


def measure(radius: float, x_cen: float, draw: int, dt: float, n_units: int) -> dict[str, Any]:
    """One reservoir: fit both orbits, cue it along each, and say where it goes."""
    start = time.process_time()
    listen, fit, alone = (round(n * TURN / dt) for n in (LISTEN, FIT, ALONE))
    task = dk.tasks.Cycles.seeing_double(x_cen, RADIUS, dt, n_steps=listen + fit, cue_steps=listen, grace=0)
    model = dk.models.Reservoir.for_task(task, n_units, spectral_radius=radius, dt=dt, seed=draw).double()
    method = dk.training.Ridge(beta=1e-2, washout=listen, n_trials=2, blend=0.5)
    history = dk.train(model, task, method, seed=draw)
    phases = np.arange(N_PHASES) / N_PHASES
    cues = np.concatenate(list(task.cues(phases).values()))
    paths = left_alone(dk.ClosedLoop(dk.as_system(model)), cues, alone)
    return {
        "spectral radius": radius,
        "x_cen": x_cen,
        "draw": draw,
        "dt": dt,
        "units": n_units,
        **said(paths, task.orbits or (), dt),
        "fit loss": float(history.losses[-1]),
        "condition": history.condition,
        "CPU s": time.process_time() - start,
    }


def left_alone(loop: Any, cues: np.ndarray, n_steps: int) -> np.ndarray:
    """What the closed loop puts out by itself after each cue (cue, step, output): (cue, n_steps, output)."""
    x, outputs = loop.initial_state().expand(len(cues), -1), []
    with torch.no_grad():
        for u in torch.from_numpy(cues).unbind(1):
            x = loop.drive(x, u)
        for _ in range(n_steps):
            x = loop.step(x)
            outputs.append(loop.observe(x))
    return torch.stack(outputs, 1).numpy()


def said(paths: np.ndarray, orbits: Sequence[dk.Orbit], dt: float) -> dict[str, Any]:
    """The fate of each orbit, worst cue first, and the verdict with and without direction and speed."""
    tails = paths[:, -round(JUDGED * TURN / dt) :].reshape(len(orbits), N_PHASES, -1, 2)
    fates = [[fate(tail, k, orbits, dt) for tail in tails[k]] for k in range(len(orbits))]
    right = [sum(one == HELD for one in some) for some in fates]
    there = all(near(tail, orbit) for own, orbit in zip(tails, orbits) for tail in own)
    thin = max(1, round(TURN / dt / 60))
    return {
        "success": all(n == N_PHASES for n in right),
        "geometry alone": there,
        **{f"cues held, {orbit.name}": n for orbit, n in zip(orbits, right)},
        **{f"fate {orbit.name}": _worst(some) for orbit, some in zip(orbits, fates)},
        "_tails": [_shown(tails[k], fates[k])[-round(2 * TURN / dt) :: thin] for k in range(len(orbits))],
    }


def _worst(fates: list[str]) -> str:
    """What most of those that fail come to."""
    failed = [one for one in fates if one != HELD]
    return Counter(failed).most_common(1)[0][0] if failed else HELD


def _shown(tails: np.ndarray, fates: list[str]) -> np.ndarray:
    return np.nan_to_num(tails[fates.index(_worst(fates))], nan=0.0, posinf=0.0, neginf=0.0)


def fate(tail: np.ndarray, own: int, orbits: Sequence[dk.Orbit], dt: float) -> str:
    """What the outputs (step, output) that follow a cue along orbit ``own`` have come to."""
    if not np.isfinite(tail).all() or np.abs(tail).max() > 1e3 * RADIUS:
        return DIVERGED
    if np.ptp(tail[-round(TURN / dt) :], axis=0).max() < STILL * RADIUS:
        return POINT
    paces = [pace(tail, orbit, dt) if near(tail, orbit) else np.nan for orbit in orbits]
    right = [abs(p - 1) <= PACE for p in paces]
    if right[own] or any(right):
        return HELD if right[own] else OTHER
    if np.isfinite(paces).any():
        return BACKWARDS if np.nanmax(paces) < 0 else PACED
    return CYCLE if recurs(tail, dt) else IRREGULAR


def near(tail: np.ndarray, orbit: dk.Orbit) -> bool:
    """Whether the outputs and the orbit are the same curve: Hausdorff distance below a tenth of the radius."""
    if not np.isfinite(tail).all():
        return False
    curve = orbit.curve()
    there, back = KDTree(curve).query(tail)[0].max(), KDTree(tail).query(curve)[0].max()
    return bool(max(there, back) <= NEAR * RADIUS)


def pace(tail: np.ndarray, orbit: dk.Orbit, dt: float) -> float:
    """Angular speed about the centre of the orbit, relative to that of the orbit: negative against it."""
    about = tail - orbit.curve().mean(axis=0)
    angle = np.unwrap(np.arctan2(about[:, 1], about[:, 0]))
    turns = (angle[-1] - angle[0]) / TURN / (len(tail) - 1)
    return float(turns / orbit.rotation_number)


def recurs(tail: np.ndarray, dt: float) -> bool:
    """Whether the outputs come back to themselves for two revolutions, after some time up to 2.5 of them."""
    n, size = round(2 * TURN / dt), np.ptp(tail, axis=0).max()
    lags = range(round(0.25 * TURN / dt), round(2.5 * TURN / dt))
    return min(np.abs(tail[-n:] - tail[-n - lag : -lag]).max() for lag in lags) <= RECURS * size


def cells(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per spectral radius and x_cen: successes with an interval, and the fates of cues by type."""
    out = []
    for at in sorted({(row["dt"], row["spectral radius"], row["x_cen"]) for row in rows}):
        some = [row for row in rows if (row["dt"], row["spectral radius"], row["x_cen"]) == at]
        n, n_right = len(some), sum(row["success"] for row in some)
        low, high = parts.interval(n_right, n)
        fates = Counter(row[f"fate {name}"] for row in some for name in "AB")
        out.append(
            {
                **dict(zip(("dt", "spectral radius", "x_cen"), at)),
                "draws": n,
                "successes": n_right,
                "low": low,
                "high": high,
                "geometry alone": sum(row["geometry alone"] for row in some),
                **{f"orbits: {name}": fates[name] for name in FATES},
            }
        )
    return out


def agreement(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same draws at both time steps: one row per cell, with the verdicts that agree."""
    keys = ("spectral radius", "x_cen", "draw")
    published = {tuple(row[k] for k in keys): row for row in rows if row["dt"] == PUBLISHED_DT}
    pairs = [
        (row, published[key])
        for row in rows
        if row["dt"] == DT and (key := tuple(row[k] for k in keys)) in published
    ]
    out = []
    for at in sorted({(row["spectral radius"], row["x_cen"]) for row, _ in pairs}):
        some = [(a, b) for a, b in pairs if (a["spectral radius"], a["x_cen"]) == at]
        out.append(
            {
                "spectral radius": at[0],
                "x_cen": at[1],
                "draws": len(some),
                f"successes, dt {DT}": sum(a["success"] for a, _ in some),
                f"successes, dt {PUBLISHED_DT}": sum(b["success"] for _, b in some),
                "same verdict": sum(a["success"] == b["success"] for a, b in some),
                "same fates": sum(a[f] == b[f] for a, b in some for f in ("fate A", "fate B")),
                f"CPU s, dt {DT}": float(np.mean([a["CPU s"] for a, _ in some])),
                f"CPU s, dt {PUBLISHED_DT}": float(np.mean([b["CPU s"] for _, b in some])),
            }
        )
    return out


def jobs(quick: bool) -> list[tuple[Any, ...]]:
    """Every cell and draw at dt 0.05, and some of those of most overlap at the published step."""
    if quick:
        return [(radius, 2.5, 0, DT, 200) for radius in (0.2, 1.0)]
    coarse = [(r, x, k, DT, 500) for r in RADII for x in OVERLAPS for k in range(N_DRAWS)]
    fine = [(r, x, k, PUBLISHED_DT, 500) for r in FINE_RADII for x in FINE_OVERLAPS for k in range(N_FINE)]
    return coarse + fine


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """All reservoirs, the table of cells, the comparison of time steps, and the figure."""
    started = time.perf_counter()
    rows = parts.rows(measure, jobs(quick), n_jobs)
    said_of = {"seeds": sorted({row["draw"] for row in rows}), "started": started, "quick": quick}
    parts.write("multifunctional_cycles", out / "reservoirs.csv", rows, **said_of)
    parts.write("multifunctional_cycles", out / "reservoir_cells.csv", cells(rows), **said_of)
    if not quick:
        parts.write("multifunctional_cycles", out / "reservoir_steps.csv", agreement(rows), **said_of)
    coarse = [row for row in rows if row["dt"] == DT]
    reservoir_figures.success(cells(coarse), out / "reservoirs.png")
    reservoir_figures.fates(coarse, out / "reservoir_fates.png")
