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
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .. import linalg, samplers, seeding
from ..checks import count, number, one_of
from ..errors import InputError
from ..orbits import Orbit, as_orbits
from ..results import Result, per_item
from ..systems.base import System, checked
from ..systems.flow import Flow
from ._inquiry import Plan, inquire
from ._multifunctionality_words import summarize
from .basins import Basins
from .cycles import LimitCycles
from .edge import EdgeState
from .fixed_points import FixedPoints
from .proportions import upper_bound, wilson
from .shocks import SmallestShocks


@dataclass(frozen=True, kw_only=True, repr=False)
class Multifunctionality(Result):
    """The verdict on each target, and all attractors; entries of targets describe the attractor they are judged by.

    That is the attractor that matches the target, or the one that most of its cues lead to.  NaN: not known, or not
    for this kind of target.
    """

    names: np.ndarray = per_item()  # (target,)
    target_kinds: np.ndarray = per_item()  # (target,)  cycle | chaos | fixed point
    held: np.ndarray = per_item()  # (target,)
    failing: np.ndarray = per_item()  # (target,)  the first clause that fails, in one sentence; empty: held
    n_cues: np.ndarray = per_item()  # (target,)
    n_reached: np.ndarray = per_item()  # (target,)  cues that lead to an attractor that matches
    cue_lengths: np.ndarray = per_item()  # (target,)  shortest tried from which on all do that; -1: none
    attractor_index: np.ndarray = per_item()  # (target,)  into ``attractors``; -1: cues lead to none
    kinds: np.ndarray = per_item()  # (target,)  of the attractor
    errors: np.ndarray = per_item()  # (target,)  Hausdorff distance of the curves / radius of the target
    roundness: np.ndarray = per_item()  # (target,)  (largest - smallest distance from the centre) / largest
    centres: np.ndarray = per_item()  # (target, output)
    radii: np.ndarray = per_item()  # (target,)  largest distance from the centre
    period_ratios: np.ndarray = per_item()  # (target,)  period / that of the target
    senses: np.ndarray = per_item()  # (target,)  +1 along the target, -1 against it, 0 cannot be told
    cloud_distances: np.ndarray = per_item()  # (target, 2)  99 % of attractor -> target, target -> attractor
    cloud_baselines: np.ndarray = per_item()  # (target,)  the same between halves of the target
    exponent_differences: np.ndarray = per_item()  # (target,)  largest exponent - the target's, per time
    rotation_numbers: np.ndarray = per_item()  # (target,)  turns per step
    digits: np.ndarray = per_item()  # (target,)
    harmonics: np.ndarray = per_item()  # (target,)
    residuals: np.ndarray = per_item()  # (target,)
    exponents: np.ndarray = per_item()  # (target, k)  nats per step, equal ones averaged
    exponents_per_time: np.ndarray = per_item()  # (target, k)  per unit of time of the target
    decays: np.ndarray = per_item()  # (target,)  what a revolution leaves of the slowest deviation
    returned: np.ndarray = per_item()  # (target, size)  random shocks of each size that came back, a count
    smallest_shocks: np.ndarray = (
        per_item()
    )  # (target,)  least found that makes it leave; inf: none; NaN: not sought
    fractions: np.ndarray = per_item()  # (target,)  basin, of all samples
    low: np.ndarray = per_item()  # (target,)  ends of its interval
    high: np.ndarray = per_item()  # (target,)
    convergence: np.ndarray = (
        per_item()
    )  # (target, 2)  median and 95 % of the steps to come near, in the basin
    confusion: np.ndarray = per_item()  # (target, attractor + 1)  cues by where they lead; last: to none
    matches: np.ndarray = (
        per_item()
    )  # (target, attractor)  whether the attractor is the target, clause by clause
    attractors: LimitCycles  # what cues and random states lead to
    attractor_means: np.ndarray  # (attractor, output)
    attractor_sds: np.ndarray  # (attractor, output)
    untrained: np.ndarray  # (attractor,)  those that are no target
    basins: Basins | None  # where random states go; None: nothing attracts
    shocks: SmallestShocks | None
    fixed_points: FixedPoints
    edges: tuple[EdgeState, ...]
    lost_cues: tuple[str, ...]  # target, phase and reason of each cue that leads to no attractor
    n_samples: int
    sampler: str
    confidence: float
    cpu_seconds: float

    @property
    def verdict(self) -> str:
        """MULTIFUNCTIONAL if every target is held, PARTIAL if some are, else NO."""
        return "MULTIFUNCTIONAL" if self.held.all() else "PARTIAL" if self.held.any() else "NO"

    @property
    def existence_low(self) -> np.ndarray:
        """(target,) lower ends of Wilson's intervals of the share of cues that lead to the target."""
        return wilson(self.n_reached, self.n_cues, self.confidence)[0]

    @property
    def existence_high(self) -> np.ndarray:
        """(target,) upper ends."""
        return wilson(self.n_reached, self.n_cues, self.confidence)[1]

    @property
    def return_intervals(self) -> tuple[np.ndarray, np.ndarray]:
        """(target, size) ends of the intervals of the probability of coming back from a random shock of each size."""
        n = 0 if self.shocks is None else self.shocks.n_shocks
        return wilson(self.returned, n, self.confidence)

    @property
    def attractor_fractions(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(attractor,) shares of the basins, and the ends of their intervals."""
        if self.basins is None:
            nothing = np.zeros(0)
            return nothing, nothing, nothing
        return self.basins.fractions, self.basins.low, self.basins.high

    @property
    def unseen_bound(self) -> float:
        """Upper bound of the share of random states that go to an attractor that was not seen."""
        return 1.0 if self.basins is None else self.basins.unseen_bound

    @property
    def untrained_bound(self) -> float:
        """Upper bound of the share that goes to what nobody trained, seen or not (3 / n if 0 of n at 95 %)."""
        if self.basins is None:
            return 1.0
        known = int(self.basins.counts[~self.untrained].sum())
        off = sum(n for reason, n in self.basins.n_left.items() if reason == "diverged")
        return upper_bound(len(self.basins) - known - off, len(self.basins), self.confidence)

    @property
    def shock_units(self) -> str:
        """What shocks are measured in."""
        return "Euclidean norm, in standard deviations of each unit over cued states"

    def headline(self) -> str:
        said = [f"{self.verdict}: {int(self.held.sum())} of {len(self)} targets held"]
        said += [f"{name} fails, {why}" for name, why in zip(self.names, self.failing) if why][:1]
        n = int(self.untrained.sum())
        said.append(
            f"{n or 'no'} untrained attractor{'s' * (n != 1)} (< {self.untrained_bound:.2g} of {self.sampler})"
        )
        return "; ".join(said)

    def table(self) -> dict[str, np.ndarray]:
        shown = {
            "target": "names",
            "held": "held",
            "cues": "n_cues",
            "reached": "n_reached",
            "attractor": "attractor_index",
            "kind": "kinds",
            "error": "errors",
            "direction": "senses",
            "period ratio": "period_ratios",
            "residual": "residuals",
            "left after one turn": "decays",
            "basin": "fractions",
            "low": "low",
            "high": "high",
            "smallest shock": "smallest_shocks",
            "failing": "failing",
        }
        return {title: np.asarray(getattr(self, name)) for title, name in shown.items()}

    def summary(self) -> str:
        """The verdict with its reasons, in words and numbers."""
        return summarize(self)


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
