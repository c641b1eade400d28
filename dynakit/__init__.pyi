"""The public names, for the package itself and for type checkers."""

from . import (
    analysis as analysis,
)
from . import (
    models as models,
)
from . import (
    plots as plots,
)
from . import (
    samplers as samplers,
)
from . import (
    tasks as tasks,
)
from . import (
    training as training,
)
from .analysis import (
    Basins as Basins,
)
from .analysis import (
    Bifurcations as Bifurcations,
)
from .analysis import (
    Branches as Branches,
)
from .analysis import (
    ConditionAverages as ConditionAverages,
)
from .analysis import (
    CovariantVectors as CovariantVectors,
)
from .analysis import (
    EchoState as EchoState,
)
from .analysis import (
    EdgeState as EdgeState,
)
from .analysis import (
    ExactFixedPoints as ExactFixedPoints,
)
from .analysis import (
    Features as Features,
)
from .analysis import (
    FixedPoints as FixedPoints,
)
from .analysis import (
    GraphStatistics as GraphStatistics,
)
from .analysis import (
    LimitCycles as LimitCycles,
)
from .analysis import (
    LyapunovSpectrum as LyapunovSpectrum,
)
from .analysis import (
    MemoryCapacity as MemoryCapacity,
)
from .analysis import (
    MemoryCheck as MemoryCheck,
)
from .analysis import (
    Modes as Modes,
)
from .analysis import (
    Multifunctionality as Multifunctionality,
)
from .analysis import (
    NonNormality as NonNormality,
)
from .analysis import (
    NullComparison as NullComparison,
)
from .analysis import (
    PlaneFlow as PlaneFlow,
)
from .analysis import (
    Projection as Projection,
)
from .analysis import (
    Proximity as Proximity,
)
from .analysis import (
    PsychometricCurve as PsychometricCurve,
)
from .analysis import (
    Recurrence as Recurrence,
)
from .analysis import (
    Selection as Selection,
)
from .analysis import (
    SlowManifold as SlowManifold,
)
from .analysis import (
    SlowPoints as SlowPoints,
)
from .analysis import (
    SmallestShocks as SmallestShocks,
)
from .analysis import (
    SpikeStatistics as SpikeStatistics,
)
from .analysis import (
    SpikeTrains as SpikeTrains,
)
from .analysis import (
    TracedBasins as TracedBasins,
)
from .analysis import (
    TrackChanges as TrackChanges,
)
from .analysis import (
    Tracks as Tracks,
)
from .analysis import (
    Transitions as Transitions,
)
from .analysis import (
    UnstableManifolds as UnstableManifolds,
)
from .analysis import (
    as_spike_trains as as_spike_trains,
)
from .analysis import (
    check_echo_state as check_echo_state,
)
from .analysis import (
    check_memory as check_memory,
)
from .analysis import (
    check_multifunctionality as check_multifunctionality,
)
from .analysis import (
    chi_synchrony as chi_synchrony,
)
from .analysis import (
    compare_with_null as compare_with_null,
)
from .analysis import (
    condition_average as condition_average,
)
from .analysis import (
    correlation_coefficient as correlation_coefficient,
)
from .analysis import (
    covariant_vectors as covariant_vectors,
)
from .analysis import (
    enumerate_fixed_points as enumerate_fixed_points,
)
from .analysis import (
    find_edge_state as find_edge_state,
)
from .analysis import (
    find_fixed_points as find_fixed_points,
)
from .analysis import (
    find_limit_cycles as find_limit_cycles,
)
from .analysis import (
    find_slow_points as find_slow_points,
)
from .analysis import (
    find_smallest_shock as find_smallest_shock,
)
from .analysis import (
    graph_statistics as graph_statistics,
)
from .analysis import (
    linearize as linearize,
)
from .analysis import (
    lyapunov_spectrum as lyapunov_spectrum,
)
from .analysis import (
    map_basins as map_basins,
)
from .analysis import (
    map_transitions as map_transitions,
)
from .analysis import (
    map_unstable_manifolds as map_unstable_manifolds,
)
from .analysis import (
    memory_capacity as memory_capacity,
)
from .analysis import (
    nonnormality as nonnormality,
)
from .analysis import (
    plane_flow as plane_flow,
)
from .analysis import (
    project as project,
)
from .analysis import (
    psychometric_curve as psychometric_curve,
)
from .analysis import (
    selection_vectors as selection_vectors,
)
from .analysis import (
    spike_statistics as spike_statistics,
)
from .analysis import (
    spike_time_tiling_coefficient as spike_time_tiling_coefficient,
)
from .analysis import (
    trace_basins as trace_basins,
)
from .analysis import (
    trace_fixed_points as trace_fixed_points,
)
from .analysis import (
    trace_slow_manifold as trace_slow_manifold,
)
from .analysis import (
    track_fixed_points as track_fixed_points,
)
from .analysis import (
    van_rossum_distance as van_rossum_distance,
)
from .errors import (
    ArtifactError as ArtifactError,
)
from .errors import (
    DynakitError as DynakitError,
)
from .errors import (
    DynakitWarning as DynakitWarning,
)
from .errors import (
    InputError as InputError,
)
from .errors import (
    NumericalError as NumericalError,
)
from .orbits import Orbit as Orbit
from .pipeline import analyze as analyze
from .pipeline import load as load
from .report import Report as Report
from .results import History as History
from .systems import (
    ClosedLoop as ClosedLoop,
)
from .systems import (
    Driven as Driven,
)
from .systems import (
    Flow as Flow,
)
from .systems import (
    FunctionSystem as FunctionSystem,
)
from .systems import (
    Iterated as Iterated,
)
from .systems import (
    Recording as Recording,
)
from .systems import (
    System as System,
)
from .systems import (
    as_flow as as_flow,
)
from .systems import (
    as_system as as_system,
)
from .systems import (
    catalog as catalog,
)
from .systems import (
    record as record,
)
from .training import train as train
from .version import __version__ as __version__
