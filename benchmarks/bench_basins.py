"""Labelling random states of trained closed loops:  python benchmarks/bench_basins.py [--quick]

Two opposite cycles on one circle, held by an LSTM of 32 units trained here; 600 states of its box, and 600 around the
orbits it was trained on.  The limit is the steps of the network itself: as many as the slowest sample needs.
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dynakit as dk
from dynakit.linalg import one_thread

HERE = Path(__file__).parent
TASK = dk.tasks.Cycles.seeing_double(radius=1.0)


def trained(n_hidden: int, n_updates: int, seed: int) -> Any:
    """The closed loop of an LSTM that holds two cycles."""
    model = dk.models.LSTM.for_task(TASK, n_hidden, seed=seed)
    dk.train(model, TASK, dk.training.Curriculum(max_updates=n_updates), seed=seed)
    return dk.ClosedLoop(dk.as_system(model))


def cued(loop: Any, n_phases: int = 4) -> torch.Tensor:
    """States after a cue of each orbit, (cue, unit)."""
    states = []
    for phases in TASK.cues(np.arange(n_phases) / n_phases).values():
        x = torch.zeros(n_phases, loop.state_size, dtype=torch.float64)
        for u in torch.as_tensor(phases, dtype=torch.float64).unbind(1):
            x = loop.drive(x, u)
        states.append(x)
    return torch.cat(states)


def timed(what: Any) -> tuple[float, Any]:
    """CPU seconds, and the answer."""
    start = time.process_time()
    answer = what()
    return time.process_time() - start, answer


def rows(n_hidden: int, n_updates: int, seed: int) -> list[dict[str, Any]]:
    """One row for each way to label and each law of initial states."""
    loop = trained(n_hidden, n_updates, seed)
    starts = cued(loop)
    cycles = dk.find_limit_cycles(loop, starts[[0, len(starts) // 2]])
    recorded = loop.trajectory(starts, 100).numpy()
    scale = np.abs(recorded).reshape(-1, loop.state_size).max(axis=0)
    laws = {"box": dk.samplers.Box(-scale, scale), "around": dk.samplers.Around(recorded, 1.0)}
    ways = {"proximity": (cycles, None), "recurrence": (None, dk.Recurrence())}
    out = []
    for way, (known, labelling) in ways.items():
        for law, sampler in laws.items():
            settings = dk.BasinSettings(labelling=labelling)
            seconds, basins = timed(
                lambda: dk.map_basins(loop, known, sampler, n_samples=600, seed=seed, settings=settings)  # noqa: B023
            )
            steps = int(basins.convergence_steps.max())
            step_seconds, _ = timed(lambda: loop.settle(basins.states, None, 100))  # noqa: B023
            out.append(
                {
                    "n_hidden": n_hidden,
                    "seed": seed,
                    "states": law,
                    "labelling": way,
                    "cpu_s": f"{seconds:.2f}",
                    "1000_steps_s": f"{10 * step_seconds:.2f}",
                    "last_arrival": steps if steps >= 0 else "",
                    "fractions": " ".join(f"{f:.3f}" for f in basins.fractions),
                    "left": f"{basins.fraction_left:.3f}",
                }
            )
    return out


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small network, nothing written")
    quick = parser.parse_args().quick
    table: list[dict[str, Any]] = []
    with one_thread():
        table += rows(16, 150, 0) if quick else rows(32, 300, 0)
        for row in table:
            print(*row.values(), sep="\t", flush=True)
    if not quick:
        with open(HERE / "basins.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, table[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(table)


if __name__ == "__main__":
    main()
