"""Do two networks carry the same signals?  Canonical correlations of their states.

With orthonormal bases U and V of the columns of centred X and Y, of which only the principal components that carry a
share of the variance are kept, the correlations are the singular values of U^T V, the cosines of the angles between the
two spaces (Hotelling 1936; SVCCA: Raghu et al. 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import linalg, seeding
from ...checks import number
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...wording import counted
from .given import pair_of_rows
from .mismatched import null, said
from .shapes import N_NULL, SINGULAR


@dataclass(frozen=True, kw_only=True, repr=False)
class SubspaceComparison(Result):
    """How well the signals of two networks correlate, up to any invertible linear map.

    Attributes:
        correlations: (component,) canonical correlations, falling: as many as the smaller of the two has components
        null: (draw,) the distance when the rows of Y belong to other trials, or to other times
        n_components: of X and of Y, that carry the share of the variance
        variance: the share that was kept
    """

    correlations: np.ndarray = per_item()
    null: np.ndarray
    n_components: tuple[int, int]
    variance: float

    @property
    def distance(self) -> float:
        """1 - the mean correlation."""
        return float(1 - self.correlations.mean())

    def headline(self) -> str:
        kept = " and ".join(map(str, self.n_components))
        of = f"{counted(len(self), 'correlation')}, components kept: {kept}"
        return f"distance {said(self.distance, self.null)}; {of}"


@dataclass(frozen=True)
class Basis:
    """Orthonormal columns: the principal components of one network's rows, each of norm 1."""

    columns: np.ndarray  # (row, component)

    @classmethod
    def of(cls, X: np.ndarray, variance: float = 0.99) -> Basis:
        """The fewest that carry this share of the variance of centred finite rows (row, unit)."""
        left, s, _ = np.linalg.svd(X / np.abs(X).max(), full_matrices=False)
        share = np.cumsum(s**2) / np.sum(s**2)
        enough = int(np.searchsorted(share, variance * (1 - 1e-12))) + 1
        return cls(left[:, : min(enough, int((s > SINGULAR * s[0]).sum()))])

    def reordered(self, order: np.ndarray) -> Basis:
        return Basis(self.columns[order])

    def correlations(self, other: Basis) -> np.ndarray:
        """Canonical correlations, falling."""
        return np.minimum(linalg.svd(self.columns.T @ other.columns)[1], 1.0)

    def between(self, other: Basis) -> float:
        """1 - the mean correlation."""
        return float(1 - self.correlations(other).mean())

    def check(self, other: Basis, names: str = "X and Y") -> None:
        """Raise if some correlations are 1 whatever the data: spaces of too many dimensions meet."""
        (n, p), q = self.columns.shape, other.columns.shape[1]
        if p + q > n - 1:
            raise InputError(
                f"{names} have {n} rows and {p} and {q} components: with fewer rows than components, {p + q - n + 1} "
                "correlations are 1 whatever the data; use more rows, or a smaller variance"
            )


@with_provenance
def compare_subspaces(
    X: Any, Y: Any, *, variance: float = 0.99, n_null: int = N_NULL, seed: Any = 0
) -> SubspaceComparison:
    """Do two networks carry the same signals?  Canonical correlations (CCA; with less than all variance, SVCCA).

    Blind to every invertible linear map of what is kept; every component counts alike, however little it varies.  Of
    independent rows the mean correlation is not 0: 200 rows of 50 Gaussian units have .44.  Read it beside ``null``.

    Arguments:
        X: (trial, time, unit) or (row, unit) states of one network.
        Y: of another under the same inputs; units may differ in number.
        variance: the share of the variance whose principal components are kept, 0..1; 1 keeps all.
        n_null: how often the rows of Y are put out of order, for the null (:mod:`.mismatched`).
        seed: of these orders.

    Raises InputError, naming the argument: states that are not finite, constant, of different trials, of fewer rows
    than components.

    Sources: H. Hotelling, Biometrika 28 (1936); M. Raghu, J. Gilmer, J. Yosinski and J. Sohl-Dickstein, NeurIPS (2017).

    >>> latent = np.random.default_rng(0).normal(size=(200, 3))
    >>> mixed = latent @ [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0], [1.0, 0.0, 3.0]]
    >>> compare_subspaces(latent, mixed, variance=1.0).correlations.round(6).tolist()
    [1.0, 1.0, 1.0]
    """
    x, y, trials = pair_of_rows(X, Y)
    variance = number("variance", variance, above=0.0, below=1.0)
    with linalg.one_thread():
        a, b = Basis.of(x, variance), Basis.of(y, variance)
        a.check(b)
        return SubspaceComparison(
            correlations=a.correlations(b),
            null=null(a, b, trials, n_null, seeding.as_seed(seed)),
            n_components=(a.columns.shape[1], b.columns.shape[1]),
            variance=variance,
        )
