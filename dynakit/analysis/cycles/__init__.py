"""Periodic orbits, limit cycles and invariant circles: search, polish, certificates, multipliers."""

from .autonomous import FAR
from .cycles import find_limit_cycles
from .objects import ON_CURVE
from .polish import Polished, polish, still
from .result import LimitCycles
from .settings import CycleSettings

__all__ = ["CycleSettings", "LimitCycles", "find_limit_cycles"]
