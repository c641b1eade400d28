"""Where the network would stand still under each constant input, and whether points are missing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...analysis import FixedPoints, find_fixed_points
from ...report import Finder, Stage, Table, Words
from ...systems import Recording
from ..subject import Subject

STARTS_AT_REST, STARTS_ELSEWHERE = 2048, 1024  # most starts of a search: the memories are at rest
STARTS_OF_A_LOOP = 512


def _answering(subject: Subject, trajectories: Recording | None) -> dict[str, Any]:
    subject.refuse_lines()
    points = {}
    for name, drive in subject.drives.items():
        if name != "rest" and np.array_equal(drive, subject.rest):
            points[name] = points["rest"]
            continue
        most = STARTS_AT_REST if name == "rest" else STARTS_ELSEWHERE
        points[name] = find_fixed_points(subject.system, trajectories, drive, seed=subject.seed, max_starts=most)
    return {"fixed_points": points}


def _generating(subject: Subject) -> dict[str, Any]:
    points = find_fixed_points(subject.loop, subject.cued, seed=subject.seed, max_starts=STARTS_OF_A_LOOP)
    return {"fixed_points": {"rest": points}}


def _between(points: dict[str, FixedPoints]) -> list[str]:
    return points["rest"].sentences()


def _elsewhere(points: dict[str, FixedPoints]) -> list[str]:
    return [f"{name}: {found.headline()}" for name, found in points.items() if name != "rest"]


def _tables(points: dict[str, FixedPoints], closed_loop: bool) -> dict[str, dict[str, np.ndarray]]:
    return {
        f"Fixed points {where(name, closed_loop)}: {found.headline()}": found.table() for name, found in points.items()
    }


def where(drive: str, closed_loop: bool) -> str:
    """Under which input, as the titles of tables say it."""
    return "of the closed loop" if closed_loop else f"under “{drive}”"


STAGE = Stage(
    name="fixed_points",
    about='{drive: FixedPoints}, "rest" first',
    place=30,
    run=Finder(_answering, uses=("trajectories",)),
    loop=Finder(_generating),
    words=(
        Words("What lies between", _between, needs=("fixed_points",)),
        Words("Under other constant inputs", _elsewhere, needs=("fixed_points",)),
    ),
    tables=(Table(_tables, needs=("fixed_points",), uses=("closed_loop",)),),
)
