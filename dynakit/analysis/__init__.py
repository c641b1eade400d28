"""system -> result: the questions one can ask of a map."""

from .attractors import Attractors, list_attractors
from .basins import Basins, map_basins
from .connectivity import GraphStatistics, graph_statistics
from .continuation import Bifurcations, Branches, trace_fixed_points
from .covariant import CovariantVectors, covariant_vectors
from .cycles import LimitCycles, find_limit_cycles
from .echo_state import EchoState, check_echo_state
from .edge import EdgeState, find_edge_state
from .features import Features
from .fixed_points import FixedPoints, find_fixed_points
from .linearization import Modes, linearize
from .lyapunov import LyapunovSpectrum, lyapunov_spectrum
from .manifolds import UnstableManifolds, map_unstable_manifolds
from .memory import MemoryCheck, check_memory
from .memory_capacity import MemoryCapacity, memory_capacity
from .nonnormality import NonNormality, nonnormality
from .piecewise_linear import ExactFixedPoints, enumerate_fixed_points
from .proximity import Proximity
from .psychometric import PsychometricCurve, psychometric_curve
from .recurrence import Recurrence
from .selection import Selection, selection_vectors
from .shocks import SmallestShocks, find_smallest_shock
from .slow_manifold import SlowManifold, trace_slow_manifold
from .slow_points import SlowPoints, find_slow_points
from .traced_basins import TracedBasins, trace_basins
from .tracking import TrackChanges, Tracks, track_fixed_points
from .trajectories import ConditionAverages, PlaneFlow, Projection, condition_average, plane_flow, project
from .transitions import Transitions, map_transitions

__all__ = [
    "Attractors",
    "Basins",
    "Bifurcations",
    "Branches",
    "ConditionAverages",
    "CovariantVectors",
    "EchoState",
    "EdgeState",
    "ExactFixedPoints",
    "Features",
    "FixedPoints",
    "GraphStatistics",
    "LimitCycles",
    "LyapunovSpectrum",
    "MemoryCapacity",
    "MemoryCheck",
    "Modes",
    "NonNormality",
    "PlaneFlow",
    "Projection",
    "Proximity",
    "PsychometricCurve",
    "Recurrence",
    "Selection",
    "SlowManifold",
    "SlowPoints",
    "SmallestShocks",
    "TracedBasins",
    "TrackChanges",
    "Tracks",
    "Transitions",
    "UnstableManifolds",
    "check_echo_state",
    "check_memory",
    "condition_average",
    "covariant_vectors",
    "enumerate_fixed_points",
    "find_edge_state",
    "find_fixed_points",
    "find_limit_cycles",
    "find_slow_points",
    "find_smallest_shock",
    "graph_statistics",
    "linearize",
    "list_attractors",
    "lyapunov_spectrum",
    "map_basins",
    "map_transitions",
    "map_unstable_manifolds",
    "memory_capacity",
    "nonnormality",
    "plane_flow",
    "project",
    "psychometric_curve",
    "selection_vectors",
    "trace_basins",
    "trace_fixed_points",
    "trace_slow_manifold",
    "track_fixed_points",
]
