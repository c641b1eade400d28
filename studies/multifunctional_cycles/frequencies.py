"""(h) One network driven at two frequencies: the frequency of a drive chooses the cycle.  Is the cycle locked to it?

A third input is sin(2 pi t / P), with P = 10 steps on A (anticlockwise) and P = 18 on B (clockwise); both cycles take
32 steps, so neither drive has their frequency.  What the network does under a drive is seen in its stroboscopic map,
the state at one phase of the drive to the state one period later (Guckenheimer and Holmes 1983, sec. 1.5): a fixed
point or a periodic orbit of this map is locked to the drive, p turns in q periods; an invariant circle is not.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import frequencies_figure
import numpy as np
import parts
import population
import torch

import dynakit as dk

TASK, N_UPDATES, N_NETWORKS = "frequencies", 400, 1
CASES = ((1, 0.0), (10, 1.0), (16, 1.0), (18, 1.0), (32, 1.0))  # period and size of the drive; the first is none
SETTINGS = dk.CycleSettings(n_transient=100, n_record=512, max_harmonics=48, n_exponents=2)
SETTLE, WATCHED = 1500, 6000  # steps before, and steps in which turns are counted


def measure(n_updates: int, seed: int, cases: tuple[tuple[int, float], ...]) -> list[dict[str, Any]]:
    """One network: what it does under each drive, cued for either cycle or not at all."""
    model = population.trained("LSTM", TASK, population.CURRICULUM, n_updates, seed)
    system = dk.as_system(population.told(model))
    starts = torch.cat([cued(model), system.initial_state().expand(1, -1)])
    return [{"seed": seed, **row} for P, size in cases for row in under(system, P, size, starts)]


def cued(model: Any) -> torch.Tensor:
    """The state after the cue of each cycle, with its own drive, (cycle, unit): both networks have the same states."""
    cues = torch.from_numpy(np.stack(list(population.tasks()[TASK].cues().values())))
    heard = dk.as_system(model)
    x = heard.initial_state().expand(len(cues), -1)
    with torch.no_grad():
        for u in cues.unbind(1):
            x = heard.step(x, u)
    return x


def drive(period: int, size: float) -> torch.Tensor:
    """One period of the drive, (step, input)."""
    return size * torch.sin(2 * torch.pi * torch.arange(period, dtype=torch.float64) / period)[:, None]


def settled(system: Any, x: torch.Tensor, u: torch.Tensor) -> torch.Tensor:
    """States (start, unit) after whole periods of the drive."""
    with torch.no_grad():
        for _ in range(-(-SETTLE // len(u))):
            for now in u:
                x = system.step(x, now)
    return x


def stroboscopic(system: Any, u: torch.Tensor) -> dk.FunctionSystem:
    """One period of the drive as one map, with the product of Jacobians as its own."""

    def once(x: torch.Tensor) -> torch.Tensor:
        for now in u:
            x = system.step(x, now)
        return x

    def jacobian(x: torch.Tensor) -> torch.Tensor:
        product = torch.eye(x.shape[-1], dtype=x.dtype).expand(len(x), -1, -1)
        for now in u:
            product = system.jacobian(x, now) @ product
            x = system.step(x, now)
        return product

    return dk.FunctionSystem(once, system.state_size, jacobian=jacobian)


def under(system: Any, period: int, size: float, starts: torch.Tensor) -> list[dict[str, Any]]:
    """Each different attractor under this drive, with the starts that go there (cue A, cue B, rest)."""
    u = drive(period, size)
    x = settled(system, starts, u)
    found = dk.find_limit_cycles(stroboscopic(system, u), x, settings=SETTINGS)
    names = np.array(["A", "B", "rest"])
    rows = []
    for k in sorted(set(found.start_object.tolist())):
        from_here = np.flatnonzero(found.start_object == k)
        first = x[from_here[:1]]
        row = {
            "period": period,
            "size": size,
            "from": " ".join(names[from_here]),
            **turning(system, first, u),
        }
        if k >= 0:
            row |= _object(found, k)
        rows.append(row | {"locked": locked(row)})
    return rows


def _object(found: dk.LimitCycles, k: int) -> dict[str, Any]:
    moduli = np.abs(found.multipliers[k])
    circle = found.kinds[k] == "invariant circle"
    return {
        "stroboscopic": str(found.kinds[k]),
        "verdict": str(found.verdicts[k]),
        "periods of the drive": float(found.periods[k]) if not circle else np.nan,
        "rotation per period": float(found.rotation_numbers[k]) if circle else np.nan,
        "residual": float(found.residuals[k]),
        "multiplier along": float(moduli[0]) if circle else np.nan,
        "leading multiplier": float(moduli[1 if circle else 0]) if len(moduli) > int(circle) else np.nan,
    }


def turning(system: Any, x: torch.Tensor, u: torch.Tensor) -> dict[str, float]:
    """Turns of the outputs about their mean, per step and per period of the drive, and their size.

    Averages have the weights of Das, Saiki, Sander and Yorke (2017).
    """
    outputs = []
    with torch.no_grad():
        for t in range(WATCHED // len(u) * len(u)):
            x = system.step(x, u[t % len(u)])
            outputs.append(system.observe(x))
    y = torch.cat(outputs).numpy()
    z = (y - y.mean(axis=0)) @ np.array([1, 1j])
    at = np.arange(1, len(z)) / len(z)
    weights = np.exp(-1 / (at * (1 - at)))
    turns = float(np.average(np.angle(z[1:] / z[:-1]) / (2 * np.pi), weights=weights))
    return {"turns per step": turns, "turns per period": turns * len(u), "radius": float(np.abs(z).mean())}


def locked(row: dict[str, Any]) -> str:
    """p turns in q periods of the drive; "" where they do not come round together."""
    kind = row.get("stroboscopic")
    q = 1.0 if kind == "fixed point" else row.get("periods of the drive", np.nan)
    return f"{round(row['turns per period'] * q)}:{q:.0f}" if kind in ("fixed point", "periodic") else ""


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """LSTM networks that hear their own outputs and the drive."""
    started = time.perf_counter()
    n_seeds, n_updates = (1, 100) if quick else (N_NETWORKS, N_UPDATES)
    cases = CASES[2:3] if quick else CASES
    parts.rows(
        population.train,
        population.train_all("LSTM", TASK, population.CURRICULUM, n_updates, n_seeds),
        n_jobs,
    )
    found = parts.rows(measure, [(n_updates, seed, cases) for seed in range(n_seeds)], n_jobs)
    rows = [row for one in found for row in one]
    seeds = list(range(n_seeds))
    parts.write(population.STUDY, out / "frequencies.csv", rows, seeds=seeds, started=started, quick=quick)
    frequencies_figure.draw(rows, out / "frequencies.png")
