"""(d) What lies between two cycles: the edge state that parts their basins, and the fixed points of the closed loop."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import between_figure
import kinds
import numpy as np
import parts
import population
import torch

import dynakit as dk

PHASES = np.arange(160) / 160  # of drawn curves
N_TRACK, N_AWAY, SHOVE = 2000, 500, 1e-2
N_STARTS = 256


def measure(kind: str, n_updates: int, seed: int, n_track: int) -> dict[str, Any]:
    """One network: the edge state between its cycles, its fixed points, and ways from the edge to either cycle."""
    task = population.tasks()[kinds.TASK]
    loop = dk.ClosedLoop(
        dk.as_system(population.trained(kind, kinds.TASK, population.recipe_of(kind), n_updates, seed))
    )
    ends = cued(loop, task)
    cycles = dk.find_limit_cycles(loop, ends, seed=seed)
    points = dk.find_fixed_points(loop, starts(ends, seed), seed=seed, max_starts=N_STARTS)
    sides = cycles.start_object
    who = {"network": kind, "seed": seed}
    row: dict[str, Any] = {**who, "cycles": int((cycles.verdicts == "attracting").sum())}
    row |= {"fixed points": len(points), "stable": len(points.stable)}
    rows = [{**who, **_point(loop, points, k)} for k in range(len(points))]
    drawn = {"cycles": [cycles.output_curve(PHASES, int(k)) for k in sides[: len(ends)] if k >= 0]}
    if (sides < 0).any() or sides[0] == sides[1] or not (cycles.verdicts[sides] == "attracting").all():
        return {
            "edge": {**row, "edge state": "not sought: two cycles were not found"},
            "points": rows,
            "_drawn": drawn,
        }
    a, b = (cycles.states[k] for k in sides)
    start = time.process_time()
    edge = dk.find_edge_state(loop, a, b, cycles, seed=seed, settings=dk.EdgeSettings(n_track))
    row |= {**_edge(loop, edge), "CPU s": time.process_time() - start}
    return {"edge": row, "points": rows, "_drawn": drawn | _ways(loop, edge, cycles)}


def cued(loop: Any, task: Any) -> np.ndarray:
    """The state after the cue of each orbit (orbit, unit)."""
    cues = torch.from_numpy(np.stack(list(task.cues().values())))
    x = loop.initial_state().expand(len(cues), -1)
    with torch.no_grad():
        for u in cues.unbind(1):
            x = loop.drive(x, u)
    return x.numpy()


def starts(ends: np.ndarray, seed: int) -> np.ndarray:
    """Starts of the search for fixed points: normal about the cued states, of their spread and twice that."""
    rng = np.random.default_rng(seed)
    spread = 2 * np.maximum(ends.std(axis=0), ends.std())
    return ends.mean(axis=0) + spread * rng.standard_normal((N_STARTS, ends.shape[1]))


def _edge(loop: Any, edge: dk.EdgeState) -> dict[str, Any]:
    """What the edge state is, and its shape in output space."""
    y = np.asarray(loop.observe(edge.states))
    spread = (
        np.sqrt(np.maximum(np.linalg.eigvalsh(np.atleast_2d(np.cov(y.T))), 0.0))
        if len(y) > 1
        else np.zeros(2)
    )
    moduli = np.abs(edge.multipliers)
    return {
        "edge state": edge.kind,
        "unstable directions": edge.n_unstable,
        "residual": edge.residual,
        "rotation number": edge.rotation_number,
        "moduli": " ".join(f"{v:.5g}" for v in moduli[:4]),
        "sd of output, long axis": spread[-1],
        "sd of output, short axis": spread[0],
        "mean output": " ".join(f"{v:.4g}" for v in y.mean(axis=0)),
        "cuts": edge.n_cuts,
        "steps tracked": len(edge.track),
    }


def _point(loop: Any, points: dk.FixedPoints, k: int) -> dict[str, Any]:
    moduli = np.abs(points.eigenvalues[k])
    return {
        "point": k,
        "verdict": str(points.verdicts[k]),
        "unstable directions": int((moduli > 1).sum()),
        "largest moduli": " ".join(f"{v:.5g}" for v in moduli[:4]),
        "residual": points.residuals[k],
        "certified": bool(points.certified[k]),
        "_output": np.asarray(loop.observe(points.states[k])),
    }


def _ways(loop: Any, edge: dk.EdgeState, cycles: dk.LimitCycles) -> dict[str, Any]:
    """The edge state and two trajectories that leave it, in outputs and in principal components of the cycles."""
    attracting = np.flatnonzero(cycles.verdicts == "attracting")
    curves = [cycles.curve(PHASES, int(k)) for k in attracting]
    plane = dk.project(np.concatenate([*curves, edge.states]), n_components=3)
    way = edge.track[-1]
    across = (edge.pair[1] - edge.pair[0]) / max(float(np.linalg.norm(edge.pair[1] - edge.pair[0])), 1e-300)
    size = SHOVE * float(np.linalg.norm(curves[0] - curves[0].mean(axis=0), axis=1).mean())
    x = torch.from_numpy(np.stack([way - size * across, way + size * across]))
    path = [x]
    with torch.no_grad():
        for _ in range(N_AWAY):
            path.append(loop.step(path[-1]))
    away = torch.stack(path, 1)
    gaps = [[np.linalg.norm(curve - end, axis=1).min() for curve in curves] for end in away[:, -1].numpy()]
    state = edge.states if edge.kind == "invariant circle" else edge.track[-200:]
    return {
        "kind": edge.kind,
        "edge": np.asarray(loop.observe(state)),
        "edge_plane": plane.transform(state),
        "cycles_plane": [plane.transform(curve) for curve in curves],
        "away": np.asarray(loop.observe(away)),
        "away_to": np.argmin(gaps, axis=1),
        "away_plane": plane.transform(away.numpy()),
        "variance": plane.explained_variance_ratio,
    }


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """The LSTM networks of (b)."""
    started = time.perf_counter()
    n_seeds, n_updates, n_track = (1, 150, 100) if quick else (population.N_SEEDS, kinds.N_UPDATES, N_TRACK)
    specs = population.train_all("LSTM", kinds.TASK, population.CURRICULUM, n_updates, n_seeds)
    parts.rows(population.train, specs, n_jobs)
    found = parts.rows(measure, [("LSTM", n_updates, seed, n_track) for seed in range(n_seeds)], n_jobs)
    said_of: dict[str, Any] = {"seeds": list(range(n_seeds)), "started": started, "quick": quick}
    parts.write(population.STUDY, out / "between.csv", [one["edge"] for one in found], **said_of)
    points = [row for one in found for row in one["points"]]
    parts.write(population.STUDY, out / "between_points.csv", points, **said_of)
    between_figure.draw(found, out / "between.png")
