"""Dynamical-systems analysis of trained recurrent networks: what does it compute, and how?

The line: task -> training -> model -> system -> analysis -> plots -> report.  Names are loaded on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_NAMES = {
    "analysis": "Basins Bifurcations Branches ConditionAverages CovariantVectors EchoState EdgeState "
    "ExactFixedPoints Features FixedPoints GraphStatistics LimitCycles LyapunovSpectrum "
    "MemoryCapacity MemoryCheck Modes NonNormality PlaneFlow Projection Proximity PsychometricCurve "
    "Recurrence Selection SlowManifold SlowPoints SmallestShocks TracedBasins TrackChanges Tracks "
    "Transitions UnstableManifolds check_echo_state check_memory condition_average covariant_vectors "
    "enumerate_fixed_points find_edge_state find_fixed_points find_limit_cycles find_slow_points "
    "find_smallest_shock graph_statistics linearize lyapunov_spectrum map_basins map_transitions "
    "map_unstable_manifolds memory_capacity nonnormality plane_flow project psychometric_curve "
    "selection_vectors trace_basins trace_fixed_points trace_slow_manifold track_fixed_points",
    "errors": "ArtifactError DynakitError DynakitWarning InputError NumericalError",
    "orbits": "Orbit",
    "pipeline": "analyze load",
    "report": "Report",
    "results": "History",
    "systems": "ClosedLoop Driven Flow FunctionSystem Iterated Recording System as_flow as_system catalog record",
    "training": "train",
}
_SOURCE = {name: module for module, names in _NAMES.items() for name in names.split()}
_MODULES = ("models", "plots", "samplers", "tasks", "training")

__all__ = sorted([*_SOURCE, *_MODULES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    if name not in _SOURCE:
        raise AttributeError(f"module 'dynakit' has no attribute {name!r}")
    return getattr(importlib.import_module(f".{_SOURCE[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__


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
        NonNormality,
        PlaneFlow,
        Projection,
        Proximity,
        PsychometricCurve,
        Recurrence,
        Selection,
        SlowManifold,
        SlowPoints,
        SmallestShocks,
        TracedBasins,
        TrackChanges,
        Tracks,
        Transitions,
        UnstableManifolds,
        check_echo_state,
        check_memory,
        condition_average,
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
        trace_basins,
        trace_fixed_points,
        trace_slow_manifold,
        track_fixed_points,
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
