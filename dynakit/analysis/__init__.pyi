"""The names of this package, for the package itself and for type checkers."""

from .basins import (
    Basins as Basins,
)
from .basins import (
    EdgeState as EdgeState,
)
from .basins import (
    Features as Features,
)
from .basins import (
    Proximity as Proximity,
)
from .basins import (
    Recurrence as Recurrence,
)
from .basins import (
    SmallestShocks as SmallestShocks,
)
from .basins import (
    TracedBasins as TracedBasins,
)
from .basins import (
    find_edge_state as find_edge_state,
)
from .basins import (
    find_smallest_shock as find_smallest_shock,
)
from .basins import (
    map_basins as map_basins,
)
from .basins import (
    trace_basins as trace_basins,
)
from .continuation import (
    Bifurcations as Bifurcations,
)
from .continuation import (
    Branches as Branches,
)
from .continuation import (
    TrackChanges as TrackChanges,
)
from .continuation import (
    Tracks as Tracks,
)
from .continuation import (
    trace_fixed_points as trace_fixed_points,
)
from .continuation import (
    track_fixed_points as track_fixed_points,
)
from .cycles import LimitCycles as LimitCycles
from .cycles import find_limit_cycles as find_limit_cycles
from .exponents import (
    CovariantVectors as CovariantVectors,
)
from .exponents import (
    EchoState as EchoState,
)
from .exponents import (
    LyapunovSpectrum as LyapunovSpectrum,
)
from .exponents import (
    check_echo_state as check_echo_state,
)
from .exponents import (
    covariant_vectors as covariant_vectors,
)
from .exponents import (
    lyapunov_spectrum as lyapunov_spectrum,
)
from .fixed_points import FixedPoints as FixedPoints
from .fixed_points import find_fixed_points as find_fixed_points
from .linearization import (
    Modes as Modes,
)
from .linearization import (
    NonNormality as NonNormality,
)
from .linearization import (
    Selection as Selection,
)
from .linearization import (
    linearize as linearize,
)
from .linearization import (
    nonnormality as nonnormality,
)
from .linearization import (
    selection_vectors as selection_vectors,
)
from .manifolds import (
    SlowManifold as SlowManifold,
)
from .manifolds import (
    UnstableManifolds as UnstableManifolds,
)
from .manifolds import (
    map_unstable_manifolds as map_unstable_manifolds,
)
from .manifolds import (
    trace_slow_manifold as trace_slow_manifold,
)
from .memory import (
    Attractors as Attractors,
)
from .memory import (
    MemoryCapacity as MemoryCapacity,
)
from .memory import (
    MemoryCheck as MemoryCheck,
)
from .memory import (
    Transitions as Transitions,
)
from .memory import (
    check_memory as check_memory,
)
from .memory import (
    list_attractors as list_attractors,
)
from .memory import (
    map_transitions as map_transitions,
)
from .memory import (
    memory_capacity as memory_capacity,
)
from .multifunctionality import (
    Multifunctionality as Multifunctionality,
)
from .multifunctionality import (
    check_multifunctionality as check_multifunctionality,
)
from .piecewise_linear import (
    ExactFixedPoints as ExactFixedPoints,
)
from .piecewise_linear import (
    enumerate_fixed_points as enumerate_fixed_points,
)
from .psychometric import PsychometricCurve as PsychometricCurve
from .psychometric import psychometric_curve as psychometric_curve
from .slow_points import SlowPoints as SlowPoints
from .slow_points import find_slow_points as find_slow_points
from .spikes import (
    SpikeStatistics as SpikeStatistics,
)
from .spikes import (
    SpikeTrains as SpikeTrains,
)
from .spikes import (
    as_spike_trains as as_spike_trains,
)
from .spikes import (
    chi_synchrony as chi_synchrony,
)
from .spikes import (
    correlation_coefficient as correlation_coefficient,
)
from .spikes import (
    spike_statistics as spike_statistics,
)
from .spikes import (
    spike_time_tiling_coefficient as spike_time_tiling_coefficient,
)
from .spikes import (
    van_rossum_distance as van_rossum_distance,
)
from .trajectories import (
    ConditionAverages as ConditionAverages,
)
from .trajectories import (
    PlaneFlow as PlaneFlow,
)
from .trajectories import (
    Projection as Projection,
)
from .trajectories import (
    condition_average as condition_average,
)
from .trajectories import (
    plane_flow as plane_flow,
)
from .trajectories import (
    project as project,
)
from .wiring import (
    GraphStatistics as GraphStatistics,
)
from .wiring import (
    NullComparison as NullComparison,
)
from .wiring import (
    compare_with_null as compare_with_null,
)
from .wiring import (
    graph_statistics as graph_statistics,
)
