"""How many directions a matrix uses, which, and whether inputs and readout lie along them.

W = sum_k s_k u_k v_k^T: what a network sends along v_k comes back, s_k times as large, along u_k.  In a network of low
rank the v_k are what its units listen to, the u_k what they are moved along (Mastrogiuseppe and Ostojic 2018, Neuron
99, 609).  Of a random matrix no direction means anything: those count that stand out from the edge of the bulk.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ... import linalg
from ...checks import count, reals
from ...provenance import with_provenance
from ...results import Result, per_item
from ...wording import counted
from . import laws
from .spectra import matrix_of


@dataclass(frozen=True, kw_only=True, repr=False)
class LowRankStructure(Result):
    """The dominant directions of a matrix, one entry per direction, by falling singular value.

    Attributes:
        singular_values: (direction,) the largest, s_k
        stands_out: (direction,) whether s_k lies beyond the edge of the bulk and three standard deviations
        hidden: (direction,) the singular value of the part of low rank that shows as s_k, (theta^2 + s^2) / theta
            solved for theta; 0: within the bulk
        fidelity: (direction,) squared overlap that u_k then has with the direction of that part, 1 - s^2 / theta^2
        left: (direction, row) u_k, of length 1, its largest entry positive: what is written
        right: (direction, column) v_k, of length 1: what is read
        reads_inputs: (direction, input) |cosine| of v_k with each column of the input weights; NaN: a column of zeros
        writes_inputs: (direction, input) |cosine| of u_k with it
        reads_readout: (direction, output) |cosine| of v_k with each row of the readout
        writes_readout: (direction, output) |cosine| of u_k with it: how much of what is written is read out
        spectrum: (value,) all singular values
        effective_ranks: by the name of the definition, see :func:`low_rank_structure`
        chance: root of the mean squared cosine of random directions, N^(-1/2)
        scale: of the bulk: sqrt(N) times the standard deviation of its entries; 0: there is none
        edge: the bulk's largest singular value
        relative_change: |W - before| / |before| (Frobenius); NaN where nothing came before
    """

    drawn_by: ClassVar[str] = "plot_singular_values"

    singular_values: np.ndarray = per_item()
    stands_out: np.ndarray = per_item()
    hidden: np.ndarray = per_item()
    fidelity: np.ndarray = per_item()
    left: np.ndarray = per_item()
    right: np.ndarray = per_item()
    reads_inputs: np.ndarray = per_item()
    writes_inputs: np.ndarray = per_item()
    reads_readout: np.ndarray = per_item()
    writes_readout: np.ndarray = per_item()
    spectrum: np.ndarray
    effective_ranks: dict[str, float]
    chance: float
    scale: float
    edge: float
    relative_change: float

    @property
    def n_outliers(self) -> int:
        """Singular values that stand out."""
        return round(self.effective_ranks["outliers"])

    def headline(self) -> str:
        ranks = self.effective_ranks
        rows, columns = self.left.shape[1], self.right.shape[1]
        said = f"{rows} x {columns}, {counted(self.n_outliers, 'direction')} beyond the bulk"
        return f"{said}, effective rank {ranks['participation']:.3g} (participation), {ranks['entropy']:.3g} (entropy)"


@with_provenance
def low_rank_structure(
    W: Any, inputs: Any = None, readout: Any = None, *, before: Any = None, n_directions: int = 10
) -> LowRankStructure:
    """Effective rank of a matrix, its dominant directions, and their overlap with inputs and readout.

    Arguments:
        W: (row, column): W_rec[post, pre], a Jacobian, or any other weights.
        inputs: (row, input), the input weights W_in; None: none.
        readout: (output, column), the readout weights W_out; None: none.
        before: as W; what is looked at is then W - before: what was learnt.  Nothing learnt gives ranks of exactly 0.
        n_directions: how many to keep.

    The effective ranks, 0 for a matrix of zeros, with s the singular values by falling size:

        "participation"  (sum s^2)^2 / sum s^4
        "entropy"        exp(-sum p log p), p = s / sum s (Roy and Vetterli 2007)
        "stable"         sum s^2 / s_1^2 (Rudelson and Vershynin 2007)
        "energy_90"      how many carry 90 % of the sum of s^2
        "numerical"      those above s_1 max(rows, columns) eps
        "outliers"       those beyond the edge of a random matrix of the bulk's scale and 3 sd; of a matrix that is of
                         low rank and has no bulk, all that are not zero

    Of a square random matrix of N units the first is N / 2, which says nothing: compare before with after, or count
    outliers.

    Raises InputError, naming the argument.

    >>> u, v = np.ones((60, 1)), np.r_[np.ones(30), -np.ones(30)]
    >>> structure = low_rank_structure(u * v, inputs=u, readout=v[None])
    >>> structure.n_outliers, structure.writes_inputs[0].round(9), structure.reads_readout[0].round(9)
    (1, array([1.]), array([1.]))
    """
    first = matrix_of(W, square=False)
    rows, columns = first.shape
    n_directions = count("n_directions", n_directions)
    given_inputs = np.zeros((rows, 0)) if inputs is None else reals("inputs", inputs, (rows, "input"))
    given_readout = np.zeros((0, columns)) if readout is None else reals("readout", readout, ("output", columns))
    matrix = matrix_of(W, before, square=False)
    with linalg.one_thread():
        U, s, Vt = linalg.svd(matrix) if matrix.size else (np.eye(rows), np.zeros(0), np.eye(columns))
    scale, hidden, edge = _against_bulk(s, matrix.shape)
    k = min(n_directions, len(s))
    signs = _signs(U[:, :k])
    left, right, theta = (U[:, :k] * signs).T, (Vt[:k].T * signs).T, np.zeros(k)
    theta[: min(k, len(hidden))] = hidden[:k]
    shape = (rows, columns)
    fidelity = [laws.singular_overlaps(t, scale, shape)[0] if t > 0 else 0.0 for t in theta.tolist()]
    came = laws.norm(first - matrix) if before is not None else 0.0
    return LowRankStructure(
        singular_values=s[:k],
        stands_out=np.arange(k) < len(hidden),
        hidden=theta,
        fidelity=np.array(fidelity),
        left=left,
        right=right,
        reads_inputs=_cosines(right, given_inputs.T),
        writes_inputs=_cosines(left, given_inputs.T),
        reads_readout=_cosines(right, given_readout),
        writes_readout=_cosines(left, given_readout),
        spectrum=s,
        effective_ranks=effective_ranks(s, matrix.shape) | {"outliers": float(len(hidden))},
        chance=1 / math.sqrt(rows) if rows else float("nan"),
        scale=scale,
        edge=edge,
        relative_change=laws.norm(matrix) / came if came > 0 else float("nan"),
    )


def _against_bulk(s: np.ndarray, shape: tuple[int, ...]) -> tuple[float, np.ndarray, float]:
    """Scale of the bulk, what is hidden in the values beyond its edge, and the edge."""
    pair = (shape[0], shape[1])
    if not len(s) or not s[0] > 0:
        return 0.0, np.zeros(0), 0.0
    scale, hidden = laws.bulk_scale(s, pair)
    return scale, hidden, laws.singular_edge(scale, pair)


def effective_ranks(s: np.ndarray, shape: tuple[int, ...]) -> dict[str, float]:
    """Of singular values by falling size, those definitions that need nothing else."""
    names = ("participation", "entropy", "stable", "energy_90", "numerical")
    if not len(s) or not s[0] > 0:
        return dict.fromkeys(names, 0.0)
    s = s / s[0]  # squares of very small values would be 0
    share, squares = s[s > 0] / s.sum(), s**2
    energy = np.cumsum(squares) / squares.sum()
    values = (
        squares.sum() ** 2 / (squares**2).sum(),
        math.exp(-float((share * np.log(share)).sum())),
        squares.sum(),
        np.searchsorted(energy, 0.9 - 1e-12) + 1,
        (s > max(shape) * np.finfo(float).eps).sum(),
    )
    return {name: float(value) for name, value in zip(names, values)}


def _signs(U: np.ndarray) -> np.ndarray:
    """What makes the largest entry of each column positive."""
    if not U.size:
        return np.ones(U.shape[1])
    return np.where(np.take_along_axis(U, np.abs(U).argmax(axis=0)[None], axis=0)[0] < 0, -1.0, 1.0)


def _cosines(directions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """|cosine| of unit directions (direction, n) with vectors (vector, n); NaN: of length 0, or of another size."""
    if directions.shape[1] != vectors.shape[1]:
        return np.full((len(directions), len(vectors)), np.nan)
    lengths = np.linalg.norm(vectors, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.minimum(np.abs(directions @ (vectors / lengths[:, None]).T), 1.0)
