"""Bounds for a matrix that is of low rank but for a little: W = M N' + E with |E| so small that it may be anything.

A product of factors that was stored as one matrix is of full rank, by its rounding.  With s the steepest slope of f and
s |E|_2 < 1, kappa = N' f(Z), Z = M kappa + d + E f(Z) has one Z for every kappa (E f is a contraction), and

    |Z - M kappa - d|_i <= |E_i|_2 |f(Z)|_2,   |DG - N' D M|_kl <= |N_k|_2 |M_l|_2 s q / (1 - q),   q = s |E|_2,

from DG = N' D (1 - E D)^-1 M: boxes cost no more than those of ``LowRank``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .low_rank import LowRank
from .units import U, Unit

LITTLE = 1e-5  # s |E|_2 up to which E may be anything
ROUNDS = 6  # in which Z is found: the rest is below LITTLE^6


class Factored(NamedTuple):
    """W = M N' + E, for an E within ``E_error`` of the one here."""

    M: np.ndarray  # (unit, r)
    N: np.ndarray  # (unit, r)
    E: np.ndarray  # (unit, unit)
    rows: np.ndarray  # (unit,)  at least |E_i|_2 of the exact one
    norm: float  # at least |E|_2 of the exact one

    @property
    def r(self) -> int:
        return self.M.shape[1]


def factored(W: np.ndarray, W_error: np.ndarray | float = 0.0, *, steepest: float, most: int) -> Factored | None:
    """The factors of a matrix that has at most ``most`` singular values which are not little; else None."""
    left, s, right = np.linalg.svd(W)
    r = int((s > LITTLE / (10 * steepest)).sum())
    if r > most:
        return None
    M, N = left[:, :r] * np.sqrt(s[:r]), right[:r].T * np.sqrt(s[:r])
    E = W - M @ N.T
    wrong = (r + 3) * U * (np.abs(M) @ np.abs(N.T) + np.abs(W)) * (1 + 1e-12) + W_error
    rows = np.linalg.norm(np.abs(E) + wrong, axis=1) * (1 + 4 * (len(W) + 4) * U)
    norm = float(np.linalg.norm(rows)) * (1 + 4 * (len(W) + 4) * U)
    return Factored(M, N, E, rows, norm) if norm * steepest < LITTLE else None


class NearlyLowRank(LowRank):
    """The equations of a network z = W f(z) + d with a factored W; d is known to ``d_error``."""

    def __init__(self, parts: Factored, d: np.ndarray, unit: Unit, d_error: np.ndarray | float = 0.0) -> None:
        super().__init__(parts.M, parts.N, d, unit, d_error)
        self.parts = parts
        q = parts.norm * unit.steepest
        self.left = (1 - q) * (1 - 4 * U)
        low, high = unit.values(np.zeros(self.n), np.zeros(self.n))
        self.at_zero = float(np.linalg.norm(np.maximum(np.abs(low), np.abs(high)))) * self.sure
        columns = np.linalg.norm(self.abs_N, axis=0)[:, None] * np.linalg.norm(self.abs_M, axis=0)
        self.off = (self.off + columns * (unit.steepest * q / self.left)) * self.sure
        size = np.linalg.norm((np.abs(d) + self.d_error)[None], axis=1)
        self.d_error = self.d_error + parts.rows * self._size_of_f(size)[0]  # of a state at kappa = 0

    def _size_of_f(self, size: np.ndarray) -> np.ndarray:
        """At least |f(Z)|_2 where |M kappa + d|_2 <= size (box,)."""
        most = (self.unit.steepest * size + self.at_zero) / self.left * self.sure
        if self.unit.bounds is None:
            return most
        return np.minimum(most, max(map(abs, self.unit.bounds)) * np.sqrt(self.n) * self.sure)

    def _currents(self, C: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As those of the factors alone; what E adds may be wrong with it."""
        z, wrong = super()._currents(C)
        size = np.linalg.norm(np.abs(C) @ self.abs_M.T + np.abs(self.d) + self.d_error, axis=1)
        return z, (wrong + self.parts.rows * self._size_of_f(size)[:, None]) * self.sure

    def _spread(self, R: np.ndarray, wrong: np.ndarray) -> np.ndarray:
        """As far as the factors carry it, and E the change of f."""
        moved = np.linalg.norm(R @ self.abs_M.T, axis=1) * (self.unit.steepest / self.left)
        return super()._spread(R, wrong + self.parts.rows * moved[:, None])

    def states(self, kappa: np.ndarray) -> np.ndarray:
        """About Z at kappa (point, r): (point, unit)."""
        v = kappa @ self.M.T + self.d
        z = v
        for _ in range(ROUNDS):
            z = v + self.unit.value(z) @ self.parts.E.T
        return z
