"""The principal axes of the trajectories: one projection serves everything that is drawn."""

from __future__ import annotations

from typing import Any

from ...analysis import Projection, project
from ...report import Column, Finder, Number, Stage, Words
from ...systems import Recording
from ..subject import Subject


def _fit(subject: Subject, trajectories: Recording) -> dict[str, Any]:
    return {"projection": project(trajectories, n_components=3)}


def _dimensions(projection: Projection) -> str:
    return f"{_ratio(projection):.1f}"


def _ratio(projection: Projection) -> float:
    return float(projection.participation_ratio)


STAGE = Stage(
    name="projection",
    about="Projection on the principal axes of the trajectories",
    place=120,
    run=Finder(_fit, needs=("trajectories",)),
    numbers=(
        Number(
            70,
            "dimensions in use",
            "Participation ratio of the variance along the principal axes: how many of them the activity fills evenly.",
            _dimensions,
            needs=("projection",),
        ),
    ),
    columns=(
        Column("dimensions", "participation ratio of the activity", _ratio, needs=("projection",)),
    ),
    words=(Words("Where the activity lives", Projection.sentences, needs=("projection",)),),
)
