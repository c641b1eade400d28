"""Spike trains: what they are, their statistics, and, as ``dk.spikes.*``, measures of how alike they are."""

from .distances import correlation_coefficient, spike_time_tiling_coefficient, van_rossum_distance
from .statistics import SpikeStatistics, chi_synchrony, spike_statistics
from .trains import SpikeTrains, as_spike_trains

__all__ = [
    "SpikeStatistics",
    "SpikeTrains",
    "as_spike_trains",
    "spike_statistics",
]
