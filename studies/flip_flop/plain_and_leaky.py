"""(l) The plain network beside the leaky one: what does a leak change in how a memory is held?

Atanasov (2016, fig. 3.1) draws the plain network, h' = f(W h + W_in u + b), and then gives its units a leak, with a =
dt/tau: x' = (1 - a) x + a (W f(x) + W_in u + b).  With a = 1 the rates f(x) of the second are the h of the first, so
the plain network here is a leaky one with tau = dt: the same first weights, trainer, noise and seeds, and no leak.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import dale_training
import numpy as np
import parts
import set_reset

import dynakit as dk

DT = 20.0  # ms
TAUS = {"plain": DT, "leaky": 100.0}  # ms
N = 50
GAPS = (0, 10, 20, 40, 80, 200, 500, 1000, 3000)  # quiet steps more than the longest of the training
REACHED = dale_training.REACHED


def train(protocol: str, kind: str, seed: int, n_updates: int) -> tuple[Any, Any, Any]:
    """One network of ReLU units on the set/reset task, with its leak or without one."""
    task = dk.tasks.SetReset(quiet_gap=set_reset.PROTOCOLS[protocol])
    model = dk.models.LeakyRNN.for_task(
        task, n_hidden=N, dt=DT, tau=TAUS[kind], autapses=False, sigma_rec=0.05, seed=seed
    )
    home = parts.home(train, protocol, kind, seed, n_updates)
    method = dk.training.BPTT(max_updates=n_updates, checkpoint=home)
    return task, model, dk.train(model, task, method, seed=seed)


def measure(protocol: str, kind: str, seed: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """Score, fixed points at rest with their verdicts, time constants, and how long an answer is held."""
    task, model, history = train(protocol, kind, seed, n_updates)
    below = np.flatnonzero(dale_training._smooth(history.losses) < REACHED)
    report = dk.analyze(model, task, seed=seed, include=["fixed_points", "modes", "attractors", "flow"])
    if seed == 0:
        parts.leave(folder, report=report)
    points, stable = report.fixed_points["rest"], report.modes[report.modes.verdicts == "stable"]
    held = dk.hold_time(dk.as_system(model), task, GAPS, seed=seed)
    return {
        "trained with": protocol,
        "network": kind,
        "seed": seed,
        "score": report.score,
        "updates to 0.01": int(below[0]) + 1 if len(below) else "never",
        "masked MSE": float(history.losses[-20:].mean()),
        "rollbacks": history.n_rollbacks,
        "fixed points": len(points),
        **{verdict: int((points.verdicts == verdict).sum()) for verdict in ("stable", "unstable")},
        "neither": int((~np.isin(points.verdicts, ("stable", "unstable"))).sum()),
        "certified": int(points.certified.sum()),
        "degree": points.degree,
        "max residual": float(points.residuals.max()),
        "slowest time constant (steps)": _slowest(stable),
        "second time constant (steps)": _slowest(stable, 1),
        "unstable eigenvalue": _leading(points.saddles),
        "period of the slowest turning mode (steps)": _period(stable),
        "hold time of the weakest memory (steps)": report.memory.hold_time,
        "held for (steps more)": "not held" if held.steps is None else held.steps,
        **{f"right after {gap} more": float(share) for gap, share in zip(held.gaps, held.shares)},
        "training s": float(history.seconds[-1]),
    }


def _slowest(stable: Any, k: int = 0) -> float:
    """The largest time constant (of number k) over the stable points."""
    return float(stable.time_constants[:, k].max()) if len(stable) else float("nan")


def _leading(points: Any) -> float:
    """The largest modulus over points."""
    return float(np.abs(points.eigenvalues).max()) if len(points) else float("nan")


def _period(stable: Any) -> float:
    """Of the complex eigenvalue of largest modulus over the stable points; NaN if there is none."""
    values = stable.eigenvalues.ravel()
    values = values[np.abs(values.imag) > 1e-9]
    if not len(values):
        return float("nan")
    return float(2 * np.pi / np.abs(np.angle(values[np.abs(values).argmax()])))


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Phase portraits of one network of each kind side by side, a row for each way of training; one legend for all."""
    from matplotlib.figure import Figure

    shown = [row for row in rows if row["seed"] == 0]
    protocols = list(dict.fromkeys(row["trained with"] for row in shown))
    sheet = Figure(figsize=(9.2, 3.7 * len(protocols) + 0.5), layout="constrained")
    axes = sheet.subplots(len(protocols), len(TAUS), squeeze=False)
    kinds: dict[str, Any] = {}
    for row in shown:
        report = parts.left(row, "report")
        ax = axes[protocols.index(row["trained with"]), list(TAUS).index(row["network"])]
        points = report.fixed_points["rest"]
        last = report.trials.conditions["last"]
        dk.plots.plot_phase_portrait(
            report.projection, report.trajectories, points, report.modes, conditions=last, ax=ax, n_trajectories=2
        )
        ax.set_title(f"{row['network']}, trained with {row['trained with']} steps", loc="left", fontsize=11)
        for handle, label in zip(*ax.get_legend_handles_labels()):
            kinds.setdefault(label.partition(" (")[0], handle)
        ax.get_legend().remove()
    sheet.legend(kinds.values(), kinds.keys(), loc="outside lower center", ncols=len(kinds), frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Both kinds, both protocols and every seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    protocols = list(set_reset.PROTOCOLS)[: 1 if quick else None]
    jobs = [(p, kind, seed, 100 if quick else 400) for p in protocols for kind in TAUS for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("flip_flop", out / "plain_and_leaky.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "plain_and_leaky.png")


if __name__ == "__main__":
    parts.main("flip_flop", {"plain_and_leaky": run}, __doc__ or "")
