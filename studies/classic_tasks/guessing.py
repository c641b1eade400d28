"""(b) Parity by guessing weights: how many networks are drawn until one is right, and whether it stays right."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import parts
import torch

import dynakit as dk

SETUPS = {
    "3 units, all connected, one settling step, bits -1 and 1": (True, True),
    "3 units, all connected, one settling step, bits 0 and 1": (True, False),
    "2 units and a readout, bits -1 and 1": (False, True),
    "2 units and a readout, bits 0 and 1": (False, False),
}
LONG = 5000  # bits of the strings on which a solution is judged


def measure(setup: str, seed: int) -> dict[str, Any]:
    """Guess until the training strings are right, then look at strings a hundred times as long."""
    connected, signed = SETUPS[setup]
    task = dk.tasks.Parity(signed=signed, settling=int(connected))
    if connected:
        model: Any = dk.models.FullyConnected.for_task(task, 3)
    else:
        model = dk.models.LeakyRNN.for_task(task, 2, dt=20.0, tau=20.0, form="rate", activation="sigmoid")
    start = time.process_time()
    history = dk.train(model, task, dk.training.WeightGuessing(), seed=seed)
    solved = history.stopped.endswith("solves all trials")
    row = {
        "set-up": setup,
        "seed": seed,
        "guesses": int(history.stopped.split()[1]) if solved else "",
        "solved": solved,
        "right at 5000 bits": "",
        "stable points under 0": "",
        "period under 1": "",
        "CPU s": time.process_time() - start,
    }
    if solved:
        long = dk.tasks.Parity(length=LONG, signed=signed, settling=int(connected)).sample(20, seed=1)
        with torch.no_grad():
            row["right at 5000 bits"] = task.score(model(long.inputs).outputs, long) == 1.0
        row |= _mechanism(dk.as_system(model), task)
    return row


def _mechanism(system: dk.System, task: Any) -> dict[str, Any]:
    """What holds the parity under 0, and what alternates under 1."""
    points = dk.find_fixed_points(system, drive=task.rest)
    cycles = dk.find_limit_cycles(dk.Driven(system, np.ones(1)))
    stable = [p for p, kind in zip(cycles.periods, cycles.kinds) if kind == "periodic"]
    readings = task.decode(system.observe(points.stable.states))
    return {
        "stable points under 0": f"{len(points.stable)} ({', '.join(sorted(set(readings.tolist())))})",
        "period under 1": ", ".join(str(int(p)) for p in stable),
    }


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Ten seeds of each set-up; with --quick one."""
    started = time.perf_counter()
    seeds = [0] if quick else list(range(10))
    rows = parts.rows(measure, [(setup, seed) for setup in SETUPS for seed in seeds], n_jobs)
    parts.write("classic_tasks", out / "guessing.csv", rows, seeds=seeds, started=started, quick=quick)
