"""Where the network would stand still under each constant input, and whether points are missing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from ...analysis import FixedPoints, find_fixed_points
from ...analysis.completeness import proved_fixed_points
from ...report import Column, Finder, Number, Stage, Table, Words
from ...systems import Recording
from ...wording import counted
from ..subject import Subject

STARTS_AT_REST, STARTS_ELSEWHERE = 2048, 1024  # most starts of a search: the memories are at rest
STARTS_OF_A_LOOP = 512
MOST_BOXES, WORK = 20_000, 2e9  # of the proofs under all inputs: that many boxes, or that many multiplications
OF_SEARCH = ("n_followed", "n_unbounded", "n_cycling", "n_unsettled")  # what states do that are left alone
FAR = 10  # times as far from the middle of the trials' states as any of them: no trial comes near


def _answering(subject: Subject, trajectories: Recording | None) -> dict[str, Any]:
    subject.refuse_lines()
    points = {}
    for name, drive in subject.drives.items():
        if name != "rest" and np.array_equal(drive, subject.rest):
            points[name] = points["rest"]
            continue
        most = STARTS_AT_REST if name == "rest" else STARTS_ELSEWHERE
        points[name] = find_fixed_points(subject.system, trajectories, drive, seed=subject.seed, max_starts=most)
    return {"fixed_points": _proved(subject, points)}


def _proved(subject: Subject, points: dict[str, FixedPoints]) -> dict[str, FixedPoints]:
    """The points with the proof that there are no others, where it is cheap; as they are where it is not."""
    left = int(min(MOST_BOXES, WORK / subject.system.state_size**3))
    proved = dict(points)
    for name, found in points.items():
        exact = proved_fixed_points(subject.system, subject.drives[name], max_boxes=max(1, left), seed=subject.seed)
        if exact is None or len(exact) < len(found):
            break
        seen = {field: getattr(found, field) for field in OF_SEARCH}
        proved[name], left = replace(exact, **seen), left - exact.n_nodes
    return proved


def _generating(subject: Subject) -> dict[str, Any]:
    points = find_fixed_points(subject.loop, subject.cued, seed=subject.seed, max_starts=STARTS_OF_A_LOOP)
    return {"fixed_points": {"rest": points}}


def _between(points: dict[str, FixedPoints], trajectories: Recording | None) -> list[str]:
    found = points["rest"]
    return [*found.sentences(), *([] if trajectories is None else _far(found.states, trajectories.states))]


def _far(points: np.ndarray, states: np.ndarray) -> list[str]:
    """How many points lie where no trial comes near, such as where every gate is shut."""
    seen = states.reshape(-1, states.shape[-1])
    seen = seen[np.isfinite(seen).all(axis=1)]
    if not len(seen) or not len(points):
        return []
    centre = seen.mean(axis=0)
    reach = np.abs(seen - centre).max()
    out = np.abs(points - centre).max(axis=1)
    far = out > FAR * reach
    if not far.any():
        return []
    return [
        f"{far.sum()} of these {counted(len(points), 'point')} lie where no trial comes near: at least "
        f"{out[far].min() / reach:.0f} times as far out as any of its states"
    ]


def _elsewhere(points: dict[str, FixedPoints]) -> list[str]:
    return [f"{name}: {found.headline()}" for name, found in points.items() if name != "rest"]


def _tables(points: dict[str, FixedPoints], closed_loop: bool) -> dict[str, dict[str, np.ndarray]]:
    return {
        f"Fixed points {where(name, closed_loop)}: {found.headline()}": found.table() for name, found in points.items()
    }


def where(drive: str, closed_loop: bool) -> str:
    """Under which input, as the titles of tables say it."""
    return "of the closed loop" if closed_loop else f"under “{drive}”"


def _number(points: dict[str, FixedPoints]) -> str:
    return f"{_count(points)} ({_count_stable(points)} stable)"


def _count(points: dict[str, FixedPoints]) -> int:
    return len(points["rest"])


def _count_stable(points: dict[str, FixedPoints]) -> int:
    return len(points["rest"].stable)


def _profile(points: dict[str, FixedPoints]) -> str:
    """ "8/12/6/1": 8 stable points, 12 with one unstable direction, and so on."""
    return "/".join(map(str, np.bincount(points["rest"].n_unstable.compressed()).tolist()))


def _degree(points: dict[str, FixedPoints]) -> float:
    degree = points["rest"].degree
    return np.nan if degree is None else degree


def _certified(points: dict[str, FixedPoints]) -> float:
    return float(points["rest"].certified.mean()) if len(points["rest"]) else np.nan


def _completeness(points: dict[str, FixedPoints]) -> str:
    return points["rest"].completeness


STAGE = Stage(
    name="fixed_points",
    about='{drive: FixedPoints}, "rest" first',
    place=30,
    run=Finder(_answering, uses=("trajectories",)),
    loop=Finder(_generating),
    numbers=(
        Number(
            40,
            "fixed points at rest",
            "States that do not move under the input at rest; stable ones draw in every state near enough.",
            _number,
            needs=("fixed_points",),
        ),
    ),
    columns=(
        Column("points", "fixed points at rest", _count, needs=("fixed_points",)),
        Column("stable_points", "those that are stable", _count_stable, needs=("fixed_points",)),
        Column("by_unstable", "how many have 0, 1, 2, ... directions out", _profile, True, needs=("fixed_points",)),
        Column("degree", "sum of the signs of det(I - J) over the points at rest", _degree, needs=("fixed_points",)),
        Column("certified", "share of the points that are certified, 0..1", _certified, needs=("fixed_points",)),
        Column("completeness", "proved | consistent | incomplete | ...", _completeness, True, needs=("fixed_points",)),
    ),
    words=(
        Words("What lies between", _between, needs=("fixed_points",), uses=("trajectories",)),
        Words("Under other constant inputs", _elsewhere, needs=("fixed_points",)),
    ),
    tables=(Table(_tables, needs=("fixed_points",), uses=("closed_loop",)),),
)
