"""Where the network is slow without standing still: ghosts of fixed points, and what else holds trajectories up."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis import FixedPoints, SlowPoints, find_slow_points
from ...report import Column, Finder, Stage, Table, Words
from ...systems import Recording
from ..subject import Subject

MOST_STARTS = 64  # descents, from states of the trials or after cues


def _answering(subject: Subject, points: dict[str, FixedPoints], trajectories: Recording) -> dict[str, Any]:
    return _search(subject.system, trajectories, subject.rest, points["rest"], subject.seed)


def _generating(subject: Subject, points: dict[str, FixedPoints]) -> dict[str, Any]:
    return _search(subject.loop, subject.cued, None, points["rest"], subject.seed)


def _search(system: Any, states: Any, drive: Any, points: FixedPoints, seed: int) -> dict[str, Any]:
    found = find_slow_points(system, states, drive, fixed_points=points, seed=seed, max_starts=MOST_STARTS)
    return {"slow_points": found}


def _table(slow: SlowPoints, closed_loop: bool) -> dict[str, dict[str, np.ndarray]]:
    where = "of the closed loop" if closed_loop else "under “rest”"
    return {f"Slow points {where}: {slow.headline()}": slow.table()} if len(slow) else {}


def _count(slow: SlowPoints) -> int:
    return len(slow)


STAGE = Stage(
    name="slow_points",
    about="SlowPoints at rest",
    place=70,
    run=Finder(_answering, needs=("fixed_points", "trajectories")),
    loop=Finder(_generating, needs=("fixed_points",)),
    columns=(
        Column("slow_points", "slow points at rest beside the fixed ones", _count, needs=("slow_points",)),
    ),
    words=(Words("What is slow", SlowPoints.sentences, needs=("slow_points",)),),
    tables=(Table(_table, needs=("slow_points",), uses=("closed_loop",)),),
)
