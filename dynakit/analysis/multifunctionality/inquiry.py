"""The course of a check of multifunctionality: cue, find, compare, judge, shake, and look between."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from ... import samplers, seeding
from ...orbits import Orbit
from ...progress import going
from ...systems.base import System
from ..basins import (
    Basins,
    EdgeSettings,
    EdgeState,
    ShockSettings,
    SmallestShocks,
    find_edge_state,
    find_smallest_shock,
)
from ..fixed_points import FixedPoints, find_fixed_points
from .clauses import Tolerances
from .cues import Cued, drive_along
from .judgement import Views, judge, view
from .settings import MultifunctionalitySettings
from .survey import Effort, Survey, survey

SPREAD, LEAST_SPREAD = 2.0, 1e-3  # of random states: in standard deviations of cued ones; of the widest unit
POINT_STARTS = 256  # of the search for fixed points


class Asked(NamedTuple):
    """What is asked."""

    orbits: tuple[Orbit, ...]
    sampler: samplers.Sampler | None
    n_samples: int
    settings: MultifunctionalitySettings


def inquire(system: System, asked: Asked, seed: int) -> dict[str, Any]:
    """The fields of the result."""
    orbits, plan = asked.orbits, asked.settings
    started = time.process_time()
    cued = drive_along(system, orbits, plan.cue_steps, plan.n_phases)
    spread = cued.seen.std(axis=0)
    spread = np.maximum(spread, LEAST_SPREAD * spread.max()) if spread.any() else np.ones_like(spread)
    law = (
        samplers.Gaussian(cued.seen.mean(axis=0), SPREAD * spread) if asked.sampler is None else asked.sampler
    )
    found = survey(system, cued, Effort(law, asked.n_samples, plan.n_steps, plan.confidence, seed))
    views = view(system, orbits, found.cycles, Tolerances(plan.error_tol, plan.period_tol, plan.residual_tol))
    fields = judge(orbits, cued, found, views, plan.least_share)
    shocks = _shocks(system, found, plan, spread, seed) if going(1, "stage") else None
    judged, held, more = fields["attractor_index"], fields["held"], going(2, "stage")
    return {
        **fields,
        **_basins_of(judged, found.basins),
        **_robustness(judged, shocks),
        "attractors": found.cycles,
        "attractor_means": _moments(views, np.mean, system.output_size),
        "attractor_sds": _moments(views, np.std, system.output_size),
        "untrained": ~views.matches.any(axis=0),
        "basins": found.basins,
        "shocks": shocks,
        "fixed_points": _fixed_points(system, cued, law, seed),
        "edges": _edges(system, found, np.unique(judged[held]), plan, seed) if more and plan.edges else (),
        "n_samples": asked.n_samples,
        "sampler": samplers.describe(law)[0],
        "confidence": plan.confidence,
        "dynamics": found.cycles.dynamics,
        "cpu_seconds": time.process_time() - started,
    }


def _shocks(
    system: System, found: Survey, plan: MultifunctionalitySettings, spread: np.ndarray, seed: int
) -> SmallestShocks | None:
    if not plan.n_shocks or not len(found.cycles):
        return None
    return find_smallest_shock(
        system,
        None,
        found.attractors,
        scale=spread,
        seed=seed,
        settings=ShockSettings(plan.n_shocks, n_steps=plan.n_steps, confidence=plan.confidence),
    )


def _basins_of(judged: np.ndarray, basins: Basins | None) -> dict[str, np.ndarray]:
    """Share and speed of convergence of each attractor asked about; nothing is in the basin of none."""
    n = len(judged)
    fields = {"fractions": np.zeros(n), "intervals": np.tile([0.0, np.nan], (n, 1))}
    times = np.full((n, 2), np.nan)
    for j, k in enumerate(judged):
        if basins is None or k < 0:
            continue
        fields["fractions"][j] = basins.fractions[k]
        fields["intervals"][j] = basins.intervals[k]
        own = basins.convergence_times[(basins.labels == k) & (basins.convergence_steps >= 0)]
        times[j] = np.quantile(own, [0.5, 0.95]) if len(own) else np.nan
    return {**fields, "convergence": times}


def _robustness(judged: np.ndarray, shocks: SmallestShocks | None) -> dict[str, np.ndarray]:
    sizes = 0 if shocks is None else len(shocks.shock_sizes)
    returned, smallest = np.zeros((len(judged), sizes), int), np.full(len(judged), np.nan)
    for j, k in enumerate(judged):
        row = [] if shocks is None else np.flatnonzero(shocks.attractors == k)
        if shocks is not None and len(row):
            returned[j], smallest[j] = shocks.returned[row[0]], shocks.sizes[row[0]]
    return {"returned": returned, "smallest_shocks": smallest}


def _moments(views: Views, moment: Callable[..., np.ndarray], width: int) -> np.ndarray:
    """Mean or standard deviation of the outputs on each attractor, over time."""
    return np.array([moment(item.path, axis=0) for item in views.items]).reshape(-1, width)


def _fixed_points(system: System, cued: Cued, law: samplers.Sampler, seed: int) -> FixedPoints:
    drawn = samplers.draw(law, POINT_STARTS, system.state_size, seeding.stream(seed, "points"))
    starts = np.concatenate([cued.ends, drawn])[:POINT_STARTS]
    return find_fixed_points(system, starts, seed=seed, max_starts=POINT_STARTS)


def _edges(
    system: System, found: Survey, which: np.ndarray, plan: MultifunctionalitySettings, seed: int
) -> tuple[EdgeState, ...]:
    """What lies between each two of the attractors."""
    starts = [found.attractors.list[k].states[0] for k in which]
    settings = EdgeSettings(n_steps=plan.n_steps)
    return tuple(
        find_edge_state(system, a, b, found.attractors, seed=seed, settings=settings)
        for a, b in itertools.combinations(starts, 2)
    )
