"""The field that moves states, seen whole: along a line, and in a plane."""

from .line import PhaseLine, map_phase_line
from .plane import PlaneFlow, plane_flow

__all__ = ["PhaseLine", "PlaneFlow", "map_phase_line", "plane_flow"]
