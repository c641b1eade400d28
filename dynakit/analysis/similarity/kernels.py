"""Are the same rows alike to two networks?  Linear centred kernel alignment.

With the products of rows K = X X^T and L = Y Y^T, CKA = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L)) (Kornblith et al.
2019).  The plain HSIC, |Y^T X|^2 of centred rows, is above 0 for independent data: n rows of p Gaussian units have a
CKA of p / (n + p).  Without its bias (Song et al. 2012; Murphy et al. 2024), with zero diagonals K~ and L~,

    HSIC_u = [sum K~ L~ + (1'K~1)(1'L~1) / ((n-1)(n-2)) - 2 / (n-2) 1'K~L~1] / (n (n-3)),

for which no n x n matrix is needed: sum K~ L~ = |X^T Y|^2 - sum of products of the rows' norms squared, and
K~1 = X (X^T 1) - the rows' norms squared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import linalg, seeding
from ...checks import flag
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from .given import pair_of_rows
from .mismatched import null, said
from .shapes import N_NULL


@dataclass(frozen=True, kw_only=True, repr=False)
class KernelComparison(Result):
    """How alike the same rows are to two networks.

    Attributes:
        null: (draw,) the similarity when the rows of Y belong to other trials, or to other times
        similarity: CKA: 1 for a rotated, scaled, shifted copy; without bias it may be negative
        debiased: whether it is without the bias of independent rows
    """

    null: np.ndarray = per_item()
    similarity: float
    debiased: bool

    @property
    def angle(self) -> float:
        """arccos of the similarity, in radians: a metric, which 1 - CKA is not; near 0 good to about 1e-8."""
        return float(np.arccos(np.clip(self.similarity, -1.0, 1.0)))

    def headline(self) -> str:
        return f"{'debiased ' if self.debiased else ''}CKA {said(self.similarity, self.null)}"


@dataclass(frozen=True)
class Kernel:
    """One network's rows, and what of their kernel with itself is needed."""

    rows: np.ndarray  # (row, unit) centred, of norm 1
    squares: np.ndarray  # (row,) their norms squared
    sums: np.ndarray  # (row,) of the kernel without its diagonal
    debiased: bool

    @classmethod
    def of(cls, X: np.ndarray, debiased: bool = True, name: str = "X") -> Kernel:
        """From centred finite rows (row, unit)."""
        if debiased and len(X) < 4:
            raise InputError(f"{name} must have at least 4 rows for the debiased CKA, got {len(X)}")
        X = X / np.abs(X).max()
        X = X / np.linalg.norm(X)
        squares = np.einsum("ij,ij->i", X, X)
        made = cls(X, squares, X @ X.sum(axis=0) - squares, debiased)
        if not made.product(made) > 1e-14 / len(X) ** 2:
            raise InputError(
                f"{name} is without structure: once its bias is taken off, nothing of its kernel is left"
            )
        return made

    def reordered(self, order: np.ndarray) -> Kernel:
        return Kernel(self.rows[order], self.squares[order], self.sums[order], self.debiased)

    def product(self, other: Kernel) -> float:
        """HSIC."""
        n, cross = len(self.rows), float(np.sum((self.rows.T @ other.rows) ** 2))
        if not self.debiased:
            return cross
        total = cross - self.squares @ other.squares
        total += (
            self.sums.sum() * other.sums.sum() / ((n - 1) * (n - 2)) - 2 / (n - 2) * self.sums @ other.sums
        )
        return float(total) / (n * (n - 3))

    def between(self, other: Kernel) -> float:
        """CKA."""
        return self.product(other) / float(np.sqrt(self.product(self) * other.product(other)))


@with_provenance
def compare_kernels(
    X: Any, Y: Any, *, debiased: bool = True, n_null: int = N_NULL, seed: Any = 0
) -> KernelComparison:
    """Are the same rows alike to two networks?  Linear centred kernel alignment (CKA).

    Blind to rotations, shifts and sizes; directions of much variance decide.  Without bias it is 0 on average for
    independent rows.  **Rows of a trajectory are not independent**: two random walks of 1,000 steps have a CKA of .98,
    debiased too.  Read the value beside ``null``, and count trials, not steps.

    Arguments:
        X: (trial, time, unit) or (row, unit) states of one network.
        Y: of another under the same inputs; units may differ in number.
        debiased: take the bias of independent rows off, for which four rows are needed.
        n_null: how often the rows of Y are put out of order, for the null (:mod:`.mismatched`).
        seed: of these orders.

    Raises InputError, naming the argument: states that are not finite, constant, of too few rows, of different trials.

    Sources: S. Kornblith, M. Norouzi, H. Lee and G. Hinton, ICML (2019); A. Murphy, J. Zylberberg and A. Fyshe (2024),
    arXiv 2405.01012; L. Song et al., J Machine Learning Research 13 (2012).

    >>> turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> circle, ellipse = (np.column_stack([np.cos(turn), b * np.sin(turn)]) for b in (1.0, 0.5))
    >>> round(compare_kernels(circle, ellipse, debiased=False).similarity, 9)  # 5 / sqrt(34)
    0.857492926
    """
    x, y, trials = pair_of_rows(X, Y)
    debiased = flag("debiased", debiased)
    with linalg.one_thread():
        a, b = Kernel.of(x, debiased, "X"), Kernel.of(y, debiased, "Y")
        draws = null(a, b, trials, n_null, seeding.as_seed(seed))
        return KernelComparison(null=draws, similarity=a.between(b), debiased=debiased)
