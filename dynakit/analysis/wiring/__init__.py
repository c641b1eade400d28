"""Connectivity as a graph and as a matrix: against chance, and against the laws of random matrices."""

from .communities import Communities, find_communities, modularity
from .connectivity import GraphStatistics, graph_statistics
from .effective_rank import EffectiveRank, effective_rank
from .lesions import Examined as Examined
from .lesions import Lesions
from .lesions import Removal as Removal
from .lesions import damage as damage
from .lesions import n_parts as n_parts
from .lesions import removals as removals
from .lesions import stable_states as stable_states
from .lesions import strengths as strengths
from .lesions import weight_numbers as weight_numbers
from .low_rank import LowRankStructure, low_rank_structure
from .null_models import NullComparison, compare_with_null
from .spectra import LawComparison, compare_with_law

__all__ = [
    "Communities",
    "EffectiveRank",
    "GraphStatistics",
    "LawComparison",
    "Lesions",
    "LowRankStructure",
    "NullComparison",
    "compare_with_law",
    "compare_with_null",
    "effective_rank",
    "find_communities",
    "graph_statistics",
    "low_rank_structure",
    "modularity",
]
