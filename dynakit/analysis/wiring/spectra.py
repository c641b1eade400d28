"""Does the spectrum of a matrix look like that of a random one, and what of it stands out?

W (or a Jacobian) is read as a bulk of random entries and, perhaps, a part of low rank, which shows as outliers.  The
bulk's scale and correlation are taken from the matrix itself; the law, see :mod:`.laws`, then has nothing left to fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ... import linalg
from ...checks import number, one_of, reals
from ...errors import InputError
from ...provenance import with_provenance
from ...results import Result, per_item
from ...wording import counted, three
from . import bulks
from .connectivity import signs_of

LAWS = ("circular", "elliptic", "rajan_abbott", "marchenko_pastur")


@dataclass(frozen=True, kw_only=True, repr=False)
class LawComparison(Result):
    """The spectrum of a matrix beside that of a random one, one entry per quantity.

    The quantities are ``radius`` (or, of the elliptic law, ``real_axis`` and ``imaginary_axis``; of singular values
    ``edge``): the largest that is no outlier; ``filling``: the mean squared distance of the eigenvalues from the
    centre in semi-axes, 1/2 where they fill the ellipse evenly; ``median``: of the singular values; ``n_outliers``;
    and, where a part of low rank is known, of each of its values that should show ``outlier`` (the modulus), and of
    singular values ``left_overlap`` and ``right_overlap``: the squared overlap of its vectors with those found.

    Attributes:
        quantities: (quantity,) names
        predicted: (quantity,) by the law, for infinitely many units
        found: (quantity,) in this matrix
        sd: (quantity,) standard deviation in random matrices of this size
        verdicts: (quantity,) as predicted (within 3 sd) | departs | undetermined
        values: (value,) eigenvalues by falling modulus, or falling singular values
        outliers: (outlier,) those of them beyond the law's edge and its margin, overshoot + 3 sd
        predicted_outliers: (outlier,) where those of the known part of low rank, or of the mean weights, should be
        law: circular | elliptic | rajan_abbott | marchenko_pastur
        n: units, or rows
        scale: s: sqrt(N) times the standard deviation of the bulk's entries
        tau: correlation of W_ij and W_ji in the bulk; 0 but for the elliptic law
        centre: of the eigenvalues
        axes: (2,) the law's semi-axes; of singular values 0 and the edge
        margins: (2,) what may lie beyond each, as shares of them
        reason: why verdicts are undetermined; "" where they are not
    """

    drawn_by: ClassVar[str] = "plot_law"

    quantities: np.ndarray = per_item()
    predicted: np.ndarray = per_item()
    found: np.ndarray = per_item()
    sd: np.ndarray = per_item()
    verdicts: np.ndarray = per_item()
    values: np.ndarray
    outliers: np.ndarray
    predicted_outliers: np.ndarray
    law: str
    n: int
    scale: float
    tau: float
    centre: float
    axes: np.ndarray
    margins: np.ndarray
    reason: str

    @property
    def verdict(self) -> str:
        """The worst of the verdicts: departs, else undetermined, else as predicted."""
        return next((v for v in ("departs", "undetermined") if v in self.verdicts), "as predicted")

    def density(self, x: np.ndarray) -> np.ndarray:
        """The law's density of singular values at ``x``: of the circle of 2 s a quarter, if the matrix is square."""
        spread, c = self.scale, (float(self.axes[1]) / self.scale - 1) ** 2 if self.scale > 0 else 1.0
        low, high = spread * abs(1 - math.sqrt(c)), spread * (1 + math.sqrt(c))
        with np.errstate(invalid="ignore", divide="ignore"):
            root = np.sqrt(np.maximum((high**2 - x**2) * (x**2 - low**2), 0)) / (np.pi * spread**2 * x)
        return np.nan_to_num(np.where(x > 0, root / min(c, 1.0), high / (np.pi * spread**2)))

    def headline(self) -> str:
        name = self.law.replace("_", "-").title().replace("Circular", "circular").replace("Elliptic", "elliptic")
        departing = self.quantities[self.verdicts == "departs"].tolist()
        which = f" ({', '.join(departing)})" if departing else f": {self.reason}" if self.reason else ""
        shape = f"s = {three(self.scale)}" + (f", tau = {self.tau:.2f}" if self.law == "elliptic" else "")
        return f"{name} law, {shape}: {counted(len(self.outliers), 'outlier')}, {self.verdict}{which}"


@with_provenance
def compare_with_law(
    W: Any, law: str = "circular", *, low_rank: Any = None, before: Any = None, sign: Any = None, centre: float = 0.0
) -> LawComparison:
    """The spectrum of a connectivity matrix or a Jacobian beside the law of random matrices.

    Arguments:
        W: (unit, unit), W[post, pre]; for "marchenko_pastur" (row, column).
        law: "circular" and "elliptic": the eigenvalues of independent entries, and of such that W_ij and W_ji are
            correlated; "rajan_abbott": of columns of two kinds, whose means the law removes; "marchenko_pastur": the
            singular values, in a square matrix a quarter of a circle.
        low_rank: (m, n), matrices (row, k) and (column, k), or vectors, of a known part m n^T of W; None: not known.
        before: a matrix as W; what is looked at is then W - before: what was learnt.
        sign: +1 or -1 for each presynaptic unit, for "rajan_abbott"; None: read off the columns.
        centre: of the eigenvalues: 1 - alpha for the Jacobian of a leaky network, which is taken off the diagonal.

    The scale of the bulk and its tau are those of W without its outliers among the singular values, or without the
    known part.  The verdict is undetermined below 10 units, and where there is no bulk: for a matrix of low rank alone.

    The outlier of Rajan and Abbott, the mean row sum, needs noise whose rows sum to zero; the vector of ones
    is then an eigenvector and the outlier exact.  Without it, as after training, the law says nothing of single
    eigenvalues: the outliers are found, the verdicts undetermined and the reason names the row sums.

    Raises InputError, naming the argument.

    >>> rng = np.random.default_rng(0)
    >>> compare_with_law(rng.normal(size=(200, 200)) / 200**0.5)
    LawComparison(circular law, s = 1: 0 outliers, as predicted)
    >>> compare_with_law(np.linalg.qr(rng.normal(size=(200, 200)))[0]).verdict  # a circle is no disc
    'departs'

    Girko (1985); Sommers et al. (1988); Marchenko and Pastur (1967); Rajan and Abbott (2006, Phys Rev Lett 97, 188104).
    """
    one_of("law", law, LAWS)
    W = matrix_of(W, before, square=law != "marchenko_pastur")
    known = _low_rank(low_rank, W.shape)
    centre = number("centre", centre)
    if law == "marchenko_pastur" and centre:
        raise InputError("centre must be 0 for the singular values: they have none")
    if sign is not None and law != "rajan_abbott":
        raise InputError("sign must be None but for the law 'rajan_abbott', which alone knows of two kinds of units")
    if law == "rajan_abbott" and known is not None:
        raise InputError("low_rank must be None for the law 'rajan_abbott': its part of low rank are the mean weights")
    with linalg.one_thread():
        if law == "marchenko_pastur":
            found = bulks.singular(W, known)
        elif law == "rajan_abbott":
            found = bulks.rajan_abbott(W - centre * np.eye(len(W)), _each_signed(W, sign))
        else:
            found = bulks.elliptic(W - centre * np.eye(len(W)), law, known)
    return _result(law, len(W), centre, found)


def matrix_of(W: Any, before: Any = None, *, square: bool = True) -> np.ndarray:
    """W, or W - before, as finite floats."""
    W = reals("W", W, ("unit", "unit") if square else ("row", "column"))
    if square and W.shape[0] != W.shape[1]:
        raise InputError(f"W must be square, W[post, pre], got {W.shape}")
    return W if before is None else W - reals("before", before, W.shape)


def _low_rank(low_rank: Any, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray] | None:
    if low_rank is None:
        return None
    if not isinstance(low_rank, (tuple, list)) or len(low_rank) != 2:
        raise InputError("low_rank must be a pair (m, n) of the part m n^T of W")
    m, n = (reals(f"low_rank[{k}]", part) for k, part in enumerate(low_rank))
    m, n = (part[:, None] if part.ndim == 1 else part for part in (m, n))
    if m.ndim != 2 or n.shape != (shape[1], m.shape[1]) or len(m) != shape[0]:
        raise InputError(
            f"low_rank must be (row, k) and (column, k) for W of shape {shape}, got {m.shape} and {n.shape}"
        )
    return m, n


def _each_signed(W: np.ndarray, sign: Any) -> np.ndarray:
    signs = signs_of(W, sign)
    if not signs.all() and W.any():
        raise InputError(
            "sign must say +1 or -1 for each unit for the law 'rajan_abbott', but what unit "
            f"{int(np.flatnonzero(signs == 0)[0])} sends has no one sign; pass sign="
        )
    return signs


def _result(law: str, n: int, centre: float, found: bulks.BesideLaw) -> LawComparison:
    rows, bulk = found.rows, found.bulk
    values = found.values + centre if centre else found.values
    return LawComparison(
        quantities=np.array([row.name for row in rows]),
        predicted=np.array([row.predicted for row in rows]),
        found=np.array([row.found for row in rows]),
        sd=np.array([row.sd for row in rows]),
        verdicts=np.array(["undetermined" if bulk.reason else bulks.verdict(row) for row in rows]),
        values=values,
        outliers=values[found.beyond],
        predicted_outliers=found.predicted_outliers + centre if centre else found.predicted_outliers,
        law=law,
        n=n,
        scale=bulk.s,
        tau=found.tau,
        centre=centre,
        axes=found.axes,
        margins=found.margins,
        reason=bulk.reason,
    )
