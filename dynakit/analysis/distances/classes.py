"""Which networks are alike: scaffolds with names by a dictionary, those without by an isomorphism of graphs.

The Weisfeiler-Lehman hash (Shervashidze et al. 2011) of a scaffold is the same for isomorphic ones, and nearly always
different for others; where two are the same, VF2++ (Juettner and Madarasi 2018) decides.  Branches lead from saddles to
what is stable, so that the graph is hashed without directions; hashes may change from one networkx to the next, so that
its version belongs to them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..manifolds import Scaffold
from .labelled import scaffold_items

if TYPE_CHECKING:
    import networkx

ROUNDS = 4  # of Weisfeiler and Lehman: how far around a point its colour sees


def hashing_library() -> str:
    """The library whose hashes the keys of scaffolds without names are."""
    import networkx

    return f"networkx {networkx.__version__}"


def scaffold_key(scaffold: Scaffold, table: Mapping[Hashable, Hashable] | None = None) -> str:
    """16 hex digits: the same for scaffolds that are alike, and with names for no others.

    With ``table``, what leads from which name to which, names decide: the same table and the same named points.
    """
    if table is not None:
        said = repr(sorted(map(repr, table.items()))) + repr(sorted(map(repr, scaffold_items(scaffold).items())))
        return hashlib.sha256(said.encode()).hexdigest()[:16]
    import networkx

    graph = _graph(scaffold).to_undirected()
    return networkx.weisfeiler_lehman_graph_hash(graph, node_attr="kind", iterations=ROUNDS)[:16]


def as_classes(keys: Sequence[str], scaffolds: Sequence[Scaffold | None], *, named: bool) -> np.ndarray:
    """(network,) the class of each by order of appearance; -1 for a network without a scaffold."""
    found: list[tuple[str, Any]] = []
    classes = np.full(len(keys), -1)
    for i, (key, scaffold) in enumerate(zip(keys, scaffolds)):
        if scaffold is None:
            continue
        graph: Any = None if named else _graph(scaffold)
        alike = (k for k, (known, other) in enumerate(found) if known == key and (named or _same(graph, other)))
        classes[i] = next(alike, len(found))
        if classes[i] == len(found):
            found.append((key, graph))
    return classes


def _same(one: networkx.DiGraph, other: networkx.DiGraph) -> bool:
    import networkx

    return networkx.vf2pp_is_isomorphic(one, other, node_label="kind")


def _graph(scaffold: Scaffold) -> networkx.DiGraph:
    """Points with what kind they are, and the branches of those with one unstable direction."""
    import networkx

    graph = networkx.DiGraph()
    edges = scaffold.saddle_edges
    for i, index in enumerate(scaffold.indices.tolist()):
        own = edges[edges[:, 0] == i, 1]
        ends = f"{len(set(own[own >= 0].tolist()))} of {len(own)}"  # both ways to one point, or one to none
        graph.add_node(i, kind=f"{index}: {ends}" if index == 1 else str(index))
    graph.add_edges_from((i, j) for i, j in edges.tolist() if j >= 0)
    return graph
