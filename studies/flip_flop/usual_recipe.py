"""(d) What the usual recipe misses: minimise the speed with Adam from 64 starts and keep every end point.

The recipe of published notebooks (learning rate 1e-3, 10,000 steps, no filter) beside ``find_fixed_points``.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch

import dynakit as dk

N_STARTS, N_STEPS, RATE, NEAR = 64, 10_000, 1e-3, 0.01
KINDS = {"Elman 16": dk.models.Elman, "GRU 16": dk.models.GRU}
WHERE = ("random box", "task states")


def measure(kind: str, seed: int) -> Any:
    """Train one 3-bit network, take our points as the reference, and see how many of them the recipe meets."""
    task = dk.tasks.FlipFlop()
    model = KINDS[kind].for_task(task, n_hidden=16, seed=seed)
    dk.train(model, task, dk.training.BPTT(max_updates=800), seed=seed)
    system = dk.as_system(model)
    states = dk.record(system, task.sample(128, seed=seed).inputs).states
    dk.find_fixed_points(system, states, max_starts=1)  # libraries are loaded at their first use
    start = time.process_time()
    points = dk.find_fixed_points(system, states, seed=seed)
    ours = time.process_time() - start
    rng = np.random.default_rng(seed)
    rows = []
    for where in WHERE:
        starts = rng.uniform(-1, 1, (N_STARTS, 16))
        if where == "task states":
            starts = states.reshape(-1, 16)[rng.choice(states.shape[0] * states.shape[1], N_STARTS)]
        start = time.process_time()
        ends, speed = adam(system, starts)
        seconds = {"recipe CPU s": time.process_time() - start, "our CPU s": ours}
        met = _compare(points, ends) | {"mean speed at the end": speed}
        rows.append({"network": kind, "seed": seed, "starts": where} | met | seconds)
    return rows


def adam(system: Any, starts: np.ndarray) -> tuple[np.ndarray, float]:
    """The usual search: all starts at once, the mean speed as the loss."""
    x = torch.from_numpy(starts).clone().requires_grad_(True)
    optimiser = torch.optim.Adam([x], lr=RATE)
    loss = torch.tensor(0.0)
    for _ in range(N_STEPS):
        optimiser.zero_grad()
        loss = system.speed(x).mean()
        loss.backward()
        optimiser.step()
    return x.detach().numpy(), float(loss.detach())


def _compare(points: Any, ends: np.ndarray) -> dict[str, Any]:
    """How many of the reference points have an end point nearby, by dimension of their unstable set."""
    distances = np.linalg.norm(points.states[:, None] - ends, axis=-1)
    met = distances.min(axis=1) < NEAR
    dimension = points.n_unstable.filled(-1)
    return {
        "points": len(points),
        "completeness": points.completeness,
        "degree": points.degree,
        "recipe met": int(met.sum()),
        "stable": int((dimension == 0).sum()),
        "recipe met stable": int(met[dimension == 0].sum()),
        "one unstable direction": int((dimension == 1).sum()),
        "recipe met of these": int(met[dimension == 1].sum()),
        "end points near no point": int((distances.min(axis=0) >= NEAR).sum()),
    }


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every kind and seed."""
    started = time.perf_counter()
    seeds = [0] if quick else [0, 1, 2, 3, 4]
    kinds = ["Elman 16"] if quick else list(KINDS)
    nested = parts.rows(measure, [(kind, seed) for kind in kinds for seed in seeds], n_jobs)
    rows = [row for rows in nested for row in rows]
    parts.write("flip_flop", out / "usual_recipe.csv", rows, seeds=seeds, started=started, quick=quick)
