"""(f) Temporal order: is the order kept in attractors, or in a transient that is as long as the strings?

The same networks are asked later and later, with distractors in between.  One kind is trained on strings of the
published length alone; one on strings with up to 100 distractors more and, once it has learnt them, with its gates
driven to 0 and 1.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch

import dynakit as dk

BPTT = dk.training.BPTT
GAPS = (0, 10, 30, 100, 300, 1000, 3000, 10_000)
COLORS = {"as published": "#D55E00", "with a tail": "#E69F00", "with a tail, saturated": "#0072B2"}


def train(kind: str, seed: int, scale: float = 1.0) -> tuple[Any, Any]:
    """The network of one kind, and the task on which it was trained."""
    task = dk.tasks.TemporalOrder(tail=0 if kind == "as published" else 100)
    model = dk.models.LSTM.for_task(task, 8, chrono=100, seed=seed)
    settings: dict[str, Any] = {"learning_rate": 1e-2, "batch_size": 32}
    dk.train(model, task, BPTT(max_updates=round(800 * scale), decay_to=0.2, **settings), seed=seed)
    if kind == "with a tail, saturated":
        pressed = BPTT(max_updates=round(800 * scale), saturation=0.3, saturation_ramp=300, decay_to=0.2, **settings)
        dk.train(model, task, pressed, seed=seed)
    return model, task


def measure(kind: str, seed: int, scale: float = 1.0, gaps: tuple[int, ...] = GAPS) -> dict[str, Any]:
    """How long the order is kept, and in how many states the network ends under each distractor for ever."""
    model, _ = train(kind, seed, scale)
    task, system = dk.tasks.TemporalOrder(), dk.as_system(model)
    trials = task.sample(2560, seed=10_000 + seed)
    with torch.no_grad():
        wrong = int((~task.right(model(trials.inputs).outputs, trials)).sum())
    held = dk.hold_time(system, task, gaps, n_trials=256, seed=seed)
    ends = {name: _end_states(system, task, drive) for name, drive in task.drives.items()}
    return {
        "trained": kind,
        "seed": seed,
        "wrong of 2560": wrong,
        **{f"right after {gap} more": float(share) for gap, share in zip(held.gaps, held.shares)},
        "held for": held.steps,
        "classes told apart at rest, by distractor": " ".join(f"{name}:{n}" for name, n in ends.items()),
        "_shares": held.shares,
        "_gaps": held.gaps,
    }


def _end_states(system: dk.System, task: Any, drive: np.ndarray) -> int:
    """How many of the four classes are still answered rightly after 10,000 steps of one distractor, asked then."""
    trials = task.sample(64, seed=1)
    with torch.no_grad():
        states = system.trajectory(system.initial_state(), trials.inputs.double())[torch.arange(64), trials.lengths - 2]
        states = system.settle(states, drive, 10_000)
        said = task.decode(system.observe(system.step(states, task.question[0])).numpy())
    right = {c for c in task.classes if (said[trials.conditions["order"] == c] == c).all()}
    return len(right)


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Right answers by how much later they were asked for."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(3.5, 2.8), layout="constrained")
    ax = sheet.subplots()
    for row in rows:
        gaps = np.maximum(row["_gaps"], 3)
        first = row["seed"] == min(r["seed"] for r in rows)
        style: dict[str, Any] = {"color": COLORS[row["trained"]], "label": row["trained"] if first else None}
        ax.semilogx(gaps, row["_shares"], "o-", ms=2.5, lw=1, **style)
    ax.axhline(0.25, color="0.6", lw=0.7, ls="--")
    ax.set_xticks([3, 10, 100, 1000, 10_000], ["0", "10", "100", "1000", "10000"])
    ax.set_xlabel("distractors more before the question")
    ax.set_ylabel("right answers")
    ax.set_ylim(0, 1.05)
    ax.legend(frameon=False, fontsize=7, loc="lower left", bbox_to_anchor=(0, 0.25))
    ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Three ways to train, three seeds; with --quick one seed of the two extremes, half as long."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    kinds = ["as published", "with a tail, saturated"] if quick else list(COLORS)
    jobs = [(kind, seed, 0.5 if quick else 1.0) for kind in kinds for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("classic_tasks", out / "waiting.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "waiting.png")
