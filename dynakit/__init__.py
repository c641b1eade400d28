"""Dynamical-systems analysis of trained recurrent networks: what does it compute, and how?

The line: task -> training -> model -> system -> analysis -> plots -> report.  Names are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .lazy import attach

__version__ = "0.1.0"

_NAMES = {
    "analysis": "Basins Bifurcations Branches ConditionAverages CovariantVectors EchoState EdgeState ExactFixedPoints "
    "Features FixedPoints GraphStatistics LimitCycles LyapunovSpectrum MemoryCapacity MemoryCheck Modes "
    "Multifunctionality NonNormality NullComparison PlaneFlow Projection Proximity PsychometricCurve Recurrence "
    "Selection SlowManifold SlowPoints SmallestShocks SpikeStatistics SpikeTrains TracedBasins "
    "TrackChanges Tracks Transitions UnstableManifolds as_spike_trains check_echo_state check_memory "
    "check_multifunctionality chi_synchrony compare_with_null condition_average correlation_coefficient "
    "covariant_vectors enumerate_fixed_points find_edge_state find_fixed_points find_limit_cycles find_slow_points "
    "find_smallest_shock graph_statistics linearize lyapunov_spectrum map_basins map_transitions "
    "map_unstable_manifolds memory_capacity nonnormality plane_flow project psychometric_curve "
    "selection_vectors spike_statistics spike_time_tiling_coefficient trace_basins trace_fixed_points "
    "trace_slow_manifold track_fixed_points van_rossum_distance",
    "errors": "ArtifactError DynakitError DynakitWarning InputError NumericalError",
    "orbits": "Orbit",
    "pipeline": "analyze load",
    "report": "Report",
    "results": "History",
    "systems": "ClosedLoop Driven Flow FunctionSystem Iterated Recording System as_flow as_system catalog record",
    "training": "train",
}
__getattr__, __dir__, __all__ = attach(
    __name__, _NAMES, modules=("models", "plots", "samplers", "tasks", "training")
)
__all__ = sorted([*__all__, "__version__"])

if TYPE_CHECKING:
    from . import models, plots, samplers, tasks, training
    from .analysis import (
        Basins,
        Bifurcations,
        Branches,
        ConditionAverages,
        CovariantVectors,
        EchoState,
        EdgeState,
        ExactFixedPoints,
        Features,
        FixedPoints,
        GraphStatistics,
        LimitCycles,
        LyapunovSpectrum,
        MemoryCapacity,
        MemoryCheck,
        Modes,
        Multifunctionality,
        NonNormality,
        NullComparison,
        PlaneFlow,
        Projection,
        Proximity,
        PsychometricCurve,
        Recurrence,
        Selection,
        SlowManifold,
        SlowPoints,
        SmallestShocks,
        SpikeStatistics,
        SpikeTrains,
        TracedBasins,
        TrackChanges,
        Tracks,
        Transitions,
        UnstableManifolds,
        as_spike_trains,
        check_echo_state,
        check_memory,
        check_multifunctionality,
        chi_synchrony,
        compare_with_null,
        condition_average,
        correlation_coefficient,
        covariant_vectors,
        enumerate_fixed_points,
        find_edge_state,
        find_fixed_points,
        find_limit_cycles,
        find_slow_points,
        find_smallest_shock,
        graph_statistics,
        linearize,
        lyapunov_spectrum,
        map_basins,
        map_transitions,
        map_unstable_manifolds,
        memory_capacity,
        nonnormality,
        plane_flow,
        project,
        psychometric_curve,
        selection_vectors,
        spike_statistics,
        spike_time_tiling_coefficient,
        trace_basins,
        trace_fixed_points,
        trace_slow_manifold,
        track_fixed_points,
        van_rossum_distance,
    )
    from .errors import ArtifactError, DynakitError, DynakitWarning, InputError, NumericalError
    from .orbits import Orbit
    from .pipeline import analyze, load
    from .report import Report
    from .results import History
    from .systems import (
        ClosedLoop,
        Driven,
        Flow,
        FunctionSystem,
        Iterated,
        Recording,
        System,
        as_flow,
        as_system,
        catalog,
        record,
    )
    from .training import train
