"""Invariant circles of maps: closed curves u with F(u(theta)) = u(theta + rho).

The curve is a trigonometric polynomial, its residual is measured on a grid finer than its own, and Newton's method
finds (u, rho) with a phase condition (Schilder, Osinga and Vogt 2005, sec. 3).  Where the whole linear system is too
large it is split as the tangent and normal bundles split it: along the curve the correction solves a
small-divisor equation, coefficient by coefficient; across it the map contracts, and the correction is a fixed point
(Haro, Canadell, Figueras, Luque and Mondelo 2016, sec. 5.3).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from .. import linalg
from ._autonomous import Autonomous
from ._birkhoff import coefficients, wrapped

DENSE = 1500  # unknowns up to which the whole linear system is solved
SWEEPS = 20_000  # most applications of the map across the curve in one Newton step
TOLD = 1e-6  # relative error of what tells the phase: Newton's step need not be better
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


def refine(flow: Autonomous, curve: Curve, most: int) -> tuple[Curve, float]:
    """Newton's method, with more harmonics as long as they help; the best curve and its residual."""
    best, least, idle = curve, invariance(flow, curve), 0
    while True:
        found, residual = _converged(flow, best, curve)
        idle = 0 if residual < 0.5 * least else idle + 1
        if residual < least:
            best, least = found, residual
        if least <= SMALL or best.n_harmonics >= most or idle == 2:
            return best, least
        best = best.resized(min(2 * best.n_harmonics, most))


def _converged(flow: Autonomous, curve: Curve, first: Curve, n_steps: int = 8) -> tuple[Curve, float]:
    """Newton steps at this number of harmonics as long as they bring something; never far from the ``first``."""
    best, least = curve, invariance(flow, curve)
    for _ in range(n_steps):
        trial = _newton(flow, best)
        residual = invariance(flow, trial)
        strayed = abs(trial.rho - first.rho) > FAR or not 0.3 < trial.size / first.size < 3
        if strayed or not residual < least:
            break
        slow = residual > 0.5 * least
        best, least = trial, residual
        if slow or least <= 0.01 * SMALL:
            break
    return best, least


def trimmed(flow: Autonomous, curve: Curve, residual: float) -> tuple[Curve, float]:
    """Without harmonics that are nothing but rounding, if the residual does not mind."""
    size = np.abs(curve.c[1:]).max(axis=1)
    needed = int(np.flatnonzero(size > FLOOR * size.max()).max(initial=0)) + 2
    shorter = curve.resized(min(max(needed, 4), curve.n_harmonics))
    left = invariance(flow, shorter)
    return (shorter, left) if left <= max(2 * residual, SMALL) else (curve, residual)


def _newton(flow: Autonomous, curve: Curve) -> Curve:
    m = 2 * curve.n_harmonics + 1
    u = curve.on_grid(m)
    J = flow.jacobian(u)
    gap = flow.step(u) - curve.on_grid(m, shift=curve.rho)
    if not (np.isfinite(J).all() and np.isfinite(gap).all()):
        return curve
    solve = _dense if u.size <= DENSE else _split
    change, faster = solve(J, gap, curve)
    return from_values(u + change, curve.rho + faster)


def shift_matrix(m: int, rho: float) -> np.ndarray:
    """Values on the grid j / m (m odd) to values at j / m + rho, by trigonometric interpolation."""
    k = np.arange(1, m // 2 + 1)
    lag = np.arange(m) / m + rho
    row = (1 + 2 * np.cos(2 * np.pi * np.multiply.outer(lag, k)).sum(axis=-1)) / m
    return row[(np.arange(m)[:, None] - np.arange(m)[None, :]) % m]


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


def _split(J: np.ndarray, gap: np.ndarray, curve: Curve) -> tuple[np.ndarray, float]:
    """The correction along the curve by its coefficients, across it by the contraction of the map."""
    m = len(gap)
    back, on = shift_matrix(m, -curve.rho), shift_matrix(m, curve.rho)
    tangent = curve.on_grid(m, 1)
    normal = _left_covector(J, tangent, on)
    before = back @ gap  # E at theta, caused at theta - rho
    J_before = np.einsum("ij,jab->iab", back, J)
    along = np.fft.rfft((normal * before).sum(1)) / m
    k = np.arange(len(along))
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(k == 0, 0.0, along / (1 - np.exp(-2j * np.pi * k * curve.rho)))
    slide = np.fft.irfft(a * m, m)
    across = _contracted(J_before, before, back, tangent, normal)
    return across + tangent * slide[:, None], float(along[0].real)


def _left_covector(J: np.ndarray, tangent: np.ndarray, on: np.ndarray) -> np.ndarray:
    """The w with w(theta + rho) DF(theta) = w(theta), w u' = 1: what tells the phase of a state near the curve."""
    w = tangent / (tangent**2).sum(axis=1, keepdims=True)
    for _ in range(SWEEPS):
        new = ((on @ w)[:, None] @ J)[:, 0]
        new = new / (new * tangent).sum(axis=1, keepdims=True)
        change, w = np.abs(new - w).max(), new
        if not change > TOLD * np.abs(w).max():
            break
    return w


def _contracted(
    J_before: np.ndarray, before: np.ndarray, back: np.ndarray, tangent: np.ndarray, normal: np.ndarray
) -> np.ndarray:
    """The fixed point of v(theta) = P (DF v + E)(theta - rho), P the projection across the curve."""

    def across(v: np.ndarray) -> np.ndarray:
        return v - tangent * (normal * v).sum(1, keepdims=True)

    start = across(before)
    v, goal = start, 1e-4 * np.abs(start).max(initial=0.0)
    for _ in range(SWEEPS):
        new = across((J_before @ (back @ v)[..., None])[..., 0]) + start
        change, v = np.abs(new - v).max(), new
        if not goal < change < 1e100:
            break
    return v
