"""Distances of what can be counted: automata that name their memories, and scaffolds of fixed points.

Two automata differ in the share of (memory, pulse) pairs, of those that either has, that lead elsewhere in the other.
It is a metric: under a random order of all pairs, it is the chance that the first pair which an automaton has, with its
target, is not the same in both.  Two scaffolds differ by their points, as multisets: |A - B| + |B - A| over |A or B|,
which is a metric by Steinhaus (Deza and Deza 2016, sec. 1.1).  Edit distances of graphs are of no use here: exact ones
take ages beyond nine nodes, and bounds are off by a factor of ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping

import numpy as np

from ..manifolds import Scaffold
from ..memory import Transitions


def share_differing(one: Mapping[Hashable, Hashable], other: Mapping[Hashable, Hashable]) -> float:
    """Share of the keys of either that have another value, or none, in the other: 0..1.

    >>> share_differing({1: "a", 2: "b"}, {1: "a", 2: "c"})
    0.5
    """
    keys = one.keys() | other.keys()
    alike = sum(key in one and key in other and one[key] == other[key] for key in keys)
    return 1 - alike / len(keys) if keys else 0.0


def multiset_distance(one: Counter[Hashable], other: Counter[Hashable]) -> float:
    """What is in one and not in the other, over what is in either, counted as often as it occurs: 0..1.

    >>> multiset_distance(Counter("aab"), Counter("abb"))
    0.5
    """
    either = (one | other).total()
    return 1 - (one & other).total() / either if either else 0.0


def transition_table(transitions: Transitions, memories: np.ndarray) -> dict[Hashable, Hashable]:
    """(memory, pulse) -> the memory reached, or why none; of several attractors of one memory all, in order."""
    found: dict[Hashable, list[str]] = {}
    for i, memory in enumerate(np.asarray(memories).tolist()):
        for j, pulse in enumerate(transitions.pulses):
            target = int(transitions.targets[i, j])
            end = str(memories[target]) if target >= 0 else f"({transitions.reasons[i, j]})"
            found.setdefault((str(memory), pulse), []).append(end)
    return {key: tuple(sorted(ends)) for key, ends in found.items()}


def scaffold_items(scaffold: Scaffold) -> Counter[Hashable]:
    """The points of a scaffold, each by what is known of it wherever its axes lie.

    With labels: a stable point by its label, a saddle of one direction by the labels that its two branches lead to,
    others by their number of directions.  Without: a stable point by how many branches lead to it.
    """
    named = bool((scaffold.labels != "").any())
    edges = scaffold.saddle_edges
    arrivals = np.bincount(edges[edges[:, 1] >= 0, 1], minlength=len(scaffold))
    items: list[Hashable] = []
    for i, index in enumerate(scaffold.indices.tolist()):
        if index == 0:
            items.append((0, str(scaffold.labels[i]) if named else int(arrivals[i])))
        elif index == 1:
            items.append((1, *sorted(_end(scaffold, j, named) for j in edges[edges[:, 0] == i, 1].tolist())))
        else:
            items.append((index,))
    return Counter(items)


def _end(scaffold: Scaffold, point: int, named: bool) -> str:
    """Where a branch ends, in words."""
    if point < 0:
        return "none"
    return str(scaffold.labels[point]) if named else str(scaffold.indices[point])
