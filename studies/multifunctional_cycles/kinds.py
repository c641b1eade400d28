"""(b) Six kinds of network at equal state size: which hold two circles that are one set of points?"""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import Any

import holding
import numpy as np
import orbit_figures
import parts
import population

TASK, N_UPDATES, N_BASIN = "seeing double", 600, 600


def summary(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per task, recipe and kind: how many networks hold everything, with an interval, and how well."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for one in found:
        key = tuple(one["network"][name] for name in ("task", "recipe", "network"))
        groups.setdefault(key, []).append(one)
    return [{**dict(zip(("task", "recipe", "network"), key)), **_group(some)} for key, some in groups.items()]


def _group(some: list[dict[str, Any]]) -> dict[str, Any]:
    verdicts = Counter(one["network"]["verdict"] for one in some)
    n = verdicts["MULTIFUNCTIONAL"]
    low, high = parts.interval(n, len(some))
    circles = [c for one in some for c in one["cycles"] if c["held"]]
    reasons = Counter(c["failing"].partition(":")[0] for one in some for c in one["cycles"] if c["failing"])
    return {
        "state size": some[0]["network"]["state size"],
        "trained weights": some[0]["network"]["trained weights"],
        "networks": len(some),
        "multifunctional": n,
        "low": low,
        "high": high,
        "partial": verdicts["PARTIAL"],
        "cycles held": len(circles),
        "of cycles": sum(len(one["cycles"]) for one in some),
        "median error": _of(circles, "error", np.median),
        "largest residual": _of(circles, "residual", np.max),
        "median left after one turn": _of(circles, "left after one turn", np.median),
        "largest difference of exponents": _of(circles, "largest difference", np.nanmax),
        "largest difference of sums": _of(circles, "difference of sums", np.nanmax),
        "networks with untrained attractors": sum(one["network"]["untrained"] > 0 for one in some),
        "failing clauses": ", ".join(f"{name} {k}" for name, k in reasons.most_common()),
    }


def _of(rows: list[dict[str, Any]], name: str, how: Any) -> float:
    values = np.array([row[name] for row in rows], dtype=float)
    return float(how(values)) if np.isfinite(values).any() else np.nan


def run(out: Path, *, quick: bool, n_jobs: int) -> None:
    """Every kind and seed."""
    started = time.perf_counter()
    kinds = ["LSTM"] if quick else list(population.KINDS)
    n_seeds, n_updates, n_basin = (1, 150, 200) if quick else (population.N_SEEDS, N_UPDATES, N_BASIN)
    specs = [(kind, TASK, population.recipe_of(kind), n_updates) for kind in kinds]
    found = holding.run_all(specs, n_seeds, n_basin, n_jobs)
    said_of: dict[str, Any] = {"seeds": list(range(n_seeds)), "started": started, "quick": quick}
    parts.write(population.STUDY, out / "kinds.csv", summary(found), **said_of)
    for what, name in (("network", "kinds_networks"), ("cycles", "kinds_cycles")):
        parts.write(population.STUDY, out / f"{name}.csv", holding.rows_of(found, what), **said_of)
    orbit_figures.orbits(found, "network", out / "kinds.png")
    orbit_figures.agreement(found, out / "kinds_multipliers.png")
