"""How far a linear complementarity problem is from a monotone one, and which unit brings it nearer.

    s = N r - p,   r >= 0,   s >= 0,   r_i s_i = 0

Two solutions differ by d with d_i (N d)_i <= 0 for every i, so d'DNd <= 0 for every diagonal D > 0.  Where the
symmetric part of D N is positive definite there is therefore one solution and no other (N is a P-matrix:
Cottle, Pang and Stone 2009, sec. 3.3); where it has k eigenvalues that are not positive, solutions can differ
in k directions only. D is sought that makes k small.  With D = exp(theta) and the scaled matrix A = D^(1/2) N
D^(-1/2), an eigenvalue w_i of the symmetric part with eigenvector v_i has the gradient  dw_i / dtheta_j = v_ij
((A - A') v_i)_j / 2.

Fixing a unit, r_i = 0 or s_i = 0, restricts the quadratic form to a hyperplane a.x = 0 (a = row i of I or of
A), so k never rises; the eigenvalues of the restriction interlace and are the roots of sum_k (a.v_k)^2 / (w_k -
t) (Golub 1973, sec. 5).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from ... import linalg

SHARPNESS = 10.0  # of the soft minimum over eigenvalues that the scaling raises
RATE = 0.1  # of its ascent


class MonotoneForm(NamedTuple):
    """The symmetric part of a scaled matrix A."""

    theta: np.ndarray  # (unit,)  logarithms of D
    A: np.ndarray  # (unit, unit)  D^(1/2) N D^(-1/2)
    values: np.ndarray  # (unit,)  eigenvalues of (A + A') / 2, rising
    vectors: np.ndarray  # (unit, unit)  columns

    @classmethod
    def of(cls, N: np.ndarray, theta: np.ndarray) -> MonotoneForm:
        scale = np.exp(theta / 2)
        A = N * (scale[:, None] / scale)
        values, vectors = linalg.symmetric_eig(torch.from_numpy((A + A.T)[None] / 2))
        return cls(theta, A, values[0].numpy(), vectors[0].numpy())

    def gap(self, k: int) -> float:
        """The smallest eigenvalue but k."""
        return float(self.values[k]) if len(self.values) > k else np.inf

    def uphill(self, k: int) -> np.ndarray:
        """The gradient by theta of a soft minimum of all eigenvalues but the k smallest."""
        turning = self.vectors * ((self.A - self.A.T) @ self.vectors) / 2
        weights = np.zeros_like(self.values)
        weights[k:] = np.exp(-SHARPNESS * (self.values[k:] - self.values[k]))
        return turning @ (weights / weights.sum())


def improved(form: MonotoneForm, N: np.ndarray, *, k: int, enough: float, n_steps: int) -> MonotoneForm:
    """The scaling after some steps of ascent (Adam: Kingma and Ba 2015) on the smallest eigenvalue but k."""
    best = form
    mean, square = np.zeros(len(N)), np.zeros(len(N))
    for t in range(1, n_steps + 1):
        if best.gap(k) > enough:
            break
        slope = form.uphill(k)
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        step = mean / (1 - 0.9**t) / (np.sqrt(square / (1 - 0.99**t)) + 1e-12)
        form = MonotoneForm.of(N, form.theta + RATE * step)
        best = form if form.gap(k) > best.gap(k) else best
    return best


def promising(form: MonotoneForm, *, k: int) -> int:
    """The unit whose fixing raises the smallest eigenvalue but k most, in the worse of its two cases."""
    columns = np.concatenate([form.vectors, form.A @ form.vectors])  # a.v for r_i = 0, then for s_i = 0
    off, on = np.split(_restricted(form.values, columns**2, k), 2)
    return int(np.argmax(np.minimum(off, on) + 1e-3 * np.maximum(off, on)))


def _restricted(values: np.ndarray, weights: np.ndarray, k: int) -> np.ndarray:
    """The eigenvalue k of the form on each hyperplane, between values k and k + 1, by bisection."""
    low, high = np.full(len(weights), values[k]), np.full(len(weights), values[k + 1])
    for _ in range(14):
        middle = (low + high) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            below = (weights / (values - middle[:, None])).sum(1) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2
