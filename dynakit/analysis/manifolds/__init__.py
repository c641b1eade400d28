"""Curves that trajectories run along: unstable manifolds and slow ones, and the scaffold that the former make."""

from .scaffold import Scaffold, map_scaffold
from .slow import trace_slow_manifold
from .slow_manifold import SlowManifold
from .unstable import UnstableManifolds, map_unstable_manifolds

__all__ = [
    "Scaffold",
    "SlowManifold",
    "UnstableManifolds",
    "map_scaffold",
    "map_unstable_manifolds",
    "trace_slow_manifold",
]
