"""Does one autonomous system with fixed parameters hold all of these orbits, each to be chosen by a cue?

Multifunctionality is multistability (Flynn, Tsachouridis and Amann 2021, Chaos 31, 013125): the system keeps several
attractors, and the initial state alone selects one.  A target is held if cues along it lead to an attractor of its
kind, its curve, its direction and its period, that is certified to be invariant and to attract, and that is no other
target's.  Geometry alone does not do: of two circles that differ in direction only, a system may hold one and show it
for both.  Attractors are told apart by proximity to the certified objects, never by the name of the cue.  What nobody
trained is looked for from random states, with an interval for each share, and a bound for what was not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ... import linalg, samplers, seeding
from ...checks import count, number, one_of
from ...errors import InputError
from ...orbits import Orbit, as_orbits
from ...systems.base import System, checked
from ...systems.flow import Flow
from .inquiry import Plan, inquire
from .result import Multifunctionality


def check_multifunctionality(
    system: System,
    targets: Sequence[Orbit],
    *,
    cue_steps: int = 60,
    n_phases: int = 8,
    n_basin: int = 600,
    sampler: samplers.Sampler | None = None,
    n_shocks: int = 32,
    n_steps: int = 1000,
    error_tol: float = 0.1,
    period_tol: float = 0.02,
    residual_tol: float = 1e-6,
    least_share: float = 1.0,
    edges: bool = False,
    confidence: float = 0.95,
    seed: Any = 0,
) -> Multifunctionality:
    """Check whether a system holds all target orbits as attractors, each chosen by a cue, and what else it holds.

    Arguments:
        system: autonomous, with a ``drive(x, u)`` that takes cues: a :class:`dynakit.ClosedLoop`.  One that puts out
            its whole state, such as a Flow, is cued by being put on the target; a flow steps in its own dt.
        targets: at least two Orbits of the width of the system's output.
        cue_steps: length of a cue, in steps; shorter ones are tried too.
        n_phases: cues of each target, from evenly spaced phases.
        n_basin: random states for basins and untrained attractors.
        sampler: the law of the random states (``dynakit.samplers``); None: Gaussian about the states seen under cues,
            of twice their standard deviations.
        n_shocks: random shocks of each size at each attractor, and directions in which the smallest shock that makes
            the system leave is sought; 0: no shocks (they take about half of the time).
        n_steps: steps before a trajectory counts as slow; it then gets ten times as many, and is unresolved after.
        error_tol: largest Hausdorff distance of a curve, relative to the target's radius.
        period_tol: largest error of the period, relative.
        residual_tol: largest residual of the certificate.
        least_share: of a target's cues that must lead to it.
        edges: whether to look for the edge state between each two held targets.
        confidence: of all intervals and bounds.
        seed: of everything random.

    Returns:
        Multifunctionality: a verdict, and the first failing clause of each target that is not held.

    Raises:
        InputError: naming the argument that cannot be used.

    >>> import dynakit as dk, numpy as np
    >>> turn = lambda p: np.array([np.cos(2 * np.pi * p), np.sin(2 * np.pi * p)])
    >>> a = dk.Orbit.cycle("A", turn, period=2 * np.pi, dt=0.1)
    >>> b = dk.Orbit.cycle("B", lambda p: 3 * turn(-p), period=2 * np.pi, dt=0.1)
    >>> box = dk.samplers.Box([-4.0, -4.0], 4.0)
    >>> flow = dk.catalog.two_cycles(dt=0.05)
    >>> dk.check_multifunctionality(flow, [a, b], sampler=box, n_shocks=0, n_basin=100).verdict
    'MULTIFUNCTIONAL'
    """
    plan = Plan(
        cue_steps=count("cue_steps", cue_steps),
        n_phases=count("n_phases", n_phases),
        n_basin=count("n_basin", n_basin),
        n_shocks=count("n_shocks", n_shocks, least=0),
        n_steps=count("n_steps", n_steps),
        error_tol=number("error_tol", error_tol, above=0.0),
        period_tol=number("period_tol", period_tol, above=0.0),
        residual_tol=number("residual_tol", residual_tol, above=0.0),
        least_share=number("least_share", least_share, above=0.0, below=1.0),
        edges=bool(one_of("edges", edges, (False, True))),
        confidence=number("confidence", confidence, above=0.0, below=1.0, closed=False),
    )
    orbits, seed = _orbits(system, targets, plan.cue_steps), seeding.as_seed(seed)
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        return Multifunctionality(**inquire(system, orbits, plan, sampler, seed))


def _orbits(system: System, targets: Any, cue_steps: int) -> tuple[Orbit, ...]:
    """The targets in steps of the system."""
    checked(system).refuse_jumps("a check of multifunctionality")
    if system.input_size:
        raise InputError(
            f"system must be autonomous, got {system.input_size} inputs ({system.name}); close the loop with "
            f"dk.ClosedLoop(system)"
        )
    orbits = as_orbits("targets", targets)
    if len(orbits) < 2:
        raise InputError("targets must be at least two orbits, got 1; see dk.find_limit_cycles for one")
    if orbits[0].n_outputs != system.output_size:
        raise InputError(
            f"targets must be as wide as the {system.output_size} outputs of the system, got {orbits[0].n_outputs}"
        )
    for orbit in orbits:
        if orbit.kind == "chaos" and len(orbit.samples) < cue_steps:
            raise InputError(
                f"cue_steps must be at most the {len(orbit.samples)} samples of {orbit.name!r}, got {cue_steps}"
            )
    if isinstance(system, Flow) and system.dt is not None:
        return tuple(orbit.at(system.dt) for orbit in orbits)
    return orbits
