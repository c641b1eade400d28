"""(c) Why it was hard: how much of the error reaches back how many steps, before and after training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

KINDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "Elman": (dk.models.Elman, {}),
    "LSTM": (dk.models.LSTM, {}),
    "LSTM, chrono": (dk.models.LSTM, {"chrono": 100}),
}
TASK = dk.tasks.TemporalOrder()
COLORS = {"Elman": "#D55E00", "LSTM": "#0072B2", "LSTM, chrono": "#009E73"}
LAGS = (1, 10, 30, 50, 90)  # of the table


def measure(kind: str, seed: int, n_updates: int, n_trials: int = 32) -> list[dict[str, Any]]:
    """The error signal of one network by lag, as it begins and once trained."""
    cls, settings = KINDS[kind]
    model = cls.for_task(TASK, 16, seed=seed, **settings)
    trials = TASK.sample(n_trials, seed=10_000 + seed)
    rows = []
    for when in ("before", "after"):
        if when == "after":
            dk.train(model, TASK, dk.training.BPTT(learning_rate=1e-2, batch_size=32, max_updates=n_updates), seed=seed)
        found = dk.gradient_by_lag(dk.as_system(model), trials, max_lag=99)
        share = found.median
        rows.append(
            {
                "network": kind,
                "when": when,
                "seed": seed,
                "score": TASK.score(model(trials.inputs).outputs.detach(), trials),
                **{f"share at lag {lag}": float(share[lag]) for lag in LAGS},
                "rate (nats per step)": found.rate,
                "largest exponent": float(np.median(found.exponents)),
                "below 1 % after": found.reach(0.01),
                "_share": share,
            }
        )
    return rows


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Shares by lag, before and after training, and the exponents' prediction."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(7.0, 3.0), layout="constrained")
    axes = sheet.subplots(1, 2, sharey=True)
    for ax, when in zip(axes, ("before", "after")):
        for kind, color in COLORS.items():
            own = [row for row in rows if row["network"] == kind and row["when"] == when]
            for k, row in enumerate(own):
                lags = np.arange(len(row["_share"]))
                ax.semilogy(lags, row["_share"], color=color, lw=1.2, label=kind if k == 0 else None)
                ax.semilogy(lags, np.exp(row["largest exponent"] * lags), color=color, lw=0.7, ls=":")
        ax.set_title(f"{when} training", fontsize=9)
        ax.set_xlabel("steps back")
        ax.set_ylim(1e-9, 30)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("share of the error signal")
    axes[1].plot([], [], color="0.4", ls=":", lw=0.7, label="largest exponent")
    axes[1].legend(frameon=False, fontsize=8, loc="center right", bbox_to_anchor=(1.0, 0.4))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=200)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Three kinds of network on temporal order, three seeds; with --quick one."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    jobs = [(kind, seed, 300 if quick else 800) for kind in KINDS for seed in seeds]
    rows = [row for pair in parts.rows(measure, jobs, n_jobs) for row in pair]
    parts.write("classic_tasks", out / "gradients.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "gradients.png")
