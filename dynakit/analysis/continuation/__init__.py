"""How fixed points move, meet and part as a parameter, or training, goes on."""

from .continuation import Bifurcations, Branches, trace_fixed_points
from .family import DIFFERENCE, as_numpy
from .tracking import TrackChanges, Tracks, track_fixed_points

__all__ = ["Bifurcations", "Branches", "TrackChanges", "Tracks", "trace_fixed_points", "track_fixed_points"]
