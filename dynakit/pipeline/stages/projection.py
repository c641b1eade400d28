"""The principal axes of the trajectories: one projection serves everything that is drawn."""

from __future__ import annotations

from typing import Any

from ...analysis import Projection, project
from ...report import Finder, Stage, Words
from ...systems import Recording
from ..subject import Subject


def _fit(subject: Subject, trajectories: Recording) -> dict[str, Any]:
    return {"projection": project(trajectories, n_components=3)}


STAGE = Stage(
    name="projection",
    about="Projection on the principal axes of the trajectories",
    place=120,
    run=Finder(_fit, needs=("trajectories",)),
    words=(Words("Where the activity lives", Projection.sentences, needs=("projection",)),),
)
