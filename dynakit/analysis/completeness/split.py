"""W = M N' + E with as few columns as decide where a rate network stands still, and bounds of E that hold exactly.

f rises with slopes in [0, s].  If mu = 1/s - lambda_max((E + E')/2) > 0, then z = M kappa + d + E f(z) has exactly one
solution Z(kappa) for every kappa: with y = f(z), dy.dz >= |dy|^2 / s and dy.E dy <= (1/s - mu) |dy|^2, so that
|dy| <= |dv| / mu for a change dv of the rest.  The fixed points of z = W f(z) + d are then the solutions of the r
equations kappa = N' f(Z(kappa)).  The fewest columns are as many as the symmetric part of W has eigenvalues above 1/s.
For r = 0 there is one fixed point under every input (Forti and Tesi 1995).

Eigenvalues and norms are bounded by a Cholesky factorization that succeeds in floating point: if it does for
A - c 1, with c above its rounding errors, A is positive definite (Rump 2006, BIT Numerical Mathematics 46:433).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .units import U

MARGIN = 0.02  # of 1/s that mu is to be: an eigenvalue nearer than that to 1/s is counted among the large ones


class Split(NamedTuple):
    """W = M N' + E, exactly for the E that is within ``E_error`` of the one here."""

    M: np.ndarray  # (unit, r)
    N: np.ndarray  # (unit, r)
    E: np.ndarray  # (unit, unit)
    E_error: np.ndarray  # (unit, unit)
    E_off: float  # |E - exact|_2 at most
    mu: float  # at most the exact one
    norm: float  # at least |E|_2
    eigenvalues: np.ndarray  # of the symmetric part of W, falling

    @property
    def r(self) -> int:
        return self.M.shape[1]

    @property
    def remainder(self) -> float:
        """Q, at least |(1 - E D)^-1 E|_2 for every diagonal D with slopes in [0, s]."""
        return (self.norm + self.norm**2 / self.mu) * (1 + 1e-14)


def n_equations(W: np.ndarray, steepest: float = 1.0) -> int:
    """How many eigenvalues of the symmetric part of W lie above 1 / steepest."""
    return int((np.linalg.eigvalsh((W + W.T) / 2) > (1 - MARGIN) / steepest).sum())


def split(W: np.ndarray, W_error: np.ndarray | float = 0.0, *, steepest: float = 1.0, r: int | None = None) -> Split:
    """The split that leaves the eigenvalues that are moved at the edge of the others; W is known to ``W_error``."""
    n = len(W)
    values, vectors = np.linalg.eigh((W + W.T) / 2)
    values, vectors = values[::-1], vectors[:, ::-1]
    r = int((values > (1 - MARGIN) / steepest).sum()) if r is None else r
    edge = values[r] if r < n else 0.0
    M, N = vectors[:, :r].copy(), vectors[:, :r] * (values[:r] - edge)
    E = W - M @ N.T
    error = (r + 3) * U * (np.abs(M) @ np.abs(N.T) + np.abs(W)) * (1 + 1e-14) + W_error
    off = float(np.linalg.norm(error)) * (1 + 1e-12)
    largest = greatest_eigenvalue((E + E.T) / 2)
    largest += off + U * float(np.abs(E).sum(axis=1).max(initial=0.0)) * (1 + 1e-12)
    norm = spectral_norm(E)
    mu = (1 / steepest - largest) * (1 - 4 * U)
    return Split(M, N, E, error, off, mu, norm + off, values)


def greatest_eigenvalue(S: np.ndarray) -> float:
    """At least the greatest eigenvalue of a symmetric matrix."""
    if not len(S):
        return 0.0
    top = float(np.linalg.eigvalsh(S)[-1])
    size = float(np.abs(S).sum(axis=1).max()) + 1e-300
    for slack in (1e-13, 1e-11, 1e-9):
        bound = top + slack * len(S) * size
        if is_positive(bound * np.eye(len(S)) - S, 2 * U * (abs(bound) + size)):
            return min(bound, size * (1 + 1e-12))
    return size * (1 + 1e-12)  # by the sums of its rows (Gershgorin)


def spectral_norm(E: np.ndarray) -> float:
    """At least |E|_2."""
    if not E.size:
        return 0.0
    absolute = np.abs(E)
    product = E.T @ E
    wrong = (len(E) + 2) * U * float((absolute.T @ (absolute @ np.ones(E.shape[1]))).max()) * (1 + 1e-12)
    square = greatest_eigenvalue((product + product.T) / 2)
    return float(np.sqrt((max(square, 0.0) + wrong) * (1 + 4 * U))) * (1 + 4 * U)


def is_positive(A: np.ndarray, entry_error: float = 0.0) -> bool:
    """Is a symmetric matrix, known up to a change of that norm on its diagonal, positive definite beyond doubt?"""
    n = len(A)
    gamma = (n + 2) * U / (1 - (n + 2) * U)
    shift = 2 * gamma * float(np.abs(np.diag(A)).sum()) + n * entry_error + 1e-290
    shifted = A - shift * np.eye(n)
    if not (np.diag(shifted) > 0).all():
        return False
    try:
        np.linalg.cholesky(shifted)
    except np.linalg.LinAlgError:
        return False
    return True
