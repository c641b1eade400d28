"""What the network does in the long run: what released states, or cues and random states, end in."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ... import plots
from ...analysis import (
    CycleSettings,
    LimitCycles,
    MemoryCheck,
    Multifunctionality,
    Projection,
    find_limit_cycles,
)
from ...errors import InputError
from ...report import Column, Figure, Finder, Number, Stage, Table, Words
from ...systems import System
from ...wording import counted
from ..subject import Subject

SHORTLY = CycleSettings(n_transient=100)  # of states that have been left alone before
RELEASED = 16  # states that are followed to where they end
WATCHED = 512  # steps over which a released state that drifts is told from one that comes back
DRIFTS = 0.5  # net way over way gone, of a state that drifts
MOTIONS = ("periodic", "limit cycle", "invariant circle")  # those that are drawn
MOST_LISTED = 12  # objects in words, of which the rest are only counted


def _answering(subject: Subject, memory: MemoryCheck) -> dict[str, Any]:
    """Where released states end, from where the memory check left them, but for those that only drift."""
    system, rest = subject.system, subject.rest
    system.refuse_jumps("a search for cycles")
    ends = memory.end_states[_each_label_in_turn(memory.labels)[:RELEASED]]
    ends = ends[~_drifting(system, ends, rest)]
    if memory.unbounded.all():
        raise InputError(f"all {len(memory)} released states grow without bound")
    if not len(ends):
        raise InputError(f"no released state has come to rest or into a cycle after {memory.times[-1]} steps")
    return {"cycles": find_limit_cycles(system, ends, rest, settings=SHORTLY, seed=subject.seed)}


def _each_label_in_turn(labels: np.ndarray) -> np.ndarray:
    """An order in which every label comes once before any comes twice."""
    rank = np.zeros(len(labels), int)
    for label in np.unique(labels):
        same = labels == label
        rank[same] = np.arange(same.sum())
    return rank.argsort(kind="stable")


def _drifting(system: System, states: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """Whether each state creeps on in one direction, or is lost: a search for cycles would follow it for long."""
    x = system.as_states("states", states)
    drive = system.as_drive("rest", rest).expand(WATCHED, -1)
    with torch.no_grad():
        path = torch.cat([x[:, None], system.trajectory(x, drive)], 1)
        net = (path[:, -1] - path[:, 0]).norm(dim=-1)
        gone = path.diff(dim=1).norm(dim=-1).sum(1)
        moves = gone > 1e-9 * (1 + x.norm(dim=-1))
        lost = ~torch.isfinite(gone)
    return (lost | (moves & (net > DRIFTS * gone))).cpu().numpy()


def _generating(subject: Subject, multi: Multifunctionality | None) -> dict[str, Any]:
    """What the check of the orbits came upon; without one, what cues lead to."""
    if multi is not None:
        return {"cycles": multi.attractors}
    return {"cycles": find_limit_cycles(subject.loop, subject.cued, seed=subject.seed)}


def _words(cycles: LimitCycles, closed_loop: bool) -> list[str]:
    """Object by object; fixed points of a network that answers inputs have words of their own elsewhere."""
    lines = cycles.sentences()
    if not closed_loop:
        lines = [line for line, kind in zip(lines, cycles.kinds) if kind in MOTIONS]
    more = [f"and {len(lines) - MOST_LISTED} more"] if len(lines) > MOST_LISTED else []
    return [_ends(cycles, closed_loop), *lines[:MOST_LISTED], *more]


def _ends(cycles: LimitCycles, closed_loop: bool) -> str:
    """Who ends where; an object is an attractor only where it was shown to attract."""
    if not closed_loop:
        return f"released states end at {cycles.headline()}"
    attract = int((cycles.verdicts == "attracting").sum())
    if attract == len(cycles):
        return f"cues and random states end at {counted(attract or 'no', 'attractor')}"
    return f"cues and random states end at {counted(len(cycles), 'object')}, {attract} of which were shown to attract"


def _moves(cycles: LimitCycles, *others: Any) -> bool:
    """Whether anything that was found moves: fixed points have figures of their own."""
    return bool(np.isin(cycles.kinds, MOTIONS).any())


def _plot(cycles: LimitCycles, projection: Projection | None, **kwargs: Any) -> Any:
    """In the plane of the trajectories; where there is none, the outputs are drawn."""
    plane = None if projection is None or len(projection) < 2 else projection
    return plots.plot_cycles(cycles, plane, **kwargs)


def _table(cycles: LimitCycles, closed_loop: bool) -> dict[str, dict[str, np.ndarray]]:
    said = _ends(cycles, closed_loop)
    return {f"{said[0].upper()}{said[1:]}": cycles.table()}


def _attracting(cycles: LimitCycles) -> str:
    return str(_n_attracting(cycles))


def _n_attracting(cycles: LimitCycles) -> int:
    return int((cycles.verdicts == "attracting").sum())


STAGE = Stage(
    name="cycles",
    about="LimitCycles: what released, or cued, states end in",
    place=80,
    run=Finder(_answering, needs=("memory",)),
    loop=Finder(_generating, uses=("multifunctionality",)),
    numbers=(
        Number(
            55,
            "attractors that states end at",
            "Points, periodic orbits, circles and chaotic sets that states left alone were seen to end at, and that "
            "attract.",
            _attracting,
            needs=("cycles",),
        ),
    ),
    columns=(
        Column("attracting", "objects that states end at and that attract", _n_attracting, needs=("cycles",)),
    ),
    words=(Words("What it does in the long run", _words, needs=("cycles", "closed_loop")),),
    figures=(
        Figure(
            "cycles",
            "The cycles that were found, in the plane of the first two principal axes; an arrow gives the sense of "
            "time.",
            _plot,
            needs=("cycles",),
            uses=("projection",),
            shows=_moves,
        ),
        Figure(
            "multipliers",
            "What is left of a small deviation after one period, or one step across an invariant circle: the motion "
            "attracts inside the unit circle. An open mark is the multiplier along the object.",
            plots.plot_multipliers,
            needs=("cycles",),
            shows=_moves,
        ),
    ),
    tables=(Table(_table, needs=("cycles", "closed_loop")),),
)
