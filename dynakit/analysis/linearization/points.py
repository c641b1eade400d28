"""The states an analysis is asked about: the points of a result with the inputs they were found under, or states."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from ...errors import InputError
from ...systems.base import System, checked


def states_and_drives(system: System, points: Any, drive: Any, what: str) -> tuple[Tensor, Tensor]:
    """Points (point, unit) and inputs (point, input), of a result that has states or as given; axes are flattened.

    A result that knows its drives, such as FixedPoints, is taken with them.  Raises InputError, with ``what`` was to be
    computed, for a discontinuous map; also for shapes that do not fit and for a ``drive`` beside points that have
    their own.
    """
    checked(system).refuse_jumps(what)
    own = drives_of(points)
    if own is not None and drive is not None:
        raise InputError("drive is already in points; pass one of them")
    u = system.as_drive("drive", drive if own is None else own)
    states = system.as_states("points", points)
    if own is not None and u.ndim == 2 and states.ndim > 2:  # one drive for all states of an item
        u = u.reshape(len(u), *[1] * (states.ndim - 2), -1)
    x, u, _ = system.as_batch(states, u, ("points", "drive"))
    return x, u


def drives_of(points: Any) -> Any:
    """The inputs that a result found its states under, one (input,) or one per item; None where it has none."""
    if not hasattr(points, "states"):
        return None
    return getattr(points, "drives", getattr(points, "drive", None))
