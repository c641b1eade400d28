"""(c) Does Dale's law make training slow?  Loss against time, and what a Dale matrix reduced to its diagonal does.

Atanasov (2016, fig. 3.3) reports that Dale's law makes training far slower and leaves a loss plateau.  The published
code multiplies |W| element by element with the diagonal matrix D, which leaves only the autapses; the conditions
here separate the law from that.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

N = 100
NOISE = {"sigma_rec": 0.05}
CONDITIONS: dict[str, dict[str, Any]] = {
    "no Dale, no noise": {},
    "no Dale, noise": NOISE,
    "Dale, noise": {"dale": "abs", "autapses": False, "signed_io": False, **NOISE},
    "Dale reduced to its diagonal": {"dale": "abs", "mask_rec": np.eye(N), "signed_io": False, **NOISE},
}
REACHED = 0.01


def measure(condition: str, seed: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """Train one network on the set/reset task of 153 steps and note when its loss falls below 0.01."""
    noise = 0.0 if condition == "no Dale, no noise" else 0.1
    task = dk.tasks.SetReset(quiet_gap=20, input_noise=noise)
    model = dk.models.LeakyRNN.for_task(task, n_hidden=N, seed=seed, **CONDITIONS[condition])
    history = dk.train(model, task, dk.training.BPTT(max_updates=n_updates, decay_to=1.0), seed=seed)
    parts.leave(folder, history=history)
    smooth = _smooth(history.losses)
    below = np.flatnonzero(smooth < REACHED)
    W = model.effective_weights().W_rec.detach().numpy()
    obeys = None if model.sign is None else bool((W * model.sign.numpy() >= 0).all())
    return {
        "condition": condition,
        "seed": seed,
        "updates to 0.01": int(below[0]) + 1 if len(below) else "never",
        "seconds to 0.01": float(history.seconds[below[0]]) if len(below) else "never",
        "masked MSE at the end": float(smooth[-1]),
        "score at the end": float(history.scores[-10:].mean()),
        "updates": len(history),
        "rollbacks": history.n_rollbacks,
        "obeys Dale's law exactly": obeys,
    }


def _smooth(losses: np.ndarray, keep: float = 0.9) -> np.ndarray:
    """Exponential moving average."""
    smooth = losses.copy()
    for k in range(1, len(losses)):
        smooth[k] = keep * smooth[k - 1] + (1 - keep) * losses[k]
    return smooth


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Loss against seconds of training, one line per seed."""
    from matplotlib.figure import Figure

    colours = dict(zip(CONDITIONS, ("#0072B2", "#56B4E9", "#E69F00", "#CC79A7")))
    sheet = Figure(figsize=(6.6, 4.2), layout="constrained")
    ax = sheet.subplots()
    for row in rows:
        history = parts.left(row, "history")
        first = row["seed"] == min(r["seed"] for r in rows)
        ax.plot(
            history.seconds,
            _smooth(history.losses),
            color=colours[row["condition"]],
            lw=1.1,
            alpha=0.8,
            label=row["condition"] if first else None,
        )
    ax.axhline(REACHED, color="0.6", lw=0.8, ls=":")
    ax.set(yscale="log", xlabel="training time (s, one core)", ylabel="masked mean squared error")
    ax.set_xlim(0, np.median([parts.left(r, "history").seconds[-1] for r in rows]))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every condition and seed."""
    started = time.perf_counter()
    seeds = [0] if quick else list(range(10))
    rows = parts.rows(measure, [(c, s, 120 if quick else 400) for c in CONDITIONS for s in seeds], n_jobs)
    parts.write("flip_flop", out / "dale_training.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "dale_training.png")
