"""What is asked of a network that goes on by itself: the stages for tasks of orbits to be held in the closed loop.

Such a network is trained to predict its next input, and is to live on its own predictions afterwards: the subject is
the autonomous map x -> F(x, observe(x)), not the network under inputs.  What it holds is asked first; fixed points,
exponents and the flow are those of the closed loop.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np

from ..analysis import (
    check_multifunctionality,
    find_fixed_points,
    find_limit_cycles,
    find_slow_points,
    linearize,
    lyapunov_spectrum,
)
from ..errors import InputError
from ..report import Report
from ..systems import ClosedLoop, System, record
from .answering import ANSWERING, N_EXPONENTS, SLOW_STARTS, Stage, flow_through

PHASES = np.arange(4) / 4  # of the cues after which states are looked at
RANDOM_STATES = 200  # whose ends show what nobody trained: what is not seen takes less than 1.5 %
MOST_STARTS = 512  # of the search for fixed points
N_TRANSIENT, N_STEPS = 500, 2000  # of exponents: the states are on their attractors, but frames must align


def _multifunctionality(system: System, report: Report, seed: int) -> dict[str, Any]:
    """Whether the orbits are held; shocks, which take half of the time of a full check, are left out."""
    task = report.task
    found = check_multifunctionality(
        ClosedLoop(system),
        task.orbits,
        cue_steps=task.cue_steps,
        n_basin=RANDOM_STATES,
        n_shocks=0,
        seed=seed,
    )
    return {"multifunctionality": found}


def _cycles(system: System, report: Report, seed: int) -> dict[str, Any]:
    """The attractors that the check of the orbits came upon; without one, those that cues lead to."""
    if report.multifunctionality is not None:
        return {"cycles": report.multifunctionality.attractors}
    return {"cycles": find_limit_cycles(ClosedLoop(system), _cued(system, report), seed=seed)}


def _lyapunov(system: System, report: Report, seed: int) -> dict[str, Any]:
    """Exponents of the closed loop on each attractor, in the order of the cycles."""
    cycles = report.cycles
    if cycles is None or not len(cycles):
        raise InputError("cues and random states lead to no attractor")
    found = lyapunov_spectrum(
        ClosedLoop(system),
        cycles.states,
        n_steps=N_STEPS,
        n_transient=N_TRANSIENT,
        n_exponents=min(N_EXPONENTS, system.state_size),
    )
    return {"lyapunov": found}


def _fixed_points(system: System, report: Report, seed: int) -> dict[str, Any]:
    loop, cued = ClosedLoop(system), _cued(system, report)
    return {"fixed_points": {"rest": find_fixed_points(loop, cued, seed=seed, max_starts=MOST_STARTS)}}


def _slow_points(system: System, report: Report, seed: int) -> dict[str, Any]:
    found = find_slow_points(
        ClosedLoop(system),
        _cued(system, report),
        fixed_points=report.fixed_points["rest"],
        seed=seed,
        max_starts=SLOW_STARTS,
    )
    return {"slow_points": found}


def _modes(system: System, report: Report, seed: int) -> dict[str, Any]:
    return {"modes": linearize(ClosedLoop(system), report.fixed_points["rest"])}


def _flow(system: System, report: Report, seed: int) -> dict[str, Any]:
    return {"flow": flow_through(ClosedLoop(system), report, None)}


def _cued(system: System, report: Report) -> np.ndarray:
    """The states at the end of cues along each orbit, from a few phases: (start, unit)."""
    task = report.task
    cues = np.concatenate([task.cue(orbit.name, PHASES) for orbit in task.orbits])
    return record(system, cues).states[:, -1]


def _refused(reason: str) -> Stage:
    """A stage that has no meaning here."""

    def run(system: System, report: Report, seed: int) -> NoReturn:
        raise InputError(reason)

    return Stage(run)


GENERATING: dict[str, Stage] = {
    "trajectories": ANSWERING["trajectories"],
    "spikes": ANSWERING["spikes"],
    "projection": ANSWERING["projection"],
    "multifunctionality": Stage(_multifunctionality),
    "cycles": Stage(_cycles),
    "lyapunov": Stage(_lyapunov, ("cycles",)),
    "fixed_points": Stage(_fixed_points),
    "slow_points": Stage(_slow_points, ("fixed_points",)),
    "modes": Stage(_modes, ("fixed_points",)),
    "flow": Stage(_flow, ("projection", "fixed_points")),
    "connectivity": ANSWERING["connectivity"],
    "memory": _refused("a network that generates orbits keeps them by moving, not by a readout that stays"),
    "attractors": _refused(
        "the attractors of the closed loop are listed under multifunctionality and cycles"
    ),
    "transitions": _refused("an orbit is chosen by a cue, which takes the network over; there are no pulses"),
}
