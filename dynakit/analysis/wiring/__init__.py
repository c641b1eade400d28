"""Connectivity as a graph, and against chance."""

from .connectivity import GraphStatistics, graph_statistics
from .null_models import NullComparison, compare_with_null

__all__ = ["compare_with_null", "graph_statistics", "GraphStatistics", "NullComparison"]
