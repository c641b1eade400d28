"""(a) A memory that is an attractor, and one that is not: the same score, trained with random and with fixed gaps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

PROTOCOLS: dict[str, int | tuple[int, int]] = {"fixed gap 20": 20, "random gaps 10-80": (10, 80)}
WATCH = 3000
N = 100  # units


def train(protocol: str, kind: str, seed: int, n_updates: int) -> tuple[Any, Any, Any]:
    """One network of leaky units, with or without Dale's law, trained under one protocol."""
    task = dk.tasks.SetReset(quiet_gap=PROTOCOLS[protocol])
    law = {"dale": "abs", "signed_io": False} if kind == "Dale" else {}
    model = dk.models.LeakyRNN.for_task(task, n_hidden=N, autapses=False, sigma_rec=0.05, seed=seed, **law)
    history = dk.train(model, task, dk.training.BPTT(max_updates=n_updates), seed=seed)
    return task, model, history


def measure(protocol: str, kind: str, seed: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """Score, fixed points at rest and hold times of one network; the report on the first is left in ``folder``."""
    task, model, history = train(protocol, kind, seed, n_updates)
    report = dk.analyze(model, task, seed=seed, include=["fixed_points", "modes", "attractors", "flow"])
    if seed == 0:
        parts.leave(folder, report=report)
    points, memory = report.fixed_points["rest"], report.memory
    slowest = report.modes[report.modes.verdicts == "stable"].time_constants
    return {
        "protocol": protocol,
        "network": kind,
        "seed": seed,
        "score": report.score,
        "masked MSE": float(history.losses[-20:].mean()),
        "fixed points": len(points),
        "stable": len(points.stable),
        "saddles": len(points.saddles),
        "degree": points.degree,
        "max residual": float(points.residuals.max()),
        "slowest time constant (steps)": float(slowest[:, 0].max()) if len(slowest) else np.nan,
        "hold time (steps)": memory.hold_time,
        f"kept at {WATCH} steps": memory.kept_at_end,
        "training s": float(history.seconds[-1]),
    }


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Two Dale networks side by side: portrait, spectra, and the readout of released states."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(13.5, 8), layout="constrained")
    axes = sheet.subplots(2, 3, width_ratios=[1.25, 1, 1.1])
    for row, line in zip((r for r in rows if r["network"] == "Dale" and r["seed"] == 0), axes):
        report = parts.left(row, "report")
        report.plot("phase_portrait", ax=line[0], n_trajectories=4)
        report.plot("spectrum", ax=line[1])
        report.plot("memory_traces", ax=line[2])
        line[2].set_ylim(-0.1, 1.15)
        n, held = row["fixed points"], row["hold time (steps)"]
        titles = (
            f"Trained with {row['protocol']} steps: score {row['score']:.3f}",
            "one fixed point at rest" if n == 1 else f"{n} fixed points at rest",
            f"both memories last {WATCH} steps"
            if held >= WATCH
            else f"one memory is gone {held} steps after the trained delay",
        )
        for ax, title in zip(line, titles):
            ax.set_title(title, loc="left", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every protocol, kind and seed; the table and the figure."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2, 3, 4]
    kinds = ["Dale"] if quick else ["Dale", "plain"]
    n_updates = 300 if quick else 400
    jobs = [(p, k, s, n_updates) for p in PROTOCOLS for k in kinds for s in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("flip_flop", out / "set_reset.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "set_reset.png")
