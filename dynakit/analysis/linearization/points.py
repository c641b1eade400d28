"""The states an analysis is asked about: the points of a result with the inputs they were found under, or states."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import InputError
from ...systems.base import System, checked


def states_and_drives(system: System, points: Any, drive: Any, what: str) -> tuple[Tensor, Tensor]:
    """Points (point, unit) and inputs (point, input), of a result such as FixedPoints or as given.

    Raises InputError, with ``what`` was to be computed, for a discontinuous map; also for shapes that do not fit
    and for a ``drive`` beside points that have their own.
    """
    checked(system).refuse_jumps(what)
    if hasattr(points, "states") and hasattr(points, "drives"):
        if drive is not None:
            raise InputError("drive is already in points; pass one of them")
        points, drive = points.states, points.drives
    x, u, _ = system.as_batch(points, system.as_drive("drive", drive), ("points", "drive"))
    return x, u
