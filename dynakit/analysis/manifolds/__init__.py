"""What trajectories run along: unstable manifolds, slow curves and slow sets, and the scaffold of the first."""

from .find_slow import find_slow_manifold
from .scaffold import Scaffold, map_scaffold
from .slow import trace_slow_manifold
from .slow_manifold import SlowManifold
from .slow_set import SlowSet
from .unstable import UnstableManifolds, map_unstable_manifolds

__all__ = [
    "Scaffold",
    "SlowManifold",
    "SlowSet",
    "UnstableManifolds",
    "find_slow_manifold",
    "map_scaffold",
    "map_unstable_manifolds",
    "trace_slow_manifold",
]
