"""A trained rate network as spikes: how many spikes per second does its memory need?

Three-bit flip-flop networks with Dale's law are trained as rate networks with steps of 20 ms.  Each is then run with
steps of 1 ms, first as it is and then as integrate-and-fire neurons with the same weights, which fire K spikes per
second and unit of rate, on trials that neither has seen.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch

import dynakit as dk

GAINS = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
DT = 1.0  # ms
TAU_READOUT = 50.0  # ms, of the second readout, which sees the spikes alone
TASK = dk.tasks.FlipFlop()
UNSEEN = 10_000  # seed of the trials


def trained(seed: int, n_updates: int) -> Any:
    """A rate network that keeps Dale's law."""
    options = {"autapses": False, "sigma_rec": 0.05, "dale": "abs"}
    model = dk.models.LeakyRNN.for_task(TASK, n_hidden=100, seed=seed, **options)
    dk.train(model, TASK, dk.training.BPTT(max_updates=n_updates), seed=seed)
    return model.eval()


@torch.no_grad()
def measure(seed: int, n_updates: int, n_trials: int) -> list[dict[str, Any]]:
    """One network: its scores as rates, with steps of 20 and 1 ms, and as spikes, one row per gain."""
    model = trained(seed, n_updates)
    trials = TASK.sample(n_trials, seed=UNSEEN)
    per_step = round(model.dt / DT)
    inputs = trials.inputs.repeat_interleave(per_step, dim=1)
    fine = dk.models.LeakyRNN(**{**model.config(), "dt": DT}).eval()
    fine.load_state_dict(model.state_dict())

    def score(outputs: torch.Tensor) -> float:
        return TASK.score(outputs[:, per_step - 1 :: per_step], trials)

    as_rates = {"score as rates, dt 20": TASK.score(model(trials.inputs).outputs, trials)}
    as_rates["score as rates, dt 1"] = score(fine(inputs).outputs)
    rows = []
    for gain in GAINS:
        spiking = dk.models.to_spiking(model, gain=gain, dt=DT, tau_readout=TAU_READOUT)
        run = spiking(inputs)
        W_out, b_out = spiking.linear_readout()
        currents = torch.relu(run.states[..., spiking.parts["current"]]) @ W_out.T + b_out
        rates = spiking.rates(run.states).mean(dim=(0, 1)) * 1000 / DT
        row = {
            "seed": seed,
            "spikes per second and unit of rate": gain,
            "mean rate (Hz)": float(rates.mean()),
            "highest mean rate (Hz)": float(rates.max()),
            "score": score(currents),
            f"score, spikes read through {TAU_READOUT:g} ms": score(run.outputs),
        }
        rows.append({**row, **as_rates})
    return rows


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Score against the mean firing rate, one line per network and readout, beside the rate network's own score."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(5.6, 3.8), layout="constrained")
    ax = sheet.subplots()
    seeds = sorted({row["seed"] for row in rows})
    filtered = next(name for name in rows[0] if name.startswith("score, spikes"))
    for seed in seeds:
        own = [row for row in rows if row["seed"] == seed]
        hz = [row["mean rate (Hz)"] for row in own]
        labels = (
            ("readout of the currents", filtered.removeprefix("score, "))
            if seed == seeds[0]
            else (None, None)
        )
        ax.plot(hz, [row["score"] for row in own], "o-", color="#0072B2", ms=4, lw=1, label=labels[0])
        ax.plot(hz, [row[filtered] for row in own], "s--", color="#D55E00", ms=4, lw=1, label=labels[1])
    rates = np.mean([row["score as rates, dt 1"] for row in rows])
    ax.axhline(float(rates), color="0.5", lw=0.8, ls=":", label="rates, steps of 1 ms (mean)")
    ax.set(xscale="log", xlabel="mean firing rate (Hz)", ylabel="share of signs held", ylim=(0.45, 1.01))
    ax.spines[["top", "right"]].set_visible(False)
    ax.legend(frameon=False, fontsize=9, loc="lower right")
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=160)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every network and gain."""
    started = time.perf_counter()
    seeds, n_updates, n_trials = ([0], 120, 16) if quick else ([0, 1, 2], 400, 32)
    found = parts.rows(measure, [(seed, n_updates, n_trials) for seed in seeds], n_jobs)
    rows = [row for rows in found for row in rows]
    parts.write("sequence_task", out / "rate_to_spikes.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "rate_to_spikes.png")


if __name__ == "__main__":
    parts.main("sequence_task", {"rate_to_spikes": run}, __doc__ or "")
