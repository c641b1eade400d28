"""(k) Adam against plain gradient descent with momentum: updates until .98 of the answers are right."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

TASK = dk.tasks.SetReset(quiet_gap=20)
REACHED = 0.98
METHODS: dict[str, tuple[dict[str, Any], tuple[float, ...]]] = {
    "Adam": ({}, (1e-3, 3e-3, 1e-2)),
    "SGD, momentum 0.9": ({"optimizer": "sgd", "momentum": 0.9}, (0.01, 0.03, 0.1, 0.3)),
    "SGD": ({"optimizer": "sgd"}, (0.1, 0.3, 1.0)),
}


def measure(method: str, rate: float, seed: int, n_updates: int) -> dict[str, Any]:
    """Train one Dale network of 50 units until it is right, or to the end."""
    model = dk.models.LeakyRNN.for_task(
        TASK, n_hidden=50, dale="abs", autapses=False, signed_io=False, sigma_rec=0.05, seed=seed
    )
    settings = dk.training.BPTT(max_updates=n_updates, learning_rate=rate, decay_to=1.0, stop_at_score=REACHED)
    history = dk.train(model, TASK, dataclasses.replace(settings, **METHODS[method][0]), seed=seed)
    there = float(history.scores[-10:].mean()) >= REACHED
    return {
        "method": method,
        "learning rate": rate,
        "seed": seed,
        "updates to 0.98": len(history) if there else "never",
        "score at the end": float(history.scores[-10:].mean()),
        "loss at the end": float(history.losses[-10:].mean()),
        "rollbacks": history.n_rollbacks,
        "_scores": history.scores,
    }


def best(rows: list[dict[str, Any]]) -> dict[str, float]:
    """The learning rate of each method with which most networks get there, and then in the fewest updates."""
    found = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        own = [row for row in rows if row["method"] == method]

        def merit(rate: float, own: list[dict[str, Any]] = own) -> tuple[int, float]:
            updates = [r["updates to 0.98"] for r in own if r["learning rate"] == rate]
            there = [n for n in updates if n != "never"]
            return len(there), -float(np.mean(there)) if there else -np.inf

        found[method] = max(dict.fromkeys(row["learning rate"] for row in own), key=merit)
    return found


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Scores against updates, each method at its best rate, and updates against the rate."""
    from matplotlib.figure import Figure

    colours = dict(zip(METHODS, ("#0072B2", "#D55E00", "#009E73")))
    sheet = Figure(figsize=(9.6, 3.8), layout="constrained")
    left, right = sheet.subplots(1, 2)
    for method, rate in best(rows).items():
        for k, row in enumerate(r for r in rows if (r["method"], r["learning rate"]) == (method, rate)):
            label = None if k else f"{method}, rate {rate:g}"
            left.plot(np.arange(1, len(row["_scores"]) + 1), row["_scores"], lw=1, color=colours[method], label=label)
        own = [r for r in rows if r["method"] == method and r["updates to 0.98"] != "never"]
        x, y = ([row[name] for row in own] for name in ("learning rate", "updates to 0.98"))
        right.plot(x, y, "o", color=colours[method], label=method)
    left.axhline(REACHED, color="0.6", lw=0.8, ls=":")
    left.set(xlabel="updates", ylabel="score of the batch")
    right.set(xscale="log", yscale="log", xlabel="learning rate", ylabel=f"updates to {REACHED}")
    for ax in (left, right):
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every method, learning rate and seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    jobs = [
        (method, rate, seed, 60 if quick else 400)
        for method, (_, rates) in METHODS.items()
        for rate in rates
        for seed in seeds
    ]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("flip_flop", out / "optimisers.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "optimisers.png")
