"""The statistics of a connectivity matrix W[post, pre], as a graph and as a linear map.

Networks write W[post, pre], graph theory A[i, j] for an edge i -> j; :func:`adjacency` is the one place that turns
one into the other.  Self-connections (autapses) are counted, but are no edges: degrees, strengths,
reciprocity, clustering and the census leave them out; balance and spectrum include them, as the network does.
Trained matrices are usually dense, and then degree and clustering say nothing: choose a ``threshold``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ... import linalg
from ...checks import number, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...wording import counted
from .laws import correlation


@dataclass(frozen=True, kw_only=True, repr=False)
class GraphStatistics(Result):
    """Statistics of one connectivity matrix, one entry per unit.

    Attributes:
        in_degree: (unit,) presynaptic partners
        out_degree: (unit,) postsynaptic partners
        in_strength: (unit,) sum of |W| over incoming edges
        out_strength: (unit,) sum of |W| over outgoing edges
        clustering: (unit,) directed clustering coefficient (Fagiolo 2007, eq. 8)
        excitation: (unit,) sum of incoming positive weights, autapses included
        inhibition: (unit,) sum of |incoming negative weights|
        sign: (unit,) +1 excitatory, -1 inhibitory, 0 mixed: of the outgoing weights
        eigenvalues: (unit,) of W, by falling modulus
        W: (unit, unit) the matrix itself, W[post, pre]
        n_edges: without autapses
        n_autapses: units that project to themselves
        density: edges per ordered pair of distinct units
        reciprocity: share of edges whose reverse exists; NaN without edges
        triad_census: the 16 classes of Holland and Leinhardt (1970)
        block_means: mean weight "E->I" and so on, where units have signs
        threshold: |weights| at or below it are no edges; None: every weight other than zero is one
        name: which matrix: a gated network has one for each gate
    """

    drawn_by: ClassVar[str] = "plot_connectivity"

    in_degree: np.ndarray = per_item()
    out_degree: np.ndarray = per_item()
    in_strength: np.ndarray = per_item()
    out_strength: np.ndarray = per_item()
    clustering: np.ndarray = per_item()
    excitation: np.ndarray = per_item()
    inhibition: np.ndarray = per_item()
    sign: np.ndarray = per_item()
    eigenvalues: np.ndarray = per_item()
    W: np.ndarray
    n_edges: int
    n_autapses: int
    density: float
    reciprocity: float
    triad_census: dict[str, int]
    block_means: dict[str, float]
    threshold: float | None
    name: str = "W"

    @property
    def spectral_radius(self) -> float:
        """Largest modulus of an eigenvalue of W."""
        return float(np.abs(self.eigenvalues).max(initial=0.0))

    @property
    def balance(self) -> np.ndarray:
        """(excitation - inhibition) / (excitation + inhibition) per unit, -1..1; NaN where nothing comes in."""
        with np.errstate(invalid="ignore"):
            return (self.excitation - self.inhibition) / (self.excitation + self.inhibition)

    @property
    def strength(self) -> np.ndarray:
        """(unit,) sum of all that comes in, signs and autapses included: excitation - inhibition."""
        return self.excitation - self.inhibition

    @property
    def sent(self) -> np.ndarray:
        """(unit,) sum of all that goes out, signs and autapses included."""
        return self.W.sum(axis=0)

    @property
    def purity(self) -> np.ndarray:
        """(unit,) |sum W| / sum |W| of the outgoing weights: 1 under Dale's law, 0 half and half; NaN: none."""
        with np.errstate(invalid="ignore"):
            return np.abs(self.sent) / np.abs(self.W).sum(axis=0)

    @property
    def tau(self) -> float:
        """Reciprocity of signed weights, sum W_ij W_ji / sum W_ij^2 over pairs: 1 symmetric, -1 antisymmetric."""
        return correlation(self.W)

    def blocks(self) -> dict[str, np.ndarray]:
        """The weights between excitatory and inhibitory units, a table with one row per block that there is.

        ``density`` is edges per ordered pair of distinct units, ``mean`` and ``sd`` are of all weights of the block,
        and ``input`` is the sum of its weights per postsynaptic unit.
        """
        return block_table(self.W, self.sign, self.threshold)

    def headline(self) -> str:
        return (
            f"{self.name}: {counted(len(self), 'unit')}, {counted(self.n_edges, 'edge')} (density {self.density:.2f}), "
            f"reciprocity {self.reciprocity:.2f}, "
            f"spectral radius {self.spectral_radius:.3f}"
        )

    def sentences(self) -> list[str]:
        """The matrix in a line, and the balance of its units where all of them have signs."""
        excitatory, inhibitory = int((self.sign > 0).sum()), int((self.sign < 0).sum())
        if excitatory + inhibitory < len(self):
            return [self.headline()]
        balance = f"mean balance {float(np.nanmean(self.balance)):+.2f}"
        return [self.headline(), f"{excitatory} excitatory and {inhibitory} inhibitory units, {balance}"]

    def table(self) -> dict[str, np.ndarray]:
        signed = {"balance": self.balance, "strength": self.strength, "sent": self.sent, "purity": self.purity}
        return super().table() | signed


def adjacency(W: np.ndarray, threshold: float | None = None) -> np.ndarray:
    """A[i, j] = 1 if unit i projects to unit j, from W[post, pre]; no self-loops.

    >>> adjacency(np.array([[0.0, 2.0], [0.0, 0.0]]))  # one weight, from unit 1 to unit 0
    array([[0., 0.],
           [1., 0.]])
    """
    edges = (np.abs(W) > (threshold or 0.0)).T.astype(float)
    np.fill_diagonal(edges, 0.0)
    return edges


@with_provenance
def graph_statistics(W: Any, threshold: float | None = None, sign: Any = None) -> GraphStatistics:
    """Graph and spectral statistics of a connectivity matrix.

    Arguments:
        W: (unit, unit), W[post, pre].
        threshold: |weights| at or below it are no edges; None: every weight other than zero is an edge.
        sign: +1 or -1 for each presynaptic unit (Dale's law); None: read off the columns, 0 where they are mixed.

    Raises InputError, naming the argument, for a matrix that is not square or not finite, a negative
    threshold, or signs that are not +-1.

    >>> ring = np.roll(np.eye(5), 1, axis=0)
    >>> graph_statistics(ring).reciprocity, graph_statistics(ring).in_degree.tolist()
    (0.0, [1, 1, 1, 1, 1])
    """
    W = reals("W", W, ("unit", "unit"))
    if W.shape[0] != W.shape[1]:
        raise InputError(f"W must be square, W[post, pre], got {W.shape}")
    if threshold is not None:
        threshold = number("threshold", threshold, above=0.0)
    signs = signs_of(W, sign)
    with linalg.one_thread():
        return _statistics(W, signs, threshold)


def _statistics(W: np.ndarray, signs: np.ndarray, threshold: float | None) -> GraphStatistics:
    n = len(W)
    A = adjacency(W, threshold)
    weights = np.abs(W).T * A
    n_edges = int(A.sum())
    return GraphStatistics(
        in_degree=A.sum(axis=0).astype(int),
        out_degree=A.sum(axis=1).astype(int),
        in_strength=weights.sum(axis=0),
        out_strength=weights.sum(axis=1),
        clustering=clustering(A),
        excitation=np.maximum(W, 0).sum(axis=1),
        inhibition=np.maximum(-W, 0).sum(axis=1),
        sign=signs,
        eigenvalues=linalg.eigvals(W),
        W=W,
        n_edges=n_edges,
        n_autapses=int((np.abs(np.diag(W)) > (threshold or 0.0)).sum()),
        density=n_edges / (n * (n - 1)) if n > 1 else float("nan"),
        reciprocity=float((A * A.T).sum() / n_edges) if n_edges else float("nan"),
        triad_census=_triad_census(A),
        block_means=block_means(W, signs),
        threshold=threshold,
    )


BLOCKS = ("E->E", "E->I", "I->E", "I->I")


def signs_of(W: np.ndarray, sign: Any) -> np.ndarray:
    """+1, -1 or, where they are mixed, 0 for each presynaptic unit, as given or read off the columns."""
    if sign is None:
        return np.sign((W > 0).any(axis=0).astype(int) - (W < 0).any(axis=0).astype(int))
    signs = np.asarray(sign.detach().cpu() if hasattr(sign, "detach") else sign)
    if signs.shape != (len(W),):
        raise InputError(f"sign must hold +1 or -1 for each of the {counted(len(W), 'unit')}, got shape {signs.shape}")
    wrong = np.flatnonzero(~np.isin(signs, (-1, 1)))
    if len(wrong):
        raise InputError(f"sign must hold only +1 and -1, got {signs[wrong[0]]} for unit {wrong[0]}")
    return signs.astype(int)


def block_means(W: np.ndarray, signs: np.ndarray) -> dict[str, float]:
    """Mean weight between excitatory and inhibitory units; empty where there are not both."""
    kinds = {"E": signs > 0, "I": signs < 0}
    if not all(k.any() for k in kinds.values()):
        return {}
    return {
        f"{a}->{b}": float(W[np.ix_(post, pre)].mean())
        for a, pre in kinds.items()
        for b, post in kinds.items()
    }


def block_table(W: np.ndarray, signs: np.ndarray, threshold: float | None = None) -> dict[str, np.ndarray]:
    """See :meth:`GraphStatistics.blocks`."""
    edges, rows = adjacency(W, threshold).T, []
    kinds = {"E": np.flatnonzero(signs > 0), "I": np.flatnonzero(signs < 0)}
    for name in BLOCKS:
        pre, post = kinds[name[0]], kinds[name[-1]]
        if not len(pre) or not len(post):
            continue
        at, same = np.ix_(post, pre), len(post) if name[0] == name[-1] else 0
        n_pairs = len(post) * len(pre) - same
        density = edges[at].sum() / n_pairs if n_pairs else float("nan")
        rows.append((name, len(pre), len(post), density, W[at].mean(), W[at].std(), W[at].sum() / len(post)))
    names = ("block", "pre_units", "post_units", "density", "mean", "sd", "input")
    return {name: np.array(column) for name, column in zip(names, zip(*rows) if rows else [()] * len(names))}


def clustering(A: np.ndarray) -> np.ndarray:
    """Fagiolo (2007), eq. 8: closed triangles over possible ones, all directions; 0 where none is possible."""
    both = A + A.T
    triangles = np.einsum("ij,ji->i", both @ both, both) / 2
    total, mutual = both.sum(axis=1), (A * A.T).sum(axis=1)
    possible = total * (total - 1) - 2 * mutual
    return np.divide(triangles, possible, out=np.zeros(len(A)), where=possible > 0)


TRIADS = {  # X, Y, Z and d of each class: it occurs sum_ij (X Y)_ij Z_ij / d times; see _dyads for the letters
    "003": ("EEE", 6),
    "012": ("EEC", 1),
    "102": ("EEM", 2),
    "021D": ("TCE", 2),
    "021U": ("CTE", 2),
    "021C": ("CCE", 1),
    "111D": ("CME", 1),
    "111U": ("MCE", 1),
    "030T": ("CCC", 1),
    "030C": ("CCT", 3),
    "201": ("MME", 2),
    "120D": ("TCM", 2),
    "120U": ("CTM", 2),
    "120C": ("CCM", 1),
    "210": ("MMC", 1),
    "300": ("MMM", 6),
}


def _triad_census(A: np.ndarray) -> dict[str, int]:
    """The 16 triad classes."""
    dyads = _dyads(A)
    return {name: _triads(name, dyads) for name in TRIADS}


def count_triads(A: np.ndarray, name: str) -> int:
    """How often one of the triad classes occurs in A[i, j]: one matrix product."""
    return _triads(name, _dyads(A))


def _triads(name: str, dyads: dict[str, np.ndarray]) -> int:
    (X, Y, Z), divisor = TRIADS[name]
    return round(float(((dyads[X] @ dyads[Y]) * dyads[Z]).sum()) / divisor)


def _dyads(A: np.ndarray) -> dict[str, np.ndarray]:
    """Mutual, asymmetric (C and, the other way round, T) and empty dyads."""
    mutual = A * A.T
    one_way = A - mutual
    empty = (1 - A) * (1 - A.T)
    np.fill_diagonal(empty, 0.0)
    return {"M": mutual, "C": one_way, "T": one_way.T, "E": empty}
