"""A system as the search for cycles sees it: as the map it is, or as the flow whose steps it takes."""

from __future__ import annotations

from torch import Tensor

from ...systems.base import System
from .flow_cycles import OfFlow
from .map_cycles import OfMap

View = OfMap | OfFlow


def view_of(system: System, u: Tensor) -> View:
    """``system`` under the constant drive u (input,)."""
    flow = system.flow()
    return OfMap(system, u) if flow is None else OfFlow(flow, u)
