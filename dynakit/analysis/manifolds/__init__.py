"""Curves that trajectories run along: unstable manifolds and slow ones."""

from .slow import trace_slow_manifold
from .slow_manifold import SlowManifold
from .unstable import UnstableManifolds, map_unstable_manifolds

__all__ = ["SlowManifold", "UnstableManifolds", "map_unstable_manifolds", "trace_slow_manifold"]
