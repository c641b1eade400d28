"""Connectivity as a graph, and against chance."""

from .connectivity import GraphStatistics, graph_statistics
from .null_models import NullComparison, compare_with_null

__all__ = ["GraphStatistics", "NullComparison", "compare_with_null", "graph_statistics"]
