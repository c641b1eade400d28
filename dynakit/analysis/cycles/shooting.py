"""Cycles of maps: x_0 -> x_1 -> ... -> x_(q-1) -> x_0, all of them unknowns at once.

Newton's method on the q equations F(x_i) - x_(i+1) = 0 (cyclic; with a step over several states: multiple shooting)
is as
well conditioned as the cycle, where F^q of one state is as badly conditioned as the product of its Jacobians.  The
multipliers are the eigenvalues of that product, which is never formed as it stands: sweeps of the QR decomposition
around the cycle (the periodic Schur form; Bojanczyk, Golub and Van Dooren 1992) grade it first, so that small
multipliers keep their digits.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from ... import linalg
from .autonomous import Autonomous

ACCEPT = 1e-11  # residual of a cycle, relative to 1 + |x|
SHORT = 1e-7  # length of the last Newton step, relative to 1 + |x|
SWEEPS = 12
PARTED = 1e-12  # what is left between invariant subspaces that the sweeps have parted


class ClosedOrbit(NamedTuple):
    """A cycle of a map."""

    states: np.ndarray  # (step, unit)
    residual: float  # max |F(x_i) - x_(i+1)|

    @property
    def period(self) -> int:
        return len(self.states)

    @property
    def scale(self) -> float:
        return 1 + float(np.abs(self.states).max())


def close(flow: Autonomous, x: np.ndarray, max_steps: int = 30) -> ClosedOrbit | None:
    """The cycle near the states x (step, unit), by Newton's method; None if it does not converge."""
    best, least, last = x, np.inf, np.inf
    for _ in range(max_steps):
        r = flow.step(x) - np.roll(x, -1, axis=0)
        size = float(np.abs(r).max())
        if not size < least or not np.isfinite(size):
            break
        best, least = x, size
        if size == 0:
            last = 0.0
            break
        step = cyclic_solve(flow.jacobian(x), -r)
        if step is None:
            break
        last = float(np.abs(step).max())
        x = x + step
    scale = 1 + float(np.abs(best).max())  # a long last step: a flat place, or a root that is not isolated
    return ClosedOrbit(best, least) if least <= ACCEPT * scale and last <= SHORT * scale else None


def cyclic_solve(J: np.ndarray, r: np.ndarray) -> np.ndarray | None:
    """The d (step, unit) with J_i d_i - d_(i+1) = r_i around the cycle; None if there is none.

    One dense system for few unknowns, a sparse one for many.
    """
    q, n = r.shape
    if not (np.isfinite(J).all() and np.isfinite(r).all()):
        return None
    try:
        if q == 1:
            d = np.linalg.solve(J[0] - np.eye(n), r.ravel())
        else:
            d = scipy.sparse.linalg.splu(_cyclic(J)).solve(r.ravel())
    except (np.linalg.LinAlgError, RuntimeError):  # singular
        return None
    return d.reshape(q, n) if np.isfinite(d).all() else None


def _cyclic(J: np.ndarray) -> scipy.sparse.csc_array:
    """The matrix with blocks J_i on the diagonal and -1 after it, the last of which is in the corner."""
    q, n, _ = J.shape
    each = np.arange(q * n)
    minus = scipy.sparse.coo_array((-np.ones(q * n), (each, (each + n) % (q * n))), shape=(q * n, q * n))
    return scipy.sparse.csc_array(in_blocks(J) + minus)


def in_blocks(matrices: np.ndarray, down: int = 0) -> scipy.sparse.coo_array:
    """The matrix with these (step, unit, unit) as blocks on the diagonal, or so many blocks below it, cyclically."""
    q, n, _ = matrices.shape
    i, j, k = np.indices((q, n, n))
    at = (((i + down) % q * n + j).ravel(), (i * n + k).ravel())
    return scipy.sparse.coo_array((matrices.ravel(), at), shape=(q * n, q * n))


def minimal(flow: Autonomous, orbit: ClosedOrbit) -> ClosedOrbit:
    """The orbit once around: a 3-cycle found with q = 6 has period 3."""
    for p in range(1, orbit.period):
        if orbit.period % p:
            continue
        x = orbit.states.reshape(-1, p, orbit.states.shape[1])
        spread = float(np.abs(x - x[0]).max())
        if spread <= 1e-4 * orbit.scale:
            shorter = close(flow, x[0])
            if shorter is not None and float(np.abs(shorter.states - x).max()) <= max(10 * spread, 1e-9):
                return shorter if _same(shorter, orbit) else orbit
    return orbit


def _same(shorter: ClosedOrbit, orbit: ClosedOrbit) -> bool:
    """Is the longer orbit the shorter one several times, and not a doubled one beside it?"""
    x = orbit.states.reshape(-1, *shorter.states.shape)
    return float(np.abs(x - shorter.states).max()) <= 1e-8 * orbit.scale


def multipliers(matrices: np.ndarray) -> np.ndarray:
    """Eigenvalues of matrices[-1] ... matrices[0], by falling modulus; NaN if anything is not finite."""
    n = matrices.shape[1]
    if not np.isfinite(matrices).all():
        return np.full(n, np.nan, complex)
    Q = np.eye(n)
    for _ in range(SWEEPS):
        start, T, log_scale = Q, np.eye(n), 0.0
        for A in matrices:
            Q, R = np.linalg.qr(A @ Q)
            T = R @ T
            size = np.abs(T).max() or 1.0
            T, log_scale = T / size, log_scale + np.log(size)
    turn = start.T @ Q  # orthogonal, and block-diagonal where the sweeps have converged
    cuts = [k for k in range(1, n) if np.abs(turn[k:, :k]).max() < PARTED]
    blocks = itertools.pairwise([0, *cuts, n])
    values = np.concatenate([linalg.eigvals(turn[i:j, i:j] @ T[i:j, i:j]) for i, j in blocks])
    return (np.exp(log_scale) * values)[linalg.spectral_order(values)]


def turns(points: np.ndarray) -> int | None:
    """How often a closed sequence of plane points winds around the middle of its extremes; None if it does not."""
    z = (points - (points.max(0) + points.min(0)) / 2) @ np.array([1, 1j])
    if len(z) < 3 or not np.abs(z).min() > 1e-3 * np.abs(z).max():
        return None
    step = np.angle(np.roll(z, -1) / z)
    if np.abs(step).max() > 0.95 * np.pi:  # it might as well turn the other way
        return None
    return round(float(step.sum()) / (2 * np.pi)) or None
