"""(c) Three shapes, four cycles on one circle, and two circles in fine steps: is predicting enough to hold them?"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import holding
import kinds
import orbit_figures
import parts
import population

TASKS = ("three shapes", "four cycles on one circle", "seeing double, dt 0.05")
N_UPDATES, N_BASIN = 600, 600
N_FORCED = 5  # networks of each task that are trained by forcing alone


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every task by both recipes, the same LSTM."""
    started = time.perf_counter()
    tasks = TASKS[2:] if quick else TASKS
    n_seeds, n_updates, n_basin = (1, 150, 200) if quick else (population.N_SEEDS, N_UPDATES, N_BASIN)
    grown = [("LSTM", task, population.CURRICULUM, n_updates) for task in tasks]
    forced = [] if quick else [("LSTM", task, population.FORCED, n_updates) for task in tasks]
    found = holding.run_all(grown, n_seeds, n_basin, n_jobs) + holding.run_all(forced, N_FORCED, n_basin, n_jobs)
    found.sort(key=lambda one: tasks.index(one["network"]["task"]))
    said_of: dict[str, Any] = {"seeds": list(range(n_seeds)), "started": started, "quick": quick}
    parts.write(population.STUDY, out / "many.csv", kinds.summary(found), **said_of)
    for what, name in (("network", "many_networks"), ("cycles", "many_cycles")):
        parts.write(population.STUDY, out / f"{name}.csv", holding.rows_of(found, what), **said_of)
    orbit_figures.orbits(found, "task", out / "many.png")
