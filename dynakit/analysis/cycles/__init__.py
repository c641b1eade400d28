"""Periodic orbits, limit cycles and invariant circles: search, polish, certificates, multipliers."""

from .autonomous import FAR
from .cycles import LimitCycles, find_limit_cycles
from .objects import ON_CURVE
from .polish import Polished, polish, still

__all__ = ["LimitCycles", "find_limit_cycles"]
