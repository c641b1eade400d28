"""Does a network fall into groups of units that excite their own and inhibit the others?

The modularity of a partition c of a directed, weighted graph with signs is (Gomez, Jensen and Arenas 2009, Phys Rev E
80, 016114, in the directed form of Leicht and Newman 2008, Phys Rev Lett 100, 118703)

    Q = 1 / (w+ + w-) sum_ij [w_ij - g (s+_i(out) s+_j(in) / w+  -  s-_i(out) s-_j(in) / w-)] [c_i = c_j]

with s+ and s- the strengths of a unit in positive and in negative weights, w+ and w- their sums and g the resolution.
Positive weights within a group, and negative ones between groups, count for it.  Without negative weights it is Leicht
and Newman's; with g = 1 it is 0 when all units are one group.  Self-connections are no edges.

The partition that maximises Q is hard to find; Louvain's moves (Blondel et al. 2008), from several orders of the units,
find one that is nearly as good.  A random graph has Q > 0 too: compare with :func:`dynakit.compare_with_null`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ... import linalg, seeding
from ...checks import count, number, rectangular
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...wording import counted
from .connectivity import adjacency
from .spectra import matrix_of

SAME = 1e-12  # of the largest entry of the quality matrix: a gain below it is rounding


@dataclass(frozen=True, kw_only=True, repr=False)
class Communities(Result):
    """A partition of the units, one entry per unit.

    Attributes:
        labels: (unit,) the community of each, 0 the largest
        inside: (unit,) share of the |weights| from and to it that stay in its community; NaN: it has none
        modularity: Q of the partition; NaN without edges
        values: (run,) the best Q of each run
        W: (unit, unit) the matrix, W[post, pre]
        resolution: g; larger finds smaller communities
        threshold: |weights| at or below it are no edges; None: every weight other than zero is one
        reason: why there is no modularity; "" where there is one
    """

    drawn_by: ClassVar[str] = "plot_communities"

    labels: np.ndarray = per_item()
    inside: np.ndarray = per_item()
    modularity: float
    values: np.ndarray
    W: np.ndarray
    resolution: float
    threshold: float | None
    reason: str

    @property
    def sizes(self) -> np.ndarray:
        """(community,) units of each."""
        return np.bincount(self.labels) if len(self.labels) else np.zeros(0, int)

    @property
    def order(self) -> np.ndarray:
        """(unit,) the units community by community, in each by falling strength."""
        return np.lexsort((-np.abs(self.W).sum(axis=0)[: len(self.labels)], self.labels))

    def headline(self) -> str:
        if self.reason:
            return f"{counted(len(self), 'unit')}, modularity undefined: {self.reason}"
        alike = int((self.values >= self.values.max() - 1e-9).sum())
        groups = counted(len(self.sizes), "community")
        found = f"modularity {self.modularity:.3f}, in {alike} of {len(self.values)} runs"
        return f"{groups} of {counted(len(self), 'unit')}, {found}"


@with_provenance
def find_communities(
    W: Any, *, resolution: float = 1.0, n_runs: int = 10, seed: Any = 0, threshold: float | None = None
) -> Communities:
    """Groups of units of the greatest modularity that several runs of Louvain's algorithm find.

    Arguments:
        W: (unit, unit), W[post, pre], signs and all.  Self-connections are no edges.
        resolution: g of the module's equation; larger finds smaller communities.
        n_runs: from so many random orders of the units; the best is kept.
        seed: of these orders.
        threshold: |weights| at or below it are no edges; None: every weight other than zero is an edge.

    Without edges each unit is a community of its own and the modularity undefined, with the reason in the result.
    The cost of a run is a few hundredths of a second for 256 units, half a second for a thousand.

    Raises InputError, naming the argument.

    >>> two = np.kron(np.eye(2), np.ones((4, 4)))
    >>> find_communities(two)
    Communities(2 communities of 8 units, modularity 0.500, in 10 of 10 runs)
    """
    W = matrix_of(W)
    edges = _edges(W, threshold)
    n_runs, seed = count("n_runs", n_runs), seeding.as_seed(seed)
    B = quality(edges, number("resolution", resolution, above=0.0))
    labels, values = np.arange(len(W)), np.full(n_runs, np.nan)
    if B is not None:
        with linalg.one_thread():
            labels, values = best_partition(B, n_runs, seed)
    sizes = np.abs(edges) + np.abs(edges).T
    total = sizes.sum(axis=0)
    own = (sizes * (labels[:, None] == labels)).sum(axis=0)
    return Communities(
        labels=labels,
        inside=np.divide(own, total, out=np.full(len(W), np.nan), where=total > 0),
        modularity=float("nan") if B is None else float(values.max()),
        values=values,
        W=W,
        resolution=float(resolution),
        threshold=threshold,
        reason="" if B is not None else "there are no edges",
    )


def modularity(W: Any, labels: Any, *, resolution: float = 1.0, threshold: float | None = None) -> float:
    """Modularity Q of a partition of a directed, weighted, signed graph; NaN without edges.

    Arguments:
        W: (unit, unit), W[post, pre], signs and all.  Self-connections are no edges.
        labels: (unit,) the community of each unit: numbers or names.
        resolution: g of the equation at :func:`find_communities`'s module.
        threshold: |weights| at or below it are no edges; None: every weight other than zero is an edge.

    Raises InputError, naming the argument.

    >>> ring = np.roll(np.eye(6), 1, axis=0)
    >>> round(modularity(ring, [0, 0, 0, 1, 1, 1]), 6)  # 4 of 6 edges inside, by chance half
    0.166667

    Gomez, Jensen and Arenas (2009); Leicht and Newman (2008).
    """
    W = matrix_of(W)
    groups = rectangular("labels", labels)
    if groups.shape != (len(W),):
        raise InputError(f"labels must hold one label for each of the {counted(len(W), 'unit')}, got {groups.shape}")
    B = quality(_edges(W, threshold), number("resolution", resolution, above=0.0))
    if B is None:
        return float("nan")
    return _value(B, groups)


def _value(B: np.ndarray, labels: np.ndarray) -> float:
    Q = float((B * (labels[:, None] == labels)).sum())
    return Q if abs(Q) > SAME else 0.0


def _edges(W: np.ndarray, threshold: Any) -> np.ndarray:
    if threshold is not None:
        threshold = number("threshold", threshold, above=0.0)
    return W * adjacency(W, threshold).T


def quality(W: np.ndarray, resolution: float = 1.0) -> np.ndarray | None:
    """The symmetric matrix whose sum over pairs of one community is Q; None without edges."""
    W = W - np.diag(np.diag(W))
    largest = float(np.abs(W).max(initial=0.0))
    if not largest > 0:
        return None
    W = W / np.ldexp(1.0, int(np.frexp(largest)[1]) - 1)  # sums of very large weights would leave the range of a float
    total = float(np.abs(W).sum())
    B = W / total
    for sign in (1, -1):
        part = np.maximum(sign * W, 0.0)
        weight = float(part.sum())
        if weight > 0:
            B -= sign * resolution * np.outer(part.sum(axis=1) / weight, part.sum(axis=0) / total)
    return (B + B.T) / 2


def best_partition(B: np.ndarray, n_runs: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of the best of several runs, the largest community first, and the Q of each run."""
    best, values = np.arange(len(B)), []
    for k in range(n_runs):
        labels = louvain(B, seeding.stream(seed, "communities", k))
        values.append(_value(B, labels))
        if values[-1] >= max(values):
            best = labels if values[-1] > max(values[:-1], default=-np.inf) + SAME else best
    _, first, labels, sizes = np.unique(best, return_index=True, return_inverse=True, return_counts=True)
    rank = np.argsort(np.lexsort((first, -sizes)))
    return rank[labels], np.array(values)


def louvain(B: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Units move to the community where they gain most, communities then as units, and in the end units once more."""
    labels = np.arange(len(B))
    while True:
        before = len(np.unique(labels))
        labels = _compact(moved(B, labels, rng))
        while True:
            member = np.zeros((len(B), labels.max() + 1))
            member[np.arange(len(B)), labels] = 1.0
            merged = moved(member.T @ B @ member, np.arange(member.shape[1]), rng)
            if (merged == np.arange(len(merged))).all():
                break
            labels = _compact(merged[labels])
        if len(np.unique(labels)) == before:
            return labels


def moved(B: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels after moves of single units, in random order, until none gains."""
    n, labels = len(B), labels.copy()
    links = B - np.diag(np.diag(B))
    towards = np.zeros((n, n + 1))  # (unit, community) what a unit has in it; one community is always empty
    for c in np.unique(labels):
        towards[:, c] = links[:, labels == c].sum(axis=1)
    sizes, least = np.bincount(labels, minlength=n + 1), SAME * float(np.abs(B).max(initial=0.0))
    again = True
    while again:
        again = False
        for i in rng.permutation(n).tolist():
            own, best = labels[i], int(towards[i].argmax())
            if not towards[i, best] > towards[i, own] + least:
                continue
            towards[:, own] -= links[:, i]
            towards[:, best] += links[:, i]
            sizes[own], sizes[best], labels[i] = sizes[own] - 1, sizes[best] + 1, best
            if sizes[own] == 0:
                towards[:, own] = 0.0  # nothing but rounding is left of it
            again = True
    return labels


def _compact(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1]
