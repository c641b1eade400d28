"""Which states go where, by what a trajectory comes near to; and what lies between."""

from .basins import Basins, as_run, map_basins
from .edge import EdgeState, find_edge_state
from .features import Features
from .given import as_targets
from .labelling import START, Rollout
from .proximity import Proximity, fates
from .recurrence import Recurrence
from .settings import BasinSettings, EdgeSettings, ShockSettings
from .shocks import SmallestShocks, find_smallest_shock
from .targets import Target, Targets
from .traced import TracedBasins, trace_basins

__all__ = [
    "BasinSettings",
    "Basins",
    "EdgeSettings",
    "EdgeState",
    "Features",
    "Proximity",
    "Recurrence",
    "ShockSettings",
    "SmallestShocks",
    "TracedBasins",
    "find_edge_state",
    "find_smallest_shock",
    "map_basins",
    "trace_basins",
]
