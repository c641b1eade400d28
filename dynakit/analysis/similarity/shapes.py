"""Do two networks go through the same shape?  Their states under the same inputs, up to a rotation.

With centred rows X and Y (row, unit), the same row under the same inputs at the same time,

    distance = min over Q in O(n) of |X - Y Q|_F,        angle = 2 arcsin(distance / 2) of X / |X| and Y / |Y|

(Williams, Kunz, Kornblith and Linderman 2021: the angle is a metric).  ``alpha`` below 1 first whitens in part,
X (alpha 1 + (1 - alpha) C^(-1/2)) with C the covariance divided by its mean eigenvalue: at 0 every invertible linear
map of the units is forgiven.
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
from .given import pair_of_rows
from .mismatched import null, said

SINGULAR = 1e-10  # relative: directions with less of the standard deviation are none
N_NULL = 20


@dataclass(frozen=True, kw_only=True, repr=False)
class ShapeComparison(Result):
    """How far the states of two networks under the same inputs are apart, up to a rotation.

    Attributes:
        null: (draw,) the angle when the rows of Y belong to other trials, or to other times
        angle: without the sizes of X and Y, in radians, 0..pi/2
        distance: |X - Y Q|_F of the centred (and, for alpha < 1, partly whitened) rows
        rotation: (unit of Y, unit of X) the Q that brings Y closest to X
        alpha: 1: rotations are forgiven; 0: every invertible linear map is
    """

    null: np.ndarray = per_item()
    angle: float
    distance: float
    rotation: np.ndarray
    alpha: float

    def headline(self) -> str:
        return f"angle {said(self.angle, self.null)}"


@dataclass(frozen=True)
class Shape:
    """One network's rows, centred, whitened as far as was asked, and of norm 1."""

    rows: np.ndarray  # (row, unit)
    size: float  # their norm before

    @classmethod
    def of(cls, X: np.ndarray, alpha: float = 1.0, name: str = "X") -> Shape:
        """From centred finite rows (row, unit)."""
        largest = float(
            np.abs(X).max()
        )  # the squares of what is very large or small leave the range of a float
        X = X / largest
        size = largest * float(np.linalg.norm(X))
        X = X / np.linalg.norm(X)
        if alpha < 1:
            X = _whitened(X, alpha, name)
            size, X = size * float(np.linalg.norm(X)), X / np.linalg.norm(X)
        return cls(X, size)

    def reordered(self, order: np.ndarray) -> Shape:
        return Shape(self.rows[order], self.size)

    def rotation(self, other: Shape) -> np.ndarray:
        """The Q of O(n) that brings the other's rows closest; the narrower of the two has units of zero added."""
        n = max(self.rows.shape[1], other.rows.shape[1])
        product = np.zeros((n, n))
        product[: other.rows.shape[1], : self.rows.shape[1]] = other.rows.T @ self.rows
        left, _, right = linalg.svd(product)
        return left @ right

    def apart(self, other: Shape, sizes: tuple[float, float] = (1.0, 1.0)) -> float:
        """|X - Y Q| of rows of these norms, exact to rounding where they are the same."""
        p, q = self.rows.shape[1], other.rows.shape[1]
        turned = other.rows @ self.rotation(other)[:q]
        turned[:, :p] = sizes[1] * turned[:, :p] - sizes[0] * self.rows
        turned[:, p:] *= sizes[1]
        return float(np.linalg.norm(turned))

    def between(self, other: Shape) -> float:
        """The angle."""
        return float(2 * np.arcsin(min(self.apart(other) / 2, 1.0)))


def _whitened(X: np.ndarray, alpha: float, name: str) -> np.ndarray:
    left, s, right = np.linalg.svd(X, full_matrices=False)
    rank = int((s > SINGULAR * s[0]).sum())
    if rank < X.shape[1]:
        raise InputError(
            f"{name} has {X.shape[1]} units whose {len(X)} rows vary in {rank} directions: whitening (alpha < 1) is "
            f"not defined; use alpha=1, or project onto fewer"
        )
    return (left * (alpha * s + (1 - alpha) * np.sqrt(np.mean(s**2)))) @ right


@with_provenance
def compare_shapes(
    X: Any, Y: Any, *, alpha: float = 1.0, n_null: int = N_NULL, seed: Any = 0
) -> ShapeComparison:
    """Do two networks go through the same shape under the same inputs?

    Blind to rotations, shifts and, for the angle, sizes; not to what stretches one direction (unless alpha = 0), nor to
    a nonlinear bend, nor to how fast a shape is gone through: rows have no order.

    Arguments:
        X: (trial, time, unit) or (row, unit) states of one network.
        Y: of another under the same inputs; units may differ in number.
        alpha: 1 for rotations; less to whiten in part, which needs as many units in X and Y and rows that vary in all.
        n_null: how often the rows of Y are put out of order, for the null (:mod:`.mismatched`).
        seed: of these orders.

    Raises InputError, naming the argument: states that are not finite, constant, of one row, of different trials; units
    of different number, or directions without variance, for alpha < 1.

    Source: A. H. Williams, E. Kunz, S. Kornblith and S. W. Linderman, NeurIPS (2021).

    >>> turn = np.linspace(0, 2 * np.pi, 100, endpoint=False)
    >>> circle, ellipse = (np.column_stack([np.cos(turn), b * np.sin(turn)]) for b in (1.0, 0.5))
    >>> round(compare_shapes(circle, ellipse).angle, 9)  # arccos(3 / sqrt(10))
    0.321750554
    """
    x, y, trials = pair_of_rows(X, Y)
    alpha = number("alpha", alpha, above=0.0, below=1.0)
    if alpha < 1 and x.shape[1] != y.shape[1]:
        raise InputError(
            f"X and Y must have as many units for alpha < 1, got {x.shape[1]} and {y.shape[1]}: the covariance of "
            "units that are not there has no inverse; use alpha=1"
        )
    with linalg.one_thread():
        a, b = Shape.of(x, alpha, "X"), Shape.of(y, alpha, "Y")
        larger = max(a.size, b.size)
        return ShapeComparison(
            null=null(a, b, trials, n_null, seeding.as_seed(seed)),
            angle=a.between(b),
            distance=larger * a.apart(b, (a.size / larger, b.size / larger)),
            rotation=a.rotation(b)[: y.shape[1], : x.shape[1]],
            alpha=alpha,
        )
