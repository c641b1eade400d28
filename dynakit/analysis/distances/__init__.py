"""Distances among many networks: the matrix with its null, what groups make of it, and distances of what is counted."""

from .classes import as_classes, hashing_library, scaffold_key
from .distances import CHANCE, FLOOR, Distances
from .embedding import Embedding
from .groups import GroupDistances
from .jackknife import between_pairs, jackknifed, pair_mean
from .labelled import multiset_distance, scaffold_items, share_differing, transition_table
from .multipliers import RestingPoints, matched, unmatched

__all__ = ["Distances", "Embedding", "GroupDistances"]
