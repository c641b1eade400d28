"""(e) What nobody trained: attractors that random states find, and the share of states that go there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import holding
import orbit_figures
import parts
import population

TASKS = ("seeing double, x_cen 2", "seeing double")
N_UPDATES, N_BASIN = 300, 2000


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Two circles apart and one over the other, by both recipes."""
    started = time.perf_counter()
    tasks = TASKS[:1] if quick else TASKS
    recipes = (population.FORCED,) if quick else (population.CURRICULUM, population.FORCED)
    n_seeds, n_updates, n_basin = (1, 100, 200) if quick else (population.N_SEEDS, N_UPDATES, N_BASIN)
    specs = [("LSTM", task, recipe, n_updates) for task in tasks for recipe in recipes]
    found = holding.run_all(specs, n_seeds, n_basin, n_jobs)
    said_of: dict[str, Any] = {"seeds": list(range(n_seeds)), "started": started, "quick": quick}
    for what, name in (("network", "untrained"), ("attractors", "untrained_attractors")):
        parts.write(population.STUDY, out / f"{name}.csv", holding.rows_of(found, what), **said_of)
    orbit_figures.basins(found, out / "untrained.png")
