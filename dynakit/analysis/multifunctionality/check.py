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

from ... import linalg, samplers
from ...checks import count, of_kind
from ...errors import InputError
from ...orbits import Orbit, as_orbits
from ...progress import Callback, expect
from ...provenance import with_provenance
from ...systems.base import System, checked
from ...wording import counted
from .inquiry import Asked, inquire
from .result import Multifunctionality
from .settings import MultifunctionalitySettings

AS_USUAL = MultifunctionalitySettings()


@with_provenance
def check_multifunctionality(
    system: System,
    targets: Sequence[Orbit],
    *,
    sampler: samplers.Sampler | None = None,
    n_samples: int = 600,
    settings: MultifunctionalitySettings = AS_USUAL,
    seed: Any = 0,
    callback: Callback | None = None,
) -> Multifunctionality:
    """Check whether a system holds all target orbits as attractors, each chosen by a cue, and what else it holds.

    Arguments:
        system: autonomous, with a ``drive(x, u)`` that takes cues: a :class:`dynakit.ClosedLoop`.  One that puts out
            its whole state, such as a Flow, is cued by being put on the target; a flow steps in its own dt, under
            Driven and Iterated as well.
        targets: at least two Orbits of the width of the system's output.
        sampler: the law of the random states (``dynakit.samplers``); None: Gaussian about the states seen under cues,
            of twice their standard deviations.
        n_samples: random states for basins and untrained attractors.
        settings: cues, tolerances and effort, see :class:`dynakit.analysis.MultifunctionalitySettings`.
        seed: of everything random.
        callback: called once the attractors are known and judged, and once they were shaken, with the stages done and
            {"total": 3, "unit": "stage"}; StopIteration raised in it ends the check: the verdict stands, but there are
            no shocks, or no states between attractors (``interrupted``).

    Returns:
        Multifunctionality: a verdict, and the first failing clause of each target that is not held.

    Raises:
        InputError: naming the argument that cannot be used.

    >>> import dynakit as dk, numpy as np
    >>> turn = lambda p: np.array([np.cos(2 * np.pi * p), np.sin(2 * np.pi * p)])
    >>> a = dk.Orbit.cycle("A", turn, period=2 * np.pi, dt=0.1)
    >>> b = dk.Orbit.cycle("B", lambda p: 3 * turn(-p), period=2 * np.pi, dt=0.1)
    >>> box = dk.samplers.Box([-2.5, -2.5], 2.5)
    >>> flow = dk.catalog.two_cycles()
    >>> quick = dk.MultifunctionalitySettings(n_shocks=0)
    >>> dk.check_multifunctionality(flow, [a, b], sampler=box, n_samples=40, settings=quick).verdict
    'MULTIFUNCTIONAL'
    """
    of_kind("settings", settings, MultifunctionalitySettings)
    asked = Asked(
        _orbits(system, targets, settings.cue_steps), sampler, count("n_samples", n_samples), settings
    )
    with linalg.one_thread(), torch.no_grad(), np.errstate(all="ignore"):
        expect(3, "stage")
        return Multifunctionality(**inquire(system, asked, seed))


def _orbits(system: System, targets: Any, cue_steps: int) -> tuple[Orbit, ...]:
    """The targets in steps of the system."""
    checked(system).refuse_jumps("a check of multifunctionality")
    if system.input_size:
        raise InputError(
            f"system must be autonomous, got {counted(system.input_size, 'input')} ({system.name}); close the loop "
            "with dk.ClosedLoop(system)"
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
    flow = system.flow()
    return orbits if flow is None else tuple(orbit.at(flow.dt) for orbit in orbits)
