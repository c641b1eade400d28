"""(j) The set/reset flip-flop asked after quiet gaps of 20 to 1,000 steps, with the noise of training and without."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import set_reset
import torch

import dynakit as dk

GAPS = (20, 50, 100, 200, 500, 1000)
N_TURNS, N_TRIALS = 3, 24


def measure(protocol: str, seed: int, n_updates: int) -> list[dict[str, Any]]:
    """One Dale network of part (a): a row for each gap."""
    task, model, _ = set_reset.train(protocol, "Dale", seed, n_updates)
    system = dk.as_system(model)
    trials = task.sample(128, seed=seed)
    ends = dk.record(system, trials.inputs).states[:, -1]
    hold = dk.check_memory(system, ends, task.rest, task.decode, n_steps=GAPS[-1]).hold_time
    rows = []
    for gap in GAPS:
        asked = dk.tasks.SetReset(N_TURNS, quiet_gap=gap)
        trials = asked.sample(N_TRIALS, seed=1000 + seed)
        quiet, noisy = dk.record(system, trials.inputs).outputs, with_noise(model, trials, seed)
        rows.append(
            {
                "trained with": protocol,
                "seed": seed,
                "gap (steps)": gap,
                "score": asked.score(quiet, trials),
                "score, noise": asked.score(noisy, trials),
                "right at the end of the gap": at_the_end(asked, quiet, trials),
                "right at the end, noise": at_the_end(asked, noisy, trials),
                "hold time (steps)": hold,
            }
        )
    return rows


def with_noise(model: Any, trials: Any, seed: int) -> np.ndarray:
    """Outputs with the recurrent noise that the network was trained with."""
    model.train()
    with torch.no_grad():
        return model(trials.inputs, generator=torch.Generator().manual_seed(seed)).outputs.double().numpy()


def at_the_end(task: Any, outputs: np.ndarray, trials: Any) -> float:
    """Share of right answers in the last step of each quiet gap."""
    turn = task.stim_dur + task.quiet_gap
    last = task.input_wait + turn * np.arange(1, task.n_turns + 1) - 1
    right = task.correct(torch.tensor(outputs), trials.targets)
    return float(right[:, last].double().mean())


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Right answers at the end of the gap against its length, one line per network."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(9.2, 3.8), layout="constrained")
    protocols = list(dict.fromkeys(row["trained with"] for row in rows))
    columns = {"without noise": "right at the end of the gap", "with noise": "right at the end, noise"}
    for ax, (title, column) in zip(sheet.subplots(1, 2, sharey=True), columns.items()):
        for protocol, colour in zip(protocols, ("#D55E00", "#0072B2")):
            for k, seed in enumerate(dict.fromkeys(row["seed"] for row in rows)):
                own = [r for r in rows if (r["trained with"], r["seed"]) == (protocol, seed)]
                x, y = ([row[name] for row in own] for name in ("gap (steps)", column))
                ax.plot(x, y, "o-", ms=3, lw=1, color=colour, label=None if k else f"trained with {protocol}")
        ax.set(xscale="log", xlabel="quiet gap (steps)", title=title)
        ax.axhline(0.5, color="0.7", lw=0.8, ls=":")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, fontsize=8)
    sheet.axes[0].set_ylabel("right at the end of the gap (share)")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Both protocols and every seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1]
    jobs = [(protocol, seed, 300 if quick else 400) for protocol in set_reset.PROTOCOLS for seed in seeds]
    rows = [row for rows in parts.rows(measure, jobs, n_jobs) for row in rows]
    parts.write("flip_flop", out / "gaps.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "gaps.png")
