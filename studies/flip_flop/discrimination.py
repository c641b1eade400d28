"""(h) Pulses of another frequency, or on another input: the same answer from the same trains, two kinds of dynamics?

Two trains of pulses are compared after a delay.  By frequency, both come in on one input, at two of three rates, and
the answer is which was faster; by channel, they come in on two of three inputs, and the answer is which was the
earlier input.  Atanasov (2016) expects widely different dynamics of the two.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import numpy as np
import parts

import dynakit as dk

N = 60
TASK = dk.tasks.FrequencyDiscrimination((2.5, 5.0, 10.0), stimulus=800.0, delay=(200.0, 1000.0), dt=20.0)
WAYS = {"frequency": TASK, "channel": dataclasses.replace(TASK, by="channel")}
DELAY, LONG = 2000.0, 10_000.0  # ms: whose activity is looked at, and after which the answer is asked once more
STEPS = (400, 1600)  # before and while exponents are averaged
COLOURS = {1: "#0072B2", -1: "#D55E00"}


def measure(by: str, seed: int, n_updates: int, *, folder: Path) -> dict[str, Any]:
    """One leaky network under Dale's law: what it holds in the delay, and how it hears pulses."""
    task = WAYS[by]
    model, history = train(by, seed, n_updates)
    system = dk.as_system(model)
    held = dataclasses.replace(task, delay=DELAY)
    trials = held.sample(120, seed=seed)
    states = dk.record(system, trials.inputs).states
    first = round((held.fixation + held.stimulus) / held.dt)
    delay = states[:, first : first + round(DELAY / held.dt)]
    pulsed = states[:, round(held.fixation / held.dt) : first]
    points = dk.find_fixed_points(system, states, task.rest, seed=seed)
    if seed == 0:
        parts.leave(folder, delay=delay, right=trials.conditions["correct"], points=points)
    pulled = system.settle(delay[:, -1], task.rest, 3000)
    slowest = np.abs(points.stable.eigenvalues[:, 0]).max(initial=0.0)
    return {
        "told apart by": by,
        "seed": seed,
        "updates": len(history),
        "score": _score(system, task, seed),
        "score, delay 10 s": _score(system, dataclasses.replace(task, delay=LONG), seed),
        "fixed points in the delay": len(points),
        "stable": len(points.stable),
        "stable points reached": _n_apart(np.asarray(pulled)),
        "slowest time constant (ms)": float(-task.dt / np.log(slowest)) if slowest else np.nan,
        "largest oscillation (Hz)": _fastest(points.stable, task.dt),
        "dimension of the delay": dk.project(delay).participation_ratio,
        "dimension while pulses come": dk.project(pulsed).participation_ratio,
        **_exponents(system, task, delay[0, -1]),
    }


def train(by: str, seed: int, n_updates: int) -> tuple[Any, Any]:
    """A network of 60 units, read if it was trained before; a training that was cut short goes on."""
    model = dk.models.LeakyRNN.for_task(WAYS[by], n_hidden=N, dale="abs", autapses=False, sigma_rec=0.05, seed=seed)
    home = parts.home(train, by, seed, n_updates)
    method = dk.training.BPTT(max_updates=n_updates, learning_rate=5e-3, checkpoint=home)
    return model, dk.train(model, WAYS[by], method, seed=seed)


def _score(system: Any, task: Any, seed: int) -> float:
    trials = task.sample(200, seed=1000 + seed)
    return task.score(dk.record(system, trials.inputs).outputs, trials)


def _n_apart(states: np.ndarray, radius: float = 1e-2) -> int:
    """How many places states (state, unit) have come to, states within a radius counting as one."""
    places: list[np.ndarray] = []
    for x in states:
        if all(np.linalg.norm(x - other) > radius * (1 + np.linalg.norm(other)) for other in places):
            places.append(x)
    return len(places)


def _fastest(points: Any, dt: float) -> float:
    """The frequency of the least damped rotating mode of all points, in Hz; 0 if no mode that lasts 100 ms rotates."""
    values = points.eigenvalues[np.abs(points.eigenvalues) > np.exp(-dt / 100)]
    turning = np.abs(np.angle(values[np.abs(values.imag) > 1e-9])) / (2 * np.pi) * 1000 / dt
    return float(turning.max()) if len(turning) else 0.0


def _exponents(system: Any, task: Any, x0: np.ndarray) -> dict[str, float]:
    """The largest Lyapunov exponents (1/s), the largest over the trains, and without pulses."""
    found = {}
    courses = {"while pulses come": task.trains, "in the delay": {"rest": np.tile(task.rest, (40, 1))}}
    for name, trains in courses.items():
        largest = [
            dk.lyapunov_spectrum(system, x0, _again(u), n_steps=STEPS[1], n_transient=STEPS[0], n_exponents=1)
            for u in trains.values()
        ]
        found[f"exponent {name} (1/s)"] = max(float(one.exponents[0, 0]) for one in largest) * 1000 / task.dt
    return found


def _again(train: np.ndarray) -> np.ndarray:
    """A train (step, input) over and over, for as many steps as exponents take."""
    return np.tile(train, (-(-sum(STEPS) // len(train)), 1))[: sum(STEPS)]


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """The delay of one network each: portrait, course in time, and the eigenvalues at the stable points."""
    from matplotlib.figure import Figure

    sheet = Figure(figsize=(12.5, 7.6), layout="constrained")
    shown = [row for row in rows if row["seed"] == 0]
    axes = sheet.subplots(len(shown), 3, squeeze=False)
    for row, line in zip(shown, axes):
        delay, right, points = (parts.left(row, name) for name in ("delay", "right", "points"))
        plane = dk.project(delay, 2)
        scores, at = plane.transform(delay), plane.transform(points.states)
        seconds = np.arange(delay.shape[1]) * TASK.dt / 1000
        for k in range(24):
            line[0].plot(*scores[k].T, lw=0.7, color=COLOURS[right[k]])
            line[1].plot(seconds, scores[k, :, 0], lw=0.7, color=COLOURS[right[k]])
        stable = points.verdicts == "stable"
        line[0].plot(*at[stable].T, "o", color="black", label=f"stable ({stable.sum()})")
        line[0].plot(*at[~stable].T, "D", color="#D55E00", mfc="none", label=f"other ({(~stable).sum()})")
        line[0].legend(frameon=False, fontsize=8)
        values = points.stable.eigenvalues.ravel()
        line[2].plot(values.real, values.imag, ".", color="black", ms=4)
        line[2].add_patch(_circle())
        line[0].set(xlabel=plane.names[0], ylabel=plane.names[1], title=f"by {row['told apart by']}: the delay")
        line[1].set(xlabel="time since the first train (s)", ylabel=plane.names[0], title="blue: +1, orange: -1")
        line[2].set(xlabel="Re", ylabel="Im", title="eigenvalues at the stable points", aspect="equal")
        for ax in line:
            ax.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.savefig(path, dpi=140)


def _circle() -> Any:
    from matplotlib.patches import Circle

    return Circle((0, 0), 1, fill=False, color="0.6", lw=0.8)


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Both ways and every seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2]
    jobs = [(by, seed, 150 if quick else 1000) for by in WAYS for seed in seeds]
    rows = parts.rows(measure, jobs, n_jobs)
    parts.write("flip_flop", out / "discrimination.csv", rows, seeds=seeds, started=started, quick=quick)
    figure(rows, out / "discrimination.png")
