"""Which states go where, by what a trajectory comes near to; and what lies between."""

from .basins import Basins, as_run, map_basins
from .edge import EdgeState, find_edge_state
from .features import Features
from .labelling import DIVERGED, START, Run
from .proximity import Proximity
from .recurrence import Recurrence
from .shocks import SmallestShocks, find_smallest_shock
from .targets import Target, Targets, as_targets
from .traced import TracedBasins, trace_basins

__all__ = [
    "as_run",
    "as_targets",
    "Basins",
    "DIVERGED",
    "EdgeState",
    "Features",
    "find_edge_state",
    "find_smallest_shock",
    "map_basins",
    "Proximity",
    "Recurrence",
    "Run",
    "SmallestShocks",
    "START",
    "Target",
    "Targets",
    "trace_basins",
    "TracedBasins",
]
