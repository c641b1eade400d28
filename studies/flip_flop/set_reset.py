"""(a) A memory that is an attractor, and one that is not: the same score, trained with random and with fixed gaps."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import tables

import dynakit as dk

PROTOCOLS: dict[str, int | tuple[int, int]] = {"fixed gap 20": 20, "random gaps 10-80": (10, 80)}
WATCH = 3000


def train(protocol: str, kind: str, seed: int, n_updates: int) -> tuple[Any, Any, Any]:
    """One network of 100 leaky units, with or without Dale's law, trained under one protocol."""
    task = dk.tasks.SetReset(quiet_gap=PROTOCOLS[protocol])
    law = {"dale": "abs", "signed_io": False} if kind == "Dale" else {}
    model = dk.models.LeakyRNN.for_task(task, n_hidden=100, autapses=False, sigma_rec=0.05, seed=seed, **law)
    history = dk.train(model, task, dk.training.BPTT(max_updates=n_updates), seed=seed)
    return task, model, history


def measure(protocol: str, kind: str, seed: int, n_updates: int) -> dict[str, Any]:
    """Score, fixed points at rest and hold times of one network."""
    task, model, history = train(protocol, kind, seed, n_updates)
    report = dk.analyze(model, task, seed=seed, include=["fixed_points", "modes", "attractors", "flow"])
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
        "_report": report if seed == 0 else None,
    }


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Two Dale networks side by side: portrait, spectra, hold-time curve."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(13, 7.6), layout="constrained")
    axes = sheet.subplots(2, 3, width_ratios=[1.25, 1, 1.1])
    for row, line in zip((r for r in rows if r["network"] == "Dale" and r["_report"] is not None), axes):
        report = row["_report"]
        report.plot("phase_portrait", ax=line[0])
        report.plot("spectrum", ax=line[1])
        report.plot("memory", ax=line[2])
        line[0].set_title(f"Trained with {row['protocol']}: score {row['score']:.3f}", loc="left", fontsize=11)
        line[1].set_title(f"{row['fixed points']} fixed point{'s' * (row['fixed points'] > 1)} at rest", loc="left", fontsize=11)
        line[2].set_title(f"{100 * report.memory.kept_at_end:.0f} % remember after {WATCH} steps", loc="left", fontsize=11)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every protocol, kind and seed; the table and the figure."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2, 3, 4]
    kinds = ["Dale"] if quick else ["Dale", "plain"]
    n_updates = 300 if quick else 400
    jobs = [(p, k, s, n_updates) for p in PROTOCOLS for k in kinds for s in seeds]
    rows = tables.run_all(measure, jobs, n_jobs)
    tables.write(out / "set_reset.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "set_reset.png")
