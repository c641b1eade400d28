"""system -> result: the questions one can ask of a map.  Modules are loaded on first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "attractors": "Attractors list_attractors",
        "basins": "Basins map_basins",
        "connectivity": "GraphStatistics graph_statistics",
        "continuation": "Bifurcations Branches trace_fixed_points",
        "covariant": "CovariantVectors covariant_vectors",
        "cycles": "LimitCycles find_limit_cycles",
        "echo_state": "EchoState check_echo_state",
        "edge": "EdgeState find_edge_state",
        "features": "Features",
        "fixed_points": "FixedPoints find_fixed_points",
        "linearization": "Modes linearize",
        "lyapunov": "LyapunovSpectrum lyapunov_spectrum",
        "manifolds": "UnstableManifolds map_unstable_manifolds",
        "memory": "MemoryCheck check_memory",
        "capacity": "MemoryCapacity memory_capacity",
        "multifunctionality": "Multifunctionality check_multifunctionality",
        "null_models": "NullComparison compare_with_null",
        "transients": "NonNormality nonnormality",
        "piecewise_linear": "ExactFixedPoints enumerate_fixed_points",
        "proximity": "Proximity",
        "psychometric": "PsychometricCurve psychometric_curve",
        "recurrence": "Recurrence",
        "selection": "Selection selection_vectors",
        "shocks": "SmallestShocks find_smallest_shock",
        "slow_manifold": "SlowManifold trace_slow_manifold",
        "slow_points": "SlowPoints find_slow_points",
        "spike_distances": "correlation_coefficient spike_time_tiling_coefficient van_rossum_distance",
        "spike_trains": "SpikeTrains as_spike_trains",
        "spikes": "SpikeStatistics chi_synchrony spike_statistics",
        "traced_basins": "TracedBasins trace_basins",
        "tracking": "TrackChanges Tracks track_fixed_points",
        "trajectories": "ConditionAverages PlaneFlow Projection condition_average plane_flow project",
        "transitions": "Transitions map_transitions",
    },
)

if TYPE_CHECKING:
    from .attractors import Attractors, list_attractors
    from .basins import Basins, map_basins
    from .capacity import MemoryCapacity, memory_capacity
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
    from .multifunctionality import Multifunctionality, check_multifunctionality
    from .null_models import NullComparison, compare_with_null
    from .piecewise_linear import ExactFixedPoints, enumerate_fixed_points
    from .proximity import Proximity
    from .psychometric import PsychometricCurve, psychometric_curve
    from .recurrence import Recurrence
    from .selection import Selection, selection_vectors
    from .shocks import SmallestShocks, find_smallest_shock
    from .slow_manifold import SlowManifold, trace_slow_manifold
    from .slow_points import SlowPoints, find_slow_points
    from .spike_distances import correlation_coefficient, spike_time_tiling_coefficient, van_rossum_distance
    from .spike_trains import SpikeTrains, as_spike_trains
    from .spikes import SpikeStatistics, chi_synchrony, spike_statistics
    from .traced_basins import TracedBasins, trace_basins
    from .tracking import TrackChanges, Tracks, track_fixed_points
    from .trajectories import ConditionAverages, PlaneFlow, Projection, condition_average, plane_flow, project
    from .transients import NonNormality, nonnormality
    from .transitions import Transitions, map_transitions
