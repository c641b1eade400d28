"""Invariant circles of maps: closed curves u with F(u(theta)) = u(theta + rho).

The curve is a trigonometric polynomial, its residual is measured on a grid finer than its own, and Newton's method
finds (u, rho) with a phase condition (Schilder, Osinga and Vogt 2005, sec. 3).  Where the linear system is large and
the curve attracts, it is split as the tangent and normal bundles split it: along the curve the correction solves a
small-divisor equation, coefficient by coefficient; across it the map contracts, and the correction is a sum
(Haro, Canadell, Figueras, Luque and Mondelo 2016, sec. 5.3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ... import linalg
from ..exponents import coefficients, wrapped
from .autonomous import Autonomous

DENSE = 1500  # unknowns up to which the whole linear system is solved at once
DOUBLINGS = 14  # of the number of steps over which what contracts is followed
DECAYED = 0.3  # of a product of Jacobians is left across the curve if it attracts; aliasing leaves some, repelling all
TOLD = 1e-6  # relative error of what tells the phase: Newton's step need not be better
AGAIN = 0.1  # of the residual may be left by a step with Jacobians of before
SMALL = 1e-12  # residual, relative to the size of the curve, that needs no further work
FAR = 0.02  # change of the rotation number by which Newton's method has gone to another curve
FLOOR = 1e-13  # coefficients below this share of the largest are rounding


class Curve(NamedTuple):
    """u(theta) = sum_k c_k exp(2 pi i k theta), |k| <= M, real; and its rotation number."""

    c: np.ndarray  # (M + 1, unit)  k = 0..M; the others are their conjugates
    rho: float

    @property
    def n_harmonics(self) -> int:
        return len(self.c) - 1

    @property
    def size(self) -> float:
        """Largest distance of a point from the mean, in the max norm."""
        return float(np.abs(self.on_grid(4 * len(self.c)) - self.c[0].real).max())

    def at(self, theta: np.ndarray, derivative: int = 0) -> np.ndarray:
        """u, or a derivative of it, at phases theta (...): (..., unit)."""
        k = np.arange(len(self.c))
        c = self.c * ((2j * np.pi * k) ** derivative * np.where(k == 0, 1.0, 2.0))[:, None]
        return np.real(np.exp(2j * np.pi * np.multiply.outer(theta, k)) @ c)

    def on_grid(self, m: int, derivative: int = 0, shift: float = 0.0) -> np.ndarray:
        """The same at the phases j / m + shift, j < m."""
        return self.at(np.arange(m) / m + shift, derivative)

    def resized(self, n_harmonics: int) -> Curve:
        """With so many harmonics: cut off, or zeros behind."""
        c = np.zeros((n_harmonics + 1, self.c.shape[1]), complex)
        kept = min(len(c), len(self.c))
        c[:kept] = self.c[:kept]
        return Curve(c, self.rho)

    def reversed(self) -> Curve:
        """The same points run through the other way."""
        return Curve(self.c.conj(), wrapped(-self.rho))

    def turned(self) -> Curve:
        """The phase counted from where the first harmonic of the unit that moves most has its maximum."""
        size = np.abs(self.c[1])
        leading = self.c[1][int(np.round(size / size.max(), 9).argmax())]
        turn = np.exp(-1j * np.angle(leading) * np.arange(len(self.c)))
        return Curve(self.c * turn[:, None], self.rho)

    @property
    def tail(self) -> float:
        """The largest coefficient of the last eighth of the harmonics, relative to the largest of all but the mean."""
        size = np.abs(self.c[1:]).max(axis=1)
        return float(size[-max(1, len(size) // 8) :].max() / max(size.max(), 1e-300))


def from_values(values: np.ndarray, rho: float) -> Curve:
    """The curve through values (grid, unit) at the phases j / grid, an odd number of them."""
    return Curve((np.fft.rfft(values, axis=0) / len(values)), rho)


def from_orbit(orbit: np.ndarray, rho: float, n_harmonics: int) -> Curve:
    """The curve on which x_n = u(n rho), by weighted Birkhoff averages."""
    return Curve(coefficients(orbit, rho, n_harmonics), rho)


def invariance(flow: Autonomous, curve: Curve) -> float:
    """max |F(u(theta)) - u(theta + rho)| over a grid finer than the curve's own, relative to its size."""
    m = max(64, 4 * len(curve.c) + 3)
    gap = flow.step(curve.on_grid(m)) - curve.on_grid(m, shift=curve.rho)
    size = curve.size
    return float(np.abs(gap).max() / size) if size > 0 and np.isfinite(gap).all() else np.inf


def convergence(flow: Autonomous, curve: Curve) -> np.ndarray:
    """The residual of the curve cut off at 1, 2, 4, ... harmonics."""
    orders = 2 ** np.arange(int(np.log2(max(curve.n_harmonics, 1))) + 1)
    return np.array([invariance(flow, curve.resized(int(m))) for m in orders])


def refine(flow: Autonomous, curve: Curve, most: int, *, largest: int = DENSE) -> tuple[Curve, float]:
    """Newton's method, with more harmonics as long as they help; the best curve and its residual.

    Up to ``largest`` unknowns the curve need not attract.
    """
    best, least, idle, J = curve, invariance(flow, curve), 0, None
    while True:
        found, residual, J = _converged(flow, best, curve, J, largest)
        idle = 0 if residual < 0.5 * least else idle + 1
        if residual < least:
            best, least = found, residual
        if least <= SMALL or best.n_harmonics >= most or idle == 2:
            return best, least
        best = best.resized(min(2 * best.n_harmonics, most))


def _converged(
    flow: Autonomous, curve: Curve, first: Curve, J: np.ndarray | None, largest: int, n_steps: int = 12
) -> tuple[Curve, float, np.ndarray | None]:
    """Newton steps at this number of harmonics as long as they bring something; never far from the ``first``.

    Jacobians of before, on whatever grid, serve as long as each step leaves a tenth: those of many steps are dear.
    """
    best, least = curve, invariance(flow, curve)
    for _ in range(n_steps):
        old = J is not None
        J = _linear(flow, best, J)
        trial = _newton(flow, best, J, largest)
        residual = invariance(flow, trial)
        strayed = abs(trial.rho - first.rho) > FAR or not 0.3 < trial.size / first.size < 3
        worse, slow = strayed or not residual < least, not residual <= (AGAIN if old else 0.5) * least
        if not worse:
            best, least = trial, residual
        if least <= 0.01 * SMALL or (slow and (not old or least <= SMALL)):
            break
        J = None if slow else J
    return best, least, J


def _linear(flow: Autonomous, curve: Curve, J: np.ndarray | None) -> np.ndarray:
    """Jacobians on the grid of the curve, (grid, unit, unit): those given, by interpolation, or new ones."""
    m = 2 * curve.n_harmonics + 1
    if J is None:
        return flow.jacobian(curve.on_grid(m))
    return J if len(J) == m else np.fft.irfft(np.fft.rfft(J, axis=0) * (m / len(J)), m, axis=0)


def trimmed(flow: Autonomous, curve: Curve, residual: float) -> tuple[Curve, float]:
    """Without harmonics that are nothing but rounding, if the residual does not mind."""
    size = np.abs(curve.c[1:]).max(axis=1)
    needed = int(np.flatnonzero(size > FLOOR * size.max()).max(initial=0)) + 2
    shorter = curve.resized(min(max(needed, 4), curve.n_harmonics))
    left = invariance(flow, shorter)
    return (shorter, left) if left <= max(2 * residual, SMALL) else (curve, residual)


def _newton(flow: Autonomous, curve: Curve, J: np.ndarray, largest: int) -> Curve:
    m = 2 * curve.n_harmonics + 1
    u = curve.on_grid(m)
    gap = flow.step(u) - curve.on_grid(m, shift=curve.rho)
    if not (np.isfinite(J).all() and np.isfinite(gap).all()):
        return curve
    solved = None if u.size <= DENSE else _split(J, gap, curve)
    if solved is None and u.size > max(largest, DENSE):
        return curve
    change, faster = solved or _dense(J, gap, curve)
    return from_values(u + change, curve.rho + faster)


def shift_matrix(m: int, rho: float) -> np.ndarray:
    """Values on the grid j / m (m odd) to values at j / m + rho, by trigonometric interpolation."""
    row = _kernel(m, np.arange(m) / m + rho)
    return row[(np.arange(m)[:, None] - np.arange(m)[None, :]) % m]


def interpolation(m: int, phases: np.ndarray) -> np.ndarray:
    """Values on the grid j / m (m odd) to values at any phases."""
    return _kernel(m, phases[:, None] - np.arange(m) / m)


def _kernel(m: int, lag: np.ndarray) -> np.ndarray:
    """The trigonometric polynomial that is one at 0 and zero at the other points of the grid."""
    k = np.arange(1, m // 2 + 1)
    return (1 + 2 * np.cos(2 * np.pi * np.multiply.outer(lag, k)).sum(axis=-1)) / m


def _dense(J: np.ndarray, gap: np.ndarray, curve: Curve) -> tuple[np.ndarray, float]:
    """The correction from the whole linear system, with the phase held."""
    m, n = gap.shape
    A = np.zeros((m * n + 1, m * n + 1))
    A[:-1, :-1] = -np.kron(shift_matrix(m, curve.rho), np.eye(n))
    for j in range(m):
        A[j * n : (j + 1) * n, j * n : (j + 1) * n] += J[j]
    A[:-1, -1] = -curve.on_grid(m, 1, shift=curve.rho).ravel()
    A[-1, :-1] = curve.on_grid(m, 1).ravel()
    rhs = np.append(-gap.ravel(), 0.0)
    change = linalg.solve(torch.from_numpy(A[None]), torch.from_numpy(rhs[None]))[0][0].numpy()
    return change[:-1].reshape(m, n), float(change[-1])


def _split(J: np.ndarray, gap: np.ndarray, curve: Curve) -> tuple[np.ndarray, float] | None:
    """The correction along an attracting curve by its coefficients, across it by what the map does to neighbours."""
    m = len(gap)
    back, tangent = shift_matrix(m, -curve.rho), curve.on_grid(m, 1)
    before = back @ gap  # E at theta, caused at theta - rho
    bundles = _doubled(J, before, curve)
    if bundles is None:
        return None
    normal, across = bundles
    along = np.fft.rfft((normal * before).sum(1)) / m
    k = np.arange(len(along))
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(k == 0, 0.0, along / (1 - np.exp(-2j * np.pi * k * curve.rho)))
    slide = np.fft.irfft(a * m, m)
    return across + tangent * slide[:, None], float(along[0].real)


def _doubled(J: np.ndarray, before: np.ndarray, curve: Curve) -> tuple[np.ndarray, np.ndarray] | None:
    """The covector of the phase, and the sum of all that ``before`` has left across an attracting curve; else None.

    D over 2 s steps is D(theta + s rho) D(theta), and so for the sum over as many steps: what contracts little per
    step takes a few doublings.  In the end D is u'(theta + s rho) w(theta), with the covector w.
    """
    m, tangent = len(J), curve.on_grid(len(J), 1)
    D, total, w, steps = J, before, tangent / (tangent**2).sum(axis=1, keepdims=True), 1
    for _ in range(DOUBLINGS):
        on, back = shift_matrix(m, steps * curve.rho), shift_matrix(m, -steps * curve.rho)
        new = ((on @ w)[:, None] @ D)[:, 0]
        new = new / (new * tangent).sum(axis=1, keepdims=True)
        change, w = np.abs(new - w).max(), new
        if not np.isfinite(change):
            return None
        total = total + back @ (D @ total[..., None])[..., 0]
        if change <= TOLD * np.abs(w).max() and steps >= 8:
            left = D - (on @ tangent)[:, :, None] * w[:, None]
            if np.abs(left).max() <= DECAYED * np.abs(D).max():
                return w, total - tangent * (w * total).sum(1, keepdims=True)
        D, steps = np.tensordot(on, D, 1) @ D, 2 * steps
    return None
