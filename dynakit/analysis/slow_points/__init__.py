"""Where the speed is least but not zero."""

from .slow_points import SlowPoints, find_slow_points

__all__ = ["SlowPoints", "find_slow_points"]
