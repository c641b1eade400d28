"""Topology: which memories there are, what leads from which to which, and the scaffold of fixed points between."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from .. import checks
from ..analysis import Scaffold, map_scaffold, map_transitions
from ..analysis.distances import (
    as_classes,
    hashing_library,
    multiset_distance,
    scaffold_items,
    scaffold_key,
    share_differing,
    transition_table,
)
from ..errors import InputError
from .measure import Compared, Measure, pairwise
from .members import NamedSystem
from .probe import Probe


class Skeleton(NamedTuple):
    """What of a network its topology is."""

    scaffold: Scaffold
    table: dict[Hashable, Hashable] | None  # (memory, pulse) -> memory; None: nothing has a name


@dataclass(frozen=True, kw_only=True)
class Topology(Measure):
    """The graph of memories and pulses, and the scaffold of fixed points at rest: what no homeomorphism changes.

    The distance is the mean of two shares: of the (memory, pulse) pairs that lead elsewhere, and of the points of both
    scaffolds that have no counterpart (a stable point by its memory, a saddle with one unstable direction by the
    memories that its branches lead to, others by how many directions they have).  Without a task only the second, with
    points counted by how many branches lead to them.  It runs from 0 to 1 and is a pseudometric: symmetric, with the
    triangle inequality, and 0 exactly within a class where memories have names; without, networks of two classes may
    be 0 apart.

    Memories have names where the readouts of all networks are the task's.  Then networks are of one class if names,
    ways and points are the same; else if their scaffolds are isomorphic.

    Args:
        max_starts: most starts of the search for fixed points.
        n_settle: steps after a pulse, ten times as many where a state has not arrived.
        n_trials: trials from whose states the search starts, where there is a task.
    """

    name: ClassVar[str] = "topology"

    max_starts: int = 1024
    n_settle: int = 1000
    n_trials: int = 64

    def __post_init__(self) -> None:
        for name in ("max_starts", "n_settle", "n_trials"):
            checks.count(name, getattr(self, name))

    @property
    def measure(self) -> str:
        return "share that differs, 0..1"

    def look(self, network: NamedSystem, probe: Probe) -> Skeleton:
        system = network.at_rest(probe.task)
        points = probe.points(network, "rest", probe.starts(network), self.max_starts)
        if not len(points):
            raise InputError("no fixed point was found at rest")
        reader, decode = probe.asked(system), probe.decode
        scaffold = map_scaffold(reader, points, labels=decode, through=1)
        if decode is None or not probe.pulses:
            return Skeleton(scaffold, None if decode is None else {})
        graph = map_transitions(reader, points.stable, probe.pulses, rest=probe.rest, n_settle=self.n_settle)
        return Skeleton(scaffold, transition_table(graph, decode(graph.outputs)))

    def compare(self, looks: Sequence[Skeleton]) -> Compared:
        named = bool(looks) and looks[0].table is not None
        scaffolds = [look.scaffold for look in looks]
        items = [scaffold_items(scaffold) for scaffold in scaffolds]
        parts = {"scaffold": pairwise(items, multiset_distance)}
        tables = [look.table for look in looks if look.table]
        if tables:
            parts["transitions"] = pairwise([look.table or {} for look in looks], share_differing)
        keys = tuple(scaffold_key(look.scaffold, look.table) for look in looks)
        return Compared(
            np.mean(list(parts.values()), axis=0),
            parts,
            as_classes(keys, scaffolds, named=named),
            keys,
            "" if named else hashing_library(),
        )
