"""(b) The 3-bit flip-flop in eight kinds of network: memories, saddles, and the machine they implement."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import networks
import numpy as np
import parts
import torch
from networks import KINDS, RANDOM, REPULSED

import dynakit as dk


def measure(protocol: str, kind: str, seed: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """Train one network and say what it holds."""
    task, model, history = networks.trained(kind, seed, n_updates, protocol=protocol)
    start = time.process_time()
    report = dk.analyze(model, task, seed=seed)
    seconds = time.process_time() - start
    if seed == 0:
        parts.leave(folder, report=report)
    points, memory = report.fixed_points["rest"], report.memory
    dimensions = points.n_unstable.compressed()
    stable = report.modes[report.modes.verdicts == "stable"]
    return {
        "protocol": protocol,
        "network": kind,
        "seed": seed,
        "score": report.score,
        "score with noise": _noisy_score(model, task, seed),
        "fixed points": len(points),
        "by unstable dimension": " ".join(str(int((dimensions == d).sum())) for d in range(dimensions.max() + 1)),
        "stable": len(points.stable),
        "memories": report.attractors.n_memories,
        "kept at 3000 steps": memory.kept_at_end,
        "hold time (steps)": memory.hold_time,
        "responses right": report.machine_agreement.by_attractor,
        "right by readout": report.machine_agreement.by_readout,
        "responses": report.machine_agreement.total,
        "degree": points.degree,
        "expected degree": points.expected_degree,
        "completeness": points.completeness,
        "max residual": float(points.residuals.max()),
        "certified": int(points.certified.sum()),
        "smallest uniqueness radius": float(np.min(points.uniqueness_radius[points.certified], initial=np.inf)),
        "points unseen, estimate": points.unseen[0],
        "slowest time constant (steps)": float(stable.time_constants[:, 0].max()) if len(stable) else np.nan,
        "starts": points.n_starts,
        "failed starts": points.n_failed,
        "training s": float(history.seconds[-1]),
        "analysis CPU s": seconds,
    }


def _noisy_score(model: Any, task: Any, seed: int) -> float:
    trials = task.sample(256, seed=1000 + seed)
    model.train()
    with torch.no_grad():
        return task.score(model(trials.inputs, generator=torch.Generator().manual_seed(seed)).outputs, trials)


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The portrait of each kind of network, one example each, and one legend for all."""
    from matplotlib.figure import Figure

    shown = [r for r in rows if r["seed"] == 0 and r["protocol"] == RANDOM]
    n_columns = min(4, len(shown))
    n_rows = -(-len(shown) // n_columns)
    sheet = Figure(figsize=(3.6 * n_columns, 3.7 * n_rows + 0.5))
    axes = [sheet.add_subplot(n_rows, n_columns, k + 1, projection="3d") for k in range(len(shown))]
    for row, ax in zip(shown, axes):
        parts.left(row, "report").plot("phase_portrait_3d", ax=ax, n_trajectories=2)
        ax.set_title(f"{row['network']}: {row['fixed points']} points, score {row['score']:.3f}", fontsize=11, y=0.97)
        ax.set_box_aspect(None, zoom=1.08)  # pyright: ignore[reportArgumentType]  (any number will do)
        for name in "xyz":
            getattr(ax, f"set_{name}ticklabels")([])
            getattr(ax, f"{name}axis").labelpad = -10
        legend = ax.get_legend()
        if legend is not None:
            legend.remove()
    handles, labels = axes[0].get_legend_handles_labels()
    kinds = {label: h for h, label in zip(handles, labels) if not set(label) <= {"+", "-"}}
    sheet.legend(kinds.values(), kinds.keys(), loc="lower center", ncols=len(kinds), frameon=False)
    sheet.subplots_adjust(left=0.01, right=0.97, top=0.95, bottom=0.09, wspace=0.05, hspace=0.08)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def machine_figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The transition graph beside the 3-cube, and the spectrum, of one network."""
    from matplotlib.figure import Figure

    row = next(r for r in rows if r["seed"] == 0 and r["protocol"] == RANDOM)
    report = parts.left(row, "report")
    sheet = Figure(figsize=(12, 5.5), layout="constrained")
    left, right = sheet.subplots(1, 2)
    report.plot("transitions", ax=left)
    report.plot("spectrum", ax=right)
    sheet.savefig(path, dpi=150)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every kind and seed under random pulses, and two kinds under the protocol that needs no attractor."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    kinds = ["LSTM 16"] if quick else list(KINDS)
    n_updates = 400 if quick else 800
    jobs = [(RANDOM, kind, seed, n_updates) for kind in kinds for seed in seeds]
    if not quick:
        jobs += [(REPULSED, kind, seed, 400) for kind in ("leaky 100", "Dale 100") for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("flip_flop", out / "three_bits.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "three_bits.png")
    machine_figure(rows, out / "three_bits_machine.png")
