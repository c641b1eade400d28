"""Bounds for a network of low rank: kappa = N' f(M kappa + d), W = M N'.

The coordinates are those in which the columns of M are orthogonal and of one length (``whitened``), because the number
of boxes depends on them.  They are rounded, and what that changes is bounded, so that the equations that are solved are
exactly those of the factors given: with A B near 1, A (N' f(M B k + d) - B k) vanishes where the equations hold.

A sum of n products is within n u / (1 - n u) of the sum of moduli, in whatever order it is taken (Higham 2002, sec.
3.1).  That is added for what is signed; what is a bound already is multiplied by ``sure``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from . import a_priori
from .search import Contraction, NoBox
from .units import U, Unit

WORK = 2_000_000  # numbers per batch of boxes
SINGULAR = 1e-9  # determinant, relative, below which a matrix is not inverted
SHRINKS, SMALL = 50, 1e-3  # times the first box is cut, and radii at which it is small enough


class LowRank:
    """The equations of factors M, N (unit, r) and a constant input d (unit,), known to ``d_error``.

    Raises NoBox where M is not of full rank.
    """

    def __init__(
        self, M: np.ndarray, N: np.ndarray, d: np.ndarray, unit: Unit, d_error: np.ndarray | float = 0.0
    ) -> None:
        self.unit, self.d, self.d_error = unit, d, np.broadcast_to(np.asarray(d_error, float), d.shape)
        self.n, self.r = M.shape
        self.sure = 1 + 4 * (self.n + self.r + 8) * U
        self.given = M, N
        self._whiten(M, N)
        self.abs_M, self.abs_N = np.abs(self.M) + self.off_M, np.abs(self.N) + self.off_N
        self.products = (self.N[:, :, None] * self.M[:, None, :]).reshape(self.n, -1)
        self.abs_products = (self.abs_N[:, :, None] * self.abs_M[:, None, :]).reshape(self.n, -1)
        self.weight = self.abs_M.mean(axis=0)
        self.at_once = max(1, WORK // max(1, self.n * max(1, self.r)))
        by_off = self.off_N.T @ self.abs_M + self.abs_N.T @ self.off_M
        self.off = (self.off_one + by_off * unit.steepest) * self.sure  # of DG - 1

    def _whiten(self, M: np.ndarray, N: np.ndarray) -> None:
        """M~ = M B and N~ = N A', with A about the inverse of B, and what is wrong with them."""
        _, s, Vt = np.linalg.svd(M, full_matrices=False)
        if not s.min(initial=np.inf) > 1e-12 * s.max(initial=1.0):
            raise NoBox("the factors of its weights are not of the rank that they have columns")
        root = np.sqrt(self.n)
        B, A = Vt.T / s * root, (Vt.T * s).T / root
        self.B, self.A = B, A
        self.M, self.N = M @ B, N @ A.T
        g = (self.r + 2) * U * self.sure
        self.off_M, self.off_N = g * (np.abs(M) @ np.abs(B)), g * (np.abs(N) @ np.abs(A.T))
        self.off_one = np.abs(np.eye(self.r) - A @ B) + g * (np.abs(A) @ np.abs(B)) + U
        if self.r and not np.abs(self.off_one).sum(axis=1).max() < 1e-6:
            raise NoBox("the factors of its weights are too badly conditioned")

    @property
    def reach(self) -> np.ndarray:
        """About how much each unit's current moves with each coordinate (unit, r)."""
        return self.abs_M

    def image(self, z: np.ndarray) -> np.ndarray:
        """N' f(z) (point, r)."""
        return self.unit.value(z) @ self.N

    def states(self, kappa: np.ndarray) -> np.ndarray:
        """The currents z (point, unit) at kappa (point, r), both as they are here."""
        return kappa @ self.M.T + self.d

    def hull(self) -> tuple[np.ndarray, np.ndarray]:
        """A box that holds every root, cut by its own image until that helps no more."""
        if self.unit.bounds is None:
            off = float(np.linalg.norm(self.off))
            size = np.linalg.norm(self.abs_N, axis=1) * (self.unit.beyond + np.abs(self.d) + self.d_error)
            C, R = a_priori.of_rectified(self.M, self.N, size.sum() * self.sure, off * self.sure)
        else:
            C, R = a_priori.of_bounded(self.N, self.unit.bounds)
            off = self.off_N.sum(axis=0) + self.off_one.sum(axis=1) * (np.abs(C) + 2 * R).max(initial=0.0)
            R = (R + off) * self.sure
        for _ in range(SHRINKS):
            z, wrong = self._currents(C[None])
            spread = self._spread(R[None], wrong)
            lo, hi = self._image(C[None], R[None], *self.unit.values(z - spread, z + spread))
            lo, hi = np.maximum(lo[0], C - R), np.minimum(hi[0], C + R)
            if not (lo <= hi).all():  # there is no root at all, as the search will see
                break
            radius = (hi - lo) / 2 * self.sure + 4e-16 * (np.abs(lo) + np.abs(hi)) + 1e-12
            if (radius > 0.99 * R).all() or (radius < SMALL).all():
                break
            C, R = (hi + lo) / 2, radius
        return C, R

    def _currents(self, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """z at the centres, and what may be wrong with it (box, unit)."""
        z = C @ self.M.T + self.d
        size = np.abs(C) @ self.abs_M.T + np.abs(self.d)
        wrong = (self.r + 3) * U * size + np.abs(C) @ self.off_M.T + self.d_error
        return z, wrong * self.sure

    def _spread(self, R: np.ndarray, wrong: np.ndarray) -> np.ndarray:
        """How far z is from that at the centres, anywhere in the boxes (box, unit)."""
        return (R @ self.abs_M.T + wrong) * self.sure

    def _image(self, C: np.ndarray, R: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of G over boxes (box, r), with those of f."""
        middle, radius = (high + low) / 2, (high - low) / 2
        centre = middle @ self.N
        size = np.abs(middle) + radius
        wide = radius @ self.abs_N + (self.n + 4) * U * (size @ self.abs_N) + size @ self.off_N
        wide = (wide + (np.abs(C) + R) @ self.off_one.T) * self.sure
        return centre - wide, centre + wide

    def contraction(self, C: np.ndarray, R: np.ndarray, hint: Any = None) -> Contraction:
        """Bounds over boxes; Krawczyk's operator is preconditioned inside of the sum over units."""
        z, wrong = self._currents(C)
        spread = self._spread(R, wrong)
        lowest, highest, low, high = self.unit.over(z - spread, z + spread)
        lo, hi = self._image(C, R, lowest, highest)
        F, error = self._residual(C, z, wrong)
        middle, radius = (high + low) / 2, (high - low) / 2 * self.sure + U
        J = (middle @ self.products).reshape(-1, self.r, self.r) - np.eye(self.r)
        wide = ((radius + (self.n + 4) * U * middle) @ self.abs_products).reshape(J.shape) + self.off
        slope = (np.abs(J) + wide) * self.sure
        barred = (np.abs(F) - error > np.einsum("bkl,bl->bk", slope, R) * self.sure).any(axis=1)
        Y = inverses(J)
        YN = np.abs(Y @ self.N.T) + np.abs(Y) @ (self.off_N.T + (self.r + 2) * U * self.abs_N.T)
        T = np.abs(np.eye(self.r) - Y @ J) + (YN * radius[:, None]) @ self.abs_M
        T += np.abs(Y) @ (self.off + (self.n + 8) * U * (middle @ self.abs_products).reshape(J.shape)) + 8 * U
        T += (self.r + 4) * U * np.abs(Y) @ np.abs(J)
        step = -np.einsum("bkl,bl->bk", Y, F)
        slack = np.einsum("bkl,bl->bk", np.abs(Y), error + (self.r + 4) * U * np.abs(F)) * self.sure
        return Contraction(step, slack, T * self.sure, barred, lo, hi, None)

    def _residual(self, C: np.ndarray, z: np.ndarray, wrong: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """G - kappa at the centres, and what may be wrong with it (box, r)."""
        f = self.unit.value(z)
        F = f @ self.N - C
        error = (self.unit.error(f) + self.unit.steepest * wrong + (self.n + 4) * U * np.abs(f)) @ self.abs_N
        error += np.abs(f) @ self.off_N + np.abs(C) @ self.off_one.T + 2 * U * np.abs(C)
        return F, error * self.sure

    def newton(self, C: np.ndarray, hint: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Newton's method, with steps no longer than a state is large."""
        C, best = C.copy(), np.full(len(C), np.inf)
        for _ in range(12):
            z = self.states(C)
            value, slope = self.unit.both(z)
            F = value @ self.N - C
            size = np.abs(F).max(axis=1, initial=0.0)
            if not (size < 0.5 * best).any():
                break
            best = np.minimum(best, size)
            C = C - np.einsum("bkl,bl->bk", inverses(self._at_slopes(slope) - np.eye(self.r)), F)
        return C, np.abs(self.image(self.states(C)) - C).max(axis=1, initial=0.0)

    def derivative(self, kappa: np.ndarray) -> np.ndarray:
        """dG/dkappa (point, r, r)."""
        return self._at_slopes(self.unit.slope(self.states(kappa)))

    def _at_slopes(self, slopes: np.ndarray) -> np.ndarray:
        return (slopes @ self.products).reshape(-1, self.r, self.r)


def inverses(J: np.ndarray) -> np.ndarray:
    """About the inverses of matrices (box, r, r); minus one for those that have none."""
    size = np.abs(J).max(axis=(1, 2), initial=0.0)
    good = np.abs(np.linalg.det(J)) > SINGULAR * size ** J.shape[1]
    return np.linalg.inv(np.where(good[:, None, None], J, -np.eye(J.shape[1])))
